from __future__ import annotations

import pytest

from llmspell_kernel.lua.scopes import Local, visible_locals
from tests.lua.sources import PROGRAM, at_cursor


def seen(marked: str) -> dict[str, Local]:
    return visible_locals(*at_cursor(marked))


@pytest.mark.parametrize(
    ("marked", "names"),
    [
        ("¦", ""),
        ("local x = 1\n¦", "x"),
        ("local x, y <const> = 1 ¦", "x y"),
        ("local <const> x, y = 1, 2; pri¦", "x y"),
        ("local x\n¦", "x"),
        ("local x¦", ""),
        ("local x = x¦", ""),
        ("local x = f(¦", ""),
        ("local x = 1\n(f)(¦", "x"),
        ("local x = f\n(¦", ""),
        ("local function f(a, b) ¦", "f a b"),
        ("local function f(a, b) end ¦", "f"),
        ("local f = function(a) return ¦", "a"),
        ("function M:go(a, ...) ¦", "self a"),
        ("function M.go(a, ...) local b = a; ¦ end", "a b"),
        ("function f(a, ...rest) ¦", "a rest"),
        ("for i = 1, 3 do ¦", "i"),
        ("for k, v in pairs(¦", ""),
        ("for k, v in pairs(t) do local x = k ¦", "k v x"),
        ("for k, v in pairs(t) do local x = k end ¦", ""),
        ("if a then local b = 1 else local c = 2 ¦ end", "c"),
        ("if a then local b = 1 elseif ¦", ""),
        ("if a then local b = 1 elseif c then local d = 1; ¦", "d"),
        ("if a then local b = 1 end ¦", ""),
        ("while true do local x = 1 end ¦", ""),
        ("repeat local x = 1 until ¦", "x"),
        ("repeat local x = 1 until x > 1 ¦", ""),
        ("repeat local x = 1 until x > 1\nlocal y = 1; ¦", "y"),
        ("do local x = 1; ¦ end", "x"),
        ("local t = {f = function(a) ¦ end}", "a"),
        ("run(function(a) local b = 1\n¦\nend)", "a b"),
        ("run(function(a) local b = 1 end, ¦", ""),
        ("print(x\nlocal y = 1\n¦", "y"),
        ("while f( do local x = 1; ¦", "x"),
        ("local x = a.\nlocal y = 1; ¦", "x y"),
        ("goto a ::a:: local x = 2 ::b:: ¦", "x"),
        ("local x = 1 -- local y = 2\n¦", "x"),
        ("global x, y = 1\n¦", ""),
        ("local größe = '🎉'\r\n¦", "größe"),
        ("local x = 1 ¦ local y = 2", "x"),
    ],
)
def test_names_in_scope(marked: str, names: str) -> None:
    assert " ".join(seen(marked)) == names


@pytest.mark.parametrize(
    ("marked", "name", "expected"),
    [
        ("local s = string\n¦", "s", Local("instance", "string")),
        ("local s = a.b.c; ¦", "s", Local("instance", "a.b.c")),
        ("local s = 'text' ¦", "s", Local("instance", "'text'")),
        ("local s = [[text]] ¦", "s", Local("instance", "[[text]]")),
        ("local s = {x = {1}, y = 2} ¦", "s", Local("instance", "{x = {1}, y = 2}")),
        ("local a, s = 1, string ¦", "s", Local("instance")),
        ("local a, s = 'x', string ¦", "s", Local("instance", "string")),
        ("local s = string.format('x') ¦", "s", Local("instance")),
        ("local s = string .. 'x' ¦", "s", Local("instance")),
        ("local s = string\n('x') ¦", "s", Local("instance")),
        ("local s = 'x'\n(f)() ¦", "s", Local("instance", "'x'")),
        ("local s = a or b ¦", "s", Local("instance")),
        ("local s = a local b ¦", "s", Local("instance", "a")),
        ("local f = function() end ¦", "f", Local("function")),
        ("local function f() end ¦", "f", Local("function")),
        ("local function f() end local g = f; ¦", "g", Local("function")),
        ("local s = string local t = s.format; ¦", "t", Local("instance", "string.format")),
        ("local s = 'x' local t = s; ¦", "t", Local("instance", "'x'")),
        ("local s = 'x' local t = s.y; ¦", "t", Local("instance")),
        ("local s = string local t = s local s = 5; ¦", "t", Local("instance", "string")),
        ("local string = string; ¦", "string", Local("instance", "string")),
        ("function f(s) local t = s; ¦", "t", Local("instance")),
        ("local x = string; do local x = 1; ¦ end", "x", Local("instance")),
        ("local x = string; do local x = 1 end ¦", "x", Local("instance", "string")),
        ("function f(a) ¦", "a", Local("parameter")),
        ("for i = 1, 3 do ¦", "i", Local("instance")),
    ],
)
def test_what_a_local_is(marked: str, name: str, expected: Local) -> None:
    assert seen(marked)[name] == expected


def test_half_typed_programs_have_scopes() -> None:
    for cursor in range(len(PROGRAM) + 1):
        names = visible_locals(PROGRAM[:cursor], cursor)
        assert names == visible_locals(PROGRAM, cursor)
    assert set(names) == {"insert", "concat", "Shop", "each", "shop", "text", "total", "_", "last"}
