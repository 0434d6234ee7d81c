"""The breakpoints that the console's user has set, by number."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from llmspell_kernel.cli.debug_console.view import short
from llmspell_kernel.errors import UsageError
from llmspell_kernel.lua.debugger.debugger import Debugger
from llmspell_kernel.lua.debugger.model import (
    BreakpointStatus,
    FunctionBreakpoint,
    Listener,
    SourceBreakpoint,
)

_CONDITION = re.compile(r"\s+if\s+(?P<condition>.+)$", re.DOTALL)
_LINE = re.compile(r"(?:(?P<file>.+):)?(?P<line>\d+)")
_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a breakpoint is wanted: a line of a file, or a function by its name.

    Attributes:
        file: an absolute path; "" for a function.
    """

    file: str = ""
    line: int = 0
    function: str = ""
    condition: str = ""

    @classmethod
    def parse(cls, text: str, here: str) -> Place:
        """Of `LINE` (of the file `here`), `FILE:LINE` or `FUNCTION`, and perhaps `if CONDITION`.

        Raises:
            UsageError: it is none of them.
        """
        found = _CONDITION.search(text)
        condition = found["condition"].strip() if found else ""
        where = text[: found.start()].strip() if found else text.strip()
        line = _LINE.fullmatch(where)
        if line:
            number = int(line["line"])
            file = line["file"] or here
            if not file:
                raise UsageError(f"line {number} of which file? Write FILE:{number}.")
            if number < 1:
                raise UsageError("lines count from 1")
            return cls(file=os.path.abspath(file), line=number, condition=condition)
        if _FUNCTION.fullmatch(where):
            return cls(function=where, condition=condition)
        raise UsageError(f"{where!r} is no place; write LINE, FILE:LINE or the name of a function")

    def __str__(self) -> str:
        where = self.function or f"{short(self.file)}:{self.line}"
        return where + (f" if {self.condition}" if self.condition else "")


class BreakpointBook:
    """Keeps the console's breakpoints and has the debugger know them."""

    def __init__(self, debugger: Debugger, owner: Listener) -> None:
        """They belong to `owner`."""
        self._debugger = debugger
        self._owner = owner
        self._all: dict[int, tuple[Place, BreakpointStatus]] = {}

    def add(self, place: Place, files: Iterable[str]) -> tuple[int, str]:
        """Sets a breakpoint; answers its number and what became of it.

        A file that does not exist may be meant by its name alone: `files` are those that are loaded.

        Raises:
            UsageError: there is no such file.
            DebuggerError: the debugger refuses it.
        """
        if place.file and not os.path.exists(place.file):
            place = Place(_by_name(place.file, files), place.line, condition=place.condition)
        wanted = [each for each, _ in self._of(place)]
        statuses = self._set(place, [*wanted, place])
        status = statuses[-1]
        return status.id, self.describe(status.id)

    def delete(self, number: int) -> Place:
        """Takes one away.

        Raises:
            UsageError: there is none of that number.
        """
        if number not in self._all:
            known = ", ".join(map(str, self.numbers)) or "none"
            raise UsageError(f"there is no breakpoint {number}; there are: {known}")
        place, _ = self._all.pop(number)
        self._set(place, [each for each, _ in self._of(place)])
        return place

    def delete_all(self) -> int:
        """Takes all away; answers how many."""
        numbers = list(self._all)
        for number in numbers:
            self.delete(number)
        return len(numbers)

    def changed(self, status: BreakpointStatus) -> None:
        """The debugger knows better now. Any thread."""
        known = self._all.get(status.id)
        if known is not None:
            self._all[status.id] = (known[0], status)

    @property
    def numbers(self) -> list[int]:
        """Of all, in order."""
        return sorted(self._all)

    def lines_of(self, path: str) -> set[int]:
        """Where the breakpoints of a file are."""
        return {status.line for _, status in self._all.values() if status.path == path}

    def describe(self, number: int) -> str:
        """One on a line of text."""
        place, status = self._all[number]
        text = f"{number}  {place}"
        if status.verified and place.file and status.line != place.line:
            text += f"  (moved to line {status.line}, where the next code is)"
        elif not status.verified:
            text += f"  ({status.message or 'not found yet'})"
        return text

    def _of(self, place: Place) -> list[tuple[Place, BreakpointStatus]]:
        """Those that the debugger takes together with this one."""
        return [(each, status) for each, status in self._all.values() if each.file == place.file]

    def _set(self, place: Place, wanted: list[Place]) -> list[BreakpointStatus]:
        if place.file:
            lines = [SourceBreakpoint(each.line, each.condition) for each in wanted]
            statuses = self._debugger.set_breakpoints(self._owner, place.file, lines)
        else:
            names = [FunctionBreakpoint(each.function, each.condition) for each in wanted]
            statuses = self._debugger.set_function_breakpoints(self._owner, names)
        for number in [number for number, (each, _) in self._all.items() if each.file == place.file]:
            del self._all[number]
        self._all.update((status.id, (each, status)) for each, status in zip(wanted, statuses, strict=True))
        return statuses


def _by_name(file: str, files: Iterable[str]) -> str:
    found = [each for each in files if Path(each).name == Path(file).name]
    if len(found) != 1:
        why = "several loaded files are called that" if found else "no such file"
        raise UsageError(f"{short(file)}: {why}; give its path")
    return found[0]
