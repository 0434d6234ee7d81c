"""Tables of records, which the kernel gives as HTML, drawn with lines of text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from llmspell_kernel.cli.output import columns_of, cut

_MOST_ROWS = 200
_LEAST_COLUMNS = 6
_BOLD, _DIM, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"


@dataclass(slots=True)
class _Cell:
    text: str = ""
    is_right: bool = False


@dataclass(slots=True)
class _Row:
    cells: list[_Cell] = field(default_factory=list)
    is_head: bool = False


class _Reader(HTMLParser):
    """Takes a table apart; nothing but its cells' text is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[_Row] = []
        self.rest: list[str] = []
        self.tables = 0
        self._is_head = self._is_open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        match tag:
            case "table":
                self.tables += 1
            case "thead" | "tbody":
                self._is_head = tag == "thead"
            case "tr":
                self.rows.append(_Row(is_head=self._is_head))
            case "th" | "td" if self.rows:
                self._is_open = True
                self.rows[-1].cells.append(_Cell("", "right" in (dict(attrs).get("style") or "")))
            case "br":
                self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self._is_open = False

    def handle_data(self, data: str) -> None:
        if self._is_open:
            self.rows[-1].cells[-1].text += data.replace("\n", " ").replace("\t", " ")
        elif data.strip():
            self.rest.append(data.strip())


def drawn(html: str, width: int, *, colours: bool) -> str | None:
    """The table as text of at most `width` columns; None if this is not one table, or it is too wide.

    What stands below the table (how many rows are not shown) follows it.
    """
    reader = _Reader()
    reader.feed(html)
    rows = [row for row in reader.rows if row.cells]
    if reader.tables != 1 or len(rows) < 2 or len({len(row.cells) for row in rows}) != 1:
        return None
    hidden = max(0, len(rows) - _MOST_ROWS - 1)
    rows = rows[: _MOST_ROWS + 1]
    widths = _widths(rows, width)
    if widths is None:
        return None
    lines = []
    for number, row in enumerate(rows):
        lines.append(_line(row, widths, colours=colours))
        if row.is_head and not (number + 1 < len(rows) and rows[number + 1].is_head):
            rule = "─┼─".join("─" * each for each in widths)
            lines.append(f"{_DIM}{rule}{_RESET}" if colours else rule)
    if hidden:
        reader.rest.insert(0, f"... {hidden:,} more rows")
    return "\n".join([*lines, *reader.rest])


def _widths(rows: list[_Row], width: int) -> list[int] | None:
    """Of the columns: the widest give way until the table fits."""
    widths = [
        max(max(columns_of(row.cells[index].text) for row in rows), 1) for index in range(len(rows[0].cells))
    ]
    room = width - 3 * (len(widths) - 1)
    while sum(widths) > room:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= _LEAST_COLUMNS:
            return None
        widths[widest] -= 1
    return widths


def _line(row: _Row, widths: list[int], *, colours: bool) -> str:
    parts = []
    for index, (cell, width) in enumerate(zip(row.cells, widths, strict=True)):
        text = cell.text if columns_of(cell.text) <= width else cut(cell.text, width)
        padding = " " * (width - columns_of(text))
        text = padding + text if cell.is_right else text + padding
        if colours and (row.is_head or index == 0):
            text = f"{_BOLD if row.is_head else _DIM}{text}{_RESET}"
        parts.append(text)
    bar = f" {_DIM}│{_RESET} " if colours else " │ "
    return bar.join(parts).rstrip()
