"""Brings breakpoints into code: compiled into it if known in time, by the engine's hook otherwise."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmspell_kernel.lua.debugger import rows
from llmspell_kernel.lua.debugger.active_lines import ActiveLines, HookLine
from llmspell_kernel.lua.debugger.breakpoints import Breakpoint, Breakpoints, one_line_functions
from llmspell_kernel.lua.debugger.calls import to_lua
from llmspell_kernel.lua.debugger.instrumentation import Instrumentation, instrument
from llmspell_kernel.lua.debugger.sources import Sources
from llmspell_kernel.lua.state import ALWAYS_NAME, BREAK_NAME, TYPE_NAME
from llmspell_kernel.lua.values import to_lua as table_to_lua

if TYPE_CHECKING:
    from llmspell_kernel.lua.binding import LuaFunction, LuaTable

_FUNCTION = "\0function"
"""Behind a path: the breakpoints of the functions that are defined there on one line."""


class Placing:
    """Tells the engine where the breakpoints are. Belongs to the Lua thread.

    `changed` is called with a source that was compiled and the breakpoints that this has moved or verified.
    """

    def __init__(
        self,
        runtime: Any,
        engine: Mapping[bytes, LuaFunction],
        breakpoints: Breakpoints,
        sources: Sources,
        changed: Callable[[str, Sequence[Breakpoint]], None],
    ) -> None:
        self._runtime = runtime
        self._engine = engine
        self._breakpoints = breakpoints
        self._sources = sources
        self._changed = changed
        self._has_cdata = b"LuaJIT" in runtime.lua_implementation
        self._active = ActiveLines(engine[b"lines_of"])
        self._ids = itertools.count(1)
        self._chunks: dict[str, tuple[str, set[int]]] = {}  # path -> source, lines that are part of its code

    def begin(self, chunks: Iterable[str]) -> None:
        """The debugger is switched on; these sources were compiled before."""
        self._chunks = {self._sources.path_of(source): (source, set()) for source in chunks}

    def prepare_cell(self, code: str, chunk: str) -> list[tuple[int, str]]:
        """What to insert into the code of a cell."""
        return self._prepare(code, f"={chunk}").edits

    def prepare_text(self, code: bytes, source: bytes) -> str | None:
        """What code to load in place of a file's or a string's; None for the same."""
        text = code.decode(errors="surrogateescape")
        made = self._prepare(text, source.decode(errors="surrogateescape"))
        if not made.edits:
            return None
        names = f"{BREAK_NAME},{TYPE_NAME},{ALWAYS_NAME}"
        return f"local {names} = ... return function(...) {made.apply(text)}\nend"

    def _prepare(self, code: str, source: str) -> Instrumentation:
        """A source is about to be compiled: the insertions that make its breakpoints part of it."""
        path = self._sources.path_of(source, code)
        self._sources.know(path, code)
        changed = self._breakpoints.seen(path)
        lines = self._breakpoints.code_lines(path)
        assert lines is not None
        before, _ = self._chunks.get(path, (source, set()))
        if before != source:  # its functions are defined anew
            self._engine[b"set_late"](to_lua(before), self._table([]))
        self._engine[b"begin_source"](to_lua(source))
        sites = self._breakpoints.sites(path, self._ids)
        made = instrument(lines, sites, cdata=self._has_cdata)
        inserted = set()
        for site in sites:
            if site.id in made.missing:
                continue
            inserted.add(-site.line if site.function else site.line)
            key = path + _FUNCTION if site.function else path
            condition = to_lua(site.condition) or None
            tests = site.id in made.testing
            self._engine[b"add_site"](site.id, to_lua(key), to_lua(source), site.line, condition, tests)
        self._chunks[path] = (source, inserted)
        self.push([path])
        self._changed(source, changed)
        return made

    def push(self, paths: Collection[str]) -> None:
        """Tells the engine which breakpoints sources have, and which of them are not part of the code."""
        for path in paths:
            self._push(path)

    def _push(self, path: str) -> None:
        code = self._breakpoints.code_lines(path)
        source, inserted = self._chunks.get(path, ("", set()))
        on_lines: list[Mapping[str, Any]] = []
        in_functions: list[Mapping[str, Any]] = []
        late: list[dict[str, Any]] = []
        for line, each in self._breakpoints.active(path):
            calls = [_first_two(names) for names in code.parameters_at(line)] if code is not None else []
            on_one_line = code is not None and each.function and one_line_functions(code, each.function, line)
            (in_functions if on_one_line else on_lines).append(rows.breakpoint_row(line, each))
            if (-line if on_one_line else line) in inserted:
                continue
            place: dict[str, Any] = {"line": line, "path": path, "calls": calls}
            hooks = [HookLine(line)] if code is None else self._active.hooks(code, line)
            if on_one_line:
                place["path"] = path + _FUNCTION
                hooks = [HookLine(line, line)]
            for hook in hooks:
                here = {**place, "hook": hook.line, "first": hook.function_line}
                if here not in late:
                    late.append(here)
        self._engine[b"set_points"](to_lua(path), self._table(on_lines))
        self._engine[b"set_points"](to_lua(path + _FUNCTION), self._table(in_functions))
        if source:
            self._engine[b"set_late"](to_lua(source), self._table(late))

    def _table(self, listed: Sequence[Mapping[str, Any]]) -> LuaTable:
        return table_to_lua(self._runtime, listed)


def _first_two(parameters: Sequence[str]) -> Sequence[str]:
    rest = "..." if parameters[-1:] == ("...",) else ""
    return [*parameters, rest, rest][:2]
