from __future__ import annotations

import importlib
import re
from typing import Any, NamedTuple

import pytest

from llmspell_kernel.lua.debugger.instrumentation import Site, instrument
from llmspell_kernel.lua.debugger.lines import CodeLines
from llmspell_kernel.lua.state import ALWAYS_NAME, BREAK_NAME, TYPE_NAME
from tests.lua.debugger.programs import CASES, PROGRAMS
from tests.lua.sources import LUAS, PROGRAM

RUN = (
    """function(code, watch_lines)
  local printed, reached, lines = {}, {}, {}
  local getinfo, tostring, select, concat = debug.getinfo, tostring, select, table.concat
  local function out(...)
    local texts = {}
    for i = 1, select("#", ...) do texts[i] = tostring((select(i, ...))) end
    printed[#printed + 1] = concat(texts, " ")
  end
  local function reach(id, condition)
    if condition == false then error("it could not be computed") end
    if not condition or condition == 1 or condition ~= 0 and condition() then
      reached[#reached + 1] = id .. "@" .. getinfo(2, "l").currentline
    end
  end
  local head = "local BREAK, TYPE, ALWAYS, print = ... return function(...) "
  local maker, message = (loadstring or load)(head .. code .. "\\nend", "=code")
  if not maker then return message end
  local run = coroutine.create(maker(reach, type, false, out))
  if watch_lines then debug.sethook(run, function(_, line) lines[#lines + 1] = line end, "l") end
  local ok, problem = coroutine.resume(run)
  if not ok then out("failed:", problem) end
  return concat(printed, "\\n"), concat(reached, " "), concat(lines, " ")
end"""
).replace("BREAK, TYPE, ALWAYS", f"{BREAK_NAME}, {TYPE_NAME}, {ALWAYS_NAME}")


class Result(NamedTuple):
    printed: str
    reached: list[tuple[int, int]]
    lines: set[int]


def run(lua: str, code: str, *, watch_lines: bool = False) -> Result:
    """What a program prints, which sites it reached at which line, and the lines that a hook saw."""
    runtime = importlib.import_module(f"lupa.{lua}").LuaRuntime(encoding=None, unpack_returned_tuples=True)
    answer: Any = runtime.eval(RUN.encode())(code.removeprefix("#!").encode(), watch_lines)
    assert isinstance(answer, tuple), answer.decode()
    printed, reached, lines = (part.decode("utf-8", "replace") for part in answer)
    pairs = [pair.split("@") for pair in reached.split()]
    return Result(printed, [(int(a), int(b)) for a, b in pairs], {int(line) for line in lines.split()})


def with_sites(code: str, sites: list[Site]) -> str:
    instrumentation = instrument(CodeLines(code), sites)
    assert not instrumentation.missing
    return instrumentation.apply(code)


def line_sites(code: str, condition: str = "") -> list[Site]:
    lines = CodeLines(code)
    return [
        Site(line, line, condition)
        for line in lines.lines
        if any(place.insertable for place in lines.at(line))
    ]


@pytest.mark.parametrize(("lua", "name"), CASES)
def test_all_breakpoints_at_once_change_nothing(lua: str, name: str) -> None:
    code = PROGRAMS[lua][name].replace("#!/", "-- ")
    plain = run(lua, code, watch_lines=lua != "luajit21")
    stopped = run(lua, with_sites(code, line_sites(code)))
    assert stopped.printed == plain.printed
    assert plain.printed
    assert "failed:" not in plain.printed
    assert all(site == line for site, line in stopped.reached)
    # Whatever line a hook sees is stopped at too; at `end` it also sees where the function is made.
    lines = CodeLines(code)
    sites = {line for line in lines.lines if lines.at(line)[0].kind != "end"}
    assert plain.lines & sites <= {line for _, line in stopped.reached}


@pytest.mark.parametrize(("lua", "name"), CASES)
def test_each_breakpoint_alone_changes_nothing(lua: str, name: str) -> None:
    code = PROGRAMS[lua][name].replace("#!/", "-- ")
    plain = run(lua, code).printed
    every = run(lua, with_sites(code, line_sites(code))).reached
    for site in line_sites(code):
        alone = run(lua, with_sites(code, [site]))
        assert alone.printed == plain
        assert alone.reached == [each for each in every if each[0] == site.id]


