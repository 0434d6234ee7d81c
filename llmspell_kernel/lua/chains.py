"""What stands at a place in half-typed Lua source: the expression, string or call around a cursor.

Everything here reads the text only; what a name stands for is for the caller to find out. Cursors and offsets
count code points. No function raises, whatever the text.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Literal, NamedTuple

from llmspell_kernel.lua.lexer import (
    LITERALS,
    NESTING,
    Token,
    TokenKind,
    is_line_comment,
    string_content,
    string_opening,
    tokenize,
)

RootKind = Literal["name", "string", "none", "unknown"]
Separator = Literal["", ".", ":", '["']


class Chain(NamedTuple):
    """A dotted expression and the word at its end: `root`, then `path`, then `separator` and `prefix`.

    `root_kind` is `name` for a variable, `string` for a string literal (`root` is its content), `none` for a
    lone word (`separator` is empty) and `unknown` where the text does not tell the value, as after a call.
    `path` holds field names, and integer keys as int. `start` and `end` enclose the prefix in the code; after
    the separator `["`, that of any index by a string literal, the prefix is the text between the quotes.
    """

    root_kind: RootKind
    root: str
    path: tuple[str | int, ...]
    separator: Separator
    prefix: str
    start: int
    end: int

    @property
    def text(self) -> str:
        """The chain as Lua would read it, for a lone word or a chain that starts at a name."""
        steps = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.path]
        last = f'["{self.prefix}"]' if self.separator == '["' else self.separator + self.prefix
        return self.root + "".join(steps) + last


class Call(NamedTuple):
    """A call that is not closed yet: its function, and the 0-based argument that the place is in."""

    function: Chain
    argument: int


class StringAt(NamedTuple):
    """An ordinary string: its text from `start`, after the opening quote, up to the cursor.

    `call` is the call that the string is an argument of, if it stands in one.
    """

    content: str
    start: int
    call: Call | None


def expression_before(code: str, cursor: int) -> Chain | StringAt | None:
    """What ends at `cursor` and can be completed; None inside comments, numbers and after `::`."""
    tokens = tokenize(code[:cursor])
    last = tokens[-1] if tokens else None
    if last and last.end == cursor:
        if last.kind is TokenKind.COMMENT and (last.unfinished or is_line_comment(last)):
            return None
        if last.kind is TokenKind.NUMBER:
            return None
        if last.unfinished:
            return _string_at([token for token in tokens if token.kind is not TokenKind.COMMENT])
    tokens = [token for token in tokens if token.kind is not TokenKind.COMMENT]
    if tokens and tokens[-1].end == cursor and tokens[-1].kind in _WORDS:
        return _chain(tokens, len(tokens) - 1)
    tokens.append(Token(TokenKind.NAME, "", cursor, cursor, 0, False))
    return _chain(tokens, len(tokens) - 1)


def call_at(code: str, cursor: int) -> Call | None:
    """The innermost call around `cursor` that is still open there and whose function the text names.

    There is none in the body of a function that is an argument, nor in the parameters of a declaration.
    """
    return _open_call(tokenize(code[:cursor], comments=False))


def constructor_at(code: str, cursor: int) -> Chain | None:
    """The function `f` of an open `f{` or `f({` in whose table a new entry begins at `cursor`."""
    tokens = tokenize(code[:cursor], comments=False)
    if tokens and tokens[-1].end == cursor and tokens[-1].kind in _WORDS:
        tokens.pop()
    if not tokens or tokens[-1].text not in ("{", ",", ";"):
        return None
    depth = 0
    for index in range(len(tokens) - 1, 0, -1):
        nesting = NESTING.get(tokens[index].text, 0)
        if nesting < 0 or depth:
            depth -= nesting
        elif nesting:
            opener = index - 1 if tokens[index - 1].text == "(" else index
            is_open = tokens[index].text == "{" and opener and _can_be_called(tokens[opener - 1])
            call = _call(tokens, opener, 0) if is_open else None
            return call.function if call else None
    return None


def name_at(code: str, cursor: int) -> Chain | None:
    """The chain up to and with the word that touches `cursor`, or the key in quotes that `cursor` is in."""
    tokens = tokenize(code, comments=False)
    after = bisect_right(tokens, cursor, key=lambda token: token.start)
    for index in (after - 1, after - 2):
        if index >= 0 and tokens[index].end >= cursor and tokens[index].kind in _WORDS:
            return _chain(tokens, index)
    index = after - 1
    if index > 0 and tokens[index].end > cursor and tokens[index].kind in LITERALS:
        return _string_key(tokens, index)
    return None


_WORDS = frozenset((TokenKind.NAME, TokenKind.KEYWORD))
_CLOSERS = {")": "(", "]": "[", "}": "{"}
_EXPRESSION_WORDS = frozenset(("and", "or", "not", "nil", "true", "false"))


def _string_at(tokens: list[Token]) -> Chain | StringAt:
    """For the unfinished string that the tokens end with: a key if it is one, otherwise the string."""
    last = len(tokens) - 1
    key = _string_key(tokens, last)
    if key is not None:
        return key
    opening = string_opening(tokens[last].text)
    call = _open_call(tokens)
    if call is not None and not _is_argument(tokens, last):
        call = None
    return StringAt(tokens[last].text[opening:], tokens[last].start + opening, call)


def _is_argument(tokens: list[Token], index: int) -> bool:
    """Whether the literal at `index` begins an argument: it follows `(`, `,` or what is called."""
    return index > 0 and (tokens[index - 1].text in ("(", ",") or _can_be_called(tokens[index - 1]))


def _string_key(tokens: list[Token], index: int) -> Chain | None:
    """The chain of `t["key"]` for the literal at `index`, None if it is no such key."""
    if index < 2 or tokens[index - 1].text != "[" or not _can_be_called(tokens[index - 2]):
        return None
    token = tokens[index]
    opening = string_opening(token.text)
    start, end = token.start + opening, token.end - (0 if token.unfinished else opening)
    kind, root, path, _ = _primary(tokens, index - 2)
    return Chain(kind, root, path, '["', token.text[opening : end - token.start], start, end)


def _chain(tokens: list[Token], index: int) -> Chain | None:
    """The chain that ends with the word at `index`."""
    word = tokens[index]
    before = tokens[index - 1].text if index else ""
    if before == "::":
        return None
    if before in (".", ":"):
        kind, root, path, _ = _primary(tokens, index - 2)
        separator: Separator = "." if before == "." else ":"
        return Chain(kind, root, path, separator, word.text, word.start, word.end)
    return Chain("none", "", (), "", word.text, word.start, word.end)


def _primary(tokens: list[Token], index: int) -> tuple[RootKind, str, tuple[str | int, ...], int]:
    """The expression that ends with the token at `index`: kind and text of its root, path, first token."""
    keys: list[str | int] = []
    closing = 0
    while index >= 0:
        token = tokens[index]
        before = tokens[index - 1] if index else None
        if token.kind is TokenKind.NAME:
            if before is not None and before.text in (".", ":"):
                keys.append(token.text)
                index -= 2
                continue
            return _rooted("name", token.text, keys, index, tokens, closing)
        if token.text == "]":
            opener = _opener(tokens, index)
            key = _key(tokens, opener, index)
            if key is None:
                break
            keys.append(key)
            index = opener - 1
        elif token.text == ")" and not closing:
            closing = index
            index -= 1
        elif token.kind in LITERALS and not token.unfinished and not (before and _can_be_called(before)):
            return _rooted("string", string_content(token), keys, index, tokens, closing)
        else:
            break
    return "unknown", "", (), max(index, 0)


def _rooted(
    kind: RootKind, root: str, keys: list[str | int], index: int, tokens: list[Token], closing: int
) -> tuple[RootKind, str, tuple[str | int, ...], int]:
    """The answer of `_primary`; of brackets around an expression, `closing`, exactly that must be inside."""
    if closing:
        index -= 1
        if index < 0 or tokens[index].text != "(" or (index and _can_be_called(tokens[index - 1])):
            return "unknown", "", (), max(index, 0)
    return kind, root, tuple(reversed(keys)), index


def _opener(tokens: list[Token], index: int) -> int:
    """The bracket that the closing one at `index` belongs to, -1 if there is none."""
    closer = tokens[index].text
    opener = _CLOSERS[closer]
    depth = 0
    for place in range(index, -1, -1):
        text = tokens[place].text
        depth += (text == closer) - (text == opener)
        if depth == 0:
            return place
    return -1


def _key(tokens: list[Token], opener: int, closer: int) -> str | int | None:
    """The constant key between two brackets."""
    if opener < 1 or closer != opener + 2:
        return None
    token = tokens[opener + 1]
    if token.kind in LITERALS:
        return string_content(token)
    if token.kind is TokenKind.NUMBER and token.text.isascii() and token.text.isdigit():
        return int(token.text) if len(token.text) < 19 else None
    return None


def _can_be_called(token: Token) -> bool:
    return token.kind is TokenKind.NAME or token.text in (")", "]")


def _open_call(tokens: list[Token]) -> Call | None:
    """The innermost call that the tokens leave open."""
    index = len(tokens) - 1
    argument = depth = 0
    if index > 0 and tokens[index].kind in LITERALS and tokens[index].unfinished:
        if _can_be_called(tokens[index - 1]):
            return _call(tokens, index, 0)
        index -= 1
    while index >= 0:
        token = tokens[index]
        nesting = NESTING.get(token.text, 0)
        if nesting < 0:
            depth += 1
        elif depth:
            depth -= nesting
        elif token.kind is TokenKind.KEYWORD and token.text not in _EXPRESSION_WORDS:
            return None
        elif token.text == ",":
            argument += 1
        elif nesting > 0:
            if token.text != "[" and index and _can_be_called(tokens[index - 1]):
                return _call(tokens, index, argument if token.text == "(" else 0)
            argument = 0
        index -= 1
    return None


def _call(tokens: list[Token], opener: int, argument: int) -> Call | None:
    """The call whose arguments start at `opener`; None for a declaration and what the text does not name."""
    last = tokens[opener - 1]
    if last.kind is TokenKind.NAME:
        function = _chain(tokens, opener - 1)
        first = opener - 1 if function and not function.separator else _primary(tokens, opener - 3)[3]
        if first > 0 and tokens[first - 1].text == "function":
            return None
    elif last.text == "]" and opener > 3 and tokens[opener - 2].kind in LITERALS:
        function = _string_key(tokens, opener - 2)
    else:
        return None
    return Call(function, argument) if function else None
