"""`plot`: the charts that Lua data become, and the pictures beside them."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import vl_convert

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.plot.charts import MARKS, ChartOptions, chart
from llmspell_kernel.library.plot.combine import below, beside, layered
from llmspell_kernel.library.plot.pictures import VEGALITE, chart_bundle

from ..kernels import KernelSession

RECORDS = [{"day": "2024-01-02", "n": 3, "city": "Rome"}, {"day": "2024-01-01", "n": 5, "city": "Oslo"}]


def shown(kernel: KernelSession, code: str) -> dict[str, Any]:
    """The data of a cell's result."""
    done = kernel.execute(code, timeout=60)
    assert done.error is None, done.error
    [message] = done.of_type("execute_result")
    data: dict[str, Any] = message["content"]["data"]
    return data


def axes(spec: dict[str, Any]) -> list[tuple[str, str]]:
    return [(spec["encoding"][axis].get("field"), spec["encoding"][axis].get("type")) for axis in ("x", "y")]


def test_a_chart_shows_itself_with_a_picture_beside(kernel: KernelSession) -> None:
    data = shown(kernel, "plot.line({1, 4, 9}, {title = 'Squares', xlabel = 'n'})")
    spec = data[VEGALITE]
    assert spec["data"]["values"] == [{"x": 1, "y": 1}, {"x": 2, "y": 4}, {"x": 3, "y": 9}]
    assert spec["$schema"].endswith("vega-lite/v5.json")
    assert spec["title"] == "Squares" and spec["encoding"]["x"]["title"] == "n"
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == "<line chart: Squares, y by n, 3 points>"


def test_display_and_layers(kernel: KernelSession) -> None:
    kernel.execute("plot.defaults.png = false")
    [data] = kernel.execute("display(plot.line{1, 2} .. plot.scatter{{1, 2}} .. plot.bar{3})").displayed
    assert [layer["mark"]["type"] for layer in data[VEGALITE]["layer"]] == ["line", "point", "bar"]
    assert "image/png" not in data
    side = shown(kernel, "plot.beside(plot.bar{1}, plot.below(plot.bar{1}, plot.bar{2}))")[VEGALITE]
    assert len(side["hconcat"]) == 2 and len(side["hconcat"][1]["vconcat"]) == 2
    kernel.execute("plot.defaults.png = nil")


def test_a_specification_can_be_changed_as_a_table(kernel: KernelSession) -> None:
    code = (
        "local records = {{c = 'b', n = 1}, {c = 'a', n = 2}}\n"
        "local spec = plot.bar(records, {x = 'c', y = 'n'}):spec()\n"
        "spec.title = 'Mine'\nreturn plot.vegalite(spec, {png = false})"
    )
    spec = shown(kernel, code)[VEGALITE]
    assert spec["title"] == "Mine"
    assert spec["encoding"]["x"]["sort"] == ["b", "a"], "the order of the data survives"


def test_files(kernel: KernelSession, tmp_path: Path) -> None:
    for name, start in {
        "png": b"\x89PNG",
        "svg": b"<svg",
        "html": b"<!DOCTYPE html>",
        "pdf": b"%PDF",
        "json": b"{",
    }.items():
        path = tmp_path / f"chart.{name}"
        assert kernel.execute(f"plot.line{{1, 2}}:save({str(path)!r})", timeout=60).error is None
        assert path.read_bytes().lstrip()[: len(start)] == start
    page = (tmp_path / "chart.html").read_text()
    assert "<script src=" not in page, "the page carries its scripts"


