"""What Shift+Tab shows, in every Lua, without running anything of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lua.shell import LANGUAGES, LuaShell
from tests.lua.sources import at_cursor

SHOP = """--- A shop and what it has.
--- @class Shop
--- @field name string
local Shop = {}
Shop.__index = Shop

--- Opens a shop.
--- @param name string what it is called
--- @return Shop
function Shop.new(name, ...)
  return setmetatable({name = name}, Shop)
end

--- Adds to the stock.
---@param n number how many
function Shop:add(n)
  self.count = (self.count or 0) + n -- no comment
end
shop = Shop.new("corner")
"""


@pytest.fixture(params=LANGUAGES)
def lua(request: pytest.FixtureRequest) -> LuaShell:
    return LuaShell(request.param)


def help_on(lua: LuaShell, marked: str, detail: int = 0) -> str:
    """The Markdown that is shown, empty if nothing is."""
    bundle = lua.interpreter.inspect(*at_cursor(marked), detail=detail)
    if bundle is None:
        return ""
    assert bundle.data["text/plain"]
    return str(bundle.data["text/markdown"])


def heading(lua: LuaShell, marked: str) -> str:
    """The first line inside the first code block."""
    text = help_on(lua, marked)
    return text.splitlines()[1] if text else ""


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("print¦", "print("),
        ("pr¦int(1)", "print("),
        ("string.format¦", "string.format("),
        ("string.format(¦)", "string.format("),
        ("string.format('%d', ¦", "string.format("),
        ("print(string.format¦", "string.format("),
        ("string.format(nil¦", "string.format("),
        ("string.format('%¦d')", "string.format("),
        ("_G.string.format¦", "string.format("),
        ("('x'):rep¦", "string.rep("),
        ("('x'):rep(¦", "string.rep("),
        ("io.stdout:write¦", "file:write("),
        ("io.stdout¦", "io.stdout"),
        ("math.pi¦", "math.pi"),
        ("math¦", "math"),
        ("while¦ true do", "while"),
        ("setmetatable(t, {__index¦ = t})", "__index"),
        ("patterns¦", "string patterns"),
        ("local s = 'x' s:rep(¦", "string.rep("),
        ("local say = print say(¦", "print("),
    ],
)
def test_help_on_what_lua_brings(lua: LuaShell, marked: str, expected: str) -> None:
    assert heading(lua, marked).startswith(expected)


@pytest.mark.parametrize(
    "marked", ["", "¦", "nosuch¦", "nosuch.field¦", "12¦", "-- print¦", "f()¦", "f().x¦", "= ¦"]
)
def test_nothing_is_known(lua: LuaShell, marked: str) -> None:
    assert help_on(lua, marked or "¦") == ""


def test_cursors_outside_of_the_code(lua: LuaShell) -> None:
    assert lua.interpreter.inspect("print", 99) is not None
    assert lua.interpreter.inspect("print", -1) is not None
    assert lua.interpreter.inspect("", 5) is None


def test_functions_keep_their_help_under_another_name(lua: LuaShell) -> None:
    lua.run("fmt = string.format local shorter = string.format t = {f = string.format}")
    for marked in ("fmt(¦", "shorter(¦", "t.f¦", "t['f'](¦"):
        assert heading(lua, marked).startswith("string.format("), marked


def test_functions_of_the_user_under_a_known_name(lua: LuaShell) -> None:
    lua.run("--- My own.\nfunction print(a, b) end\nfunction string.trim(s) end")
    assert heading(lua, "print¦") == "print(a, b)"
    assert "My own." in help_on(lua, "print¦")
    assert heading(lua, "('x'):trim¦").endswith("trim(s)")


def test_doc_comments_of_cells(lua: LuaShell) -> None:
    lua.run(SHOP)
    text = help_on(lua, "Shop.new(¦")
    assert heading(lua, "Shop.new(¦") == "Shop.new(name: string, ...) -> Shop"
    assert "Opens a shop." in text
    assert "what it is called" in text
    assert "cell \\[1\\], line 10" in text
    assert "**Source**" not in text
    assert heading(lua, "shop:add(¦") == "shop:add(n: number)"
    assert "Adds to the stock." in help_on(lua, "shop:add¦")


def test_source_with_detail(lua: LuaShell) -> None:
    lua.run(SHOP)
    assert help_on(lua, "shop.add¦", detail=1).endswith(
        "**Source**\n\n```lua\nfunction Shop:add(n)\n"
        "  self.count = (self.count or 0) + n -- no comment\nend\n```"
    )
    assert "function Shop" not in help_on(lua, "shop.add¦")


def test_values(lua: LuaShell) -> None:
    lua.run(SHOP)
    lua.run("answer = 42 local text = 'hello' half = 0.5 local none")
    assert heading(lua, "shop¦") == "shop: Shop (table)"
    assert 'name = "corner"' in help_on(lua, "shop¦")
    shown = help_on(lua, "Shop¦")
    assert "A shop and what it has." in shown
    assert "`name: string`" in shown
    kind = "number" if lua.language == "luajit" else "integer"
    assert heading(lua, "answer¦") == f"answer: {kind}"
    assert "42" in help_on(lua, "answer¦")
    assert heading(lua, "shop.name¦") == "shop.name: string"
    assert heading(lua, "text¦") == "text: string"
    assert '"hello"' in help_on(lua, "text¦")
    assert heading(lua, "none¦") == "none: nil"
    lua.run("patterns = 1")
    assert heading(lua, "patterns¦").startswith("patterns: ")


def test_large_values_are_cut(lua: LuaShell) -> None:
    lua.run("big = {} for i = 1, 100000 do big[i] = ('x'):rep(100) end long = ('x'):rep(1000000)")
    assert len(help_on(lua, "big¦")) < 10_000
    assert len(help_on(lua, "long¦")) < 10_000


def test_nothing_of_the_user_is_called(lua: LuaShell) -> None:
    lua.run(
        """called = 0
        local function note() called = called + 1 return "note" end
        local metatable = {__index = note, __tostring = note, __pairs = note, __len = note, __name = "Trap"}
        trap = setmetatable({field = setmetatable({}, metatable)}, metatable)
        locked = setmetatable({}, {__metatable = "no", __index = {inner = print}})"""
    )
    assert heading(lua, "trap¦") == "trap: Trap (table)"
    assert help_on(lua, "trap.field¦")
    assert help_on(lua, "trap.nosuch¦") == ""
    assert heading(lua, "locked.inner¦").startswith("print(")
    assert lua.run("called") == "0"


def test_tables_that_are_called(lua: LuaShell) -> None:
    lua.run("Point = setmetatable({}, {\n--- Makes a point.\n__call = function(class, x, y) end})")
    assert heading(lua, "Point(¦") == "Point(x, y)"
    assert "Makes a point." in help_on(lua, "Point¦")


def test_what_is_typed_but_has_not_run(lua: LuaShell) -> None:
    code = "--- Greets.\n---@param whom string\nlocal function greet(whom) end\ngre¦et('you')"
    assert heading(lua, code) == "greet(whom: string)"
    assert "Greets." in help_on(lua, code)
    assert heading(lua, "local M = {} function M.f(a) end M.f(¦") == "M.f(a)"


def test_functions_of_files(lua: LuaShell, tmp_path: Path) -> None:
    module = tmp_path / "shapes.lua"
    module.write_text(
        "local M = {}\n--- The area.\n--- @param r number\nfunction M.area(r)\n  return r\nend\nreturn M\n"
    )
    lua.run(f"package.path = '{tmp_path}/?.lua' shapes = require 'shapes'")
    text = help_on(lua, "shapes.area(¦", detail=1)
    assert heading(lua, "shapes.area¦") == "shapes.area(r: number)"
    assert "The area." in text
    assert "shapes.lua, line 4" in text
    assert "  return r\n" in text
    module.unlink()
    assert heading(lua, "shapes.area¦") == "shapes.area(r)"


def test_functions_of_loaded_strings(lua: LuaShell) -> None:
    lua.run("(loadstring or load)('--- From text.\\nfunction made(a) end')()")
    assert heading(lua, "made¦") == "made(a)"
    assert "From text." in help_on(lua, "made¦")


def test_our_own_globals_show_their_annotations(lua: LuaShell, tmp_path: Path) -> None:
    path = tmp_path / "weather.lua"
    path.write_text(
        "local host = ...\n---How warm it is.\n---@class weather\nlocal weather = {}\n"
        "--- Tells the temperature.\n---@param place string\n---@return number\n"
        "function weather.at(place) return host.at(place) end\nreturn weather\n"
    )
    lua.interpreter.state.library("weather", path, {"at": lambda place: 20})
    lua.run("local alias = weather.at")
    assert heading(lua, "weather.at(¦") == "weather.at(place: string) -> number"
    assert "Tells the temperature." in help_on(lua, "alias(¦")
    assert "weather.at(place)" in help_on(lua, "weather¦")
    assert "How warm it is." in help_on(lua, "weather¦")
    offered = lua.interpreter.complete("weather.", 8).matches
    assert [(match.text, match.signature) for match in offered] == [("at", "(place)")]


def test_parameters_behind_dots_are_those_of_the_comment(lua: LuaShell) -> None:
    lua.run(
        "---Puts.\n---@overload fun(key: string)\n---@param scope string\n---@param key string\n"
        "---@param options? table\nfunction put(scope, ...) end\n"
        "---Says.\n---@param words string\n---@param ... any\nfunction say(words, ...) end"
    )
    assert heading(lua, "put¦") == "put(scope: string, key: string, options?: table)"
    assert heading(lua, "say¦") == "say(words: string, ...: any)"
