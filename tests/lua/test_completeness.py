from __future__ import annotations

import pytest

from llmspell_kernel.interpreter import Completeness
from llmspell_kernel.lua.completeness import completeness
from tests.lua.sources import LUAS, PROGRAM, compile_error

ONE = " " * 4
TWO = " " * 8


def of(code: str, lua: str = "lua54") -> Completeness:
    return completeness(code, compile_error(lua))


@pytest.mark.parametrize("lua", LUAS)
@pytest.mark.parametrize(
    "code",
    [
        *("", "  \n", "x = 1", "x", "x + 1", "a, b", "local x = 5\nx", "print(x)", "return 1", "t.x;"),
        *("-- words", "'🎉'"),
        *("if a then b() end", "for i = 1, 3 do\n    f(i)\nend", "x = [[\nlong]]", "x\r\n", "f() ;"),
    ],
)  # fmt: skip
def test_what_compiles_is_complete(code: str, lua: str) -> None:
    assert of(code, lua) == Completeness("complete")


@pytest.mark.parametrize("lua", LUAS)
@pytest.mark.parametrize(
    "code",
    [
        *("x = )", "}", "a b", "x + ) 1", "end", "if a then x + 1", "'abc", 'x = "abc', "f('abc", "x = 3.."),
        *("break", "local 1 = 2", "x = 1 = 2", "for in", "return 1 2"),
    ],
)  # fmt: skip
def test_what_no_line_can_mend_is_invalid(code: str, lua: str) -> None:
    assert of(code, lua) == Completeness("invalid")


@pytest.mark.parametrize("lua", LUAS)
@pytest.mark.parametrize(
    ("code", "indent"),
    [
        ("x =", ""),
        ("x +", ""),
        ("local x = 5\nx +", ""),
        ("foo.", ""),
        ("local", ""),
        ("f(", ONE),
        ("print(x", ONE),
        ("if a then", ONE),
        ("if a then\n", ONE),
        ("if a then\n\n\n", ONE),
        ("if a then\r\n", ONE),
        ("if a then\n  f()", "  "),
        ("if a then\n\tf()", "\t"),
        ("if a then f() else", ONE),
        ("if a then\n    f()\n    else", ONE),
        ("if a then\n    f()\nelseif b then", ONE),
        ("if a then\n    if b then", TWO),
        ("if a then\n    if b then\n        f()\n    end", ONE),
        ("if a then\n    if b then\n        f()\n        end", ONE),
        ("if a then for i = 1, 3 do", TWO),
        ("while a do", ONE),
        ("for k, v in pairs(t) do", ONE),
        ("repeat", ONE),
        ("repeat\n    f()\nuntil", ""),
        ("function f(a, b)", ONE),
        ("function f(a,", ONE),
        ("local f = function(a)\n    return", ONE),
        ("foo(function()", ONE),
        ("foo(a, {\n    b = 1,\n}, function()", ONE),
        ("foo(a,\n    b,", ONE),
        ("local t = {{", ONE),
        ("local t = {\n    a = {\n        1,\n    },", ONE),
        ("function f() if a then", TWO),
        ("f(function(a) return {", TWO),
        ("return function()\n    return {", TWO),
        ("if a then -- then\n    f('then')", ONE),
        ("x = [[abc", ""),
        ("if a then\n    x = [==[\n  abc ]]", ""),
        ("--[[ abc", ""),
        ("x = 'abc\\", ""),
        ("x = 'abc\\\n", ""),
        ("x = 'abc\\z", ""),
        ("x = 'abc\\\\\\z  ", ""),
    ],
)
def test_what_goes_on_is_incomplete(code: str, indent: str, lua: str) -> None:
    assert of(code, lua) == Completeness("incomplete", indent)


def test_lua_55() -> None:
    assert of("global function f()", "lua55") == Completeness("incomplete", ONE)
    assert of("global <const> *\nlocal <const> x = 1\nx", "lua55").status == "complete"
    assert of("if a then global x =", "lua55") == Completeness("incomplete", ONE)


def test_luajit() -> None:
    assert of("x = 0x7fULL\n(f)()", "luajit21").status == "complete"
    assert of("größe", "luajit21").status == "complete"
    assert of("12LL + 3i", "luajit21").status == "complete"
    assert of("if 1LL then", "luajit21") == Completeness("incomplete", ONE)


@pytest.mark.parametrize(
    "code", ["%time x", "  %lsmagic", "!ls -l | wc", "name?", "string.format??", "?name", "%time?", "%%bash?"]
)
def test_line_magics_and_help_are_complete(code: str) -> None:
    assert of(code).status == "complete"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("%%bash", "incomplete"),
        ("%%bash\nfor x in", "incomplete"),
        ("%%bash\nls\n", "complete"),
        ("%%bash\r\nls\r\n  ", "complete"),
    ],
)
def test_cell_magics_end_with_a_blank_line(code: str, status: str) -> None:
    assert of(code).status == status


def test_magics_among_lua() -> None:
    assert of("%time x\nfor i = 1, 3 do") == Completeness("incomplete", ONE)
    assert of("local x = 1\n%time f(x)\n!ls\nx").status == "complete"
    assert of("%time x\n)").status == "invalid"
    assert of("x = 10\n  % 3").status == "complete"


def test_programs_are_typed_line_by_line() -> None:
    lines = PROGRAM.splitlines()[1:]
    error = compile_error("lua54")
    for count in range(1, len(lines) + 1):
        typed = completeness("\n".join(lines[:count]), error)
        assert typed.status in ("complete", "incomplete"), lines[count - 1]


def test_nothing_raises_on_half_typed_programs() -> None:
    error = compile_error("lua54")
    for end in range(0, len(PROGRAM), 3):
        found = completeness(PROGRAM[:end], error)
        assert not found.indent.strip(" ")
        assert found.status == "incomplete" or not found.indent