def test_two_arrays_are_x_and_y(kernel: KernelSession) -> None:
    spec = shown(kernel, "plot.scatter({1, 10}, {2, 20}, {log = 'xy', png = false})")[VEGALITE]
    assert spec["data"]["values"] == [{"x": 1, "y": 2}, {"x": 10, "y": 20}]
    assert [spec["encoding"][axis]["scale"]["type"] for axis in ("x", "y")] == ["log", "log"]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("plot.line()", "'data' to 'plot.line' (table expected, got no value)"),
        ("plot.line({})", "'data' to 'plot.line' (there is nothing to draw in an empty table"),
        ("plot.line({print})", "'data' to 'plot.line' (the value at [1] is a function"),
        ("plot.line({1, 'x'})", "item 2 is 'x', not a number or a pair {x, y}"),
        ("plot.line({1}, 3)", "'options' to 'plot.line' (table expected, got number)"),
        ("plot.line({1}, {colour = 'red'})", "'options' to 'plot.line' (there is no option 'colour'"),
        ("plot.line({1}, {width = '3'})", "option 'width' must be a number, not '3'"),
        ("plot.line({1}, {log = 'z'})", "option 'log' must be true"),
        ("plot.line({{a = 1, b = 2}})", 'say which fields to draw, as in {x = "a", y = "b"}'),
        ("plot.line({{a = 1, b = 2}}, {x = 'a', y = 'c'})", "no field 'c'; the data has a, b"),
        ("plot.histogram({{a = 1}}, {x = 'c'})", "no field 'c'; the data has a"),
        ("plot.line({x = {1, 2}, y = {1}})", "x has 2, y has 1"),
        ("plot.layer(3)", "'chart 1' to 'plot.layer' (a chart expected, got number)"),
        ("plot.line{1}:save('a.gif')", "'a.gif' must end in one of"),
        ("plot.line{1}:save(3)", "'path' to 'chart:save' (string expected, got number)"),
    ],
)
def test_wrong_arguments_are_named(kernel: KernelSession, code: str, problem: str) -> None:
    error = kernel.execute(code).error
    assert error is not None
    assert problem in error["evalue"]


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        ([1, 2], {}, [("x", "quantitative"), ("y", "quantitative")]),
        ([["a", 1], ["b", 2]], {}, [("x", "nominal"), ("y", "quantitative")]),
        (RECORDS, {"x": "day", "y": "n"}, [("day", "temporal"), ("n", "quantitative")]),
        (RECORDS, {"x": "day:O", "y": "n"}, [("day", "ordinal"), ("n", "quantitative")]),
        (RECORDS, {"y": "n"}, [("index", "quantitative"), ("n", "quantitative")]),
        ({"a": [1, 2], "b": [3, 4]}, {"x": "a", "y": "b"}, [("a", "quantitative"), ("b", "quantitative")]),
        ({"10": 1, "9": 2}, {}, [("name", "nominal"), ("value", "quantitative")]),
        ([{"a.b": 1, "y": 2}], {"x": "a.b"}, [("a\\.b", "quantitative"), ("y", "quantitative")]),
    ],
)
def test_shapes_of_data(data: Any, options: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert axes(chart("line", data, ChartOptions.of(options))) == expected


def test_series_by_name_and_by_field() -> None:
    named = chart("line", {"b": [1], "a": [[0.5, 2]]}, ChartOptions())
    assert named["data"]["values"] == [{"x": 0.5, "y": 2, "series": "a"}, {"x": 1, "y": 1, "series": "b"}]
    assert named["encoding"]["color"]["field"] == "series"
    by_field = chart("bar", RECORDS, ChartOptions(x="day", y="n", color="city"))
    assert by_field["encoding"]["xOffset"]["field"] == "city"
    wide = chart("line", {"t": [1, 2], "a": [3, 4], "b": [5, 6]}, ChartOptions(x="t", y=["a", "b"]))
    assert len(wide["data"]["values"]) == 4 and wide["encoding"]["color"]["field"] == "series"
    assert chart("line", [1], ChartOptions(color="red"))["mark"]["color"] == "red"


def test_histograms_and_counts() -> None:
    numbers = chart("histogram", [1, 2, 2.5], ChartOptions(bins=5))
    assert numbers["encoding"]["x"] | {"title": ""} == {
        "field": "y", "type": "quantitative", "title": "", "bin": {"maxbins": 5},
    }  # fmt: skip
    counts = chart("bar", ["red", "blue", "red"], ChartOptions(horizontal=True))
    assert counts["encoding"]["x"]["aggregate"] == "count"
    assert counts["encoding"]["y"]["sort"] == ["red", "blue"]


def test_no_number_is_a_gap() -> None:
    spec = chart("line", [float("nan"), 1.0, float("inf")], ChartOptions())
    assert [record["y"] for record in spec["data"]["values"]] == [None, 1.0, None]
    json.dumps(spec, allow_nan=False)


@pytest.mark.parametrize("kind", MARKS)
def test_vega_lite_understands_every_chart(kind: str) -> None:
    options = ChartOptions(x="day", y="n", color="city", title="T", stacked=True, horizontal=True)
    one = chart(kind, RECORDS, options)
    two = chart(kind, {"a": [1, 2], "b": [3, 4]}, ChartOptions())
    for spec in (one, two, layered([one, two]), beside([one, below([two, two])])):
        assert vl_convert.vegalite_to_svg(
            json.dumps(spec), vl_version="5.21", allowed_base_urls=[]
        ).startswith("<svg")


def test_nothing_is_fetched() -> None:
    spec = {"data": {"url": "https://example.org/data.csv"}, "mark": "bar", "encoding": {}}
    bundle = chart_bundle(spec)
    assert "image/png" not in bundle.data
    assert "External data url not allowed" in bundle.data["text/plain"]


def test_without_vl_convert_the_chart_is_there_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    bundle = chart_bundle(chart("line", [1, 2], ChartOptions()))
    assert VEGALITE in bundle.data
    assert "pip install 'llmspell-kernel[plot]'" in bundle.data["text/plain"]


def test_unknown_options_name_the_known_ones() -> None:
    with pytest.raises(ScriptError, match="it takes x, y, color"):
        ChartOptions.of({"z": 1})
