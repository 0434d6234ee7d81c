"""The Lua that papermill's parameters become, read by every Lua."""

from __future__ import annotations

import datetime
import importlib
import math
import subprocess
import sys
from typing import Any

import pytest

from llmspell_kernel.papermill.translator import LuaTranslator

LUAS = ["lua51", "lua54", "lua55", "luajit21"]


def read(source: str, lua: str) -> Any:
    """The globals that the source sets, as bytes, numbers, booleans and tables."""
    runtime = importlib.import_module(f"lupa.{lua}").LuaRuntime(encoding=None)
    runtime.execute(source.encode())
    return runtime.globals()


@pytest.mark.parametrize("lua", LUAS)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (-(2**52), -(2**52)),
        (2**63, float(2**63)),
        (2.5, 2.5),
        (1e100, 1e100),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
        (True, True),
        (False, False),
        (None, None),
        ("plain", b"plain"),
        ('quote " slash \\ tab \t line\n é 😀', 'quote " slash \\ tab \t line\n é 😀'.encode()),
        ("\x001\x7f", b"\x001\x7f"),
        ("[[--]]", b"[[--]]"),
        (datetime.date(2024, 2, 29), b"2024-02-29"),
    ],
)
def test_a_value_arrives_as_it_is(value: object, expected: object, lua: str) -> None:
    assert read(LuaTranslator.codify({"given": value}), lua)[b"given"] == expected


@pytest.mark.parametrize("lua", LUAS)
def test_not_a_number_arrives(lua: str) -> None:
    assert math.isnan(read(LuaTranslator.codify({"given": math.nan}), lua)[b"given"])


@pytest.mark.parametrize("lua", LUAS)
def test_lists_and_dictionaries_become_tables(lua: str) -> None:
    given = read(LuaTranslator.codify({"given": {"end": [1, ["x"]], "a b": {}, "n": 2}}), lua)[b"given"]
    assert given[b"end"][1] == 1
    assert given[b"end"][2][1] == b"x"
    assert len(given[b"a b"]) == 0
    assert given[b"n"] == 2


@pytest.mark.parametrize("lua", LUAS)
def test_a_name_that_lua_does_not_allow_becomes_a_field_of_the_globals(lua: str) -> None:
    found = read(LuaTranslator.codify({"end": 1, "two words": 2, "fine_1": 3}), lua)
    assert (found[b"end"], found[b"two words"], found[b"fine_1"]) == (1, 2, 3)


def test_the_comment_is_one() -> None:
    assert LuaTranslator.codify({}, comment="Parameters") == "-- Parameters\n"


def test_inspection_finds_assignments_with_their_comments() -> None:
    source = (
        "local n = 5 -- how many\n"
        "---@type string what is said\n"
        'greeting = "a -- b";\n'
        "if n == 5 then print(n) end\n"
        "local function f() end\n"
        "ratio <const> = 0.5 -- type: number\n"
    )
    found = [tuple(parameter) for parameter in LuaTranslator.inspect({"source": source})]
    assert found == [
        ("n", "None", "5", "how many"),
        ("greeting", "string", '"a -- b"', "what is said"),
        ("ratio", "number", "0.5", ""),
    ]


@pytest.mark.parametrize("first", ["papermill.translators", "llmspell_kernel.papermill.translator"])
def test_whoever_is_imported_first_the_translator_is_found(first: str) -> None:
    code = (
        f"import {first}; from papermill.translators import papermill_translators;"
        "print(papermill_translators.find_translator('llmspell', 'lua'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "LuaTranslator" in done.stdout, done.stderr