@pytest.mark.parametrize(("lua", "name"), CASES)
@pytest.mark.parametrize(("condition", "stops"), [("1 > 2", False), ("not (x and x ~= x) and true", True)])
def test_conditions_change_nothing_but_the_stops(lua: str, name: str, condition: str, stops: bool) -> None:
    code = PROGRAMS[lua][name].replace("#!/", "-- ")
    if "global" in code:
        condition = condition.replace("x", "print")
    plain = run(lua, with_sites(code, line_sites(code)))
    result = run(lua, with_sites(code, line_sites(code, condition)))
    assert result.printed == plain.printed
    assert result.reached == (plain.reached if stops else [])


@pytest.mark.parametrize(("lua", "name"), CASES)
def test_function_breakpoints_stop_at_each_call(lua: str, name: str) -> None:
    code = PROGRAMS[lua][name].replace("#!/", "-- ")
    lines = CodeLines(code)
    sites = [Site(number, 0, "", function) for number, function in enumerate(lines.functions)]
    result = run(lua, with_sites(code, sites + line_sites(code)))
    assert result.printed == run(lua, code).printed
    if name == "returns":
        called = {lines.functions[site].name for site, _ in result.reached if site < len(sites)}
        assert {"early", "nothing", "tail", "fib", "made"} - called == {"made"}


def test_no_line_moves() -> None:
    edited = with_sites(PROGRAM, line_sites(PROGRAM, "index == 3"))
    before, after = PROGRAM.split("\n"), edited.split("\n")
    assert len(before) == len(after)
    for line, text in enumerate(after, 1):
        assert (BREAK_NAME in text) == (line in CodeLines(PROGRAM).lines)


@pytest.mark.parametrize(
    ("code", "line", "edited"),
    [
        ("f()", 1, "B(7);f()"),
        ("\nwhile a or b do f() end", 2, "\nwhile B(7) or a or b do f() end"),
        ("if a then\nelseif b then\nend", 2, "if a then\nelseif B(7) or b then\nend"),
        ("repeat f()\nuntil(x)", 2, "repeat f()\nuntil B(7) or (x)"),
        ("for i = 1, 2 do f() end", 1, "B(7);for i = 1, 2 do B(7); f() end"),
        ("for i = 1, 2\ndo f() end", 1, "B(7);for i = 1, 2\ndo f() end"),
        ("do(f)()end", 1, "do B(7);(f)()end"),
        ("x = 1.(f)()", 1, "B(7);x = 1.(f)()"),
        ("function f()\nend", 2, "function f()\nB(7);end"),
        ("f(function() g() end)", 1, "B(7);f(function() B(7);g() end)"),
        ("f() g()", 1, "B(7);f() g()"),
        ("local ö = 1\nö()", 2, "local ö = 1\nB(7);ö()"),
        ("\ufeff#!lua\nx = 1", 2, "\ufeff#!lua\nB(7);x = 1"),
    ],
)
def test_what_is_inserted(code: str, line: int, edited: str) -> None:
    text = instrument(CodeLines(code), [Site(7, line)]).apply(code)
    assert text.replace(BREAK_NAME, "B") == edited


def test_conditions_are_functions_of_their_site() -> None:
    code = "f()"
    text = instrument(CodeLines(code), [Site(3, 1, "x == 1")]).apply(code)
    assert text == f"{BREAK_NAME}(3,function()return x == 1 end);f()"


@pytest.mark.parametrize("lua", LUAS)
def test_conditions_see_the_locals_of_their_place(lua: str) -> None:
    code = "local n = 0\nwhile n < 5 do\n  n = n + 1\nend\nrepeat local m = n\n  n = n - 1\nuntil m == 3"
    sites = [Site(1, 3, "n == 2"), Site(2, 2, "n >= 4"), Site(3, 7, "m == n + 1 and m < 5")]
    reached = run(lua, with_sites(code, sites)).reached
    assert reached == [(1, 3), (2, 2), (2, 2), (3, 7), (3, 7)]


