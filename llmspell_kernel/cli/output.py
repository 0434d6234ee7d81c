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


@dataclass(slots=True)
class Table:
    """Rows under headings.

    Attributes:
        headings: one for each column; if all are empty there is no line of them.
        rows: cells are turned into text; None is an empty cell.
        right: the columns (from 0) whose cells stand to the right.
        empty: what is shown in place of a table without rows.
    """

    headings: Sequence[str]
    rows: Iterable[Sequence[object]]
    right: Sequence[int] = ()
    empty: str = ""
    _rows: list[list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self._rows = [["" if cell is None else str(cell) for cell in row] for row in self.rows]

    def text(self, *, colours: bool = False, width: int | None = None) -> str:
        """The table; a last column that would go beyond `width` is cut."""
        if not self._rows:
            return self.empty
        head = [[heading.upper() for heading in self.headings]] if any(self.headings) else []
        lines = [*head, *self._rows]
        widths = [max(columns_of(line[index]) for line in lines) for index in range(len(self.headings))]
        if width is not None:
            before = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
            widths[-1] = max(1, min(widths[-1], width - before))
        drawn = [
            _GAP.join(self._cell(text, index, widths) for index, text in enumerate(line)).rstrip()
            for line in lines
        ]
        if colours and head:
            drawn[0] = f"{_BOLD}{drawn[0]}{_RESET}"
        return "\n".join(drawn)

    def _cell(self, text: str, index: int, widths: Sequence[int]) -> str:
        text = text.replace("\n", " ")
        if index == len(widths) - 1 and columns_of(text) > widths[index]:
            text = cut(_STYLE.sub("", text), widths[index])
        padding = " " * (widths[index] - columns_of(text))
        return padding + text if index in self.right else text + padding


Text = str | Table


def text_of(text: Text, *, colours: bool) -> str:
    """Text as it is, a table drawn: as wide as the terminal allows, if stdout is one."""
    if isinstance(text, str):
        return text
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return text.text(colours=colours, width=width)


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
