r"""Lua source as tokens, also when it is half typed.

Covers Lua 5.1 to 5.5 and LuaJIT in one lexer: what only one of them knows is accepted for all. Nothing is
refused: an unfinished string or comment is a token that says so, a stray character is an `ERROR` token.
Offsets count code points of the `str`, lines count from 1 and end as Lua's do (`\r\n` is one end).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from functools import partial
from itertools import pairwise
from typing import NamedTuple


class TokenKind(Enum):
    """What a token is."""

    NAME = "name"
    KEYWORD = "keyword"
    NUMBER = "number"
    STRING = "string"
    LONGSTRING = "long string"
    COMMENT = "comment"
    OPERATOR = "operator"
    ERROR = "error"


class Token(NamedTuple):
    """One token: `text` is `code[start:end]`, `line` the line it starts on."""

    kind: TokenKind
    text: str
    start: int
    end: int
    line: int
    unfinished: bool


RESERVED = frozenset(
    "and break do else elseif end false for function if in local nil not or repeat return then true until "
    "while".split()
)
CONTEXTUAL = frozenset(("goto", "global"))
"""Keywords only where a statement can start, for in some of the Luas they are ordinary names."""

KEYWORDS = RESERVED | CONTEXTUAL

LITERALS = frozenset((TokenKind.STRING, TokenKind.LONGSTRING))
"""The kinds of token that are a string."""

NESTING = {
    **dict.fromkeys(("(", "{", "[", "function", "do", "if", "repeat"), 1),
    **dict.fromkeys((")", "}", "]", "end", "until"), -1),
}
"""How a token's text changes the depth: `while` and `for` nest through their `do`."""

# Every byte from 0x80 is a letter to LuaJIT, so every non-ASCII character is one here. The sets say what of
# ASCII is none: a range up to U+10FFFF takes ten times as long to compile, at every start.
_NAME = r"[^\x00-@\[-^`{-\x7f][^\x00-/:-@\[-^`{-\x7f]*+"
_ESCAPE = r"\\(?:z[ \t\n\v\f\r]*+|\r\n|\n\r|.)"
_DOUBLE = rf'"[^"\\\r\n]*+(?:{_ESCAPE}[^"\\\r\n]*+)*+'
_SINGLE = rf"'[^'\\\r\n]*+(?:{_ESCAPE}[^'\\\r\n]*+)*+"

