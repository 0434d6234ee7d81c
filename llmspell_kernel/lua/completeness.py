"""Whether Enter should run what was typed, and how far to indent the next line if not."""

from __future__ import annotations

import re
from collections.abc import Callable

from llmspell_kernel.interpreter import Completeness
from llmspell_kernel.lua.lexer import NESTING, Token, TokenKind, significant, tokenize
from llmspell_kernel.lua.syntax import statements

INDENT = "    "

_COMPLETE = Completeness("complete")
_INVALID = Completeness("invalid")

_HELP = re.compile(r"\?{1,2}\s*[\w.:%]+|[\w.:%]+\?{1,2}|\?")
_MAGIC_LINE = re.compile(r"^[ \t]*[%!][^\r\n]*", re.MULTILINE)
_AT_END = re.compile(r"near '?<eof>'?\s*\Z")
_LINE_END = re.compile(r"\r\n?|\n\r?")
_GOES_ON = re.compile(r"(?<!\\)(?:\\\\)*\\(?:z[ \t\v\f\r\n]*|\r\n?|\n\r?)?\Z")
"""The end of a short string that the next line may finish: a line end or `\\z` behind a backslash."""


def completeness(code: str, compile_error: Callable[[str], str | None]) -> Completeness:
    """Whether `code` can run as it stands.

    Args:
        code: Lua or magics.
        compile_error: Lua's own syntax error for a chunk, None if there is none.
    """
    stripped = code.strip()
    if not stripped or _HELP.fullmatch(stripped):
        return _COMPLETE
    if stripped.startswith("%%"):
        return _cell_magic(code)
    if stripped[0] in "%!" and not _LINE_END.search(stripped):
        return _COMPLETE
    found = _of_lua(code, compile_error)
    if found.status == "invalid" and _MAGIC_LINE.search(code):
        return _of_lua(_MAGIC_LINE.sub("", code), compile_error)
    return found


def _cell_magic(code: str) -> Completeness:
    """A cell magic takes lines until a blank one, for only its own language knows what is whole."""
    lines = _LINE_END.split(code)
    return Completeness("incomplete") if lines[-1].strip() else _COMPLETE


def _of_lua(code: str, compile_error: Callable[[str], str | None]) -> Completeness:
    errors = []
    for attempt in (code, _returning(code)):
        error = compile_error(attempt) if attempt is not None else ""
        if error is None:
            return _COMPLETE
        errors.append(error)
    if not any(_AT_END.search(error) for error in errors):
        return _INVALID
    tokens = tokenize(code)
    last = tokens[-1] if tokens else None
    if last and last.unfinished:
        # Lua reports the end of input for these too, but no further line can finish a short string.
        hopeless = last.kind is TokenKind.STRING and not _GOES_ON.search(last.text)
        return _INVALID if hopeless else Completeness("incomplete")
    return Completeness("incomplete", _indent(code, significant(tokens)))


def _returning(code: str) -> str | None:
    """The code with `return` before the expressions that it ends with, None if it does not end with any."""
    found = statements(code)
    if not found or found[-1].kind != "expression":
        return None
    start = found[-1].start
    return f"{code[:start]}return {code[start:]}"


class _Open:
    """An open block or bracket.

    `base` is the indent that its inside is one level deeper than, `body` that of the latest line in it.
    `hugs`: what opens inside it on the same line adds no level, as in `f(function()` and `function f(`.
    """

    __slots__ = ("base", "body", "hugs", "line", "opener")

    def __init__(self, text: str, line: int, base: str) -> None:
        self.opener = text
        self.line = line
        self.base = base
        self.body: str | None = None
        self.hugs = text in ("(", "[", "{", "function")


def _indent(code: str, tokens: list[Token]) -> str:
    """The indent of the line after `code`: as its siblings', or one level more than what it is in."""
    lines = _LINE_END.split(code)
    chunk = _Open("", 0, "")
    stack = [chunk]
    line, indent = 0, ""
    for token in tokens:
        nesting = NESTING.get(token.text, 0)
        top = stack[-1]
        if token.line > line:
            line = token.line
            if nesting < 0 or token.text in ("else", "elseif"):
                indent = top.base
            else:
                indent = top.body = _leading_blanks(lines[line - 1])
        if nesting > 0:
            stack.append(_Open(token.text, line, _base(top, line, indent)))
        elif nesting < 0 and top is not chunk:
            stack.pop()
            if token.text == ")":
                # Behind its parameters, what opens on a function's own line is in its body.
                stack[-1].hugs = stack[-1].hugs and stack[-1].opener != "function"
        elif token.text in ("else", "elseif"):
            top.line, top.body = line, None
    top = stack[-1]
    if top.body is not None:
        return top.body
    return top.base if top is chunk else top.base + INDENT


def _base(parent: _Open, line: int, indent: str) -> str:
    if parent.line != line:
        return indent
    return parent.base if parent.hugs else parent.base + INDENT


def _leading_blanks(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
