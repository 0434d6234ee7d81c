r"""A cell cut into Lua and magics.

A line is a magic if, after blanks, it begins with `!` or with `%` and a name, and stands at the top
level: not in a long string or comment, an open block, bracket or expression. `x = 10` followed by a line
`%y` is Lua's modulo unless `y` names a magic. A backslash at the end of a magic's line continues it on
the next one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from llmspell_kernel.lua.lexer import NESTING, tokenize
from llmspell_kernel.lua.lexer import significant as without_comments
from llmspell_kernel.lua.syntax import BINARY

PartKind = Literal["lua", "line", "cell", "shell", "help"]

_LINE = re.compile(r"([^\r\n]*)(\r\n?|\n\r?|\Z)")
_LINE_END = re.compile(r"\r\n?|\n\r?")
_NAME = r"[A-Za-z_]\w*"
_MAGIC = re.compile(rf"[ \t]*(?P<sign>%%?)(?P<name>{_NAME})(?P<rest>.*)", re.DOTALL)
_SHELL = re.compile(r"[ \t]*!(?P<rest>.*)", re.DOTALL)
_ASKED = r"%{0,2}[^\W\d][\w.:]*"
_HELP = re.compile(
    rf"[ \t]*(?:(?P<marks>\?{{1,2}})[ \t]*(?P<name>{_ASKED})"
    rf"|(?P<name2>{_ASKED})[ \t]*(?P<marks2>\?{{1,2}}))[ \t]*"
)
_CELL_MAGIC = re.compile(rf"\s*^[ \t]*%%(?P<name>{_NAME})(?P<rest>[^\r\n]*)(?:\r\n?|\n\r?|\Z)", re.MULTILINE)
_WORD = re.compile(r"\s*(?:(?P<name>exit|quit|help)(?:\(\))?|\?)\s*")
_CANDIDATE = re.compile(r"[ \t]*(?:%%?[A-Za-z_]|[!?])|[^\r\n?]*\?{1,2}[ \t]*\Z")
_GOES_ON = BINARY | {"not", "#", "local", "function", ".", ":", "global"}


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a cell, `code[start:end]`, whose first line is `line` (from 1).

    Attributes:
        name: the magic's, or the name that help is asked for.
        text: Lua source, a magic's arguments, a shell command, or the question marks.
        body: the lines below a cell magic.
        body_line: the line on which the body starts.
    """

    kind: PartKind
    start: int
    end: int
    line: int
    text: str
    name: str = ""
    body: str = ""
    body_line: int = 0


def split(
    code: str, known: Container[str] = (), is_lua: Callable[[str], bool] = lambda code: False
) -> list[Part]:
    """The parts of a cell in order; blank Lua between magics is left out.

    Args:
        code: the cell.
        known: names that are line magics.
        is_lua: asked whether a whole text is Lua, when a line could be Lua's modulo.
    """
    if whole := _cell_magic(code):
        return [whole]
    parts: list[Part] = []
    begin, begin_line, after = 0, 1, 0
    level = _Level(code)
    for start, line, text in _lines(code):
        if start < after or not _CANDIDATE.match(text):
            continue
        after = level.advance(start)
        if not level.is_top:
            continue
        found = _line_part(code, start, line, text)
        if found is None or (
            found.kind == "line" and found.name not in known and is_lua(_lua_around(code, begin, begin_line))
        ):
            continue
        _add_lua(parts, code, begin, start, begin_line)
        parts.append(found)
        begin = after = found.end
        level = _Level(code, begin)
        begin_line = line + len(_LINE_END.findall(code, start, found.end))
    _add_lua(parts, code, begin, len(code), begin_line)
    return parts


