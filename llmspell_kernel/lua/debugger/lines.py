"""Where Lua code can stop: its statements, conditions and functions, read off the text.

Works on all the Luas and on code that none of them accepts, for which the answer is a guess; never raises, in
linear time. Where a statement starts is Lua's own rule: a token that cannot go on with the expression before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from llmspell_kernel.lua.lexer import LITERALS, Token, TokenKind, significant, string_content
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
    """

    name: str
    first_line: int
    last_line: int
    body: int
    statement_line: int

    def is_called(self, name: str) -> bool:
        """Whether a user may mean it by `name`: its own, or the last parts of it; `:` is as good as `.`."""
        own, name = self.name.replace(":", "."), name.strip().replace(":", ".")
        return bool(name) and (own == name or own.endswith("." + name))


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
        walker = _Walker(_tokens(code) if tokens is None else significant(tokens))
        walker.walk()
        self.places = walker.places
        self.functions = walker.functions()
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

    def functions_called(self, name: str) -> list[CodeFunction]:
        """The functions that a user may mean by `name`."""
        return [function for function in self.functions if function.is_called(name)]


def _tokens(code: str) -> list[Token]:
    if not code.startswith("\ufeff"):
        return significant(code)
    return [token._replace(start=token.start + 1, end=token.end + 1) for token in significant(code[1:])]


# What the tokens so far of the innermost block or bracket ask for next.
_START = 0  # a statement
_OPERAND = 1  # what an operator, a comma or an opening bracket needs
_VALUE = 2  # an operator; anything else is the next statement
_SUFFIX = 3  # an operator, a call's arguments or an index

_BRACKETS = {")": "(", "]": "[", "}": "{"}
_VALUE_WORDS = frozenset(("nil", "true", "false"))


class _Frame:
    """An open block or bracket, and for a block the statement that it is in.

    Attributes:
        opener: the word or bracket; "" for the chunk.
        function: index of the function whose code this is.
        after: what is asked for when it has closed.
        last: what its last statement is.
        loop: the place of a `for` whose `do` has not come, -1 of a `while`, None of neither.
        targets: the names that the statement assigns to, None where `=` has not come.
        position: which value of the list behind `=` this is.
        path: of a table constructor, what it is assigned to.
        key: of a table constructor, the key whose value this is.
    """

    __slots__ = (
        "after",
        "block",
        "declared",
        "function",
        "key",
        "last",
        "loop",
        "opener",
        "path",
        "position",
        "start",
        "targets",
    )

    def __init__(self, opener: str, function: int, after: int, *, block: bool) -> None:
        self.opener = opener
        self.function = function
        self.after = after
        self.block = block
        self.path = self.key = ""
        if block:
            self.last = ""
            self.loop: int | None = None
            self.start = 0
            self.declared: list[str] | None = None
            self.targets: list[str] | None = None
            self.position = 0


