"""Where breakpoints can be in a text, and the functions in it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

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
