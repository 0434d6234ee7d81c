"""What people plot, as records with named fields.

{1, 4, 9}                             numbers: x counts from 1
{{1, 2}, {3, 4}}                      pairs of x and y
{{day = "2024-01-01", n = 3}, ...}    records: options say which fields are x and y
{x = {...}, y = {...}}                columns
{a = {...}, b = {...}}                series, each numbers or pairs
{apples = 3, pears = 5}               a number a name
{"red", "blue", "red"}                names, to be counted
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmspell_kernel.errors import ScriptError

Record = dict[str, Any]

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
SERIES = "series"
"""The field that tells series apart."""


@dataclass(frozen=True, slots=True)
class Table:
    """Records, and the fields that the shape of the data says are x, y and color."""

    records: list[Record]
    x: str | None = None
    y: str | None = None
    color: str | None = None

    def fields(self) -> list[str]:
        """The names of all fields, in order."""
        return sorted({name for record in self.records for name in record})

    def values(self, field: str) -> list[Any]:
        """What is in a field, where it is."""
        return [record[field] for record in self.records if record.get(field) is not None]


def as_table(data: Any, *, columns: bool = False) -> Table:
    """Data in one of the shapes above.

    Args:
        data: lists, dicts, numbers, strings.
        columns: a dict of lists is columns, whatever they are called.

    Raises:
        ScriptError: another shape; says which are known.
    """
    if isinstance(data, Mapping) and data:
        return _named(data, columns)
    if not isinstance(data, list) or not data:
        raise ScriptError(
            f"there is nothing to draw in {_shown(data)}; give a list of numbers, pairs or records"
        )
    if all(isinstance(item, Mapping) for item in data):
        return _records([{str(key): _clean(value) for key, value in item.items()} for item in data])
    if all(_is_scalar(item) for item in data) and all(isinstance(item, str) for item in data):
        return Table([{"value": item} for item in data], x="value")
    return Table(_points(data), x="x", y="y")


def field_type(values: Sequence[Any]) -> str:
    """Vega-Lite's type for values: quantitative, temporal (ISO dates) or nominal."""
    if values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "quantitative"
    if values and all(
        isinstance(value, str) and (_TIME.fullmatch(value) or _DATE.fullmatch(value)) for value in values
    ):
        return "temporal"
    return "nominal"


def is_dates_only(values: Iterable[Any]) -> bool:
    """Whether all values are dates without a time, which browsers read as UTC."""
    return all(isinstance(value, str) and _DATE.fullmatch(value) for value in values)


def _named(data: Mapping[str, Any], columns: bool) -> Table:
    lists = {str(name): value for name, value in data.items() if isinstance(value, list)}
    if len(lists) == len(data):
        if columns or {"x", "y"} <= set(lists):
            return _columns(lists)
        return _series(lists)
    if all(_is_scalar(value) for value in data.values()):
        # Lua's tables have no order: names are sorted, numbers as numbers.
        names = sorted(data, key=_natural)
        return Table([{"name": name, "value": _clean(data[name])} for name in names], x="name", y="value")
    raise ScriptError(
        "a table with names must hold a list under each (columns or series), or a number under each; "
        f"got {', '.join(f'{name} = {_shown(value)}' for name, value in list(data.items())[:3])}"
    )


def _records(records: list[Record]) -> Table:
    names = {name for record in records for name in record}
    return Table(records, *(name if name in names else None for name in ("x", "y")))


def _columns(lists: Mapping[str, list[Any]]) -> Table:
    lengths = {name: len(values) for name, values in lists.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} has {length}" for name, length in sorted(lengths.items()))
        raise ScriptError(f"the columns must have the same length: {said}")
    rows = zip(*lists.values(), strict=True)
    return _records([dict(zip(lists, map(_clean, row), strict=True)) for row in rows])


def _series(lists: Mapping[str, list[Any]]) -> Table:
    records = [
        {**point, SERIES: name} for name in sorted(lists, key=_natural) for point in _points(lists[name])
    ]
    return Table(records, x="x", y="y", color=SERIES)


def _points(values: list[Any]) -> list[Record]:
    return [_point(index, value) for index, value in enumerate(values, 1)]


def _point(index: int, value: Any) -> Record:
    if isinstance(value, list) and len(value) == 2 and all(_is_scalar(part) for part in value):
        return {"x": _clean(value[0]), "y": _clean(value[1])}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"x": index, "y": _clean(value)}
    raise ScriptError(f"item {index} is {_shown(value)}, not a number or a pair {{x, y}}")


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _clean(value: Any) -> Any:
    """JSON has no NaN and no infinity: they are gaps."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _natural(name: str) -> tuple[float, str]:
    try:
        return float(name), name
    except ValueError:
        return math.inf, name


def _shown(value: Any) -> str:
    if isinstance(value, list | Mapping):
        return "a table" if value else "an empty table"
    return "nil" if value is None else repr(value)
