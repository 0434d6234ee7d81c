"""Charts as Vega-Lite specifications, with defaults that look good."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from llmspell_kernel.errors import OptionError, ScriptError
from llmspell_kernel.library.plot.data import SERIES, Record, Table, as_table, field_type, is_dates_only

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""Names the version of the language; nothing is loaded from there."""

MARKS = {"line": "line", "scatter": "point", "bar": "bar", "histogram": "bar", "area": "area"}
"""Our charts and Vega-Lite's mark for each."""

CONFIG: Spec = {
    "view": {"stroke": "transparent"},
    "axis": {
        "gridColor": "#e8e8e8",
        "domainColor": "#888",
        "tickColor": "#888",
        "labelColor": "#444",
        "titleColor": "#222",
        "titleFontWeight": "normal",
    },
    "axisX": {"grid": False},
    "title": {"anchor": "start", "fontSize": 15, "fontWeight": 600, "offset": 12},
    "legend": {"titleFontWeight": "normal", "labelColor": "#444"},
}
_TYPES = {"Q": "quantitative", "N": "nominal", "O": "ordinal", "T": "temporal"}
_FEW_POINTS = 40
_FEW_TICKS = 8
_YEARS = range(1000, 3000)


@dataclass(frozen=True, slots=True)
class ChartOptions:
    """What a script may say about a chart; fields may carry a type: `"year:O"` (Q, N, O or T).

    Attributes:
        x: field of the horizontal axis.
        y: field of the vertical axis, or several, each a series.
        color: field that tells series apart, or a CSS colour.
        size: field of a scatter plot's sizes.
        title: above the chart.
        xlabel: of the horizontal axis.
        ylabel: of the vertical axis.
        width: pixels.
        height: pixels.
        log: axes with a logarithmic scale: true (y), "x", "y" or "xy".
        bins: how many bars a histogram has at the most.
        stacked: series of bars and areas stand on each other.
        horizontal: bars lie.
        points: marks on a line; by default where there are few.
        png: whether a picture is made for places that draw no Vega-Lite.
    """

    x: str | None = None
    y: str | Sequence[str] | None = None
    color: str | None = None
    size: str | None = None
    title: str | None = None
    xlabel: str | None = None
    ylabel: str | None = None
    width: float = 480
    height: float = 280
    log: bool | str = False
    bins: float = 30
    stacked: bool | None = None
    horizontal: bool = False
    points: bool | None = None
    png: bool = True

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ChartOptions:
        """Options by name.

        Raises:
            ScriptError: an unknown name, or a value of the wrong type.
        """
        known = {field.name: str(field.type) for field in fields(cls)}
        for name, value in options.items():
            if name not in known:
                raise OptionError(OptionError.text(name, list(known)))
            _check(name, value, known[name])
        if options.get("log", False) not in (True, False, "x", "y", "xy"):
            raise ScriptError(f"""option 'log' must be true, "x", "y" or "xy", not {options["log"]!r}""")
        return cls(**options)


def chart(kind: str, data: Any, options: ChartOptions) -> Spec:
    """A chart of the kind, a key of `MARKS`, with the data in it.

    Raises:
        ScriptError: data that cannot be drawn so, or fields that it does not have.
    """
    table = _in_series(as_table(data, columns=bool(options.x or options.y)), options)
    x, y = _axes(kind, table, options)
    color = _color_field(table, options)
    encoding = _encoding(kind, table, options, x, y, color)
    if options.horizontal:
        _swap(encoding)
    mark: Spec = {"type": MARKS[kind], "tooltip": True}
    if kind == "line" and (len(table.records) <= _FEW_POINTS if options.points is None else options.points):
        mark["point"] = True
    elif kind == "scatter":
        mark |= {"filled": True, "opacity": 0.8, "size": 60}
    elif kind in ("area", "histogram") and color and not options.stacked:
        mark |= {"opacity": 0.6}
    if options.color and not color:
        mark["color"] = options.color
    spec: Spec = {"$schema": SCHEMA, "config": CONFIG, "width": options.width, "height": options.height}
    if options.title:
        spec["title"] = options.title
    return spec | {"data": {"values": table.records}, "mark": mark, "encoding": encoding}


