"""Tables of CSV, found out about and opened. Imports polars."""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import os
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

import polars as pl

from llmspell_kernel.errors import ParameterError, ToolError
from llmspell_kernel.library.tool.builtin.support import limited

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.builtin.data.tables import Options
    from llmspell_kernel.library.tool.surroundings import Surroundings

SAMPLE = 64 * 1024
CHUNK = 1024 * 1024
MAX_COLUMNS = 10_000
SAMPLE_ROWS = 1000
MAX_CELL = 1024 * 1024
MAX_PATH = 4095

_DELIMITERS = ",;\t|"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_EXTENSIONS = (".csv", ".tsv", ".tab", ".txt", ".psv")


class Table:
    """An open table.

    Attributes:
        frame: its rows; all cells are strings, or null if empty.
        names: of its columns.
    """

    def __init__(self, tool: str, source: BinaryIO, delimiter: str, encoding: str, header: bool) -> None:
        self.tool = tool
        self.delimiter = delimiter
        self.encoding = encoding
        self.header = header
        self._source = source
        self.frame = self._scan(ragged=True)
        self.names = self.frame.collect_schema().names()
        limited(tool, "the number of columns", len(self.names), MAX_COLUMNS)

    def _scan(self, *, ragged: bool) -> pl.LazyFrame:
        # The open file, not its path: that might lead elsewhere by now.
        path = f"/proc/self/fd/{self._source.fileno()}"
        try:
            return pl.scan_csv(
                path if os.path.exists(path) else self._source,
                has_header=self.header,
                separator=self.delimiter,
                infer_schema=False,
                truncate_ragged_lines=ragged,
                glob=False,
            )
        except pl.exceptions.NoDataError as error:
            raise ParameterError(self.tool, ["input has no data"]) from error

    @cached_property
    def kinds(self) -> dict[str, pl.DataType]:
        """What the cells of each column are: integers, floats, booleans, dates, times, or strings."""
        # All rows are looked at only for what the first ones may be.
        first, _ = _fitting(self.frame.head(SAMPLE_ROWS), {name: list(_KINDS) for name in self.names})
        fitting, filled = _fitting(self.frame, first)
        return {
            name: _KINDS[fitting[name][0]] if fitting[name] and name in filled else pl.String()
            for name in self.names
        }

    def told(self, frame: pl.LazyFrame, form: str | None, but: Collection[str] = ()) -> pl.LazyFrame:
        """Rows of it with cells of their kinds, but for some columns; in formats of texts they stay texts."""
        if form in (None, "csv", "tsv"):
            return frame
        return frame.with_columns(self.cell(name) for name in self.names if name not in but)

    def cell(self, name: str) -> pl.Expr:
        """The cells of a column, as what they are."""
        return cast(pl.col(name), self.kinds[name])

    def check(self, name: str, names: list[str] | None = None) -> None:
        """Whether there is such a column.

        Raises:
            ParameterError: there is none.
        """
        known = self.names if names is None else names
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)[:300]}"
            raise ParameterError(self.tool, [f"there is no column {name!r}; {hint}"])

    def refuse_extra_cells(self) -> None:
        """Checks that no row has more cells than there are columns, but for empty ones.

        Raises:
            ParameterError: one has.
        """
        try:
            # Only columns that something is asked about are read.
            self._scan(ragged=False).select(pl.all().null_count()).collect(engine="streaming")
        except pl.exceptions.ComputeError:  # for this reason, or another that shows when it is worked on
            count = len(self.names)
            for number, row in enumerate(filter(None, self.rows()), 0 if self.header else 1):
                if any(row[count:]):
                    raise ParameterError(
                        self.tool,
                        [
                            f"row {number} has {len(row)} cells, and there are {count} columns (the "
                            "operation 'validate' tells all such rows; options.extra_cells = 'drop' leaves "
                            "the rest out)"
                        ],
                    ) from None

    def row_count(self) -> int:
        """How many there are."""
        return int(self.frame.select(pl.len()).collect(engine="streaming").item())

    def records(self, frame: pl.LazyFrame) -> list[dict[str, Any]]:
        """Rows as values by names of columns."""
        typed = frame.with_columns(self.cell(name) for name in self.names)
        return [plain(row) for row in typed.collect(engine="streaming").iter_rows(named=True)]

    def rows(self) -> Iterator[list[str]]:
        """All rows as they are, the header too; of whatever length."""
        self._source.seek(0)
        csv.field_size_limit(MAX_CELL)
        text = io.TextIOWrapper(self._source, encoding="utf-8", newline="")
        try:
            yield from csv.reader(text, delimiter=self.delimiter)
        except csv.Error as error:
            raise ToolError(f"{self.tool}: {error}") from error
        finally:
            # A reader that stops early may come here when the file is closed.
            with suppress(ValueError):
                text.detach()


