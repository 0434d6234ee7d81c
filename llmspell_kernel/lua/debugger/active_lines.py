"""Where hooks hear of a statement: not every line that code can stop on is one that Lua tells of."""

from __future__ import annotations

import re
from typing import NamedTuple

from llmspell_kernel.lua.binding import LuaFunction
from llmspell_kernel.lua.debugger.lines import CodeLines, Place

_MOST_KEPT = 200


class HookLine(NamedTuple):
    """A line that hooks hear of when a statement begins.

    Attributes:
        line: as Lua counts it.
        function_line: the only function that counts begins there (0 for the chunk); None for any.
    """

    line: int
    function_line: int | None = None


class ActiveLines:
    """Asks Lua, by compiling functions once more. Belongs to the Lua thread.

    Lua makes a function on the line of its `end`, computes what stands below `local x =` before it assigns,
    and needs no instruction at all for many a `local x` or `while true do`.
    """

    def __init__(self, lines_of: LuaFunction) -> None:
        """`lines_of` is that of active_lines.lua."""
        self._lines_of = lines_of
        self._known: dict[tuple[str, int], frozenset[int] | None] = {}

    def hooks(self, code: CodeLines, line: int) -> list[HookLine]:
        """What hooks hear when the code comes to the places at `line`: one for all, or one for each."""
        found = [self._hook(code, place) for place in code.at(line)]
        if all(hook.line == line for hook in found):
            return [HookLine(line)]
        return found

    def _hook(self, code: CodeLines, place: Place) -> HookLine:
        """The first line that Lua tells of when the code comes to a place, or after it."""
        function = code.functions[place.function].first_line if place.function >= 0 else 0
        active = self._active(code, place.function)
        if active is None:
            return HookLine(place.line, function)
        here: Place | None = place
        while here is not None:
            end = code.definition_end(here)
            if end in active and code.shown_line(end, function) == here.line:
                return HookLine(end, function)
            behind = code.behind(here)
            last = max(here.line, behind.line - 1) if behind else max(active, default=0)
            for line in range(here.line, last + 1):
                if line in active:
                    return HookLine(line, function)
            here = behind
        return HookLine(place.line, function)

    def _active(self, code: CodeLines, function: int) -> frozenset[int] | None:
        """The lines that Lua tells of in a function, -1 for the chunk; None if it refuses the code."""
        key = (code.code, function)
        if key not in self._known:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            self._known[key] = self._ask(code, function)
        return self._known[key]

    def _ask(self, code: CodeLines, index: int) -> frozenset[int] | None:
        if index >= 0:
            function = code.functions[index]
            if not function.end:
                return None
            text = "\n" * (function.first_line - 1) + "return function"
            return self._lines(text + code.code[function.opening : function.end], is_function=True)
        text = re.sub(r"\A\ufeff?(#!)?", lambda found: "--" if found[1] else "", code.code)
        found = self._lines(text)
        if found is None and code.places:  # a cell may end with an expression
            last = max((place.offset for place in code.places if place.function < 0), default=0)
            found = self._lines(f"{code.code[:last]}return {code.code[last:]}")
        return found

    def _lines(self, text: str, *, is_function: bool = False) -> frozenset[int] | None:
        lines = self._lines_of(text.encode(errors="surrogateescape"), is_function)
        return None if lines is None else frozenset(map(int, filter(None, lines.split(b","))))