def _in_series(table: Table, options: ChartOptions) -> Table:
    """Several y fields become one field and a series for each."""
    if options.y is None or isinstance(options.y, str):
        return table
    names = [_field(name)[0] for name in options.y]
    for name in names:
        _known(table, "y", name)
    kept = [name for name in table.fields() if name not in names]
    records: list[Record] = [
        {**{field: record.get(field) for field in kept}, SERIES: name, "value": record.get(name)}
        for name in names
        for record in table.records
    ]
    return Table(records, table.x, "value", SERIES)


def _axes(kind: str, table: Table, options: ChartOptions) -> tuple[str, str | None]:
    """The fields of x and y as the user wrote them or as the data suggests; no y where things are counted."""
    y = options.y if isinstance(options.y, str) else table.y
    x = options.x or table.x
    if kind == "histogram":
        # Bare numbers are what is counted, not their places.
        bare = table.y if table.x == "x" and table.y == "y" else table.x
        counted = options.x or bare or _only(table, x, y)
        _known(table, "x", _field(counted)[0])
        return counted, None
    if x is None and y is not None and options.x is None:
        for index, record in enumerate(table.records, 1):
            record["index"] = index
        x = "index"
    for axis, name in (("x", x), ("y", y)):
        if name is not None:
            _known(table, axis, _field(name)[0])
    if x is None or (y is None and kind != "bar"):
        raise ScriptError(_which(table))
    return x, y


def _only(table: Table, *names: str | None) -> str:
    given = [name for name in names if name]
    if given:
        return given[0]
    if len(table.fields()) == 1:
        return table.fields()[0]
    raise ScriptError(_which(table))


def _which(table: Table) -> str:
    return (
        f'say which fields to draw, as in {{x = "{table.fields()[0]}", y = "{table.fields()[-1]}"}}; '
        f"the data has {', '.join(table.fields())}"
    )


def _known(table: Table, option: str, name: str) -> None:
    if not any(name in record for record in table.records):
        raise ScriptError(f"option '{option}': no field '{name}'; the data has {', '.join(table.fields())}")


def _color_field(table: Table, options: ChartOptions) -> str | None:
    if options.color and _field(options.color)[0] in table.fields():
        return options.color
    return table.color


def _encoding(
    kind: str, table: Table, options: ChartOptions, x: str, y: str | None, color: str | None
) -> Spec:
    log = "y" if options.log is True else options.log or ""
    across = _across(kind, table, options, x, log="x" in log)
    if y is None:
        up = _counted(table, options, None if "bin" in across else _field(x)[0], log="y" in log)
    else:
        up = _channel(table, y, options.ylabel, log="y" in log, from_zero=True)
    encoding: Spec = {"x": across, "y": up}
    if color:
        tint = encoding["color"] = _tint(kind, table, color)
        if kind == "bar" and not options.stacked:
            encoding["xOffset"] = {"field": tint["field"], "sort": tint["sort"]}
        elif kind in ("area", "histogram") and not options.stacked:
            up["stack"] = False
    if options.size:
        _known(table, "size", _field(options.size)[0])
        encoding["size"] = _channel(table, options.size, None)
        encoding["size"].pop("axis", None)
    return encoding


def _across(kind: str, table: Table, options: ChartOptions, x: str, *, log: bool) -> Spec:
    """The axis of what is told apart or, in a histogram, put into bins."""
    values = table.values(_field(x)[0])
    across = _channel(table, x, options.xlabel, log=log)
    if kind == "histogram" and across["type"] == "quantitative":
        across.pop("axis", None)
        across["bin"] = {"maxbins": options.bins}
        if table.x == "x" and not options.xlabel and not options.x:
            across["title"] = "value"
    elif kind == "bar" and across["type"] == "quantitative":
        across["type"] = "ordinal"
    if across["type"] in ("nominal", "ordinal"):
        across["sort"] = _order(values)
        across["axis"] = {"labelAngle": 0 if _are_short(values) else -40}
    return across