_KINDS: dict[str, pl.DataType] = {
    "integer": pl.Int64(),
    "float": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime(),
}


def cast(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Strings as what they are; null where they are something else."""
    text = column.str.strip_chars()
    if kind == pl.String():
        return column
    if kind == pl.Boolean():
        lower = text.str.to_lowercase()
        return (
            pl.when(lower == "true")
            .then(True)
            .when(lower == "false")
            .then(False)
            .alias(column.meta.output_name())
        )
    if kind == pl.Date():
        return text.str.to_date("%Y-%m-%d", strict=False)
    if isinstance(kind, pl.Datetime):
        return text.str.replace(" ", "T", literal=True).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False)
    number = text.cast(kind, strict=False)
    return pl.when(number.is_finite()).then(number) if kind == pl.Float64() else number


def _fitting(frame: pl.LazyFrame, kinds: dict[str, list[str]]) -> tuple[dict[str, list[str]], set[str]]:
    """The kinds that all filled cells of each column are of, and the columns that have such cells."""
    wanted = [each for at, name in enumerate(kinds) for each in _counting(pl.col(name), at, kinds[name])]
    counts = frame.select(wanted).collect(engine="streaming").row(0, named=True) if wanted else {}
    fitting: dict[str, list[str]] = {}
    filled = set()
    for at, name in enumerate(kinds):
        count = counts.get(f"{at} filled", 0)
        if count:
            filled.add(name)
        zeros, long = counts.get(f"{at} zeros", 0), counts.get(f"{at} long", 0)
        fits = [kind for kind in kinds[name] if counts[f"{at} {kind}"] == count]
        fitting[name] = [] if zeros else [kind for kind in fits if kind != "float" or not long]
    return fitting, filled


def _counting(column: pl.Expr, at: int, kinds: list[str]) -> Iterator[pl.Expr]:
    if not kinds:
        return
    yield column.count().alias(f"{at} filled")
    # 00501 is a code, not a number.
    yield column.str.contains(r"^\s*[+-]?0\d").sum().alias(f"{at} zeros")
    # A float has no more than 15 digits for sure: longer numbers stay as they are.
    yield column.str.contains(r"^\s*[+-]?\d{16,}\s*$").sum().alias(f"{at} long")
    for kind in kinds:
        yield cast(column, _KINDS[kind]).count().alias(f"{at} {kind}")


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Times as texts."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}


@contextmanager
def opened(tool: str, source: str, options: Options, tools: Surroundings) -> Iterator[Table]:
    """A table given as text or by the path of a file.

    Raises:
        ParameterError: it is none.
        NotAllowedError: the file must not be read.
    """
    limit = tools.settings.tools.data.max_csv_size
    with ExitStack() as stack:
        if _is_path(source, options.delimiter or _DELIMITERS):
            stream: BinaryIO = stack.enter_context(tools.files.open(source.strip(), limit))
        else:
            limited(tool, "the size of the input", len(source), limit, "tools.data.max_csv_size")
            stream = io.BytesIO(source.encode("utf-8", "replace"))
        sample = stream.read(SAMPLE)
        if not sample.strip():
            raise ParameterError(tool, ["input is empty"])
        stream.seek(0)
        encoding = options.encoding or _encoding(sample, stream)
        try:
            codecs.lookup(encoding)
            if encoding.lower().replace("_", "-") not in ("utf-8", "utf8", "ascii") or isinstance(
                stream, io.BytesIO
            ):
                stream = _utf8(stream, encoding, stack)
        except (LookupError, UnicodeError) as error:
            raise ParameterError(tool, [f"input cannot be read as {encoding}: {error}"]) from error
        head = stream.read(SAMPLE).decode("utf-8", "replace")
        stream.seek(0)
        delimiter = options.delimiter or _delimiter(head, cut=len(head) >= SAMPLE // 4)
        stream = _without_blank_lines(stream, delimiter, stack)
        yield Table(tool, stream, delimiter, encoding, options.has_header)


def _is_path(source: str, delimiters: str) -> bool:
    """A table has at least two lines, or two cells."""
    text = source.strip()
    if not text or len(text.splitlines()) > 1 or len(text) > MAX_PATH:
        return False
    return text.lower().endswith(_EXTENSIONS) or not any(each in text for each in delimiters)


def _encoding(sample: bytes, stream: BinaryIO) -> str:
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := stream.read(CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        stream.seek(0)
    return "utf-8"


def _utf8(stream: BinaryIO, encoding: str, stack: ExitStack) -> BinaryIO:
    """A copy that is UTF-8."""
    copy: BinaryIO = stack.enter_context(tempfile.TemporaryFile())
    # Windows-1252 has no meaning for five bytes.
    errors = "replace" if encoding == "cp1252" else "strict"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    while chunk := stream.read(CHUNK):
        copy.write(decoder.decode(chunk).encode("utf-8", "replace"))
    copy.write(decoder.decode(b"", final=True).encode("utf-8", "replace"))
    copy.seek(0)
    return copy


def _holds(stream: BinaryIO, *texts: bytes) -> bool:
    """Whether any of some texts of up to three bytes is there; the beginning counts as that of a line."""
    stream.seek(0)
    try:
        before = b"\n"
        while chunk := stream.read(CHUNK):
            seen = before + chunk
            if any(text in seen for text in texts):
                return True
            before = seen[-2:]
        return False
    finally:
        stream.seek(0)


def _without_blank_lines(stream: BinaryIO, delimiter: str, stack: ExitStack) -> BinaryIO:
    """The table without lines that are no rows, as `csv` sees it; polars would take them for empty rows."""
    if not _holds(stream, b"\n\n", b"\n\r\n"):
        return stream
    copy: BinaryIO = stack.enter_context(tempfile.TemporaryFile())
    if _holds(stream, b'"'):
        copy.writelines(_lines_of_rows(stream, delimiter))
    else:
        copy.writelines(line for line in stream if line not in (b"\n", b"\r\n"))
    copy.seek(0)
    return copy


def _lines_of_rows(stream: BinaryIO, delimiter: str) -> Iterator[bytes]:
    """The lines that rows consist of; the empty ones within cells are among them."""
    # A limit would be for cells, which are measured when they are read.
    csv.field_size_limit(sys.maxsize)
    # Each byte is a character here, and stays as it is.
    text = io.TextIOWrapper(stream, encoding="latin-1", newline="")
    lines: list[str] = []
    at_start = True

    def noted() -> Iterator[str]:
        for line in text:
            lines.append(line)
            yield line

    for row in csv.reader(noted(), delimiter=delimiter):
        # A line that ends in \r for `csv` goes on for polars.
        if row or not at_start:
            yield "".join(lines).encode("latin-1")
            at_start = lines[-1].endswith("\n")
        lines.clear()
    text.detach()


def _delimiter(head: str, *, cut: bool) -> str:
    """The one that makes most rows of the same number of cells, which is more than one."""
    lines = head.splitlines(keepends=True)[:50]
    if cut and len(lines) > 1:
        lines.pop()
    best, most = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        usual = max(set(widths), key=widths.count) if widths else 0
        if usual > 1 and (score := (widths.count(usual) / len(widths), usual)) > most:
            best, most = delimiter, score
    return best
