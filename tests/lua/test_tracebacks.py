"""What a failed cell shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from .shell import LuaShell, plain


def test_cell_line_source_and_call_chain(shell: LuaShell) -> None:
    shell.run(
        "local function deepest(n)\n  error('stop ' .. n)\nend\n"
        "function middle(n) local r = deepest(n) return r end"
    )
    error = shell.fail("\n\nlocal r = middle(5)")
    assert (error.name, error.value) == ("LuaError", "cell [1]:2: stop 5")
    lines = plain(error).splitlines()
    assert lines[0] == "LuaError: cell [1]:2: stop 5"
    assert lines[1].startswith("cell [1]:2 in ")
    assert "deepest" in lines[1]
    assert "-->    2   error('stop ' .. n)" in lines
    assert "       1 local function deepest(n)" in lines
    assert any(line.startswith("cell [1]:4 in ") and "middle" in line for line in lines)
    assert lines[-2:] == ["cell [2]:3", "-->    3 local r = middle(5)"]
    assert "\x1b[0;31mLuaError\x1b[0m" in error.traceback[0]


@pytest.mark.parametrize(
    ("code", "name", "value"),
    [
        ("error('text')", "LuaError", "cell [1]:1: text"),
        ("error('text', 0)", "LuaError", "text"),
        ("error({code = 5})", "LuaError", "{code = 5}"),
        ("error({})", "LuaError", "{}"),
        ("error(setmetatable({}, {__tostring = function() return 'own' end}))", "LuaError", "own"),
        ("error(setmetatable({}, {__tostring = function() return 'own' end, __name = 'My'}))", "My", "own"),
        ("error(nil)", "LuaError", "nil (error was called with no value)"),
        ("error()", "LuaError", "nil (error was called with no value)"),
        ("error(true)", "LuaError", "true"),
        ("error(setmetatable({}, {__tostring = function() error('worse') end}))", "LuaError",
         "(error object is a table value, and its __tostring failed)"),
        ("error(setmetatable({}, {__metatable = 'locked'}))", "LuaError", "{}"),
        ("error('\\255\\254', 0)", "LuaError", "\\xff\\xfe"),
        ("error('line 1\\nline 2', 0)", "LuaError", "line 1\nline 2"),
        ("assert(false, {x = 1})", "LuaError", "{x = 1}"),
    ],
)  # fmt: skip
def test_every_kind_of_error_value(shell: LuaShell, code: str, name: str, value: str) -> None:
    error = shell.fail(code)
    assert (error.name, error.value) == (name, value)


def test_a_strange_tostring_is_survived(shell: LuaShell) -> None:
    for answer in ("5", "{}", "nil", "print"):
        error = shell.fail(f"error(setmetatable({{}}, {{__tostring = function() return {answer} end}}))")
        assert error.name == "LuaError"


def test_errors_in_callbacks_show_who_called(shell: LuaShell) -> None:
    error = shell.fail("local function compare() error('cmp') end\ntable.sort({3, 2, 1}, compare)")
    text = plain(error)
    assert "[C] in" in text
    assert "sort" in text
    assert "-->    2 table.sort({3, 2, 1}, compare)" in text


def test_errors_in_coroutines_show_both_stacks(shell: LuaShell) -> None:
    error = shell.fail(
        "local function inner() error('in it') end\n"
        "local co = coroutine.wrap(function()\n  inner()\nend)\nco()"
    )
    text = plain(error)
    assert "in it" in error.value
    assert "-->    1 local function inner() error('in it') end" in text
    assert "-->    3   inner()" in text
    assert "-->    5 co()" in text
    assert "llmspell" not in text


def test_a_runaway_recursion_is_short(shell: LuaShell) -> None:
    error = shell.fail("local function forever(n) return 1 + forever(n + 1) end\nforever(1)")
    assert "stack overflow" in error.value
    assert shell.run("1 + 1") == "2"
    if shell.language == "luajit":
        return  # no stack is left there to collect frames on
    text = plain(error)
    assert "the same frame" in text
    assert len(text.splitlines()) < 80
    assert text.splitlines()[-1] == "-->    2 forever(1)"
    mutual = shell.fail("local a local function b() return 1 + a() end function a() return 1 + b() end\na()")
    assert "more frames" in plain(mutual)
    assert plain(mutual).splitlines()[-1] == "-->    2 a()"


def test_syntax_errors_show_the_line(shell: LuaShell) -> None:
    error = shell.fail("local a = 1\nlocal b = = 2\nlocal c = 3")
    assert error.name == "LuaSyntaxError"
    assert error.value.startswith("cell [1]:2: ")
    assert "-->    2 local b = = 2" in plain(error)


def test_files_show_their_lines(shell: LuaShell, tmp_path: Path) -> None:
    module = tmp_path / "broken.lua"
    module.write_text("#!/usr/bin/lua\nlocal M = {}\nfunction M.go()\n  error('from file')\nend\nreturn M\n")
    shell.run(f"package.path = '{tmp_path}/?.lua'")
    text = plain(shell.fail("require('broken').go()"))
    assert "broken.lua:4: from file" in text
    assert "-->    4   error('from file')" in text
    module.write_text("local = 1")
    assert "broken.lua:1:" in shell.fail(f"dofile('{module}')").value
    assert "cannot open" in shell.fail("dofile('/nonexistent.lua')").value
    assert "module 'nonexistent' not found" in shell.fail("require 'nonexistent'").value


def test_code_of_load_shows_its_name(shell: LuaShell) -> None:
    assert "my chunk:1: loaded" in shell.fail("load('error(\"loaded\")', '=my chunk')()").value
    assert shell.run("select('#', load('x ='))") == "2"
    assert shell.run("load('return ...', 'n', 't', {})(7)") == "7"


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("prnt('x')", "Did you mean 'print'?"),
        ("Print('x')", "Did you mean 'print'?"),
        ("string.fomat('x')", "Did you mean 'string.format'?"),
        ("io.wirte('x')", "Did you mean 'io.write'?"),
        ("local count_of_things = 1\nreturn cuont_of_things + 1", "Did you mean 'count_of_things'?"),
        ("zzzzzz()", ""),
    ],
)
def test_did_you_mean(shell: LuaShell, code: str, hint: str) -> None:
    text = plain(shell.fail(code))
    assert (hint in text) if hint else ("Did you mean" not in text)


def test_did_you_mean_knows_globals_and_kept_locals(shell: LuaShell) -> None:
    shell.run("customers = {} local temperature = 20")
    assert "Did you mean 'customers'?" in plain(shell.fail("custmers.x = 1"))
    assert "Did you mean 'temperature'?" in plain(shell.fail("return temperatur + 1"))


def test_python_frames_are_shown(shell: LuaShell) -> None:
    def broken() -> None:
        raise ValueError("from Python")

    shell.interpreter.state.globals[b"broken"] = shell.interpreter.state.binder.function(broken)
    error = shell.fail("\nlocal r = broken()")
    text = plain(error)
    assert error.value == "cell [1]:2: ValueError: from Python"
    assert "-->    2 local r = broken()" in text
    assert 'raise ValueError("from Python")' in text
    assert "binding.py" not in text
    assert shell.run("select(2, pcall(broken))") == '"cell [2]:1: ValueError: from Python"'
    assert "from Python" not in plain(shell.fail("error('another')"))


def test_lua_called_by_python_called_by_lua(shell: LuaShell) -> None:
    def through(function: object) -> None:
        shell.interpreter.call(function)

    shell.interpreter.state.globals[b"through"] = shell.interpreter.state.binder.function(through)
    text = plain(shell.fail("local function callback()\n  error('inside')\nend\nthrough(callback)"))
    assert "-->    2   error('inside')" in text
    assert "-->    4 through(callback)" in text
    assert shell.run("pcall(through, function() error({5}) end)") == "false\t{5}"
    assert shell.run("(xpcall(through, function(m) seen = m end, function() error('x', 0) end))") == "false"
    assert shell.run("seen") == '"x"'


def test_errors_of_io_point_at_the_users_code(shell: LuaShell) -> None:
    for code in (
        "local t = {} io.write(t)", "io.stdout:write({})", "local f = io.tmpfile() f:close() f:read()",
        "io.read('q')", "io.tmpfile():read('q')", "io.open(nil)", "io.popen('x', 'rw')", "os.execute({})",
        "for _ in io.lines('/nonexistent') do end", "coroutine.wrap(5)", "coroutine.resume(5)", "load(5)",
        "debug.getlocal({}, 1)", "io.getpass(5)", "io.output(5)", "io.input('/nonexistent')",
    ):  # fmt: skip
        error = shell.fail("\n" + code)
        assert error.value.startswith(f"cell [{shell.number}]:2: "), error.value
        assert "llmspell" not in plain(error)


def test_a_cell_that_was_redefined_under_its_number(shell: LuaShell) -> None:
    shell.run("function f() error('first') end")
    shell.fail("f()")
    text = plain(shell.fail("f()"))
    assert "-->    1 function f() error('first') end" in text


def test_load_answers_what_is_wrong_as_lua_does(shell: LuaShell) -> None:
    deep = "string.rep('(', 300) .. '1' .. string.rep(')', 300)"
    message = shell.run(f"(select(2, load('return ' .. {deep})))")
    assert message is not None
    assert "overflow" in message or "too many syntax levels" in message
    assert shell.run("load(function() error('boom', 0) end)") == 'nil\t"boom"'
    assert shell.run("load(function() error({5}) end)") == "nil\t{5}"
    assert shell.run("load(function() return {} end)") == 'nil\t"reader function must return a string"'
    shell.run("parts = {'return ', 4, 2}")
    assert shell.run("load(function() return table.remove(parts, 1) end)()") == "42"


def test_a_cell_that_nests_too_deeply_is_a_syntax_error(shell: LuaShell) -> None:
    error = shell.fail("local a = 1\nreturn " + "(" * 300 + "1" + ")" * 300 + "\n-- end")
    assert error.name == "LuaSyntaxError"
    assert error.value.startswith("cell [1]:2: ")
    assert "-->    2 return ((((" in plain(error)
    assert "llmspell" not in plain(error)


def test_a_missing_module_lists_where_lua_looked(shell: LuaShell) -> None:
    lines = shell.fail("require 'nope'").value.splitlines()
    assert lines[:2] == ["cell [1]:1: module 'nope' not found:", "\tno field package.preload['nope']"]
    assert all(line.startswith("\tno file '") for line in lines[2:])


def test_errors_without_a_handler_name_the_cell() -> None:
    shell = LuaShell("lua54", memory_limit=5_000_000)
    assert plain(shell.fail("local t = {} for i = 1, 1e9 do t[i] = {} end")).splitlines()[-1] == "cell [1]"
    shell = LuaShell("luajit")
    text = plain(shell.fail("local function f() return 1 + f() end f()"))
    assert text.splitlines() == ["LuaError: stack overflow", "cell [1]"]


def test_closing_a_coroutine_that_runs(shell: LuaShell) -> None:
    if shell.language == "luajit":
        pytest.skip("Lua 5.1 closes no coroutines")
    assert shell.fail("\ncoroutine.close(coroutine.running())").value == (
        "cell [1]:2: cannot close a running coroutine"
    )


@pytest.mark.parametrize(
    ("code", "near", "hint"),
    [
        ("print(\N{LEFT DOUBLE QUOTATION MARK}hi\N{RIGHT DOUBLE QUOTATION MARK})",
         "near '\N{LEFT DOUBLE QUOTATION MARK}'", "Typographic quote: use \" or '"),
        ("local s = 'é' local café = 1", "near 'é'", "A name may have only the letters a-z and A-Z"),
        ("x\u00a0= 1", "near 'U+00A0'", "Invisible character U+00A0 NO-BREAK SPACE"),
        ("x = 3 \N{EN DASH} 2", "near '\N{EN DASH}'", "use -"),
        ("x = '\N{SNOWMAN}' .. \N{SNOWMAN}", "near '\N{SNOWMAN}'", "a meaning only inside strings"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("language", ["lua54", "lua55"])  # all of these are letters to LuaJIT
def test_pasted_characters_are_shown(language: str, code: str, near: str, hint: str) -> None:
    error = LuaShell(language).fail("-- é\n" + code)
    assert error.value.endswith(near)
    assert hint in plain(error)
    assert f"-->    2 {code}" in plain(error)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("if x != 3 then end", "not equal is written ~="),
        ("if !x then end", "not x"),
        ("x += 1", "Lua has no +="),
        ("x ..= 'a'", "Lua has no ..="),
        ("x++", "Lua has no ++"),
        ("if a && b then end", "written: and"),
        ("if a || b then end", "written: or"),
        ("return null.x", "nil, not null"),
        ("return None.x", "nil, not None"),
    ],
)
def test_habits_of_other_languages(shell: LuaShell, code: str, hint: str) -> None:
    assert hint in plain(shell.fail(code))


def test_constants_of_earlier_cells_say_where_they_are_from(shell: LuaShell) -> None:
    if shell.language == "luajit":
        pytest.skip("Lua 5.1 has no constants")
    shell.run("local limit <const> = 5")
    text = plain(shell.fail("limit = 6"))
    assert "limit is a constant local of cell [1]; `local limit = ...` makes a new one" in text
    assert "makes a new one" not in plain(shell.fail("local limit <const> = 1 limit = 2"))


def test_a_byte_order_mark_and_a_shell_line_are_skipped(shell: LuaShell) -> None:
    assert shell.run("\ufeffreturn 1") == "1"
    assert shell.run("#!/usr/bin/lua\nreturn 2") == "2"
    assert shell.run("\ufeff#!/usr/bin/lua\nlocal kept = 3") is None
    assert shell.run("kept") == "3"
    assert shell.fail("#!/usr/bin/lua\n\nerror('x')").value == "cell [5]:3: x"
    assert shell.interpreter.is_complete("#!/usr/bin/lua\nx = 1").status == "complete"


def test_an_error_through_wrap_has_the_position_of_lua_code_that_called(shell: LuaShell) -> None:
    shell.run("fails = function() error('x', 0) end")
    assert shell.run("select(2, pcall(coroutine.wrap(fails)))") == '"x"'
    called = shell.run("select(2, pcall(function()\n  coroutine.wrap(fails)()\nend))")
    assert called == ('"x"' if shell.language == "luajit" else f'"cell [{shell.number}]:2: x"')


TRACED = """
function nested(n) if n == 0 then return (debug.traceback('here')) end return (nested(n - 1)) end
return (select(2, xpcall(nested, print, 1)):gsub('\\n%s*', '|'))
"""


def test_lua_s_own_traceback_shows_nothing_of_the_runtime(shell: LuaShell) -> None:
    if shell.language == "luajit":
        pytest.skip("LuaJIT's traceback is its own")
    heading, traced, *lines = str(shell.run(TRACED)).strip('"').split("|")
    place = f"cell [{shell.number}]"
    assert (heading, traced) == ("here", "stack traceback:")
    assert [line.partition(": in ")[0] for line in lines] == [
        f"{place}:2",
        f"{place}:2",
        "[C]",
        f"{place}:3",
        "[C]",
    ]
    assert lines[2].endswith("'xpcall'") and lines[4] == "[C]: in ?"


@pytest.mark.parametrize(
    "handler",
    [
        "function(m) return debug.traceback(m, 2) end",
        "function(m) local text = debug.traceback(m, 2) return text end",
        "debug.traceback",
    ],
)
def test_handlers_trace_back_to_the_failing_line(shell: LuaShell, handler: str) -> None:
    shell.run(
        f"function fails(t)\n  return t.x\nend\nlocal _, text = xpcall(fails, {handler})\ntraced = text"
    )
    _, _, first, *_ = str(shell.run("return traced")).replace("[[", "").strip().splitlines()
    assert first.strip().startswith("cell [1]:2: in ") or shell.language == "luajit"


def test_other_values_and_threads_are_traced_as_in_lua(shell: LuaShell) -> None:
    assert shell.run("type(debug.traceback({}))") == '"table"'
    assert shell.run("local co = coroutine.create(print) return (debug.traceback(co, 'm'))") is not None
    if shell.language != "luajit":
        wrong = shell.run("select(2, pcall(debug.traceback, 'x', {}))")
        assert wrong == "\"bad argument #2 to 'traceback' (number expected, got table)\""
