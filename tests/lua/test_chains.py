from __future__ import annotations

import pytest

from llmspell_kernel.lua.chains import Call, Chain, StringAt, call_at, expression_before, name_at
from tests.lua.sources import PROGRAM, at_cursor


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("¦", ("none", "", (), "", "")),
        ("pri¦nt", ("none", "", (), "", "pri")),
        ("x = a..b¦", ("none", "", (), "", "b")),
        ("foo.¦", ("name", "foo", (), ".", "")),
        ("foo.bar:ba¦", ("name", "foo", ("bar",), ":", "ba")),
        ("foo\n  .bar -- comment\n  .ba¦", ("name", "foo", ("bar",), ".", "ba")),
        ("x = y + foo.end¦", ("name", "foo", (), ".", "end")),
        ("a.b[1].c¦", ("name", "a", ("b", 1), ".", "c")),
        ("a['x y'].c¦", ("name", "a", ("x y",), ".", "c")),
        ("a[ [[x]] ][2].c¦", ("name", "a", ("x", 2), ".", "c")),
        ("(a.b['c']):d¦", ("name", "a", ("b", "c"), ":", "d")),
        ('("x"):up¦', ("string", "x", (), ":", "up")),
        ('"x":up¦', ("string", "x", (), ":", "up")),
        ("return 'a\\tb':up¦", ("string", "a\tb", (), ":", "up")),
        ("'🎉' größe.br¦", ("name", "größe", (), ".", "br")),
        ("f().x¦", ("unknown", "", (), ".", "x")),
        ("f'x':y¦", ("unknown", "", (), ":", "y")),
        ("g('x'):y¦", ("unknown", "", (), ":", "y")),
        ("a[i].c¦", ("unknown", "", (), ".", "c")),
        ("(a or b).c¦", ("unknown", "", (), ".", "c")),
        ("{}.c¦", ("unknown", "", (), ".", "c")),
        (".c¦", ("unknown", "", (), ".", "c")),
        ('t["ke¦', ("name", "t", (), '["', "ke")),
        ("t['ke¦y']", ("name", "t", (), '["', "ke")),
        ('t.u["¦"]', ("name", "t", ("u",), '["', "")),
        ("f()['ke¦", ("unknown", "", (), '["', "ke")),
        ("--[[ a ]] b¦", ("none", "", (), "", "b")),
        ('x = "open\nfoo.b¦', ("name", "foo", (), ".", "b")),
    ],
)
def test_chain_before_the_cursor(marked: str, expected: tuple[object, ...]) -> None:
    code, cursor = at_cursor(marked)
    found = expression_before(code, cursor)
    assert isinstance(found, Chain)
    assert found[:5] == expected
    assert code[found.start : found.end] == found.prefix
    assert found.end == cursor


@pytest.mark.parametrize("marked", ["-- a.b¦", "--[[ a¦ ]]", "x --¦", "#!/bin/lu¦", "12¦", "0x1f¦", "::la¦"])
def test_nothing_to_complete(marked: str) -> None:
    assert expression_before(*at_cursor(marked)) is None


@pytest.mark.parametrize(
    ("marked", "content", "function", "argument"),
    [
        ('require "mo¦', "mo", "require", 0),
        ('require("mo¦")', "mo", "require", 0),
        ("require [[mo¦", "mo", "require", 0),
        ("io.open('a/b¦', 'r')", "a/b", "io.open", 0),
        ("s:gsub('a', 'b¦", "b", "s:gsub", 1),
        ("t[f('x¦", "x", "f", 0),
    ],
)
def test_strings_know_their_call(marked: str, content: str, function: str, argument: int) -> None:
    code, cursor = at_cursor(marked)
    found = expression_before(code, cursor)
    assert isinstance(found, StringAt) and found.call
    assert (found.content, found.call.function.text, found.call.argument) == (content, function, argument)
    assert code[found.start : cursor] == content


