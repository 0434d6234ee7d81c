"""Which local names Lua source declares, and which of them are in scope at a place in half-typed code."""

from __future__ import annotations

from typing import Literal, NamedTuple

from llmspell_kernel.lua.lexer import LITERALS, Token, TokenKind, significant

LocalKind = Literal["function", "instance", "parameter"]


class Local(NamedTuple):
    """A local name in scope.

    `initialiser` is its value's source where the text shows it at a glance: a dotted name, a string literal
    or a table constructor. A dotted name never starts at a local of the same code, so following it ends.
    """

    kind: LocalKind
    initialiser: str | None = None


def visible_locals(code: str, cursor: int) -> dict[str, Local]:
    """The locals in scope at `cursor`, the innermost of each name. Never raises."""
    tokens = significant(code[:cursor])
    typed: Token | None = None
    if tokens and tokens[-1].end == cursor and tokens[-1].kind in _WORDS:
        typed = tokens.pop()
    walker = Walker(code, tokens)
    walker.walk()
    walker.arrive(typed is not None or not tokens or tokens[-1].end < cursor)
    return walker.visible()


def declared_names(
    texts: list[str], kinds: list[TokenKind], index: int
) -> tuple[list[tuple[str, str | None]], int]:
    """The names after `local` or `global` with their attributes, and the index after them.

    An attribute before the first name (Lua 5.5) counts for all. The lists must go on for three more entries
    than there are tokens.
    """
    default, index = _attribute(texts, kinds, index)
    names: list[tuple[str, str | None]] = []
    while kinds[index] is TokenKind.NAME or texts[index] == "*":
        name = texts[index]
        attribute, index = _attribute(texts, kinds, index + 1)
        names.append((name, attribute or default))
        if texts[index] != ",":
            break
        index += 1
    return names, index


def _attribute(texts: list[str], kinds: list[TokenKind], index: int) -> tuple[str | None, int]:
    if texts[index] != "<" or kinds[index + 1] is not TokenKind.NAME:
        return None, index
    return texts[index + 1], index + (3 if texts[index + 2] == ">" else 2)


_WORDS = frozenset((TokenKind.NAME, TokenKind.KEYWORD))
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_STATEMENT_WORDS = frozenset(("while", "if", "return", "break", "goto"))
_VALUE_WORDS = frozenset(("nil", "true", "false", "..."))
_UNKNOWN = Local("instance")


class _Block:
    """An open block or bracket.

    `ended` tells that the tokens so far may be a whole statement, `suffixes` that a call may still follow.
    `pending` are locals that come into scope when their statement ends, `loop` those of a `for` before `do`.
    """

    __slots__ = ("ended", "loop", "names", "opener", "pending", "suffixes")

    def __init__(self, opener: str, names: dict[str, Local]) -> None:
        self.opener = opener
        self.names = names
        self.pending: dict[str, Local] = {}
        self.loop: dict[str, Local] = {}
        self.ended = False
        self.suffixes = False