def _counted(table: Table, options: ChartOptions, field: str | None, *, log: bool) -> Spec:
    """The axis of how often there is what; `field` is none where bins are counted."""
    up: Spec = {"aggregate": "count", "title": options.ylabel or "count"}
    if log:
        up["scale"] = {"type": "log"}
    elif field is not None:
        up["axis"] = _whole_ticks([0, *Counter(table.values(field)).values()])
    return up


def _tint(kind: str, table: Table, color: str) -> Spec:
    """The colours that tell series apart; only points may have them along a scale of numbers."""
    tint = _channel(table, color, None)
    tint.pop("axis", None)
    if kind != "scatter" and tint["type"] != "nominal":
        tint = {"field": tint["field"], "type": "nominal", "title": tint["title"]}
        tint["sort"] = _order(table.values(_field(color)[0]))
    if color == SERIES:
        tint["title"] = ""
    return tint


def _channel(
    table: Table, name: str, title: str | None, *, log: bool = False, from_zero: bool = False
) -> Spec:
    """How a field becomes a position or a colour."""
    field, kind = _field(name)
    values = table.values(field)
    kind = kind or field_type(values)
    channel: Spec = {
        "field": re.sub(r"([.\[\]\\'\"])", r"\\\1", field),
        "type": kind,
        "title": title or field,
    }
    if kind == "temporal" and is_dates_only(values):
        channel["scale"] = {"type": "utc"}
    elif kind == "quantitative":
        if log:
            channel["scale"] = {"type": "log"}
        elif field.lower().endswith("year") and all(value in _YEARS for value in values):
            channel |= {"axis": {"format": "d", "tickMinStep": 1}, "scale": {"zero": False}}
        elif all(isinstance(value, int) for value in values):
            channel["axis"] = _whole_ticks([0, *values] if from_zero else values)
    elif kind == "nominal":
        channel["sort"] = _order(values)
    return channel


def _field(name: str) -> tuple[str, str | None]:
    """`"year:O"` is the field and its type."""
    head, colon, tail = name.rpartition(":")
    return (head, _TYPES[tail]) if colon and tail in _TYPES else (name, None)


def _are_short(values: Sequence[Any]) -> bool:
    names = {str(value) for value in values}
    return sum(len(name) + 2 for name in names) <= 70


def _whole_ticks(values: Sequence[int]) -> Spec:
    """No ticks between whole numbers. Vega-Lite 5 drops tickMinStep; few ticks can be counted instead."""
    span = max(values) - min(values)
    return {"tickMinStep": 1} | ({"tickCount": span} if 0 < span <= _FEW_TICKS else {})


def _order(values: Sequence[Any]) -> list[Any]:
    """As the data has them. Vega-Lite's null says the same, but would be lost in a Lua table."""
    return list(dict.fromkeys(values))


def _swap(encoding: Spec) -> None:
    encoding["x"], encoding["y"] = encoding["y"], encoding["x"]
    encoding["y"].get("axis", {}).pop("labelAngle", None)
    if "xOffset" in encoding:
        encoding["yOffset"] = encoding.pop("xOffset")


def _check(name: str, value: Any, declared: str) -> None:
    kinds: dict[str, tuple[type, ...]] = {
        "str": (str,), "float": (int, float), "bool": (bool,), "Sequence[str]": (list,),
    }  # fmt: skip
    allowed = tuple(kind for word in declared.split(" | ") for kind in kinds.get(word, ()))
    is_wrong_bool = isinstance(value, bool) and bool not in allowed
    is_wrong_list = isinstance(value, list) and not (value and all(isinstance(item, str) for item in value))
    if not isinstance(value, allowed) or is_wrong_bool or is_wrong_list:
        words = {"str": "string", "float": "number", "bool": "boolean", "Sequence[str]": "list of strings"}
        expected = " or ".join(words[word] for word in declared.split(" | ") if word in words)
        raise ScriptError(f"option '{name}' must be a {expected}, not {value!r}")
