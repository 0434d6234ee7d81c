"""Where breakpoints can be in a text, and the functions in it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import cached_property

from llmspell_kernel.lua.debugger.places import CodeFunction, Place, outline
from llmspell_kernel.lua.lexer import Token, significant

__all__ = ["CodeFunction", "CodeLines", "Place"]


class CodeLines:
    """The places and functions of one text.

    Attributes:
        code: the text; all offsets count its code points.
        places: in the order of the text.
        functions: in the order of the text.
    """

    def __init__(self, code: str, tokens: Iterable[Token] | None = None) -> None:
        """Reads `code`; `tokens` are those of `code` where the caller has them already."""
        self.code = code
        self.places, self.functions, self._locals = outline(
            _tokens(code) if tokens is None else significant(tokens)
        )
        self.lines = sorted({place.line for place in self.places})
        """The lines a breakpoint can be on."""

    def breakpoint_line(self, line: int) -> int | None:
        """The line that a breakpoint asked for at `line` goes to: itself or the next that can stop."""
        index = bisect_left(self.lines, line)
        return self.lines[index] if index < len(self.lines) else None

    def at(self, line: int) -> list[Place]:
        """Where a breakpoint on `line` stops: the first place on it of each function."""
        first: dict[int, Place] = {}
        index = bisect_left(self.places, line, key=lambda place: place.line)
        while index < len(self.places) and self.places[index].line == line:
            first.setdefault(self.places[index].function, self.places[index])
            index += 1
        return list(first.values())

    def parameters_at(self, line: int) -> list[tuple[str, ...]]:
        """The parameters of each function that can stop on `line`, the chunk itself among them."""
        return [
            self.functions[place.function].parameters if place.function >= 0 else ("...",)
            for place in self.at(line)
        ]

    def shown_line(self, line: int, function_line: int) -> int:
        """The line to show where Lua says that a function's code is at `line`.

        Lua makes a function, and assigns it, on the line of its `end`: shown is where it begins, unless
        another statement stands beside that `end`. `function_line` is where the function begins whose code
        this is, 0 for the chunk.
        """
        for made in self._by_end.get(line, ()):
            first = self.functions[made.outer].first_line if made.outer >= 0 else 0
            if made.first_line < line and first == function_line:
                if all(place.function != made.outer for place in self.at(line)):
                    return made.first_line
        return line

    @cached_property
    def _by_end(self) -> dict[int, list[CodeFunction]]:
        found: dict[int, list[CodeFunction]] = {}
        for function in self.functions:
            found.setdefault(function.last_line, []).append(function)
        return found

    def definition_end(self, place: Place) -> int:
        """The line of the `end` of the function that a statement at `place` defines; 0 if it defines none."""
        if not re.compile(r"((local|global)\s+)?function\b").match(self.code, place.offset):
            return 0
        ends = (
            function.last_line
            for function in self.functions
            if function.outer == place.function and function.opening > place.offset
        )
        return next(ends, 0)

    def behind(self, place: Place) -> Place | None:
        """The next place of the same function."""
        index = bisect_right(self.places, place.offset, key=lambda each: each.offset)
        return next((each for each in self.places[index:] if each.function == place.function), None)

    def is_local(self, name: str, offset: int) -> bool:
        """Whether `name` is certainly a local variable for what starts at `offset`."""
        return any(start <= offset < end for start, end in self._locals.get(name, ()))

    def functions_called(self, name: str) -> list[CodeFunction]:
        """The functions that a user may mean by `name`."""
        return [function for function in self.functions if function.is_called(name)]


def _tokens(code: str) -> list[Token]:
    if not code.startswith("\ufeff"):
        return significant(code)
    return [token._replace(start=token.start + 1, end=token.end + 1) for token in significant(code[1:])]
