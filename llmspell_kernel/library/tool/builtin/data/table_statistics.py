"""Statistics of tables. Imports polars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from llmspell_kernel.library.tool.builtin.data.table_reading import plain

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.builtin.data.table_reading import Table

TOP = 5
_NAMES = {
    pl.Int64(): "integer",
    pl.Float64(): "float",
    pl.Boolean(): "boolean",
    pl.Date(): "date",
    pl.Datetime(): "datetime",
}


def describe(table: Table) -> tuple[list[dict[str, Any]], int]:
    """Each column, and the number of rows."""
    wanted = [each for at, name in enumerate(table.names) for each in _wanted(table, name, at)]
    found = plain(
        table.frame.select(pl.len().alias("rows"), *wanted).collect(engine="streaming").row(0, named=True)
    )
    columns = []
    for at, name in enumerate(table.names):
        column: dict[str, Any] = {"name": name, "type": _NAMES.get(table.kinds[name], "string")}
        prefix = f"{at} "
        column |= {
            key.removeprefix(prefix): value
            for key, value in found.items()
            if key.startswith(prefix) and value is not None
        }
        columns.append(column)
    return columns, found["rows"]


def _wanted(table: Table, name: str, at: int) -> Iterator[pl.Expr]:
    raw, cell, kind = pl.col(name), table.cell(name), table.kinds[name]
    yield raw.count().alias(f"{at} count")
    yield raw.null_count().alias(f"{at} null_count")
    yield raw.drop_nulls().n_unique().alias(f"{at} unique_count")
    if kind == pl.String():
        yield raw.str.len_chars().min().alias(f"{at} min_length")
        yield raw.str.len_chars().max().alias(f"{at} max_length")
    else:
        yield cell.min().alias(f"{at} min")
        yield cell.max().alias(f"{at} max")
    if kind in (pl.Int64(), pl.Float64()):
        yield cell.mean().alias(f"{at} mean")
        yield cell.median().alias(f"{at} median")
        yield cell.std().alias(f"{at} std_dev")
        yield cell.sum().alias(f"{at} sum")
    if kind in (pl.String(), pl.Boolean()):
        top = raw.alias("value").drop_nulls().value_counts(sort=True, name="count").head(TOP)
        yield top.implode().alias(f"{at} top")
