from __future__ import annotations

import random
import re

import pytest

from llmspell_kernel.lua.debugger.lines import CodeLines
from llmspell_kernel.lua.lexer import tokenize
from tests.lua.sources import PROGRAM


def places(code: str) -> list[str]:
    """The places as `kind: text of the line from there on`."""
    return [f"{each.kind}: {code[each.offset :].split(chr(10))[0]}" for each in CodeLines(code).places]


@pytest.mark.parametrize(
    "marked",
    [
        """
        local a = 1 --@
        local b, c --@
        -- a comment
        --[[ a longer
        one ]]

        f( --@
            a,
            b
        )
        ;
        """,
        """
        if a --@
            and b
        then
            f() --@
        elseif b then --@
            g() --@
        else
            h() --@
        end
        """,
        """
        while a do --@
            f() --@
            do
                g() --@
            end
            break --@
        end
        repeat
            local x = f() --@
        until x --@
        for i = 1, 3 do --@
            f() --@
        end
        for k, --@
            v in pairs(t)
        do
            goto next --@
            ::next::
        end
        """,
        """
        function f() --@
            g() --@
        end --@
        local function h(x) --@
            if x then --@
                return --@
            end
        end --@
        local k = function() --@
            return 1 --@
        end
        """,
        """
        M = { --@
            a = 1,
            b = function(self) --
                self.a = 2 --@
            end, --@
            [function() return 1 end] = 2, --@
        }
        f(1, function() --@
            g() --@
        end):h(function() --@
            k() --@
        end) --@
        """,
        """
        while --
            a --@
        do
            f() --@
        end
        repeat
            f() --@
        until --
            a --@
        """,
        """
        local x <const>, y <close> = 1, nil --@
        local z <const> --@
        (f or g)() --@
        x = y // 2 | 3 << ~4 --@
        goto = 1 --@
        """,
        """
        global x, y
        global <const> *
        global z = 1 --@
        global function f() --@
            x = 1 --@
        end --@
        """,
        """
        x = f --@
        (g or h)()
        y = 1 --@
        (g or h)() --@
        z = 'a' --@
        ('b'):rep(2) --@
        1 + x --@
        """,
    ],
)
def test_lines_that_a_breakpoint_can_be_on(marked: str) -> None:
    expected = [number for number, line in enumerate(marked.split("\n"), 1) if line.endswith("--@")]
    assert CodeLines(marked).lines == expected


def test_a_breakpoint_moves_to_the_next_line_with_code() -> None:
    lines = CodeLines("\n-- a\nlocal t = {\n  1,\n}\n\nprint(t)\n-- b\n")
    assert [lines.breakpoint_line(line) for line in (-1, 0, 1, 2, 3, 4, 5, 6, 7)] == [3] * 5 + [7] * 4
    assert lines.breakpoint_line(8) is None
    assert CodeLines("").breakpoint_line(1) is None
    assert CodeLines("-- nothing").breakpoint_line(1) is None


def test_a_place_is_before_what_it_stops_at() -> None:
    code = (
        "while a do b() end\n"
        "if c then elseif d then e() else return f end\n"
        "repeat until g\n"
        "for i = 1, 2 do end"
    )
    assert places(code) == [
        "condition: a do b() end",
        "statement: b() end",
        "statement: if c then elseif d then e() else return f end",
        "condition: d then e() else return f end",
        "statement: e() else return f end",
        "statement: return f end",
        "condition: g",
        "for: for i = 1, 2 do end",
    ]


def test_the_first_place_of_each_function_on_a_line() -> None:
    code = "a() b() c(function() d() e() end) f()\ng()"
    found = CodeLines(code).at(1)
    assert [code[place.offset : place.offset + 3] for place in found] == ["a()", "d()"]
    assert CodeLines(code).at(3) == []


def test_the_end_of_a_function_that_returns_is_never_reached() -> None:
    lines = CodeLines("function f()\n  if x then return 1 end\nend\nfunction g()\n  return 2;\nend")
    assert lines.lines == [1, 2, 3, 4, 5]
    assert [place.kind for place in lines.at(3)] == ["end"]


def test_nothing_can_be_put_behind_a_label_that_ends_a_function() -> None:
    lines = CodeLines("function f()\n  goto done\n  ::done::;\nend")
    assert [place.insertable for place in lines.places] == [True, True, False]


