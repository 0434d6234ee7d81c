"""What the console shows of stopped code, as text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence, Set

from llmspell_kernel.lua.debugger.model import StackFrame, Stop, ThreadInfo, Variable

_MOST_LINES = 200


def reason(stop: Stop, numbers: Sequence[int]) -> str:
    """Why the code has stopped; `numbers` are those of the breakpoints that were hit."""
    if stop.reason == "exception":
        return f"error: {stop.text}"
    if stop.reason in ("breakpoint", "function breakpoint"):
        text = "breakpoint " + ", ".join(map(str, numbers)) if numbers else "breakpoint in the code"
        return f"{text}: {stop.text}" if stop.text else text
    return {"step": "", "pause": "paused", "entry": "start"}[stop.reason]


def place(frame: StackFrame) -> str:
    """Where a call stands."""
    if frame.source is None or not frame.line:
        return f"{frame.name} [not Lua]"
    return f"{frame.name} at {short(frame.source.path)}:{frame.line}"


def frame_line(frame: StackFrame, number: int, *, selected: bool) -> str:
    """A call as a line of a backtrace."""
    return f"{'->' if selected else '  '}{number:>3}  {place(frame)}"


def excerpt(
    text: Sequence[str], first: int, last: int, *, current: int = 0, breakpoints: Set[int] = frozenset()
) -> list[str]:
    """Lines of a source: `->` is where it stands, `*` where a breakpoint is."""
    shown = []
    for number in range(max(1, first), min(len(text), last) + 1):
        mark = ("->" if number == current else "  ") + ("*" if number in breakpoints else " ")
        shown.append(f"{mark}{number:>4}  {text[number - 1]}".rstrip())
    return shown


def variables(rows: Iterable[Variable]) -> list[str]:
    """Variables, one a line, in short."""
    listed = list(rows)
    shown = [f"{row.name} = {row.value}" for row in listed[:_MOST_LINES]]
    if len(listed) > _MOST_LINES:
        shown.append(f"... {len(listed) - _MOST_LINES:,} more")
    return shown


def thread_line(thread: ThreadInfo, *, selected: bool) -> str:
    """A Lua thread."""
    return f"{'->' if selected else '  '}{thread.id:>3}  {thread.name} ({thread.status})"


def short(path: str) -> str:
    """A path relative to the working directory, where that is shorter."""
    if not os.path.isabs(path):
        return path
    relative = os.path.relpath(path)
    return relative if len(relative) < len(path) else path
