"""Values that cross between Lua and Python."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.lua.values import lua_type, to_lua, to_python


@pytest.fixture(params=("lua54", "lua55", "luajit21"))
def runtime(request: pytest.FixtureRequest) -> Any:
    return importlib.import_module(f"lupa.{request.param}").LuaRuntime(
        encoding=None, unpack_returned_tuples=True, register_eval=False, register_builtins=False
    )


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -7, 2.5, "", "grüße 😀", [], [1, "two", [3.5]], {"a": {"b": [True, False]}}, {"a b": 1}],
)
def test_values_survive_the_way_there_and_back(runtime: Any, value: Any) -> None:
    assert to_python(to_lua(runtime, value)) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'\\255ok'", "\\xffok"),
        ("{1, 2, nil, 4}", {"1": 1, "2": 2, "4": 4}),
        ("{1, x = 2}", {"1": 1, "x": 2}),
        ("{[true] = 1, [1.5] = 2}", {"true": 1, "1.5": 2}),
        ("setmetatable({1}, {__index = error, __len = error, __pairs = error, __tostring = error})", [1]),
    ],
)
def test_from_lua(runtime: Any, expression: str, value: Any) -> None:
    assert to_python(runtime.eval(expression.encode())) == value


def test_lists_filled_backwards_are_lists(runtime: Any) -> None:
    table = runtime.execute(b"local t = {} for i = 100, 1, -1 do t[i] = i end return t")
    assert to_python(table) == list(range(1, 101))


@pytest.mark.parametrize("number", [2**53 + 1, 2**63 - 1, -(2**63)])
def test_integers_stay_exact_where_lua_has_them(number: int) -> None:
    for language in ("lua54", "lua55"):
        runtime = importlib.import_module(f"lupa.{language}").LuaRuntime(encoding=None)
        back = to_python(to_lua(runtime, {"n": number}))["n"]
        assert back == number and type(back) is int


def test_integers_too_large_for_lua_become_floats(runtime: Any) -> None:
    assert to_lua(runtime, 2**64) == 2.0**64
    assert to_lua(runtime, -(10**400)) == float("-inf")
    assert to_python(to_lua(runtime, {"n": [2**64]})) == {"n": [2**64]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("local t = {} t.a = {b = {t}} return t", ".a.b[1] is a cycle: it leads back to the value itself"),
        ("local t = {x = {}} t.x['a b'] = {t.x} return t", '.x["a b"][1] is a cycle: it leads back to .x'),
        ("return {a = {print}}", "the value at .a[1] is a function"),
        ("return {[{}] = 1}", "the value has a table as a key"),
        ("local t = {} for i = 1, 300 do t = {t} end return t", "nested deeper than 200 levels"),
    ],
)  # fmt: skip
def test_what_python_cannot_have_is_named(runtime: Any, body: str, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        to_python(runtime.execute(body.encode()))
    assert message in str(caught.value)


def test_a_shared_table_is_no_cycle(runtime: Any) -> None:
    assert to_python(runtime.execute(b"local s = {1} return {s, s}")) == [[1], [1]]


def test_strings_arrive_as_lua_strings(runtime: Any) -> None:
    check = runtime.eval(b"function(t) return type(t.s) .. type(t.b) .. t.s .. t.b .. t[1] end")
    assert check(to_lua(runtime, {"s": "ü", "b": b"\xff", 1: "x"})) == b"stringstring\xc3\xbc\xffx"


def test_none_leaves_a_hole(runtime: Any) -> None:
    check = runtime.eval(b"function(t) return t[1] == 1 and t[2] == nil and t[3] == 3 end")
    assert check(to_lua(runtime, (1, None, 3)))


def test_values_of_lua_pass_as_they_are(runtime: Any) -> None:
    function = runtime.eval(b"function() return 5 end")
    table = to_lua(runtime, {"f": function})
    assert lua_type(table) == "table"
    assert table[b"f"]() == 5


def test_what_lua_cannot_have_is_named(runtime: Any) -> None:
    with pytest.raises(ScriptError, match=r"the value at .a\[1\] is a set, which Lua has no type for"):
        to_lua(runtime, {"a": [{1}]})
    with pytest.raises(ScriptError, match="has the key None"):
        to_lua(runtime, {None: 1})
    loop: dict[str, Any] = {}
    loop["me"] = [loop]
    with pytest.raises(ScriptError, match=r"the value at .me\[1\] is a cycle"):
        to_lua(runtime, loop)
