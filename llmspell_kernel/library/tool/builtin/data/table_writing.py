"""Tables written in some format. Imports polars."""

from __future__ import annotations

import base64
import io
import tempfile
from typing import TYPE_CHECKING, BinaryIO

import polars as pl

from llmspell_kernel.library.tool.builtin.support import copied, limited, needed

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

MAX_XLSX_ROWS = 1_048_575


def as_text(data: pl.DataFrame, form: str) -> str:
    """In the format; base64 if it is no text."""
    buffer = io.BytesIO()
    _write(data.lazy(), form, buffer)
    return (
        base64.b64encode(buffer.getvalue()).decode()
        if form in ("parquet", "xlsx")
        else buffer.getvalue().decode()
    )


def to_file(frame: pl.LazyFrame, form: str, path: str, tools: Surroundings) -> tuple[int, str]:
    """The number of rows, and the file."""
    rows = int(frame.select(pl.len()).collect(engine="streaming").item())
    with tempfile.TemporaryFile() as made:
        _write(frame, form, made)
        written, _ = copied(made, path, tools.settings.tools.data.max_csv_size, tools)
    return rows, written


def _write(frame: pl.LazyFrame, form: str, target: BinaryIO) -> None:
    match form:
        case "csv":
            frame.sink_csv(target)
        case "tsv":
            frame.sink_csv(target, separator="\t")
        case "json":
            target.write(frame.collect(engine="streaming").write_json().encode())
        case "jsonl":
            frame.sink_ndjson(target)
        case "parquet":
            frame.sink_parquet(target)
        case _:
            data = frame.collect(engine="streaming")
            limited("csv-analyzer", "the number of rows of an xlsx file", data.height, MAX_XLSX_ROWS)
            with needed("csv-analyzer", "XlsxWriter"):
                import xlsxwriter
            # What looks like a formula or a link stays the text that it is.
            options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": False}
            with xlsxwriter.Workbook(target, options) as book:
                data.write_excel(book)