def test_the_last_expression_of_a_cell_stays_the_last() -> None:
    code = "local x = 1\n1 + x"
    edits = [*instrument(CodeLines(code), [Site(1, 2)]).edits, (12, "return ")]
    assert sorted(edits, key=lambda edit: edit[0]) == edits


def test_sites_that_cannot_be_part_of_the_code() -> None:
    code = "function f()\n  goto done\n  ::done::\nend\n\nfunction g("
    lines = CodeLines(code)
    sites = [Site(1, 4), Site(2, 5), Site(3, 99), Site(4, 0, "", lines.functions[1]), Site(5, 2)]
    instrumentation = instrument(lines, sites)
    assert instrumentation.missing == [1, 2, 3, 4]
    assert [offset for offset, _ in instrumentation.edits] == [code.index("goto")]


@pytest.mark.parametrize(
    ("code", "condition", "edited"),
    [
        ("local x\nf()", "x == 1", "local x\nif A and A[7]or x == 1 then B(7,(C))end;f()"),
        (
            "local x\nf()",
            "x > 1",
            'local x\nif A and A[7]or T(x)~="number"or x > 1 then B(7,not(T(x)~="number")and(C))end;f()',
        ),
        ("local x\nwhile(a)do end", "x", "local x\nwhile (A and A[7]or x)and B(7,(C))or (a)do end"),
        ("for x = 1, 2\ndo f(x) end", "x", "for x = 1, 2\ndo if A and A[7]or x then B(7,(C))end;f(x) end"),
        ("local y\nf()", "x == 1", "local y\nB(7,C);f()"),
        ("do local x end\nf()", "x == 1", "do local x end\nB(7,C);f()"),
        ("local x\nf()", "x.y == 1", "local x\nB(7,C);f()"),
    ],
)
def test_harmless_conditions_are_tested_by_the_code(code: str, condition: str, edited: str) -> None:
    made = instrument(CodeLines(code), [Site(7, 2, condition)])
    text = made.apply(code).replace(f"function()return {condition} end", "C")
    text = text.replace(f"({condition})and 1 or 0", "C")
    for name, letter in ((BREAK_NAME, "B"), (TYPE_NAME, "T"), (ALWAYS_NAME, "A")):
        text = text.replace(name, letter)
    assert text == edited
    assert made.testing == ([] if "\nB(" in edited else [7])


def test_cdata_are_not_compared() -> None:
    made = instrument(CodeLines("local x, y\nf()"), [Site(7, 2, "x == 1 and y > 2")], cdata=True)
    assert f'{TYPE_NAME}(y)~="number"or {TYPE_NAME}(x)=="cdata"or x == 1' in made.apply("local x, y\nf()")


def test_names_that_are_certainly_local() -> None:
    code = (
        "local a = function(p, ...) f(p) end\n"
        "local function b() f(b) end\n"
        "for c = 1, 2 do f(c) end f(c)\n"
        "for d, e in f() do f(d, e) end f(e)\n"
        "function t:m(q) f(self) end f(self, q)\n"
        "do local g <const> = f(g); f(g) end f(g)\n"
        "repeat local h = f() if h then local i; f(i) elseif i then f(i) end f(h) until h f(h)\n"
        "f(a, b)"
    )
    lines = CodeLines(code)
    seen = [
        name
        for match in re.finditer(r"(?<!= )f\(([\w, ]+)\)", code)
        for name in match[1].split(", ")
        if lines.is_local(name, match.start())
    ]
    assert seen == ["p", "c", "d", "e", "self", "g", "i", "h", "a", "b"]
    assert not CodeLines("local x global x f(x)").is_local("x", 16)


@pytest.mark.parametrize(("lua", "name"), CASES)
def test_tests_of_the_code_change_nothing(lua: str, name: str) -> None:
    code = PROGRAMS[lua][name].replace("#!/", "-- ")
    conditions = (
        ["print == 2"] if "global" in code else ["1 == 2", "n == 2", "n > 2 and i ~= 1", "x or total"]
    )
    for condition in conditions:
        sites = line_sites(code, condition)
        functions = [site._replace(condition=f"(function()return {condition} end)()") for site in sites]
        assert run(lua, with_sites(code, sites)) == run(lua, with_sites(code, functions))