class Walker:
    """Goes through the tokens once with a stack of what is open. Unclosed brackets end at a statement."""

    def __init__(self, code: str, tokens: list[Token]) -> None:
        self._code = code
        self._tokens = tokens
        self._texts = [token.text for token in tokens] + [""] * 4
        self._kinds = [token.kind for token in tokens] + [TokenKind.ERROR] * 4
        self._stack = [_Block("", {})]

    def walk(self) -> None:
        """Goes through all tokens, keeping track of the scopes."""
        index = 0
        while index < len(self._tokens):
            if self._kinds[index] is TokenKind.KEYWORD:
                index = self._keyword(index)
            else:
                self._other(index)
                index += 1

    def found(self, index: int) -> None:
        """Called for each name that is no declaration of a local or parameter, when its scope is known.

        Fields, methods, labels and keys of tables are names too.
        """

    def is_local(self, name: str) -> bool:
        """Whether a local of that name is in scope."""
        return any(name in block.names for block in self._stack)

    def arrive(self, apart: bool) -> None:
        """The cursor is reached; `apart` tells that a word typed there is none with the last token."""
        if apart and self._stack[-1].ended:
            self._boundary()

    def visible(self) -> dict[str, Local]:
        """The locals in scope here, by name."""
        return {name: local for block in self._stack for name, local in block.names.items()}

    def _keyword(self, index: int) -> int:
        text = self._texts[index]
        match text:
            case "local" | "global":
                self._statement()
                return self._declaration(index)
            case "function":
                return self._function(index)
            case "for":
                self._statement()
                return self._for(index + 1)
            case "do" | "then" | "repeat":
                self._block(text)
            case "end" | "else" | "elseif" | "until":
                self._close_block(text)
            case "nil" | "true" | "false":
                self._operand(suffixes=False)
            case _:
                if text in _STATEMENT_WORDS:
                    self._statement()
                self._stack[-1].ended = False
        return index + 1

    def _other(self, index: int) -> None:
        text, kind = self._texts[index], self._kinds[index]
        top = self._stack[-1]
        if kind is TokenKind.NAME:
            self._operand(suffixes=True)
            self.found(index)
        elif kind is TokenKind.NUMBER or text == "...":
            self._operand(suffixes=False)
        elif kind in LITERALS or text in ("(", "{"):
            if not (top.ended and top.suffixes):
                self._operand(suffixes=text == "(")
            if kind not in LITERALS:
                self._stack.append(_Block(text, {}))
        elif text == "[":
            self._stack.append(_Block(text, {}))
        elif text in _BRACKETS:
            self._close_bracket(_BRACKETS[text])
        elif text in (";", "::"):
            self._boundary()
        else:
            top.ended = False

    def _operand(self, *, suffixes: bool) -> None:
        """An operand: a new statement if the one before cannot go on with it."""
        if self._stack[-1].ended:
            self._boundary()
        top = self._stack[-1]
        top.ended, top.suffixes = True, suffixes

    def _boundary(self) -> None:
        """A statement ends in the innermost block: its locals come into scope."""
        while self._stack[-1].opener == "until":
            self._stack.pop()
        top = self._stack[-1]
        if top.pending:
            top.names.update(top.pending)
            top.pending = {}
        top.ended = False

    def _statement(self) -> None:
        """A word that only starts statements."""
        self._drop_brackets()
        self._boundary()

    def _drop_brackets(self) -> None:
        while self._stack[-1].opener in ("(", "[", "{"):
            self._stack.pop()

    def _open(self, opener: str, names: dict[str, Local]) -> None:
        parent = self._stack[-1]
        parent.ended, parent.suffixes = True, False
        self._stack.append(_Block(opener, names))

    def _block(self, opener: str) -> None:
        self._drop_brackets()
        if opener == "repeat":
            self._boundary()
        parent = self._stack[-1]
        if opener == "do" and parent.ended and not parent.loop:
            self._boundary()
            parent = self._stack[-1]
        names, parent.loop = parent.loop, {}
        self._open(opener, names)

    def _close_block(self, closer: str) -> None:
        self._drop_brackets()
        self._boundary()
        if closer == "until":
            # The condition still sees the locals of the block: it closes with the statement.
            if self._stack[-1].opener == "repeat":
                self._stack[-1].opener = "until"
            return
        if len(self._stack) > 1:
            self._stack.pop()
        if closer == "else":
            self._open("else", {})
        elif closer == "elseif":
            self._stack[-1].ended = False

    def _close_bracket(self, opener: str) -> None:
        depth = len(self._stack) - 1
        while depth > 0 and self._stack[depth].opener != opener:
            depth -= 1
        if depth > 0:
            del self._stack[depth:]
        if opener != "{":
            self._stack[-1].ended = self._stack[-1].suffixes = True

    def _declaration(self, index: int) -> int:
        local = self._texts[index] == "local"
        index += 1
        if self._texts[index] == "function":
            if local and self._kinds[index + 1] is TokenKind.NAME:
                self._stack[-1].names[self._texts[index + 1]] = Local("function")
            return self._function(index)
        names, index = declared_names(self._texts, self._kinds, index)
        top = self._stack[-1]
        top.ended, top.suffixes = True, False
        if local and names:
            values = self._initialisers(index + 1, len(names)) if self._texts[index] == "=" else []
            values += [_UNKNOWN] * (len(names) - len(values))
            top.pending = {name: value for (name, _), value in zip(names, values, strict=True)}
        return index

    def _for(self, index: int) -> int:
        names: dict[str, Local] = {}
        while self._kinds[index] is TokenKind.NAME:
            names[self._texts[index]] = _UNKNOWN
            index += 1
            if self._texts[index] == ",":
                index += 1
        self._stack[-1].loop = names
        return index

    def _function(self, index: int) -> int:
        """From `function` to its parameters."""
        texts, kinds = self._texts, self._kinds
        names: dict[str, Local] = {}
        index += 1
        if kinds[index] is TokenKind.NAME:
            if texts[index - 2] != "local" or index == 1:
                self._statement()
                self.found(index)
            while texts[index + 1] in (".", ":") and kinds[index + 2] is TokenKind.NAME:
                index += 2
            if texts[index - 1] == ":":
                names["self"] = Local("parameter")
            index += 1
        if texts[index] == "(":
            index += 1
            while kinds[index] is TokenKind.NAME or texts[index] in (",", "..."):
                if kinds[index] is TokenKind.NAME:
                    names[texts[index]] = Local("parameter")
                index += 1
            if texts[index] == ")":
                index += 1
        self._open("function", names)
        return index

    def _initialisers(self, index: int, count: int) -> list[Local]:
        """What the first of `count` expressions from `index` on show at a glance."""
        values: list[Local] = []
        while len(values) < count:
            text, kind = self._texts[index], self._kinds[index]
            value = _UNKNOWN
            if text == "function":
                return [*values, Local("function")]
            if kind is TokenKind.NAME:
                after = index + 1
                while self._texts[after] == "." and self._kinds[after + 1] is TokenKind.NAME:
                    after += 2
                value = self._resolved(self._texts[index:after])
            elif kind in LITERALS:
                after = index + 1
                value = Local("instance", text)
            elif text == "{" and (after := self._after_table(index)):
                value = Local("instance", self._code[self._tokens[index].start : self._tokens[after - 1].end])
            else:
                return values
            if not self._ends_expression(after, called=kind is TokenKind.NAME):
                return values
            values.append(value)
            if self._texts[after] != ",":
                return values
            index = after + 1
        return values

    def _ends_expression(self, index: int, *, called: bool) -> bool:
        """Whether an expression is over before `index`; `called` tells that brackets would call it."""
        text, kind = self._texts[index], self._kinds[index]
        if kind is TokenKind.KEYWORD:
            return text not in ("and", "or")
        return kind is TokenKind.NAME or text in ("", ",", ";", "::") or (text == "(" and not called)

    def _after_table(self, index: int) -> int:
        """After the table constructor at `index`, 0 if it is not closed."""
        depth = 0
        for after in range(index, len(self._tokens)):
            text = self._texts[after]
            depth += (text == "{") - (text == "}")
            if depth == 0:
                return after + 1
        return 0

    def _resolved(self, chain: list[str]) -> Local:
        """A dotted name, its first name replaced by what that local is if it is one."""
        root = next(
            (block.names[chain[0]] for block in reversed(self._stack) if chain[0] in block.names), None
        )
        if root is None:
            return Local("instance", "".join(chain))
        if len(chain) == 1:
            return Local("function" if root.kind == "function" else "instance", root.initialiser)
        if root.initialiser is None or root.initialiser[0] in "\"'[{":
            return _UNKNOWN
        return Local("instance", root.initialiser + "".join(chain[1:]))