# Blanks are skipped here and `end` matches after the last ones: without it a search over a long tail of
# blanks would be quadratic.
_TOKEN = re.compile(
    rf"""[ \t\v\f]*+(?:
      (?P<word>{_NAME})
    | (?P<newline>\r\n?|\n\r?)
    | (?P<operator>\.\.\.|\.\.|\.(?![0-9])|::|[=<>~]=|//|<<|>>|-(?!-)|\[(?!=*\[)|[+*/%^\#&~|<>=(){{}}\];:,])
    | (?P<string>{_DOUBLE}"|{_SINGLE}')
    | (?P<number>0[xX](?:[pP][+-]|[\w.])*+|\.?[0-9](?:[eE][+-]|[\w.])*+)
    | (?P<comment>--(?!\[=*\[)[^\r\n]*+)
    | (?P<longcomment>--\[(?P<level1>=*)\[.*?\](?P=level1)\])
    | (?P<longstring>\[(?P<level2>=*)\[.*?\](?P=level2)\])
    | (?P<openstring>{_DOUBLE}\\?|{_SINGLE}\\?)
    | (?P<opencomment>--\[=*\[.*)
    | (?P<openlongstring>\[=*\[.*)
    | (?P<end>\Z)
    | (?P<error>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_WORD = _TOKEN.groupindex["word"]
_OPERATOR = _TOKEN.groupindex["operator"]
_NEWLINE = _TOKEN.groupindex["newline"]
_END = _TOKEN.groupindex["end"]
_KIND_OF_GROUP = {
    _TOKEN.groupindex[group]: (kind, group.startswith("open"), group not in ("number", "comment", "error"))
    for group, kind in (
        ("number", TokenKind.NUMBER),
        ("string", TokenKind.STRING),
        ("openstring", TokenKind.STRING),
        ("longstring", TokenKind.LONGSTRING),
        ("openlongstring", TokenKind.LONGSTRING),
        ("comment", TokenKind.COMMENT),
        ("longcomment", TokenKind.COMMENT),
        ("opencomment", TokenKind.COMMENT),
        ("error", TokenKind.ERROR),
    )
}
"""Group of the pattern -> kind, whether it is unfinished, whether it may span lines."""

_KIND_OF_WORD = {word: TokenKind.KEYWORD for word in RESERVED}
_TOKEN_OF = partial(tuple.__new__, Token)
"""A token of a tuple of its fields, in a third of the time of `Token(...)`."""

_LINE_END = re.compile(r"\r\n?|\n\r?")
_SHEBANG = re.compile(r"#![^\r\n]*")
_LONG_OPENING = re.compile(r"\[=*\[")

_FIRST_LINE_END = re.compile(r"\A(?:\r\n?|\n\r?)")
_ESCAPED = re.compile(rb"\\([0-9]{1,3}|x[0-9a-fA-F]{2}|u\{[0-9a-fA-F]+\}|z\s*|\r\n|.|\Z)", re.DOTALL)
_SIMPLE_ESCAPES = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}

# What may stand before a statement: anything that ends an expression or opens a block.
_BEFORE_STATEMENT = frozenset(
    (";", ")", "]", "}", "...", "::", *"end then do else repeat break nil true false".split())
)
_ENDS_EXPRESSION = frozenset((TokenKind.NAME, TokenKind.NUMBER, TokenKind.STRING, TokenKind.LONGSTRING))


def tokenize(code: str, *, comments: bool = True) -> list[Token]:
    """The tokens of `code` in order, without its comments if they are not wanted. Never raises."""
    tokens: list[Token] = []
    append, make = tokens.append, _TOKEN_OF
    name, operator, keyword_or = TokenKind.NAME, TokenKind.OPERATOR, _KIND_OF_WORD.get
    line, start = 1, 0
    if shebang := _SHEBANG.match(code):
        start = shebang.end()
        if comments:
            append(Token(TokenKind.COMMENT, shebang[0], 0, start, 1, False))
    for match in _TOKEN.finditer(code, start):
        group = match.lastindex
        if group == _NEWLINE:
            line += 1
            continue
        assert group is not None
        start, end = match.span(group)
        text = code[start:end]
        if group == _WORD:
            append(make((keyword_or(text, name), text, start, end, line, False)))
        elif group == _OPERATOR:
            append(make((operator, text, start, end, line, False)))
        elif group == _END:
            break
        else:
            kind, unfinished, spans_lines = _KIND_OF_GROUP[group]
            if comments or kind is not TokenKind.COMMENT:
                append(make((kind, text, start, end, line, unfinished)))
            if spans_lines and ("\n" in text or "\r" in text):
                line += len(_LINE_END.findall(text))
    if "global" in code or "goto" in code:
        _mark_contextual(tokens)
    return tokens


def _mark_contextual(tokens: list[Token]) -> None:
    """Turn `goto` and `global` into keywords where they can only be that."""
    places = [index for index, token in enumerate(tokens) if token.kind is not TokenKind.COMMENT]
    before: Token | None = None
    for index, following in pairwise(places):
        token = tokens[index]
        if (
            token.text in CONTEXTUAL
            and (before is None or before.kind in _ENDS_EXPRESSION or before.text in _BEFORE_STATEMENT)
            and _follows(token.text, tokens[following])
        ):
            token = tokens[index] = token._replace(kind=TokenKind.KEYWORD)
        before = token


def _follows(keyword: str, following: Token) -> bool:
    """Whether `following` is what comes after the contextual keyword, so that it is no name."""
    if following.kind is TokenKind.NAME:
        return True
    return keyword == "global" and following.text in ("function", "<", "*")


def significant(source: str | Iterable[Token]) -> list[Token]:
    """The tokens of `source`, code or tokens, without comments."""
    if isinstance(source, str):
        return tokenize(source, comments=False)
    return [token for token in source if token.kind is not TokenKind.COMMENT]


def string_opening(text: str) -> int:
    """How many characters of a string token come before its content: 1 for quotes, more for `[=[`."""
    opening = _LONG_OPENING.match(text)
    return opening.end() if opening else 1


def string_content(token: Token) -> str:
    r"""The value of a string token; bytes that are not UTF-8 become surrogates as in `os.fsdecode`."""
    start = string_opening(token.text)
    if token.text[0] == "[":
        return _FIRST_LINE_END.sub("", token.text[start : None if token.unfinished else -start])
    body = token.text[1 : None if token.unfinished else -1]
    if "\\" not in body:
        return body
    encoded = body.encode("utf-8", "surrogatepass")
    return _ESCAPED.sub(_unescaped, encoded).decode("utf-8", "surrogateescape")


def _unescaped(match: re.Match[bytes]) -> bytes:
    text = match[1]
    if text[:1].isdigit():
        return bytes((min(int(text), 255),))
    if text[:1] == b"x":
        return bytes((int(text[1:], 16),))
    if text[:2] == b"u{":
        point = min(int(text[2:-1], 16), 0x10FFFF)
        return chr(point).encode("utf-8", "surrogatepass")
    if text[:1] == b"z":
        return b""
    return _SIMPLE_ESCAPES.get(text, text)


def is_line_comment(token: Token) -> bool:
    """Whether a token is a comment that ends with its line, not with a bracket."""
    return token.kind is TokenKind.COMMENT and not _LONG_OPENING.match(token.text, 2)
