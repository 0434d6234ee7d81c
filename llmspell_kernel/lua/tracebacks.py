"""Tracebacks that show the cell, the line, its source, and the calls that led there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from types import TracebackType

from llmspell_kernel.errors import LuaCallError
from llmspell_kernel.interpreter import ErrorReport
from llmspell_kernel.lua.binding import LuaTable
from llmspell_kernel.records import record

_RED, _GREEN, _CYAN, _YELLOW, _BOLD, _DIM, _RESET = (
    "\x1b[0;31m",
    "\x1b[0;32m",
    "\x1b[0;36m",
    "\x1b[0;33m",
    "\x1b[1m",
    "\x1b[2m",
    "\x1b[0m",
)
_CONTEXT = 2  # source lines shown before and after the line of the innermost frame
_POSITION = re.compile(r"^(?P<chunk>[^\n]*?):(?P<line>\d+): ")
_SHOWN_FRAMES = 30
_SHOWN_REPEATS = 3
_KINDS = {"local": "local", "method": "method", "field": "field", "metamethod": "metamethod"}


@record
class Frame:
    """One call: where it stands and what it is called; `line` is 0 where there is none.

    `omitted` is the number of calls that were left out in its place.
    """

    chunk: str
    line: int
    label: str
    omitted: int = 0


def _text(value: object) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


class Tracebacks:
    """Turns what the Lua side collected into Jupyter's error message.

    `sources` maps a chunk's short name (`cell [3]`) to its text.

    Attributes:
        caller: where a cell has left Lua for something that is not Lua; ends the frames of a report that
            names no line of that chunk.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self.caller: Frame | None = None

    def report(
        self,
        name: str,
        value: str,
        frames: Iterable[Frame],
        *,
        hint: str = "",
        python: BaseException | None = None,
    ) -> ErrorReport:
        """The error of a cell; frames run from the raise outwards."""
        lines = [f"{_RED}{name}{_RESET}: {value}"]
        if hint:
            lines.append(f"{_GREEN}{hint}{_RESET}")
        lines += self._frames(self._with_caller(list(frames)))
        if python is not None:
            lines += _python_frames(python)
        return ErrorReport(name, value, lines)

    def syntax_error(self, message: str, hint: str = "") -> ErrorReport:
        """Lua's message about code it refused, with the offending line."""
        place = _POSITION.match(message)
        frames = [Frame(place["chunk"], int(place["line"]), "")] if place else []
        return self.report("LuaSyntaxError", message, frames, hint=hint)

    def frames_of(self, listed: LuaTable | None) -> list[Frame]:
        """The frames that the Lua side collected."""
        return [_frame(listed[index]) for index in range(1, len(listed) + 1)] if listed is not None else []

    def _with_caller(self, frames: list[Frame]) -> list[Frame]:
        caller = self.caller
        if caller is None or any(frame.chunk == caller.chunk and frame.line > 0 for frame in frames):
            return frames
        return [*(frame for frame in frames if frame.chunk != caller.chunk), caller]

    def _frames(self, frames: Sequence[Frame]) -> list[str]:
        lines: list[str] = []
        placed = False
        for frame, times in _shortened([(frame, len(list(same))) for frame, same in groupby(frames)]):
            if frame.omitted:
                lines.append(f"{_DIM}... {frame.omitted:,} more frames ...{_RESET}")
                continue
            source = self._source(frame)
            for _ in range(1 if times > _SHOWN_REPEATS else times):
                lines.append(_headline(frame))
                if source:
                    lines.append(_excerpt(source, frame.line, 0 if placed else _CONTEXT))
                    placed = True
            if times > _SHOWN_REPEATS:
                lines.append(f"{_DIM}... the same frame {times - 1:,} more times ...{_RESET}")
        return lines

    def _source(self, frame: Frame) -> list[str]:
        if frame.line <= 0:
            return []
        text = self._sources.get(frame.chunk)
        if text is None:
            text = _text_of_file(frame.chunk) if frame.chunk.endswith(".lua") else ""
        return text.splitlines()


def _text_of_file(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _shortened(runs: list[tuple[Frame, int]]) -> list[tuple[Frame, int]]:
    """Runs of equal frames without the middle, if there are too many."""
    if len(runs) <= _SHOWN_FRAMES:
        return runs
    head, middle, tail = runs[: _SHOWN_FRAMES - 10], runs[_SHOWN_FRAMES - 10 : -10], runs[-10:]
    omitted = sum(frame.omitted or times for frame, times in middle)
    return [*head, (Frame("", 0, "", omitted), 1), *tail]


def _headline(frame: Frame) -> str:
    place = f"{_CYAN}{frame.chunk}{_RESET}" + (f":{_BOLD}{frame.line}{_RESET}" if frame.line > 0 else "")
    return f"{place} {frame.label}".rstrip()


def _excerpt(source: Sequence[str], line: int, context: int) -> str:
    first = max(1, line - context)
    rows = []
    for number in range(first, min(len(source), line + context) + 1):
        text = source[number - 1]
        if number == line:
            rows.append(f"{_YELLOW}--> {number:>4}{_RESET} {_BOLD}{text}{_RESET}")
        else:
            rows.append(f"{_DIM}    {number:>4}{_RESET} {text}")
    return "\n".join(rows)


def _frame(info: LuaTable) -> Frame:
    if info[b"omitted"]:
        return Frame("", 0, "", int(info[b"omitted"]))
    if info[b"python"]:
        return Frame("[Python]", 0, _called(info, "function"))
    if info[b"what"] == b"C":
        return Frame("[C]", 0, _called(info, "function"))
    chunk, line = _text(info[b"place"]), int(info[b"line"])
    source = info[b"source"]
    if isinstance(source, bytes) and source.startswith(b"@"):
        chunk = _text(source[1:])
    if info[b"main"] or info[b"what"] == b"main":
        return Frame(chunk, line, "")
    return Frame(chunk, line, _called(info, f"function defined at line {int(info[b'first'])}"))


def _called(info: LuaTable, nameless: str) -> str:
    name = info[b"name"]
    if name is None:
        return f"in {nameless}"
    return f"in {_KINDS.get(_text(info[b'kind']), 'function')} {_BOLD}{_text(name)}{_RESET}"


def _python_frames(error: BaseException) -> list[str]:
    """The Python side of a call chain, without lupa's and our own bridge."""
    if isinstance(error, LuaCallError):
        return []
    import traceback

    lines = [f"{_DIM}Python side:{_RESET}"]
    for entry in traceback.extract_tb(_outside_the_bridge(error.__traceback__)):
        lines.append(f"{_CYAN}{entry.filename}{_RESET}:{_BOLD}{entry.lineno}{_RESET} in {entry.name}")
        if entry.line:
            lines.append(f"{_YELLOW}-->{_RESET} {_BOLD}{entry.line}{_RESET}")
    return lines


def _outside_the_bridge(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename.endswith("/lua/binding.py"):
        trace = trace.tb_next
    return trace
