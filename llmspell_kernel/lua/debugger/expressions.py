"""Lua's expressions, walked through token by token: where they end, and what their values are assigned to."""

from __future__ import annotations

from collections.abc import Callable

from llmspell_kernel.lua.lexer import LITERALS, Token, TokenKind, string_content

# What the tokens so far of the innermost block or bracket ask for next.
START = 0  # a statement
OPERAND = 1  # what an operator, a comma or an opening bracket needs
VALUE = 2  # an operator; anything else is the next statement
SUFFIX = 3  # an operator, a call's arguments or an index

_BRACKETS = {")": "(", "]": "[", "}": "{"}
_VALUE_WORDS = ("nil", "true", "false")
_LONGEST_PATH = 200
"""What is longer is cut off, which keeps the time linear however deep tables are nested."""


class Frame:
    """An open block or bracket, and for a block the statement that it is in.

    Attributes:
        opener: the word or bracket; "" for the chunk.
        function: index of the function whose code this is.
        after: what is asked for when it has closed.
        last: what its last statement is.
        loop: the place of a `for` whose `do` has not come, -1 of a `while`, None of neither.
        names: the local names of the block, each with the offset from which on it is in scope.
        start: index of the statement's first token.
        declared: the names that the statement declares, None if it is no declaration.
        assigned: index of the statement's `=`, 0 as long as there is none.
        targets: the names that the statement assigns to, None if nobody has asked yet.
        position: which value of the list behind `=` this is.
        path: of a table constructor, what it is assigned to.
        key: of a table constructor, the key whose value this is.
    """

    __slots__ = (
        "after",
        "assigned",
        "block",
        "declared",
        "function",
        "key",
        "last",
        "loop",
        "names",
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
            self.names: list[tuple[str, int]] = []
            self.begin(0, "")

    def begin(self, index: int, last: str) -> None:
        """The next statement starts at `index`."""
        self.last = last
        self.start = index
        self.loop: int | None = None
        self.declared: list[str] | None = None
        self.targets: list[str] | None = None
        self.assigned = self.position = 0


class ExpressionWalker:
    """Keeps what is open. A handler takes a token's index and gives the index to go on at."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        # The padding spares a bounds check at each look ahead.
        self._texts = [token.text for token in tokens] + [""] * 4
        self._kinds = [token.kind for token in tokens] + [TokenKind.ERROR] * 4
        self._top = Frame("", -1, START, block=True)
        self._stack = [self._top]
        self._state = START

    def _handlers(self) -> dict[str, Callable[[int], int]]:
        return {
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

    def _begin(self, index: int) -> None:
        """Called where an expression begins that does not go on with what is before it."""

    def _push(self, opener: str, after: int = START, function: int | None = None) -> None:
        """Opens a block."""
        number = self._top.function if function is None else function
        self._top = Frame(opener, number, after, block=True)
        self._stack.append(self._top)
        self._state = START

    def _pop(self) -> None:
        self._state = self._stack.pop().after
        self._top = self._stack[-1]

    def _drop_brackets(self) -> None:
        """A word that no bracket can hold: brackets still open are the code's mistake."""
        while not self._top.block:
            self._pop()

    def _assigned_name(self) -> str:
        """What the value that starts here is assigned to, "" if to nothing that has a name."""
        top = self._top
        if top.opener == "{":
            return f"{top.path}.{top.key}" if top.path and top.key else top.key
        if not top.block or not top.assigned:
            return ""
        if top.targets is None:
            top.targets = top.declared or self._targets(top.start, top.assigned)
        return top.targets[top.position] if top.position < len(top.targets) else ""

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

    def _value(self, index: int) -> int:
        if self._state != OPERAND:
            self._begin(index)
        self._state = VALUE
        return index + 1

    def _literal(self, index: int) -> None:
        if self._state != SUFFIX:
            self._value(index)

    def _unary(self, index: int) -> int:
        if self._state != OPERAND:
            self._begin(index)
        self._state = OPERAND
        return index + 1

    def _sign(self, index: int) -> int:
        if self._state == START:
            self._begin(index)
        self._state = OPERAND
        return index + 1

    def _semicolon(self, index: int) -> int:
        if self._top.block:
            self._state = START
            self._top.loop = None
            return index + 1
        return self._comma(index)

    def _comma(self, index: int) -> int:
        top = self._top
        if top.block:
            top.position += 1
        else:
            top.key = ""
        self._state = OPERAND
        return index + 1

    def _assign(self, index: int) -> int:
        top = self._top
        if top.block:
            if not top.assigned:
                top.assigned, top.position = index, 0
        elif top.opener == "{":
            top.key = self._key(index - 1)
        self._state = OPERAND
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
        if state != OPERAND and state != SUFFIX and text != "[":
            self._begin(index)
        frame = Frame(text, self._top.function, SUFFIX, block=False)
        if text == "{":
            if state != SUFFIX:
                frame.path, frame.after = self._assigned_name()[:_LONGEST_PATH], VALUE
        self._stack.append(frame)
        self._top = frame
        self._state = OPERAND
        return index + 1

    def _close(self, index: int) -> int:
        if self._top.opener == _BRACKETS[self._texts[index]]:
            self._pop()
        return index + 1
