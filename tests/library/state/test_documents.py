"""Values of `State` as JSON and TOML."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.state.documents import FORMAT, as_text, exact, from_json, from_text, plain
from llmspell_kernel.lua.values import MAX_DEPTH

KEYS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["$bytes", "$table", "$float", "$null", "$"]),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False).filter(lambda number: not number.is_integer()),
    st.binary(max_size=3),
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.text(max_size=10),
        st.binary(max_size=5),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=10,
)


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return type(one) is type(other) and bool(one == other)


@settings(max_examples=150, deadline=None)
@given(value=VALUES)
def test_nothing_is_lost_in_json_and_toml(value: Any) -> None:
    document = {"format": FORMAT, "version": 1, "scopes": {"a:b": {"k": plain(value)}}}
    for form in ("json", "toml"):
        text = as_text(document, "toml" if form == "toml" else "json")
        found = from_text(text, "toml" if form == "toml" else "json")
        assert equal(exact(found["scopes"]["a:b"]["k"]), value), text


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"$null": True}, None),
        ({"$null": True, "x": 1}, {"$null": True, "x": 1}),
        (-(2**63), -(2**63)),
        ({"$bytes": "/w=="}, b"\xff"),
        ({"$bytes": "/w==", "x": 1}, {"$bytes": "/w==", "x": 1}),
    ],
)
def test_what_others_write_is_understood(value: Any, kept: Any) -> None:
    assert equal(exact(value), kept)


def test_numbers_that_would_be_others_are_refused() -> None:
    with pytest.raises(ScriptError, match="1180591620717411303424 is beyond the numbers that can be kept"):
        exact([2**70])
    for number in ("9223372036854775808", "1e400", "-1e400", "1e-400", "9" * 5000):
        with pytest.raises(ScriptError, match="is beyond the numbers that can be kept"):
            from_json(f"[{number}]")
    assert from_json("[9223372036854775807, 1e308, 0e9, -0.0]") == [2**63 - 1, 1e308, 0.0, -0.0]
    with pytest.raises(ScriptError, match="no JSON: NaN is no number of JSON"):
        from_text('{"scopes": NaN}', "json")


@pytest.mark.parametrize("inner", ["list", "object", "table"])
def test_values_are_nested_as_deeply_as_scripts_may(inner: str) -> None:
    value: Any = []
    for _ in range(MAX_DEPTH - 1):
        value = {"list": [value], "object": {"a": value}, "table": {1: value}}[inner]
    document = {"format": FORMAT, "version": 1, "scopes": {"a:b": {"k": plain(value)}}}
    found = from_text(as_text(document, "json"), "json")["scopes"]["a:b"]["k"]
    assert exact(found) == value
    with pytest.raises(ScriptError, match="nested deeper than 200 levels"):
        exact([found])


@pytest.mark.parametrize(
    "value", [{"$bytes": 5}, {"$bytes": "é"}, {"$float": "x"}, {"$table": [1]}, {"$table": 5}]
)
def test_marks_that_make_no_sense_are_refused(value: Any) -> None:
    with pytest.raises(ScriptError, match="cannot stand before"):
        exact(value)