def test_the_body_of_a_for_is_known_where_it_is_on_the_heads_line() -> None:
    code = "for i = 1, f(function() for j = 1, 2\ndo end end)\ndo end for k in g do end"
    bodies = [code[place.body :] for place in CodeLines(code).places if place.body]
    assert bodies == [" end"]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("function f() end", ["f"]),
        ("local function f() end", ["f"]),
        ("function a . b:c() end", ["a.b:c"]),
        ("f = function() end", ["f"]),
        ("M.f.g = function() end", ["M.f.g"]),
        ("local f, g = 1, function() end", ["g"]),
        ("local f <const>, g = function() end, function() end", ["f", "g"]),
        ("a, b[1], b.c = function() end, function() end, function() end", ["a", "", "b.c"]),
        ("M.f = M.f or function() end", ["M.f"]),
        ("f = wrap(function() end)", [""]),
        ("return function() return function() end end", ["", ""]),
        ("return { f = function() end, function() end, g = 1, h = function() end }", ["f", "", "h"]),
        ("M = { f = function() end; ['g'] = function() end }", ["M.f", "M.g"]),
        ("M.a = { b = { c = function() end } }", ["M.a.b.c"]),
        ("local M <const> = { f = function() end }", ["M.f"]),
        ("M = setmetatable({ f = function() end }, { g = function() end })", ["f", "g"]),
        ("M = class { f = function() end }", ["f"]),
        ("x = 1 M.f = function() local g = function() end end", ["M.f", "g"]),
        ("x = y == function() end", ["x"]),
        ("f(function() end) x = 1", [""]),
        ("global function f() end", ["f"]),
        ("for i = 1, (function() end)() do end", [""]),
    ],
)
def test_names_of_functions(code: str, names: list[str]) -> None:
    assert [function.name for function in CodeLines(code).functions] == names


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("area", "area Shape.area Shape:area M.Shape:area"),
        ("Shape:area", "Shape.area Shape:area M.Shape:area"),
        (" Shape.area ", "Shape.area Shape:area M.Shape:area"),
        ("M.Shape:area", "M.Shape:area"),
        ("rea", ""),
        ("", ""),
        ("area.", ""),
    ],
)
def test_functions_by_the_names_that_users_give(name: str, own: str) -> None:
    code = (
        "function area() end function Shape.area() end function Shape:area() end function M.Shape:area() end"
    )
    assert [function.name for function in CodeLines(code).functions_called(name)] == own.split()


def test_where_a_function_is() -> None:
    code = (
        "x = 1\nlocal function f(\n  a, ...)\n  -- c\n  return a\nend\ng(function() end)\nfunction h() local"
    )
    f, anonymous, h = CodeLines(code).functions
    assert (f.first_line, f.last_line, f.statement_line) == (2, 6, 5)
    assert code[: f.body].endswith("a, ...)")
    assert (anonymous.first_line, anonymous.last_line, anonymous.statement_line) == (7, 7, 7)
    assert (h.first_line, h.last_line) == (8, 8)


@pytest.mark.parametrize("head", ["#!/usr/bin/lua 'x\n", "\ufeff", "\ufeff#!lua function\n", "\ufeff\r\n"])
def test_the_head_of_a_file_is_no_code(head: str) -> None:
    code = f"{head}x = 1\r\ny = 2"
    assert places(code) == ["statement: x = 1\r", "statement: y = 2"]
    first = head.count("\n") + 1
    assert CodeLines(code).lines == [first, first + 1]


def test_tokens_that_are_there_already_give_the_same() -> None:
    assert CodeLines(PROGRAM, tokenize(PROGRAM)).places == CodeLines(PROGRAM).places


def test_nothing_raises_on_half_typed_programs() -> None:
    for end in range(len(PROGRAM)):
        check(PROGRAM[:end])


def test_nothing_raises_on_garbage() -> None:
    noise = random.Random(11)
    words = [*re.findall(r"\w+|[^\w\s]", PROGRAM), *"global goto :: ... .. < > \\ @ \n".split(" ")]
    for _ in range(1500):
        check(" ".join(noise.choices(words, k=30)))
    for (
        opener
    ) in "( { [ function do if repeat while for local :: ) end ; else elseif until then = a= {a= f{".split():
        check(f"{opener} " * 3000)
    check("(" * 20_000 + "]" * 20_000)


def check(code: str) -> None:
    """Places are in order, at tokens; functions have their lines."""
    found = CodeLines(code)
    starts = [place.offset for place in found.places]
    assert starts == sorted(set(starts))
    assert set(starts) <= {token.start for token in tokenize(code)}
    for function in found.functions:
        assert 1 <= function.first_line <= function.last_line
    for place in found.places:
        assert -1 <= place.function < len(found.functions)
        assert found.breakpoint_line(place.line) == place.line


@pytest.mark.parametrize(
    ("code", "parameters"),
    [
        ("local x = 1", [("...",)]),
        ("function f() g() end", [("...",), ()]),
        ("local function f(a, b, c) g() end", [("...",), ("a", "b", "c")]),
        ("t = {f = function(a, ...) g() end}", [("...",), ("a", "...")]),
        ("function t.a:f(x) g() end", [("...",), ("self", "x")]),
        ("return function(...) g() end", [("...",), ("...",)]),
        ("return function(a, ...rest) g() end", [("...",), ("a", "rest")]),
    ],
)
def test_the_parameters_of_the_functions_on_a_line(code: str, parameters: list[tuple[str, ...]]) -> None:
    assert CodeLines(code).parameters_at(1) == parameters
    assert CodeLines("\n" + code).parameters_at(1) == []
