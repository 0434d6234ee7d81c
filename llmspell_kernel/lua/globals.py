"""Which global variables Lua source uses, and which of them it sets."""

from __future__ import annotations

from typing import NamedTuple

from llmspell_kernel.lua.lexer import LITERALS, TokenKind, significant
from llmspell_kernel.lua.scopes import Walker

_TESTS = frozenset(("then", "and", "or", "==", "~=", "do"))
_BRACKETS = frozenset(("(", "[", "{"))
_LOADERS = frozenset(("require", "dofile", "loadfile"))


class GlobalUse(NamedTuple):
    """A place where code reads a global; `line` and `column` count from 1, `tested` if it may well be nil."""

    name: str
    line: int
    column: int
    tested: bool


class Globals(NamedTuple):
    """The globals of a chunk: where it reads them, the names it sets, and the modules and files it loads."""

    read: list[GlobalUse]
    assigned: set[str]
    loaded: list[tuple[str, str]]


def globals_of(code: str) -> Globals:
    """The globals that code uses; `loaded` has the loading function and the name. Never raises."""
    walker = _GlobalsWalker(code)
    walker.walk()
    return Globals(walker.read, walker.assigned, walker.loaded)


class _GlobalsWalker(Walker):
    def __init__(self, code: str) -> None:
        super().__init__(code, significant(code))
        self.read: list[GlobalUse] = []
        self.assigned: set[str] = set()
        self.loaded: list[tuple[str, str]] = []

    def found(self, index: int) -> None:
        text, before, after = self._texts[index], self._text(index - 1), self._texts[index + 1]
        if before in (".", ":", "::", "goto") or self._is_key(index) or self.is_local(text):
            if text != "_ENV" and before in (".", ":") and self._text(index - 2) == "_G":
                self._through_table(index)
            return
        if before == "function" and after == "(":
            self.assigned.add(text)
        elif self._is_assigned(index):
            self.assigned.add(text)
        else:
            token = self._tokens[index]
            column = token.start - self._code.rfind("\n", 0, token.start)
            self.read.append(GlobalUse(text, token.line, column, self._is_tested(index)))
        if text in _LOADERS:
            self._loads(index)

    def _text(self, index: int) -> str:
        return self._texts[index] if index >= 0 else ""

    def _through_table(self, index: int) -> None:
        """`_G.name = value` sets a global too."""
        if self._texts[index + 1] == "=":
            self.assigned.add(self._texts[index])

    def _is_key(self, index: int) -> bool:
        inside = self._stack[-1].opener == "{"
        return inside and self._texts[index + 1] == "=" and self._text(index - 1) in ("{", ",", ";")

    def _is_assigned(self, index: int) -> bool:
        """Whether the name is on the left of an assignment: `name =` or `name, other.field =`."""
        if self._stack[-1].opener in _BRACKETS:
            return False
        after = index + 1
        while self._texts[after] == "," and self._kinds[after + 1] is TokenKind.NAME:
            after += 2
            while self._texts[after] in (".", ":") and self._kinds[after + 1] is TokenKind.NAME:
                after += 2
        return self._texts[after] == "="

    def _is_tested(self, index: int) -> bool:
        if self._texts[index + 1] in _TESTS or self._text(index - 1) in ("not", "or", "==", "~="):
            return True
        return self._text(index - 1) == "(" and self._text(index - 2) == "type"

    def _loads(self, index: int) -> None:
        following = index + 1 + (self._texts[index + 1] == "(")
        if following < len(self._tokens) and self._kinds[following] in LITERALS:
            self.loaded.append((self._texts[index], self._texts[following].strip("\"'[]=")))