def lone_word(code: str) -> Part | None:
    """The magic that a whole cell stands for: `exit`, `quit` (both also called), `help`, `?`.

    Its text is the Lua name that was typed, if it is one: as a variable of the user's it is no magic.
    """
    found = _WORD.fullmatch(code)
    if found is None:
        return None
    name = found["name"] or ""
    line = 1 + len(_LINE_END.findall(code[: len(code) - len(code.lstrip())]))
    magic = "quickref" if name in ("", "help") else "exit"
    return Part("line", 0, len(code), line, name, magic)


def blank_magics(code: str, parts: Sequence[Part]) -> str:
    """The cell with spaces where magics are, so that offsets and lines stay."""
    pieces = []
    for part in parts:
        piece = code[part.start : part.end]
        pieces.append((part.start, piece if part.kind == "lua" else re.sub(r"[^\r\n]", " ", piece)))
    text, position = "", 0
    for start, piece in pieces:
        text += code[position:start] + piece
        position = start + len(piece)
    return text + code[position:]


def at_top_level(before: str) -> bool:
    """Whether a statement could begin behind this Lua source."""
    level = _Level(before)
    level.advance(len(before))
    return level.is_top


class _Level:
    """Follows Lua source from `position` on: whether a statement can begin at the place it has come to."""

    def __init__(self, code: str, position: int = 0) -> None:
        self._code = code
        self._position = position
        self._depth = 0
        self._last = ""
        self._in_literal = False

    def advance(self, to: int) -> int:
        """Goes on to the start of a line.

        Answers where the string or comment around it ends, `to` if there is none.
        """
        tokens = tokenize(self._code[self._position : to])
        self._in_literal = bool(tokens) and tokens[-1].unfinished
        if self._in_literal:
            opening = self._position + tokens[-1].start
            return opening + tokenize(self._code[opening:])[0].end
        self._position = to
        tokens = without_comments(tokens)
        self._depth += sum(NESTING.get(token.text, 0) for token in tokens)
        self._last = tokens[-1].text if tokens else self._last
        return to

    @property
    def is_top(self) -> bool:
        """Whether it is at the top level, and no expression goes on."""
        return not self._in_literal and self._depth <= 0 and self._last not in _GOES_ON


def _lines(code: str) -> Iterator[tuple[int, int, str]]:
    """Offset, number and text of each line."""
    number = 1
    for match in _LINE.finditer(code):
        yield match.start(), number, match[1]
        number += 1


def _cell_magic(code: str) -> Part | None:
    found = _CELL_MAGIC.match(code)
    if found is None or found["rest"].rstrip().endswith("?"):
        return None
    line = 1 + len(_LINE_END.findall(code, 0, found.start("name")))
    return Part(
        "cell", 0, len(code), line, found["rest"].strip(), found["name"], code[found.end() :], line + 1
    )


def _line_part(code: str, start: int, line: int, text: str) -> Part | None:
    if asked := _HELP.fullmatch(text):
        name = asked["name"] or asked["name2"]
        return Part("help", start, start + len(text), line, asked["marks"] or asked["marks2"], name)
    end = _end_of(code, start)
    whole = code[start:end]
    if shell := _SHELL.fullmatch(whole):
        return Part("shell", start, end, line, shell["rest"].strip())
    magic = _MAGIC.fullmatch(whole)
    if magic is None:
        return None
    kind: PartKind = "cell" if magic["sign"] == "%%" else "line"
    rest = re.sub(r"\\(?:\r\n?|\n\r?)", " ", magic["rest"]).strip()
    return Part(kind, start, end, line, rest, magic["name"])


def _end_of(code: str, start: int) -> int:
    """Where the line that starts at `start` ends, with the lines that backslashes join to it."""
    while True:
        match = _LINE.match(code, start)
        assert match is not None
        if not match[1].endswith("\\") or not match[2]:
            return match.end(1)
        start = match.end()


def _lua_around(code: str, begin: int, line: int) -> str:
    return "\n" * (line - 1) + code[begin:]


def _add_lua(parts: list[Part], code: str, start: int, end: int, line: int) -> None:
    text = code[start:end]
    if text.strip():
        parts.append(Part("lua", start, end, line, text))
