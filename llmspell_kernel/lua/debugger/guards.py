"""Conditions that the code may compute by itself, without asking the debugger.

Of a condition such as `n < 0` Lua itself can tell whether it is false, many times as fast as by a call, as
long as computing it cannot fail and runs no code of the user's: it uses local variables and literals only,
compares for equality only with something that has no metamethods, and does arithmetic only with numbers. What
must be a number is what a guard has to look at first; and, as LuaJIT's cdata compare as their library wants,
what must be none of those.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from llmspell_kernel.lua.lexer import Token, TokenKind, significant

Value = Literal["name", "number", "plain", "any"]
"""What a part comes to: a variable's value; a number; another value without metamethods; any of these."""


class Guard(NamedTuple):
    """What makes computing a condition harmless.

    Attributes:
        names: the variables in it; each must be a local one.
        numbers: those of them that must be numbers.
        compared: those of the others that may be compared for equality.
    """

    names: frozenset[str]
    numbers: tuple[str, ...]
    compared: tuple[str, ...]


_MOST_TOKENS = 60
_PRECEDENCES = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("==", "~=", "<", "<=", ">", ">="), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
}
_UNARY_PRECEDENCE = 6
_CDATA_SUFFIXES = ("ll", "i")
"""Of numbers that only LuaJIT knows, and that are no numbers."""


def guard(condition: str) -> Guard | None:
    """What makes computing `condition`, an expression that Lua accepts, harmless; None if nothing does."""
    tokens = significant(condition)
    if len(tokens) > _MOST_TOKENS:
        return None
    reader = _Reader(tokens)
    try:
        reader.expression()
    except _UnknownError:
        return None
    if not reader.at_end:
        return None
    compared = sorted(reader.names - reader.numbers.keys()) if reader.compares else ()
    return Guard(frozenset(reader.names), tuple(reader.numbers), tuple(compared))


class _UnknownError(Exception):
    """The expression may fail, or run code of the user's."""


class _Reader:
    """Reads an expression by the precedence of its operators."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._index = 0
        self.names: set[str] = set()
        self.numbers: dict[str, None] = {}
        self.compares = False

    @property
    def at_end(self) -> bool:
        return self._index == len(self._tokens)

    def expression(self, least: int = 1) -> tuple[Value, str]:
        """What an expression whose operators bind as strongly as `least` comes to, and its text if a name."""
        left = self._operand()
        while not self.at_end:
            operator = self._tokens[self._index].text
            precedence = _PRECEDENCES.get(operator, 0)
            if precedence < least:
                break
            self._index += 1
            if operator == "%":
                self._divisor()
            left = self._joined(operator, precedence, left, self.expression(precedence + 1))
        return left

    def _joined(
        self, operator: str, precedence: int, left: tuple[Value, str], right: tuple[Value, str]
    ) -> tuple[Value, str]:
        if precedence <= 2:
            return "any", ""
        if operator in ("==", "~="):
            if not {left[0], right[0]} & {"number", "plain"}:
                raise _UnknownError
            self.compares = True
            return "plain", ""
        self._number(left)
        self._number(right)
        return ("plain" if precedence == 3 else "number"), ""

    def _operand(self) -> tuple[Value, str]:
        if self.at_end:
            raise _UnknownError
        kind, text, *_ = self._tokens[self._index]
        self._index += 1
        if kind is TokenKind.NAME:
            self.names.add(text)
            return "name", text
        if kind is TokenKind.NUMBER and not text.lower().endswith(_CDATA_SUFFIXES):
            return "number", ""
        if kind is TokenKind.STRING or text in ("nil", "true", "false"):
            return "plain", ""
        if text == "not":
            self.expression(_UNARY_PRECEDENCE)
            return "plain", ""
        if text == "-":
            self._number(self.expression(_UNARY_PRECEDENCE))
            return "number", ""
        if text == "(":
            return self._bracketed()
        raise _UnknownError

    def _bracketed(self) -> tuple[Value, str]:
        inner = self.expression()
        if self.at_end or self._tokens[self._index].text != ")":
            raise _UnknownError
        self._index += 1
        return inner

    def _number(self, value: tuple[Value, str]) -> None:
        """A value that arithmetic is done with."""
        if value[0] == "name":
            self.numbers[value[1]] = None
        elif value[0] != "number":
            raise _UnknownError

    def _divisor(self) -> None:
        """What comes is the right side of `%`: only a number that is seen not to be zero never fails."""
        token = None if self.at_end else self._tokens[self._index]
        if token is None or not token.text.isdecimal() or not token.text.strip("0"):
            raise _UnknownError
