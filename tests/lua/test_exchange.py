"""Whole values between Lua and Python: what comes back is what was given."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import msgpack

from llmspell_kernel.errors import ScriptError

from .shell import LANGUAGES, LuaShell

INTEGERS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
LEAVES = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False) | TEXTS | st.binary(max_size=40)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner.filter(lambda each: each is not None), max_size=5)
        | st.dictionaries(TEXTS | INTEGERS, inner.filter(lambda each: each is not None), max_size=5)
    ),
    max_leaves=20,
)


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types all the way down; what Lua cannot tell apart is the same."""
    if isinstance(left, dict | list) and not left and not right:
        return isinstance(right, dict | list)
    if isinstance(left, list) and isinstance(right, dict | list):
        items = dict(enumerate(right, 1)) if isinstance(right, list) else right
        return dict(enumerate(left, 1)).keys() == items.keys() and all(
            same(each, items[place]) for place, each in enumerate(left, 1)
        )
    if isinstance(left, dict) and isinstance(right, list):
        return same(right, left)
    if isinstance(left, dict) and isinstance(right, dict):
        return set(left) == set(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, bytes) or isinstance(right, bytes):
        return bool(as_text(left) == as_text(right))
    return type(left) is type(right) and left == right


def as_text(value: Any) -> Any:
    """Lua's strings are bytes: those that are UTF-8 are text in Python."""
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


@pytest.fixture(scope="module", params=LANGUAGES)
def exchange(request: pytest.FixtureRequest) -> Iterator[LuaShell]:
    shell = LuaShell(request.param)
    yield shell
    shell.interpreter.close()


@settings(max_examples=150, deadline=None)
@given(value=VALUES)
def test_python_values_come_back(exchange: LuaShell, value: Any) -> None:
    if exchange.language == "luajit":
        value = as_doubles(value)
    there = exchange.interpreter.exchange.to_lua(value)
    assert same(value, exchange.interpreter.exchange.to_python(there))


def as_doubles(value: Any) -> Any:
    """LuaJIT's numbers are doubles; whole ones count as integers."""
    if isinstance(value, dict):
        return {as_doubles(key): as_doubles(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_doubles(each) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
        is_minus_zero = number == 0 and math.copysign(1, number) < 0
        return int(number) if number.is_integer() and abs(number) <= 2**53 and not is_minus_zero else number
    return value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("{1, 2, 3}", [1, 2, 3]),
        ("{1, nil, 3}", {1: 1, 3: 3}),
        ("{1, 2, x = 3}", {1: 1, 2: 2, "x": 3}),
        ("{[1.5] = 'a', [-1] = 'b', [false] = 'c'}", {1.5: "a", -1: "b", False: "c"}),
        ("'\\255\\0'", b"\xff\x00"),
        ("{'gr\\195\\188n'}", ["gr\u00fcn"]),
        ("{}", []),
        ("setmetatable({}, {__jsontype = 'object'})", {}),
        ("{0.5, 1e300, -0.25}", [0.5, 1e300, -0.25]),
        ("1/0", math.inf),
    ],
)
def test_lua_values_in_python(exchange: LuaShell, expression: str, expected: Any) -> None:
    there = exchange.interpreter.state.runtime.execute(f"return {expression}".encode())
    found = exchange.interpreter.exchange.to_python(there)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("value", [[None], {"a": [1, None, {"b": None}], 2: None}, {"big": 2**70, "x": None}])
def test_null_comes_back_where_it_is_kept(exchange: LuaShell, value: Any) -> None:
    lua = exchange.interpreter.exchange
    again = lua.to_python(lua.to_lua(value, keeps_null=True))
    assert again == value
    assert lua.to_python(lua.to_lua({"x": None, "y": 1})) == {"y": 1}
    assert lua.to_lua(None, keeps_null=True) is None


def test_empty_tables_are_what_they_were(exchange: LuaShell) -> None:
    lua = exchange.interpreter.exchange
    values: list[Any] = [[], {}, [[], {}, {"a": {}, "b": []}]]
    for value in values:
        packed = msgpack.encode(value)
        for marks in ("arrays", "all"):
            there = lua.unpacked(packed, marks=marks)
            assert msgpack.decode(lua.packed(there, "object")) == value


def test_integers_that_are_too_large_become_floats(exchange: LuaShell) -> None:
    lua = exchange.interpreter.exchange
    assert lua.to_lua([2**64 - 1])[1] == float(2**64 - 1)
    assert lua.to_lua([2**63])[1] == float(2**63)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("{a = {b = print}}", r"the value at \.a\.b is a function"),
        ("(function() local t = {} t.me = {t} return t end)()", "cycle"),
        ("{[{}] = 1}", "has a table as a key"),
        ("{[true] = 1, 2}", "the value has the keys 1 and true, which cannot be told apart"),
        ("{a = {{[false] = 1, [0] = 2}}}", r"the value at \.a\[1\] has the keys 0 and false"),
    ],
)
def test_what_cannot_be_kept_is_told(exchange: LuaShell, expression: str, problem: str) -> None:
    there = exchange.interpreter.state.runtime.execute(f"return {expression}".encode())
    with pytest.raises(ScriptError, match=problem):
        exchange.interpreter.exchange.to_python(there)


def test_lists_of_records_are_what_they_were(exchange: LuaShell) -> None:
    records: list[Any] = [
        {"id": number, "name": f"gr\u00fcn {number}", "score": number + 0.5, "good": number % 2 == 0}
        for number in range(50)
    ]
    records += [{"format": "x", "longer": 1, "head": True, "prefixes": 2.5} for _ in range(5)]
    records += [{f"key{number}": number} for number in range(600)]
    records += [{"nested": {"list": [1, 2]}, "n": number} for number in range(60)]
    records += [
        {"long": "x" * 300},
        {"k" * 40: 1},
        {str(each): each for each in range(1, 12)},
        [1, 2],
        {"a": b"\xff"},
    ]
    there = exchange.interpreter.exchange.to_lua(records)
    assert exchange.interpreter.exchange.to_python(there) == records
