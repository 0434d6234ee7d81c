"""Lua source cut into statements, and the names it uses.

Works on code that compiles, and on two things Lua itself refuses: a bare expression list as the last
statement, and anything at all, for which the answer is a guess but there always is one, in linear time.

Where a statement ends is Lua's own rule: two neighbouring tokens that no expression can join. Only the top
level needs it; the inside of brackets and blocks is skipped by counting openers and closers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from llmspell_kernel.lua.chains import Call, Chain, StringAt, call_at, expression_before, name_at
from llmspell_kernel.lua.lexer import LITERALS, NESTING, Token, TokenKind, significant
from llmspell_kernel.lua.scopes import Local, declared_names, visible_locals

__all__ = [
    "Call",
    "Chain",
    "Local",
    "Statement",
    "StatementKind",
    "StringAt",
    "call_at",
    "expression_before",
    "free_names",
    "name_at",
    "statements",
    "visible_locals",
]

StatementKind = Literal[
    "local",
    "local_function",
    "function",
    "assignment",
    "call",
    "expression",
    "return",
    "global",
    "other",
]


class Statement(NamedTuple):
    """A top-level statement.

    `code[start:end]` is its text without a following `;`, which `semicolon` tells. `names` are the local
    names it declares, each with its attribute (`const`, `close`) or None. An `expression` may be a list
    (`a, b`) and is what Lua refuses as a statement; a `call` is exactly one function or method call.
    """

    kind: StatementKind
    start: int
    end: int
    semicolon: bool
    names: tuple[tuple[str, str | None], ...] = ()


BINARY = frozenset(("=", ",", "and", "or", *"+ - * / % ^ // & | ~ << >> .. < > <= >= == ~=".split()))
"""Texts after which an expression list, or the left side of an assignment, goes on."""

_VALUES = frozenset(("nil", "true", "false", "..."))
_UNARY = frozenset(("not", "-", "#", "~"))
_ENDS = frozenset((";", "::"))


def statements(source: str | Iterable[Token]) -> list[Statement]:
    """The top-level statements of a chunk, in order. Never raises."""
    tokens = significant(source)
    return _Cutter(tokens).cut()


def free_names(source: str | Iterable[Token]) -> set[str]:
    """Every name that may be a variable: all but fields, methods and the keys of table constructors."""
    tokens = significant(source)
    name = TokenKind.NAME
    names: set[str] = set()
    openers: list[str] = []
    before = ""
    for index, (kind, text, *_) in enumerate(tokens):
        if kind is name:
            if before not in (".", ":") and not (openers and openers[-1] == "{" and _is_key(tokens, index)):
                names.add(text)
        elif nesting := NESTING.get(text):
            if nesting > 0:
                openers.append(text)
            elif openers:
                openers.pop()
        before = text
    return names


def _is_key(tokens: list[Token], index: int) -> bool:
    """Whether the name directly inside a table constructor is a key: `{x = 1}`."""
    if index + 1 >= len(tokens) or tokens[index + 1].text != "=":
        return False
    return tokens[index - 1].text in ("{", ",", ";")


class _Cutter:
    """Cuts tokens into statements; methods take a token's index and give the index after what they read."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        # The padding spares a bounds check at each look ahead.
        self._texts = [token.text for token in tokens] + [""] * 4
        self._kinds = [token.kind for token in tokens] + [TokenKind.ERROR] * 4
        self._count = len(tokens)

    def cut(self) -> list[Statement]:
        tokens, texts, count = self._tokens, self._texts, self._count
        found: list[Statement] = []
        index = 0
        while index < count:
            if texts[index] == ";":
                index += 1
                continue
            kind, stop, names = self._statement(index)
            stop = min(max(stop, index + 1), count)
            semicolon = texts[stop] == ";"
            found.append(Statement(kind, tokens[index].start, tokens[stop - 1].end, semicolon, names))
            index = stop + semicolon
        return found

    def _statement(self, index: int) -> tuple[StatementKind, int, tuple[tuple[str, str | None], ...]]:
        text = self._texts[index]
        if self._kinds[index] is TokenKind.KEYWORD:
            match text:
                case "local" | "global":
                    return self._declaration(index)
                case "function" if self._kinds[index + 1] is TokenKind.NAME:
                    return "function", self._nested(index), ()
                case "return":
                    return "return", self._expressions(index + 1)[0], ()
                case "nil" | "true" | "false" | "not" | "function":
                    pass
                case _:
                    return "other", self._control(index), ()
        elif text == "::":
            return "other", index + 3, ()
        stop, assigns, calls = self._expressions(index)
        if assigns:
            return "assignment", stop, ()
        return ("call" if calls else "expression"), stop, ()

    def _declaration(self, index: int) -> tuple[StatementKind, int, tuple[tuple[str, str | None], ...]]:
        """`local ...` and `global ...`, attributes before the names (5.5) and behind each of them."""
        local = self._texts[index] == "local"
        index += 1
        if self._texts[index] == "function":
            stop = self._nested(index)
            if not local:
                return "global", stop, ()
            named = self._kinds[index + 1] is TokenKind.NAME
            return "local_function", stop, (((self._texts[index + 1], None),) if named else ())
        names, index = declared_names(self._texts, self._kinds, index)
        if self._texts[index] == "=":
            index = self._expressions(index + 1)[0]
        return ("local", index, tuple(names)) if local else ("global", index, ())

    def _control(self, index: int) -> int:
        """`do`, `if`, `while`, `for`, `repeat`, `break`, `goto`; anything else is one stray token."""
        match self._texts[index]:
            case "do" | "if":
                return self._nested(index)
            case "repeat":
                return self._expressions(self._nested(index))[0]
            case "while" | "for":
                return self._loop(index + 1)
            case "goto":
                return index + 2
            case _:
                return index + 1

    def _nested(self, index: int) -> int:
        """After the closer of the opener at `index`; the end if it has none."""
        texts, nesting = self._texts, NESTING.get
        depth = 0
        for after in range(index + 1, self._count + 1):
            depth += nesting(texts[after - 1], 0)
            if depth == 0:
                return after
        return self._count

    def _loop(self, index: int) -> int:
        """After the block of a loop whose header starts at `index`."""
        texts = self._texts
        while index < self._count:
            if texts[index] == "do":
                return self._nested(index)
            index = self._nested(index) if NESTING.get(texts[index], 0) > 0 else index + 1
        return index

    def _expressions(self, index: int) -> tuple[int, bool, bool]:
        """An expression list or assignment: the index after it, whether it assigns, whether it is a call."""
        texts, kinds = self._texts, self._kinds
        # `wanted`: an operand comes next. `suffixes`: the operand can be called and indexed, which values
        # cannot: `x = 1 (f)()` is two statements, `x = g (f)()` is one.
        wanted, suffixes, called, compound, assigns = True, False, False, False, False
        while index < self._count:
            text, kind = texts[index], kinds[index]
            if wanted:
                following = self._operand(index)
                if following:
                    wanted, called = False, False
                    suffixes = kind is TokenKind.NAME or text == "("
                    index = following
                elif text in _ENDS or (kind is TokenKind.KEYWORD and text not in _UNARY):
                    break
                else:
                    compound = True
                    index += 1
            elif suffixes and (following := self._suffix(index)):
                called = text not in (".", ":", "[")
                index = following
            elif text in BINARY:
                wanted = compound = True
                assigns = assigns or text == "="
                index += 1
            else:
                break
        return index, assigns, called and not compound

    def _operand(self, index: int) -> int:
        """After the operand that starts at `index`, 0 if none does."""
        text, kind = self._texts[index], self._kinds[index]
        if text in ("(", "{", "function"):
            return self._nested(index)
        if kind is TokenKind.NAME or kind is TokenKind.NUMBER or kind in LITERALS or text in _VALUES:
            return index + 1
        return 0

    def _suffix(self, index: int) -> int:
        """After the index, field or call arguments that start at `index`, 0 if none do."""
        text, kind = self._texts[index], self._kinds[index]
        if text in ("(", "{", "["):
            return self._nested(index)
        if text in (".", ":"):
            return index + (2 if self._kinds[index + 1] is TokenKind.NAME else 1)
        return index + 1 if kind in LITERALS else 0