@pytest.mark.parametrize("marked", ["x = 'abc¦", "print(a .. 'abc¦", "{['abc¦", "return [==[abc¦"])
def test_strings_outside_of_calls(marked: str) -> None:
    found = expression_before(*at_cursor(marked))
    assert isinstance(found, StringAt)
    assert (found.content, found.call) == ("abc", None)


@pytest.mark.parametrize(
    ("marked", "function", "argument"),
    [
        ("f(¦)", "f", 0),
        ("f(a, ¦", "f", 1),
        ("f(a, {1, 2}, (b), g(c, d), ¦", "f", 4),
        ("f(a, g(b, c, ¦", "g", 2),
        ("f({a, ¦", "f", 0),
        ("f(t[¦", "f", 0),
        ("f{a = 1, b = ¦", "f", 0),
        ("f'a¦'", "f", 0),
        ("f('a, b', 'c¦", "f", 1),
        ("f(a, -- b, c\n¦", "f", 1),
        ("x = y and string.format('%d', ¦)", "string.format", 1),
        ("s:rep(¦", "s:rep", 0),
        ('t["x"](¦', 't["x"]', 0),
        ("t.a[1].b(¦", "t.a[1].b", 0),
        ("f(function(a, b) return a, b end, ¦", "f", 1),
        ("if f(¦", "f", 0),
    ],
)
def test_call_around_the_cursor(marked: str, function: str, argument: int) -> None:
    found = call_at(*at_cursor(marked))
    assert found
    assert (found.function.text, found.argument) == (function, argument)


def test_methods_of_a_literal_are_called_too() -> None:
    assert call_at(*at_cursor("('x'):rep(¦")) == Call(Chain("string", "x", (), ":", "rep", 6, 9), 0)


@pytest.mark.parametrize(
    "marked",
    [
        *("¦", "¦f(", "f(a)¦", "x = (a, ¦", "{a, ¦", "f()(¦", "f(function() ¦", "f(function(a, ¦"),
        *("function f(a, ¦", "function M.f(a, ¦", "function M:f(¦", "local function f(¦", "f(\nlocal x = ¦"),
    ],
)
def test_no_call_around_the_cursor(marked: str) -> None:
    assert call_at(*at_cursor(marked)) is None


@pytest.mark.parametrize(
    ("marked", "text"),
    [
        ("string.fo¦rmat('x')", "string.format"),
        ("string.¦format", "string.format"),
        ("string.format¦(", "string.format"),
        ("str¦ing.format", "string"),
        ("string¦.format", "string"),
        ("x+¦y", "y"),
        ("t.a['ke¦y'].b", 't.a["key"]'),
        ("a.b[1].c¦.d", "a.b[1].c"),
        ("wh¦ile x do", "while"),
        ("🎉.größ¦e()", "🎉.größe"),
    ],
)
def test_name_at_the_cursor(marked: str, text: str) -> None:
    found = name_at(*at_cursor(marked))
    assert found and found.text == text


@pytest.mark.parametrize("marked", ["¦", "(¦)", "-- na¦me", "'na¦me'", "x = 1¦2", "a ¦ b"])
def test_no_name_at_the_cursor(marked: str) -> None:
    assert name_at(*at_cursor(marked)) is None


def test_nothing_raises_anywhere() -> None:
    for cursor in range(len(PROGRAM) + 1):
        before = expression_before(PROGRAM, cursor)
        assert before == expression_before(PROGRAM[:cursor], cursor)
        assert call_at(PROGRAM, cursor) == call_at(PROGRAM[:cursor], cursor)
        name_at(PROGRAM, cursor)
        name_at(PROGRAM[cursor:], 0)
    for soup in ("(" * 3000, "a." * 3000, ")" * 3000, "t[" * 3000, "('x')" * 3000, "]" * 3000):
        expression_before(soup + ".x", len(soup) + 2)
        call_at(soup, len(soup))
        name_at(soup, len(soup) // 2)
