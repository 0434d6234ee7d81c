"""From the Lua tables of the debugger to its values, on the Lua thread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from llmspell_kernel.lua.debugger.breakpoints import Breakpoint, Breakpoints
from llmspell_kernel.lua.debugger.conditions import inlined
from llmspell_kernel.lua.debugger.model import Scope, Source, StackFrame, ThreadInfo, Variable
from llmspell_kernel.lua.debugger.sources import Sources


def _text(value: Any) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value or "")


def _listed(table: Any) -> Iterator[Any]:
    return (table[index] for index in range(1, len(table) + 1)) if table is not None else iter(())


def threads(listed: Any) -> list[ThreadInfo]:
    """Rows of threads.lua."""
    found = [
        ThreadInfo(int(row[b"id"]), _text(row[b"name"]), _text(row[b"status"])) for row in _listed(listed)
    ]
    return sorted(found, key=lambda thread: thread.id)


def frames(listed: Any, sources: Sources, breakpoints: Breakpoints) -> list[StackFrame]:
    """Rows of threads.lua with ids; `breakpoints` knows the sources' functions."""
    return [_frame(row, sources, breakpoints) for row in _listed(listed)]


def _frame(row: Any, sources: Sources, breakpoints: Breakpoints) -> StackFrame:
    identity, called = int(row[b"id"]), _text(row[b"name"])
    if row[b"what"] == b"Python":
        return _python_frame(identity, called, row[b"file"], int(row[b"line"] or 0))
    if row[b"what"] == b"C":
        return StackFrame(identity, f"[C] {called or 'function'}", None, 0, subtle=True)
    source = sources.source_of(row[b"source"].decode(errors="surrogateescape"))
    first = int(row[b"first"])
    if row[b"main"]:
        name = "main chunk"
    else:
        name = breakpoints.function_name(source.path, first) or called or f"function at line {first}"
    line = breakpoints.shown_line(source.path, max(0, int(row[b"line"])), 0 if row[b"main"] else first)
    return StackFrame(identity, name, source, line, subtle=source.own)


def _python_frame(identity: int, name: str, file: bytes | None, line: int) -> StackFrame:
    path = os.fsdecode(file or b"")
    source = Source(path, os.path.basename(path)) if os.path.isfile(path) else None
    return StackFrame(identity, f"[Python] {name}", source, line, subtle=True)


def scopes(listed: Any) -> list[Scope]:
    """Rows of variables.lua."""
    return [
        Scope(
            _text(row[b"name"]),
            _text(row[b"kind"]),  # type: ignore[arg-type]
            int(row[b"reference"]),
            int(row[b"named"] or 0),
            int(row[b"indexed"] or 0),
            bool(row[b"expensive"]),
        )
        for row in _listed(listed)
    ]


def variables(listed: Any) -> list[Variable]:
    """Rows of variables.lua."""
    return [variable(row) for row in _listed(listed)]


def variable(row: Any) -> Variable:
    """A row of variables.lua."""
    return Variable(
        _text(row[b"name"]),
        _text(row[b"value"]),
        _text(row[b"type"]),
        int(row[b"reference"] or 0),
        int(row[b"named"] or 0),
        int(row[b"indexed"] or 0),
        _text(row[b"evaluate_name"]),
        bool(row[b"read_only"]),
        bool(row[b"internal"]),
    )


def breakpoint_row(line: int, breakpoint_: Breakpoint) -> dict[str, Any]:
    """A breakpoint as engine.lua wants it."""
    asked, hits = breakpoint_.asked, breakpoint_.hit_condition
    row: dict[str, Any] = {"line": line, "id": breakpoint_.id, "is_function": bool(breakpoint_.function)}
    if asked.condition:
        row |= {"condition": asked.condition, "inlined": inlined(asked.condition)}
    if hits is not None:
        row |= {"compare": hits.operator, "wanted": hits.number}
    if breakpoint_.log:
        row["log"] = [{"code" if part.is_expression else "text": part.text} for part in breakpoint_.log]
    return row
