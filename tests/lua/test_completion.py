"""What Tab offers, in every Lua, without running anything of the user's."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from llmspell_kernel.interpreter import Completion, Completions
from tests.lua.shell import LANGUAGES, LuaShell
from tests.lua.sources import PROGRAM, at_cursor


@pytest.fixture(params=LANGUAGES)
def lua(request: pytest.FixtureRequest) -> LuaShell:
    return LuaShell(request.param)


def complete(lua: LuaShell, marked: str) -> Completions:
    return lua.interpreter.complete(*at_cursor(marked))


def texts(lua: LuaShell, marked: str) -> list[str]:
    return [match.text for match in complete(lua, marked).matches]


def match(lua: LuaShell, marked: str, text: str) -> Completion:
    found = [match for match in complete(lua, marked).matches if match.text == text]
    assert len(found) == 1, f"{text} is offered {len(found)} times at {marked}"
    return found[0]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("pri¦", ["print"]),
        ("x = pri¦", ["print"]),
        ("whi¦", ["while"]),
        ("func¦", ["function"]),
        ("string.form¦", ["format"]),
        ("_G.string.form¦", ["format"]),
        ("_G['string'].form¦", ["format"]),
        ("string:form¦", ["format"]),
        ("('x'):upp¦", ["upper"]),
        ("'x'.upp¦", ["upper"]),
        ("io.stdout:wri¦", ["write"]),
        ("io.stdout:wri¦te('x')", ["write"]),
        ("for i = 1, math.hu¦", ["huge"]),
        ("MATH.¦", []),
        ("nosuch.¦", []),
        ("print().¦", []),
        ("-- pri¦", []),
        ("--[[ pri¦ ]]", []),
        ("12¦", []),
        ("::pri¦", []),
    ],
)
def test_what_lua_brings(lua: LuaShell, marked: str, expected: list[str]) -> None:
    assert texts(lua, marked) == expected


def test_all_of_a_library_with_kinds_and_signatures(lua: LuaShell) -> None:
    found = complete(lua, "string.¦")
    assert {"byte", "format", "gsub", "upper"} <= {match.text for match in found.matches}
    assert match(lua, "string.¦", "upper") == Completion("upper", "function", "(s: string) -> string")
    assert match(lua, "('x'):¦", "upper") == Completion("upper", "method", "() -> string")
    assert match(lua, "¦", "string").kind == "module"
    assert match(lua, "¦", "while").kind == "keyword"
    assert match(lua, "math.¦", "pi").kind == "property"


def test_positions_count_code_points(lua: LuaShell) -> None:
    lua.run("größe = {breit = 1}" if lua.language == "luajit" else "size = {breit = 1}")
    name = "größe" if lua.language == "luajit" else "size"
    found = complete(lua, f"x = '🎉🎉' .. {name}.br¦ -- 🎉")
    assert [match.text for match in found.matches] == ["breit"]
    start = len("x = '🎉🎉' .. ") + len(name) + 1
    assert (found.start, found.end) == (start, start + 2)


def test_cursors_outside_of_the_code(lua: LuaShell) -> None:
    assert lua.interpreter.complete("pri", 99).matches[0].text == "print"
    assert lua.interpreter.complete("pri", -5).start == 0


def test_globals_and_fields_of_the_user(lua: LuaShell) -> None:
    lua.run(
        """shop = {open = function(self, door, ...) end, stock = {cheese = 3}, [1] = "one", ["two words"] = 2,
           _hidden = true, __secret = 1, ["while"] = 1}
        function hello(a, b, ...) end"""
    )
    assert texts(lua, "sho¦") == ["shop"]
    assert texts(lua, "shop.¦") == ["open", "stock", "_hidden", "__secret"]
    assert texts(lua, "shop.stock.¦") == ["cheese"]
    assert texts(lua, "shop:¦") == ["open"]
    assert match(lua, "shop.¦", "open") == Completion("open", "function", "(self, door, ...)")
    assert match(lua, "shop:¦", "open") == Completion("open", "method", "(door, ...)")
    assert match(lua, "hel¦", "hello").signature == "(a, b, ...)"
    assert match(lua, "sho¦", "shop").kind == "instance"
    assert match(lua, "shop.¦", "stock").kind == "instance"


def test_results_of_earlier_cells(lua: LuaShell) -> None:
    lua.run("return {price = 3}")
    assert texts(lua, "_.¦") == ["price"]
    assert texts(lua, "Out[1].¦") == ["price"]


def test_another_case_is_the_second_choice(lua: LuaShell) -> None:
    lua.run("t = {Name = 1, named = 2, NAME = 3}")
    assert texts(lua, "t.na¦") == ["named"]
    assert texts(lua, "t.nAM¦") == ["NAME", "Name", "named"]
    assert texts(lua, "PRI¦") == ["print"]


def test_inheritance_through_tables_only(lua: LuaShell) -> None:
    lua.run(
        """Base = {greet = function(self) end} Base.__index = Base
        Derived = setmetatable({wave = function(self) end}, Base) Derived.__index = Derived
        object = setmetatable({own = 1}, Derived)
        circle = {a = 1} setmetatable(circle, {__index = circle})
        locked = setmetatable({}, {__index = {inner = 1}, __metatable = "no"})"""
    )
    assert texts(lua, "object.¦") == ["greet", "own", "wave", "__index"]
    assert texts(lua, "object:¦") == ["greet", "wave"]
    assert texts(lua, "circle.¦") == ["a"]
    assert texts(lua, "locked.¦") == ["inner"]
    assert match(lua, "Ba¦", "Base").kind == "class"


def test_no_metamethod_is_called(lua: LuaShell) -> None:
    lua.run(
        """called = {}
        local function note(name)
            return function(_, key) called[#called + 1] = name .. tostring(key) return {} end
        end
        local names = {"__index", "__pairs", "__len", "__tostring", "__call", "__eq", "__concat", "__name"}
        local metatable = {}
        for _, name in ipairs(names) do metatable[name] = note(name) end
        trap = setmetatable({field = setmetatable({deep = 1}, metatable)}, metatable)
        setmetatable(_G, metatable);"""
    )
    for marked in ("trap.¦", "trap.nosuch.¦", "trap:¦", 'trap["¦', "nosuch.x¦", "¦", "tra¦", "trap.field.d¦"):
        complete(lua, marked)
    assert texts(lua, "trap.¦") == ["field"]
    assert lua.run("return table.concat(called, ' ')") == '""'


def test_locals_of_earlier_cells(lua: LuaShell) -> None:
    lua.run("local basket = {apple = 1} local text = 'abc' local function weigh(thing) end")
    assert texts(lua, "bask¦") == ["basket"]
    assert texts(lua, "basket.¦") == ["apple"]
    assert texts(lua, "text:upp¦") == ["upper"]
    assert match(lua, "weig¦", "weigh") == Completion("weigh", "function", "(thing)")
    lua.run("basket.pear = 2")
    assert texts(lua, "basket.¦") == ["apple", "pear"]
    assert texts(lua, "¦")[:3] == ["basket", "text", "weigh"]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("local counter = 1 coun¦", ["counter"]),
        ("local function counted() end coun¦", ["counted"]),
        ("function f(counter) return coun¦", ["counter"]),
        ("for counter = 1, 3 do coun¦", ["counter"]),
        ("do local counter = 1 end coun¦", []),
        ("local s = string s.form¦", ["format"]),
        ("local s = string local t = s t.form¦", ["format"]),
        ("local s = 'text' s:upp¦", ["upper"]),
        ("local s = [[text]] s:upp¦", ["upper"]),
        ("local t = {alpha = 1, beta = {gamma = 2}, ['delta'] = 3, 4} t.¦", ["alpha", "beta", "delta"]),
        ("local t = {alpha = 1, beta = {gamma = 2}} t.beta.¦", ["gamma"]),
        ("local t = {name = 'x'} t.name:upp¦", ["upper"]),
        ("local t = {log = math} t.log.hu¦", ["huge"]),
        ("local t = {f = function() return 1, 2 end, g = 1} t:¦", ["f"]),
        ("local M = {} function M.one() end function M:two() end M.three = 3 M.¦", ["one", "three", "two"]),
        ("local M = {} M.sub = {} M.sub.x = 1 M.sub.¦", ["x"]),
        ("local A = {x = 1} function A:f() self.y = 2 self.¦", ["f", "x", "y"]),
        ("if a == b then M.x == 3 end M.¦", []),
        ("function f(string) string.form¦", []),
    ],
)
def test_what_is_typed_but_has_not_run(lua: LuaShell, marked: str, expected: list[str]) -> None:
    assert texts(lua, marked) == expected


def test_names_in_sight_come_before_all_others(lua: LuaShell) -> None:
    lua.run("local seven = 7")
    assert texts(lua, "local sixth = 6 s¦")[:2] == ["seven", "sixth"]
    assert texts(lua, "local sixth = 6 s¦")[2:4] == ["select", "setmetatable"] or lua.language == "luajit"


def test_metamethods_where_they_are_asked_for(lua: LuaShell) -> None:
    lua.run("Class = {}")
    assert texts(lua, "Class.__ind¦") == ["__index"]
    assert texts(lua, "setmetatable({}, {__toS¦") == ["__tostring"]
    assert ("__close" in texts(lua, "{__¦")) == (lua.language != "luajit")
    assert texts(lua, "Class.¦") == []


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ('t["¦', ['a b"]', 'plain"]', 'say \\"hi\\"\\n"]']),
        ("t['¦", ["a b']", "plain']", 'say "hi"\\n\']']),
        ('t["a¦"', ["a b"]),
        ('t["a¦"]', ["a b"]),
        ('t["a¦]', ['a b"']),
        ("t[ [[¦", ["a b]]]", "plain]]]"]),
        ("t[ [==[a¦", ["a b]==]]"]),
        ('t["say \\"h¦', ['say \\"hi\\"\\n"]']),
        ('t["PL¦', ['plain"]']),
        ('f()["¦', []),
    ],
)
def test_keys_in_quotes(lua: LuaShell, marked: str, expected: list[str]) -> None:
    lua.run("""t = {plain = 1, ["a b"] = 2, ['say "hi"\\n'] = 3}""")
    assert texts(lua, marked) == expected


def test_keys_that_are_not_text_are_written_so_that_lua_reads_them(lua: LuaShell) -> None:
    lua.run(r"""t = {["\255\0011 \\"] = "found"}""")
    (text,) = texts(lua, 't["¦')
    assert lua.run(f'return t["{text}') == '"found"'


def test_modules_for_require(lua: LuaShell, tmp_path: Path) -> None:
    (tmp_path / "shapes" / "round").mkdir(parents=True)
    for name in ("shapely.lua", "shapes/init.lua", "shapes/square.lua", "shapes/round/disc.lua", "notes.txt"):
        (tmp_path / name).write_text("return {}")
    lua.run(f"package.path = '{tmp_path}/?.lua;{tmp_path}/?/init.lua;;nowhere;/no/such/?.lua'")
    lua.run("package.preload.shaped = function() end")
    assert texts(lua, 'require "sha¦') == ["shaped", "shapely", "shapes", "shapes."]
    assert texts(lua, "require('shapes.¦')") == ["shapes.init", "shapes.round.", "shapes.square"]
    assert texts(lua, "require[[shapes.round.d¦") == ["shapes.round.disc"]
    assert texts(lua, 'require "corou¦') == ["coroutine"]
    assert complete(lua, 'require "sha¦').start == len('require "')
    assert texts(lua, "require 'not¦") == []


def test_paths_of_files(lua: LuaShell, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("data.csv", "Date", ".hidden", "größe.txt"):
        (tmp_path / name).write_text("")
    found = complete(lua, f"io.open('{tmp_path}/da¦')")
    assert [(match.text, match.kind) for match in found.matches] == [
        ("data/", "folder"),
        ("data.csv", "file"),
    ]
    assert found.start == len(f"io.open('{tmp_path}/")
    assert texts(lua, f'x = "{tmp_path}/¦') == ["data/", "data.csv", "Date", "größe.txt"]
    assert texts(lua, f'x = "{tmp_path}/.h¦') == [".hidden"]
    assert texts(lua, f'x = "{tmp_path}/nosuch/¦') == []
    assert texts(lua, "print('hello wor¦") == []


def test_large_tables_stay_quick_and_short(lua: LuaShell) -> None:
    lua.run("list = {} for i = 1, 200000 do list[i] = i end list.name = 1")
    lua.run("keyed = {} for i = 1, 200000 do keyed['key' .. i] = i end")
    assert texts(lua, "list.¦") == ["name"]
    started = time.thread_time()
    assert len(texts(lua, "keyed.¦")) == 1000
    assert time.thread_time() - started < 1


def test_garbage_is_answered(lua: LuaShell) -> None:
    lua.run("local shop = {} bytes = {['\\255'] = 1, ['a\\0b'] = 2}")
    chance = random.Random(1)
    pieces = [
        "shop",
        ".",
        ":",
        "[",
        '"',
        "'",
        "[[",
        "bytes",
        "(",
        ")",
        "{",
        "}",
        "\n",
        "=",
        "--",
        "\x00",
        "🎉",
    ]
    pieces += ["\ud800", "local ", "function ", "end ", "self", "string", "\\", "require", "\x7f", "goto "]
    for _ in range(400):
        code = "".join(chance.choices(pieces, k=chance.randrange(1, 12)))
        cursor = chance.randrange(len(code) + 1)
        found = lua.interpreter.complete(code, cursor)
        assert 0 <= found.start <= found.end == cursor, code
        lua.interpreter.inspect(code, cursor, detail=1)


def test_every_place_of_a_program(lua: LuaShell) -> None:
    for cursor in range(0, len(PROGRAM), 7):
        found = lua.interpreter.complete(PROGRAM, cursor)
        assert found.end == cursor
        lua.interpreter.inspect(PROGRAM, cursor)


def test_scripts_that_replace_lua_own_functions(lua: LuaShell) -> None:
    lua.run(
        """t = {field = 1}
        local g = _G
        for name in pairs(g) do if name ~= "t" then g[name] = nil end end"""
    )
    assert texts(lua, "t.¦") == ["field"]
    assert texts(lua, "('x'):upp¦") == ["upper"]
    assert texts(lua, "require 'corou¦") == ["coroutine"]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("goto ¦ ::done:: ::again::", ["again", "done"]),
        ("goto do¦ ::done::", ["done"]),
        ("function Acc:foo() self.¦", ["add", "foo", "total"]),
        ("function Acc:foo() self:¦", ["add", "foo"]),
        ("Acc = {fresh = 1}\nAcc.¦", ["fresh"]),
        ("Acc = {fresh = {deep = 1}} Acc.fresh.¦", ["deep"]),
        ("f{Acc = {fresh = 1}} Acc.¦", ["add", "total"]),
        ("Acc = {fresh = 1} Acc = other Acc.¦", ["add", "total"]),
        ('Acc["to¦"]', ["total"]),
        ('Acc["to¦ta"] = 1', ["total"]),
        ('Acc["to¦ .. x]', ['total"]']),
    ],
)
def test_what_the_code_being_typed_tells(lua: LuaShell, marked: str, expected: list[str]) -> None:
    lua.run("Acc = {total = 1, add = function(self) end}")
    assert texts(lua, marked) == expected


@pytest.mark.parametrize(
    "marked", ["local x <¦", "local a, b <c¦", "local a <const>, b <¦", "for i = 1, 2 do local x<¦"]
)
def test_attributes_of_locals(lua: LuaShell, marked: str) -> None:
    if lua.language != "luajit":
        assert texts(lua, marked) == ["close", "const"]
    assert "const" not in texts(lua, "local x = a <c¦")
