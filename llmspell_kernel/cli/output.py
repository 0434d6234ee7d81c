"""The forms of a command's result: text and tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmspell_kernel.interpreter import ErrorReport

_BOLD, _RESET = "\x1b[1m", "\x1b[0m"
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_GAP = "  "
_ROOM = 20
"""Columns that a text needs at least."""


@dataclass(slots=True)
class Table:
    """Rows under headings.

    Attributes:
        headings: one for each column; if all are empty there is no line of them.
        rows: cells are turned into text; None is an empty cell.
        right: the columns (from 0) whose cells stand to the right.
        empty: what is shown in place of a table without rows.
        spare: the columns that are left out, one after the other in this order, where a terminal has no room
            for all and for the last one.
    """

    headings: Sequence[str]
    rows: Iterable[Sequence[object]]
    right: Sequence[int] = ()
    empty: str = ""
    spare: Sequence[int] = ()
    _rows: list[list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self._rows = [["" if cell is None else str(cell) for cell in row] for row in self.rows]

    def text(self, *, colours: bool = False, width: int | None = None) -> str:
        """The table; if it would go beyond `width`, spare columns are left out and the last one is cut."""
        if not self._rows:
            return self.empty
        head = [[heading.upper() for heading in self.headings]] if any(self.headings) else []
        lines = [*head, *self._rows]
        places = range(len(self.headings))
        widths = {index: max(columns_of(line[index]) for line in lines) for index in places}
        if width is not None:
            self._narrow(widths, width)
        drawn = [
            _GAP.join(self._cell(line[index], index, widths[index]) for index in widths).rstrip()
            for line in lines
        ]
        if colours and head:
            drawn[0] = f"{_BOLD}{drawn[0]}{_RESET}"
        return "\n".join(drawn)

    def _narrow(self, widths: dict[int, int], width: int) -> None:
        """Makes the columns, each with its width, fit into a width."""
        last = len(self.headings) - 1
        for index in self.spare:
            if _drawn(widths) - widths[last] + min(widths[last], _ROOM) <= width:
                break
            del widths[index]
        widths[last] = max(1, min(widths[last], width - _drawn(widths) + widths[last]))

    def _cell(self, text: str, index: int, width: int) -> str:
        text = text.replace("\n", " ")
        if index == len(self.headings) - 1 and columns_of(text) > width:
            text = cut(_STYLE.sub("", text), width)
        padding = " " * (width - columns_of(text))
        return padding + text if index in self.right else text + padding


def _drawn(widths: Mapping[int, int]) -> int:
    """How wide columns of these widths are together."""
    return sum(widths.values()) + len(_GAP) * (len(widths) - 1)


Text = str | Table


def text_of(text: Text, *, colours: bool) -> str:
    """Text as it is, a table drawn: as wide as the terminal allows, if stdout is one."""
    if isinstance(text, str):
        return text
    return text.text(colours=colours, width=terminal_columns())


def terminal_columns() -> int | None:
    """How wide the terminal is that stdout is; None if it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def wrapped(line: str, margin: str, columns: int | None) -> str:
    """A line; what there is no room for goes on below, behind the margin if that leaves room.

    Words stay whole.
    """
    if columns is None:
        return line
    import textwrap

    indent = margin if columns - len(margin) >= _ROOM else "    " * bool(margin)
    return textwrap.fill(
        line,
        max(columns - 1, _ROOM),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def size(count: int) -> str:
    """A number of bytes, for people, as in "41.2 MB"."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} B"


def json_text(data: object, *, indented: bool = False) -> str:
    """One JSON document without a line break at its end; what JSON cannot say is said as text."""
    indent = 2 if indented else None
    try:
        text = json.dumps(data, ensure_ascii=False, indent=indent, default=_plain, allow_nan=False)
    except ValueError:  # JSON has no word for infinite and undefined numbers
        text = json.dumps(_finite(data), ensure_ascii=False, indent=indent, default=_plain)
    # Bytes that are no UTF-8 are surrogates here; JSON is UTF-8 throughout.
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def ended(status: int, error: ErrorReport | None, task: Mapping[str, Any]) -> dict[str, Any]:
    """The document of what has ended with a status, and perhaps an error; `task` says what it was."""
    document: dict[str, Any] = {"status": "ok" if status == 0 else "error", **task, "exit_code": status}
    if error is not None:
        document["error"] = {
            "name": error.name,
            "message": error.value,
            "traceback": _STYLE.sub("", "\n".join(error.traceback)).splitlines(),
        }
    return document


def _finite(value: Any) -> Any:
    """The same with null for every number that is none, as JavaScript has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


def _plain(value: object) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)


def fact(name: str, value: object) -> tuple[str, str]:
    """A fact of a JSON document, for people: `free_bytes` is a size called `free`."""
    words = name.replace("_", " ")
    if name.endswith("_bytes") and isinstance(value, int):
        return words.removesuffix(" bytes"), size(value)
    return words, str(value)


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in _STYLE.sub("", text)
    )


def cut(text: str, columns: int) -> str:
    """The text, shortened to that many columns, the last of which shows it."""
    while text and columns_of(text) > columns - 1:
        text = text[:-1]
    return text + "…"