class _Walker:
    """Goes through the tokens once. A handler takes a token's index and gives the index to go on at."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        # The padding spares a bounds check at each look ahead.
        self._texts = [token.text for token in tokens] + [""] * 4
        self._kinds = [token.kind for token in tokens] + [TokenKind.ERROR] * 4
        self._top = _Frame("", -1, _START, block=True)
        self._stack = [self._top]
        self._state = _START
        self.places: list[Place] = []
        self._functions: list[CodeFunction] = []

    def walk(self) -> None:
        texts, kinds, count = self._texts, self._kinds, len(self._tokens)
        name, number = TokenKind.NAME, TokenKind.NUMBER
        handlers = self._handlers()
        index = 0
        while index < count:
            kind = kinds[index]
            if kind is name:
                if self._state != _OPERAND:
                    self._begin(index)
                self._state = _SUFFIX
            elif handler := handlers.get(texts[index]):
                index = handler(index)
                continue
            elif kind in LITERALS:
                self._literal(index)
            elif kind is number:
                self._value(index)
            else:
                self._state = _OPERAND
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
        }
        operators: dict[str, Callable[[int], int]] = {
            "::": self._label,
            ";": self._semicolon,
            ",": self._comma,
            "=": self._assign,
            "...": self._value,
            **dict.fromkeys(("(", "{", "["), self._open),
            **dict.fromkeys(_BRACKETS, self._close),
            **dict.fromkeys(("not", "#"), self._unary),
            **dict.fromkeys(("-", "~"), self._sign),
            **dict.fromkeys(_VALUE_WORDS, self._value),
        }
        return words | operators

    # -- Statements

    def _begin(self, index: int) -> None:
        """The statement that starts with an expression at `index`, if one can start there."""
        if self._top.block:
            self._statement(index, "expression")

    def _statement(self, index: int, last: str, kind: PlaceKind | None = "statement") -> None:
        """A statement of the kind `last`; without `kind` it is no place where code can stop."""
        top = self._top
        top.last, top.loop, top.start = last, None, index
        top.declared = top.targets = None
        if kind is not None:
            self._place(kind, index)

    def _place(self, kind: PlaceKind, index: int, *, insertable: bool = True) -> None:
        if index < len(self._tokens):
            token = self._tokens[index]
            function = self._top.function
            self.places.append(Place(kind, token.start, token.line, function, 0, insertable))

    def _drop_brackets(self) -> None:
        """A word that no bracket can hold: brackets still open are the code's mistake."""
        while not self._top.block:
            self._pop()

    def _push(self, opener: str, after: int = _START, function: int | None = None) -> None:
        number = self._top.function if function is None else function
        self._top = _Frame(opener, number, after, block=True)
        self._stack.append(self._top)
        self._state = _START

    def _pop(self) -> None:
        self._state = self._stack.pop().after
        self._top = self._stack[-1]

    def _declaration(self, index: int) -> int:
        """`local`, and `global` that does something."""
        self._drop_brackets()
        self._statement(index, "local")
        if self._texts[index + 1] == "function":
            return self._definition(index + 1, statement=True)
        names, index = declared_names(self._texts, self._kinds, index + 1)
        self._top.declared = [name for name, _ in names]
        self._state = _VALUE
        return index

    def _global(self, index: int) -> int:
        """`global` of Lua 5.5; without a value it only tells the compiler something."""
        after = declared_names(self._texts, self._kinds, index + 1)[1]
        if self._texts[index + 1] == "function" or self._texts[after] == "=":
            return self._declaration(index)
        self._drop_brackets()
        self._statement(index, "global", None)
        self._state = _VALUE
        return after

    def _if(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "if")
        self._state = _OPERAND
        return index + 1

    def _then(self, index: int) -> int:
        self._drop_brackets()
        self._push("then")
        return index + 1

    def _elseif(self, index: int) -> int:
        self._else_ends()
        self._place("condition", index + 1)
        self._state = _OPERAND
        return index + 1

    def _else(self, index: int) -> int:
        self._else_ends()
        self._push("else")
        return index + 1

    def _else_ends(self) -> None:
        self._drop_brackets()
        if self._top.opener == "then":
            self._pop()

    def _for(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "for", "for")
        self._top.loop = len(self.places) - 1
        self._state = _OPERAND
        return index + 1

    def _while(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "while", None)
        self._place("condition", index + 1)
        self._top.loop = -1
        self._state = _OPERAND
        return index + 1

    def _do(self, index: int) -> int:
        self._drop_brackets()
        loop = self._top.loop
        if loop is None:
            self._statement(index, "do", None)
        elif loop >= 0 and self.places[loop].line == self._tokens[index].line:
            self.places[loop] = self.places[loop]._replace(body=self._tokens[index].end)
        self._top.loop = None
        self._push("do")
        return index + 1

    def _repeat(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "repeat", None)
        self._push("repeat")
        return index + 1

    def _until(self, index: int) -> int:
        self._drop_brackets()
        if self._top.opener == "repeat":
            self._pop()
        self._place("condition", index + 1)
        self._state = _OPERAND
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
            self._functions[number] = self._functions[number]._replace(last_line=self._tokens[index].line)
        if top.opener:
            self._pop()
        else:
            self._state = _START
        return index + 1

    def _return(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "return")
        self._state = _OPERAND
        return index + 1

    def _break(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "break")
        self._state = _START
        return index + 1

    def _goto(self, index: int) -> int:
        return self._break(index) + 1

    def _label(self, index: int) -> int:
        self._drop_brackets()
        self._statement(index, "label", None)
        self._state = _START
        return index + (3 if self._texts[index + 2] == "::" else 1)

    # -- Functions and their names

    def _function(self, index: int) -> int:
        if self._kinds[index + 1] is TokenKind.NAME:
            self._drop_brackets()
            self._statement(index, "function")
            return self._definition(index, statement=True)
        if self._state != _OPERAND:
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
        body = 0
        if texts[index] == "(":
            while texts[index] in ("(", ",", "...") or self._kinds[index] is TokenKind.NAME:
                index += 1
            if texts[index] == ")":
                body = self._tokens[index].end
                index += 1
        self._functions.append(CodeFunction(name, first, 0, body, 0))
        self._push("function", _START if statement else _VALUE, len(self._functions) - 1)
        return index

    def _assigned_name(self) -> str:
        """What the value that starts here is assigned to, "" if to nothing that has a name."""
        top = self._top
        if top.opener == "{":
            return f"{top.path}.{top.key}" if top.path and top.key else top.key
        if not top.block or top.targets is None or top.position >= len(top.targets):
            return ""
        return top.targets[top.position]

    def _targets(self, start: int, end: int) -> list[str]:
        """The dotted names in the list of targets, "" for one that is something else."""
        names, parts, depth = [], list[str](), 0
        for text, kind in zip(self._texts[start:end], self._kinds[start:end], strict=True):
            depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
            if text == "," and depth == 0:
                names.append("".join(parts))
                parts = []
            else:
                parts.append(text if kind is TokenKind.NAME or text == "." else " ")
        names.append("".join(parts))
        return ["" if " " in name else name for name in names]

    # -- Expressions

    def _value(self, index: int) -> int:
        if self._state != _OPERAND:
            self._begin(index)
        self._state = _VALUE
        return index + 1

    def _literal(self, index: int) -> None:
        if self._state != _SUFFIX:
            self._value(index)

    def _unary(self, index: int) -> int:
        if self._state != _OPERAND:
            self._begin(index)
        self._state = _OPERAND
        return index + 1

    def _sign(self, index: int) -> int:
        if self._state == _START:
            self._begin(index)
        self._state = _OPERAND
        return index + 1

    def _semicolon(self, index: int) -> int:
        if self._top.block:
            self._state = _START
            self._top.loop = None
            return index + 1
        return self._comma(index)

    def _comma(self, index: int) -> int:
        top = self._top
        if top.block:
            top.position += 1
        else:
            top.key = ""
        self._state = _OPERAND
        return index + 1

    def _assign(self, index: int) -> int:
        top = self._top
        if top.block:
            if top.targets is None:
                top.targets = top.declared or self._targets(top.start, index)
            top.position = 0
        elif top.opener == "{":
            top.key = self._key(index - 1)
        self._state = _OPERAND
        return index + 1

    def _key(self, index: int) -> str:
        """The key of a table constructor that ends at `index`, "" if it is no name."""
        if self._kinds[index] is TokenKind.NAME:
            return self._texts[index]
        if self._texts[index] == "]" and self._kinds[index - 1] in LITERALS:
            return string_content(self._tokens[index - 1])
        return ""

    def _open(self, index: int) -> int:
        text, state = self._texts[index], self._state
        if state != _OPERAND and state != _SUFFIX and text != "[":
            self._begin(index)
        frame = _Frame(text, self._top.function, _SUFFIX, block=False)
        if text == "{":
            if state != _SUFFIX:
                frame.path, frame.after = self._assigned_name(), _VALUE
        self._stack.append(frame)
        self._top = frame
        self._state = _OPERAND
        return index + 1

    def _close(self, index: int) -> int:
        opener = _BRACKETS[self._texts[index]]
        depth = len(self._stack) - 1
        while not self._stack[depth].block and self._stack[depth].opener != opener:
            depth -= 1
        if not self._stack[depth].block:
            del self._stack[depth + 1 :]
            self._top = self._stack[-1]
            self._pop()
        return index + 1
