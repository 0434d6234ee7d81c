"""Lua code walked through once for the places where it can stop and for its functions.

Works on all the Luas and on code that none of them accepts, for which the answer is a guess; never raises, in
linear time. Where a statement starts is Lua's own rule: a token that cannot go on with the expression before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Literal, NamedTuple

from llmspell_kernel.lua.debugger.expressions import (
    OPERAND,
    START,
    SUFFIX,
    VALUE,
    ExpressionWalker,
    Frame,
)
from llmspell_kernel.lua.lexer import LITERALS, Token, TokenKind
from llmspell_kernel.lua.scopes import declared_names

PlaceKind = Literal["statement", "condition", "for", "end"]


class Place(NamedTuple):
    """A place where code can stop.

    Attributes:
        kind: a `statement`; the `condition` of `while`, `elseif` or `until`, evaluated more than once; the
            head of a `for`; or the `end` of a function.
        offset: of its first token; of the condition itself, not of the word before it.
        line: the line that `offset` is on.
        function: index in `CodeLines.functions`, -1 for the chunk itself.
        body: of a `for`, the offset behind a `do` on the same line; 0 if there is none.
        insertable: whether a statement may stand there (always before a statement).
    """

    kind: PlaceKind
    offset: int
    line: int
    function: int
    body: int = 0
    insertable: bool = True


class CodeFunction(NamedTuple):
    """A function in the text.

    Attributes:
        name: as it is defined (`f`, `a.b:c`; `M.f` for `M = {f = function`), "" if it has none.
        first_line: of the word `function`.
        last_line: of its `end`.
        body: the offset behind its parameters' `)`; 0 if they have none.
        statement_line: where its first statement starts, or its `end` if it has none.
        parameters: their names, `self` among them; `...` for what has no name.
        outer: index of the function whose code it is made by, -1 for the chunk itself.
        opening: the offset of what follows its name.
        end: the offset behind its `end`; 0 if it has none.
    """

    name: str
    first_line: int
    last_line: int
    body: int
    statement_line: int
    parameters: tuple[str, ...] = ()
    outer: int = -1
    opening: int = 0
    end: int = 0

    def is_called(self, name: str) -> bool:
        """Whether a user may mean it by `name`: its own, or the last parts of it; `:` is as good as `.`."""
        own, name = self.name.replace(":", "."), name.strip().replace(":", ".")
        return bool(name) and (own == name or own.endswith("." + name))


class Outline(NamedTuple):
    """What there is in a text.

    Attributes:
        places: in the order of the text.
        functions: in the order of the text.
        locals: for each local name, from which offset to which it is one. Places where it may be taken for
            something else (a `global` of the same name) or that are hard to tell are left out.
    """

    places: list[Place]
    functions: list[CodeFunction]
    locals: dict[str, list[tuple[int, int]]]


def outline(tokens: list[Token]) -> Outline:
    """What there is in a text; `tokens` are its own without comments."""
    walker = _Walker(tokens)
    walker.walk()
    return Outline(walker.places, walker.functions(), walker.locals())


class _Walker(ExpressionWalker):
    """Goes through the tokens once."""

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self.places: list[Place] = []
        self._functions: list[CodeFunction] = []
        self._locals: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self._has_globals = False

    def walk(self) -> None:
        texts, kinds, count = self._texts, self._kinds, len(self._tokens)
        name, number = TokenKind.NAME, TokenKind.NUMBER
        handlers = self._handlers()
        index = 0
        while index < count:
            kind = kinds[index]
            if kind is name:
                if self._state != OPERAND:
                    self._begin(index)
                self._state = SUFFIX
            elif handler := handlers.get(texts[index]):
                index = handler(index)
                continue
            elif kind in LITERALS:
                self._literal(index)
            elif kind is number:
                self._value(index)
            else:
                self._state = OPERAND
            index += 1

    def functions(self) -> list[CodeFunction]:
        """The functions, with what is known of them in the end."""
        lines: dict[int, int] = {}
        for place in self.places:
            lines.setdefault(place.function, place.line)
        last = self._tokens[-1].line if self._tokens else 1
        return [
            function._replace(
                last_line=function.last_line or last,
                statement_line=lines.get(index, function.last_line or last),
            )
            for index, function in enumerate(self._functions)
        ]

    def locals(self) -> dict[str, list[tuple[int, int]]]:
        """Where local names are in scope."""
        if self._has_globals:
            return {}
        end = self._tokens[-1].end if self._tokens else 0
        for frame in self._stack:
            if frame.block:
                self._scope_ends(frame, end)
        return self._locals

    def _scope_ends(self, frame: Frame, offset: int) -> None:
        for name, start in frame.names:
            self._locals[name].append((start, offset))

    def _handlers(self) -> dict[str, Callable[[int], int]]:
        words: dict[str, Callable[[int], int]] = {
            "local": self._declaration,
            "global": self._global,
            "function": self._function,
            "if": self._if,
            "then": self._then,
            "elseif": self._elseif,
            "else": self._else,
            "for": self._for,
            "while": self._while,
            "do": self._do,
            "repeat": self._repeat,
            "until": self._until,
            "end": self._end,
            "return": self._return,
            "break": self._break,
            "goto": self._goto,
            "::": self._label,
        }
        return super()._handlers() | words

    def _begin(self, index: int) -> None:
        if self._top.block:
            self._statement(index, "expression")

    def _statement(self, index: int, last: str, kind: PlaceKind | None = "statement") -> None:
        """A statement of the kind `last`; without `kind` it is no place where code can stop."""
        top = self._top
        if top.declared:
            start = self._tokens[index].start
            top.names += [(name, start) for name in top.declared]
        top.begin(index, last)
        if kind is not None:
            self._place(kind, index)

    def _place(self, kind: PlaceKind, index: int, *, insertable: bool = True) -> None:
        if index >= len(self._tokens):
            return
        token = self._tokens[index]
        # In code that Lua refuses, a statement may stand where a condition was expected.
        if not self.places or self.places[-1].offset < token.start:
            self.places.append(Place(kind, token.start, token.line, self._top.function, 0, insertable))

    def _declaration(self, index: int) -> int:
        """`local`, and `global` that does something."""
        self._drop_brackets()
        self._statement(index, "local")
        if self._texts[index + 1] == "function":
            if self._texts[index] == "local":
                self._top.declared = [self._texts[index + 2]]
            return self._definition(index + 1, statement=True)
        names, index = declared_names(self._texts, self._kinds, index + 1)
        self._top.declared = [name for name, _ in names]
        self._state = VALUE
        return index

    def _global(self, index: int) -> int:
        """`global` of Lua 5.5; without a value it only tells the compiler something."""
        self._has_globals = True
        after = declared_names(self._texts, self._kinds, index + 1)[1]
        if self._texts[index + 1] == "function" or self._texts[after] == "=":
            return self._declaration(index)
        self._drop_brackets()
        self._statement(index, "global", None)
        self._state = VALUE
        return after

    def _if(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "if")
        self._state = OPERAND
        return index + 1

    def _then(self, index: int) -> int:
        self._drop_brackets()
        self._push("then")
        return index + 1

    def _elseif(self, index: int) -> int:
        self._else_ends(index)
        self._place("condition", index + 1)
        self._state = OPERAND
        return index + 1

    def _else(self, index: int) -> int:
        self._else_ends(index)
        self._push("else")
        return index + 1

    def _else_ends(self, index: int) -> None:
        self._drop_brackets()
        if self._top.opener == "then":
            self._block_ends(index)

    def _block_ends(self, index: int) -> None:
        self._scope_ends(self._top, self._tokens[index].start)
        self._pop()

    def _for(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "for", "for")
        self._top.loop = len(self.places) - 1
        self._state = OPERAND
        return index + 1

    def _while(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "while", None)
        self._place("condition", index + 1)
        self._top.loop = -1
        self._state = OPERAND
        return index + 1

    def _do(self, index: int) -> int:
        self._drop_brackets()
        top, loop = self._top, self._top.loop
        names = []
        if loop is None:
            self._statement(index, "do", None)
        elif loop >= 0:
            names = declared_names(self._texts, self._kinds, top.start + 1)[0]
            if self.places[loop].line == self._tokens[index].line:
                self.places[loop] = self.places[loop]._replace(body=self._tokens[index].end)
        top.loop = None
        self._push("do")
        self._top.names = [(name, self._tokens[index].end) for name, _ in names]
        return index + 1

    def _repeat(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "repeat", None)
        self._push("repeat")
        return index + 1

    def _until(self, index: int) -> int:
        self._drop_brackets()
        if self._top.opener == "repeat":
            self._block_ends(index)
        self._place("condition", index + 1)
        self._state = OPERAND
        return index + 1

    def _end(self, index: int) -> int:
        self._drop_brackets()
        top = self._top
        if top.opener == "function":
            # Behind `return` it is never reached. A label at the end of a block is outside of the scope of
            # the block's locals only as long as no statement follows it.
            if top.last != "return":
                self._place("end", index, insertable=top.last != "label")
            number = top.function
            token = self._tokens[index]
            self._functions[number] = self._functions[number]._replace(last_line=token.line, end=token.end)
        if top.opener:
            self._block_ends(index)
        else:
            self._state = START
        return index + 1

    def _return(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "return")
        self._state = OPERAND
        return index + 1

    def _break(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "break")
        self._state = START
        return index + 1

    def _goto(self, index: int) -> int:
        return self._break(index) + 1

    def _label(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "label", None)
        self._state = START
        return index + (3 if self._texts[index + 2] == "::" else 1)

    def _function(self, index: int) -> int:
        if self._kinds[index + 1] is TokenKind.NAME:
            self._drop_brackets()
            self._statement(index, "function")
            return self._definition(index, statement=True)
        if self._state != OPERAND:
            self._begin(index)
        return self._definition(index, statement=False)

    def _definition(self, index: int, *, statement: bool) -> int:
        """From the word `function` to behind the parameters."""
        texts, first = self._texts, self._tokens[index].line
        name = "" if statement else self._assigned_name()
        index += 1
        start = index
        while self._kinds[index] is TokenKind.NAME or texts[index] in (".", ":"):
            index += 1
        name = name or "".join(texts[start:index])
        body, opening = 0, index
        if texts[index] == "(":
            while texts[index] in ("(", ",", "...") or self._kinds[index] is TokenKind.NAME:
                index += 1
            if texts[index] == ")":
                body = self._tokens[index].end
                index += 1
        names = [token.text for token in self._tokens[opening:index] if token.kind is TokenKind.NAME]
        if ":" in name:
            names.insert(0, "self")
        rest = ["..."] if texts[index - 2] == "..." else []
        outer = self._top.function
        start = self._tokens[opening].start if opening < len(self._tokens) else 0
        self._functions.append(CodeFunction(name, first, 0, body, 0, (*names, *rest), outer, start))
        self._push("function", START if statement else VALUE, len(self._functions) - 1)
        self._top.names = [(name, body) for name in names] if body else []
        return index
