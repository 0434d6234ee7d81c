from __future__ import annotations

import importlib
import itertools

import pytest

from llmspell_kernel.lua.debugger.guards import guard
from tests.lua.sources import LUAS

HARMLESS = [
    ("x", "x", ""),
    ("not x", "x", ""),
    ("true", "", ""),
    ("x == nil", "x", ""),
    ("x ~= 'a'", "x", ""),
    ("1 == x", "x", ""),
    ("not x == y", "x y", ""),
    ("x == 1 and y or z", "x y z", ""),
    ("(x and y) == 'b'", "x y", ""),
    ("x < 0", "x", "x"),
    ("x <= y", "x y", "x y"),
    ("x == 2 or y > 1 and not z", "x y z", "y"),
    ("x % 2 == 0", "x", "x"),
    ("x + y == z", "x y z", "x y"),
    ("(x) * 2 - -y >= 1.5", "x y", "x y"),
    ("-x == 0x10", "x", "x"),
    ("x == y - 0", "x y", "y"),
    ("(x < y) == z", "x y z", "x y"),
]
HARMFUL = [
    "x == y",
    "(x and 1) < 2",
    "x < 'a'",
    "x < y < z",
    "x + nil == 1",
    "x % 0 == 1",
    "x % 0x0 == 1",
    "x % y == 1",
    "x % -2 == 1",
    "x % 3 ^ 0 == 1",
    "#x == 1",
    "x .. y == 'a'",
    "x.y == 1",
    "x[1] == 1",
    "f(x)",
    "f'x'",
    "x:y()",
    "{} == x",
    "x // 1 == 2",
    "x ^ 2 == 2",
    "x == 1LL",
    "x < 2i",
    "x & 1 == 1",
    "function() end",
    "...",
    "-'1' == 1",
    "not not",
    "(x",
    "x x",
    "",
    " and ".join(["x"] * 100),
]


@pytest.mark.parametrize(("condition", "names", "numbers"), HARMLESS)
def test_what_makes_a_condition_harmless(condition: str, names: str, numbers: str) -> None:
    found = guard(condition)
    assert found is not None
    assert sorted(found.names) == names.split()
    assert sorted(found.numbers) == numbers.split()
    others = sorted({*names.split()} - {*numbers.split()})
    assert list(found.compared) == (others if "==" in condition or "~=" in condition else [])


@pytest.mark.parametrize("condition", HARMFUL)
def test_conditions_that_may_fail_or_run_code(condition: str) -> None:
    assert guard(condition) is None


VALUES = ["nil", "true", "false", "0", "2", "-1.5", "0/0", "'a'", "'2'", "hostile", "print"]
CDATA = ["1LL", "2i", "ffi.new('struct hostile')"]


@pytest.mark.parametrize("lua", LUAS)
@pytest.mark.parametrize(("condition", "names", "numbers"), HARMLESS)
def test_guarded_conditions_never_fail_nor_run_code(
    lua: str, condition: str, names: str, numbers: str
) -> None:
    runtime = importlib.import_module(f"lupa.{lua}").LuaRuntime(encoding=None)
    guards = "".join(f"type({name}) ~= 'number' or " for name in numbers.split())
    jit = lua.startswith("luajit")
    if jit and (found := guard(condition)):
        guards += "".join(f"type({name}) == 'cdata' or " for name in found.compared)
    hostile = ", ".join(
        f"__{event} = harm" for event in "eq lt le add sub mul mod unm index len concat call".split()
    )
    trials = "\n".join(
        f"test({','.join(values)})"
        for values in itertools.product(VALUES + CDATA * jit, repeat=len(names.split()))
    )
    foreign = f"""local ffi = require("ffi")
        ffi.metatype(ffi.cdef("struct hostile {{ int x; }}") or "struct hostile", {{ {hostile} }})"""
    parameters = ",".join(names.split())
    runtime.execute(
        f"""local function harm() error("harm") end
        local function hostile_table() return setmetatable({{}}, {{ {hostile} }}) end
        local hostile = hostile_table()
        {foreign if jit else ""}
        local function test({parameters}) return {guards}{condition} end
        {trials}""".encode()
    )
