"""Magics as a user meets them, in every Lua."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from llmspell_kernel.magics import may_use_magics
from llmspell_kernel.magics.registry import CELL_MAGICS, LINE_MAGICS

from .console import LANGUAGES, Console

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(params=LANGUAGES)
def console(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.chdir(tmp_path)
    return Console(request.param)


@pytest.fixture
def lua(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.chdir(tmp_path)
    return Console()


# Cells


def test_locals_last_over_the_parts_of_a_cell_and_into_the_next(console: Console) -> None:
    assert console.run("local x = 1\n%time x = x + 1\nlocal y = x * 10\ny") == "20"
    assert console.run("x + y") == "22"


def test_errors_name_the_lines_of_the_cell(console: Console) -> None:
    for code in ("\n%who\n\nerror('oops')", "\n%who\n\n%time error('oops')", "%%time\n\n%who\nerror('oops')"):
        error = console.fail(code)
        assert error.value == f"cell [{console.number}]:4: oops"
        assert "-->    4" in COLOURS.sub("", "\n".join(error.traceback))


def test_errors_of_magics_show_the_line_they_stand_on(console: Console, tmp_path: Path) -> None:
    (tmp_path / "wrong.lua").write_text("x = = 1")
    (tmp_path / "fails.lua").write_text("error('oops')")
    for line in ("%run nowhere.lua", "%run wrong.lua", "%run fails.lua", "!echo {error('oops')}", "%nosuch"):
        shown = COLOURS.sub("", "\n".join(console.fail(f"x = 1\n%time x = 2\n{line}").traceback))
        assert f"cell [{console.number}]:3" in shown and f"-->    3 {line}" in shown
    shown = COLOURS.sub("", "\n".join(console.fail("x = 1\n%pwd\nerror({})").traceback))
    assert "cell [6]:3" in shown and "%pwd" in shown and "cell [6]:2" not in shown


@pytest.mark.parametrize(("code", "line"), [("x = 1\n!exec sleep 20", 2), ("%%bash\nexec sleep 20", 1)])
def test_a_command_that_is_ended_shows_the_line_it_stands_on(code: str, line: int) -> None:
    error = Console(time_limit=0.1).fail(code)
    shown = COLOURS.sub("", "\n".join(error.traceback)).splitlines()
    assert error.name == "CellTimeLimit" and f"cell [1]:{line}" in shown
    assert f"-->    {line} {code.splitlines()[line - 1]}" in shown


def test_cell_magics_can_be_stacked(console: Console) -> None:
    assert console.run("%%time\n%%timeit -n 1 -r 2\nx = (x or 0) + 1") is None
    assert "2 runs, 1 loop each" in console.output()
    assert console.fail("%%time\n\n%%timeit -n 1\n\nerror('oops')").value == "cell [2]:5: oops"
    assert "first line" in console.fail("%%time\nx = 1\n%%time").value


def test_byte_code_is_no_cell(console: Console) -> None:
    assert console.fail("\x1bLua").name == "LuaSyntaxError"
    assert console.fail("%who\n\x1bLua").name == "LuaSyntaxError"


def test_syntax_errors_name_the_lines_of_the_cell(console: Console) -> None:
    error = console.fail("x = 1\n%who\ny = = 2")
    assert error.name == "LuaSyntaxError" and error.value.startswith("cell [1]:3:")


def test_only_the_last_part_gives_the_result(console: Console) -> None:
    assert console.run("1 + 1\n%who\n2 + 2") == "4"
    assert console.run("Out[1]") == "4"
    assert console.run("%who\nx = 1") is None


def test_input_is_remembered_with_its_magics(console: Console) -> None:
    console.run("%who\nx = 1")
    assert console.run("#In[1]") == str(len("%who\nx = 1"))


def test_modulo_at_the_start_of_a_line_is_lua(console: Console) -> None:
    assert console.run("local a, y = 17, 5\nlocal b = a\n%y\nb") == "2"


def test_locals_end_with_the_cell_where_the_settings_say_so() -> None:
    console = Console(persistent_locals=False)
    assert console.run("local x = 1\n%time x = x + 1\nx") == "2"
    assert console.run("x") == "nil"
    assert "was a local of cell [1]" in "\n".join(console.fail("x.y = 1\n%who").traceback)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("%tme x", "no magic called %tme; did you mean %time?"),
        ("%%writefil x\n", "did you mean %%writefile?"),
        ("%writefile x", "there is no %writefile, but %%writefile"),
        ("%%who\n", "there is no %%who, but %who"),
        ("%qqqqq", "%lsmagic"),
        ("x = 1\n%%time", "%%time must be on the first line"),
        ("%pwd x", "Usage: %pwd"),
        ("!", "wants a shell command"),
    ],
)
def test_what_cannot_be_done_says_what_can(lua: Console, code: str, says: str) -> None:
    error = lua.fail(code)
    assert error.name == "MagicError" and says in error.value
    assert "-->" in "".join(error.traceback)


def test_cells_without_magics_are_recognized_by_their_text() -> None:
    assert not may_use_magics("x = 10 % 3\nprint('what? %d!')")
    assert may_use_magics("x = 1\n  %time x") and may_use_magics("print?") and may_use_magics("!ls")


# Timing


def test_time_shows_durations_and_the_value(console: Console) -> None:
    assert console.run("%time 6 * 7") == "42"
    assert re.fullmatch(
        r"CPU times: user .+, sys: .+, total: .+\nWall time: [\d.]+ [nµm]?s\n", console.output()
    )
    assert console.run("%%time\nlocal x = 6\nx * 7") == "42"
    assert "Wall time" in console.output()


def test_code_that_does_not_compile_is_not_timed(console: Console) -> None:
    for code in ("%time x = = 1", "%%time\nx = = 1", "%timeit x = = 1"):
        assert console.fail(code).name == "LuaSyntaxError"
    assert console.output() == ""
    console.fail("%time error('oops')")
    assert "Wall time" in console.output()


def test_timeit_runs_as_often_as_it_says(console: Console) -> None:
    console.run("count = 0\nlocal step = 1\n%timeit -n 5 -r 3 count = count + step")
    assert re.fullmatch(
        r"[\d.]+ [nµm]?s ± [\d.]+ [nµm]?s per loop \(mean ± std\. dev\. of 3 runs, 5 loops each\)\n",
        console.output(),
    )
    assert console.run("count") == "15"


def test_timeit_of_a_cell_prepares_each_loop(console: Console) -> None:
    console.run("prepared, ran = 0, 0")
    console.run("%%timeit -n 2 -r 3 local t = {1} prepared = prepared + 1\nlocal x = t[1]\nran = ran + x\nx")
    assert console.run("prepared, ran") == "3\t6"


def test_timeit_names_the_line_of_an_error(console: Console) -> None:
    assert console.fail("x = 1\n%timeit -n 1 error('slow')").value == "cell [1]:2: slow"
    assert console.fail("%%timeit -n 1\n\nerror('slow')").value == "cell [2]:3: slow"


# Variables


def test_who_lists_globals_and_kept_locals_of_the_user(console: Console) -> None:
    console.run("%who")
    assert console.output() == "There are no variables of yours.\n"
    console.run("local list = {1, 2, 3}; greeting = 'hello'; function greet() end")
    console.run("%who")
    assert console.output().split() == ["greet", "greeting", "list"]
    console.run("%who table function")
    assert console.output().split() == ["greet", "list"]


def test_whos_shows_type_size_and_value(console: Console) -> None:
    console.run("local list = {1, 2, 3}; greeting = 'hello'; big = string.rep('x', 10000)")
    console.run("%whos")
    rows = {line.split()[0]: line.split()[1:] for line in console.output().splitlines()[2:]}
    assert rows["list"] == ["local", "table", "3", "{1,", "2,", "3}"]
    assert rows["greeting"] == ["global", "string", "5", '"hello"']
    assert rows["big"][2] == "10,000" and rows["big"][3].endswith("...")


def test_whos_runs_no_code_of_values(console: Console) -> None:
    console.run("ran = false; trap = setmetatable({}, {__len = function() ran = true end})")
    console.run("%whos\n%who")
    assert console.run("ran") == "false"


@pytest.mark.parametrize(
    "code",
    [
        "debug = true; type = 'x'; table = {}; math = nil; string = 1; tostring = nil",
        "do local g = _G for name in pairs(g) do g[name] = nil end end",
        "setmetatable(_G, {__index = error, __newindex = error})",
    ],
)
def test_magics_need_no_global_of_the_users(console: Console, code: str) -> None:
    (path := Path("a.lua")).write_text("local n = ...")
    console.run("local mine = 7")
    console.run(code)
    console.run(f"%who\n%whos\n%run {path} 1\n!echo {{mine}}\n%time mine\n%timeit -n 1 mine\n%config\nmine?")
    assert "mine" in (output := console.output()) and "\n7\n" in output
    console.run("%reset -f")
    console.run("%who")
    assert console.output() == "There are no variables of yours.\n"


def test_reset_asks_first(console: Console) -> None:
    console.run("local a = 1; b = 2")
    assert "%reset -f" in console.fail("%reset").value
    console.frontend.answers = ["n", "y"]
    console.run("%reset")
    assert console.run("a, b") == "1\t2"
    console.run("%reset")
    assert console.run("a, b, Out[3]") == "nil\tnil\tnil"
    assert console.run("type(print) == 'function' and type(In) == 'table'") == "true"


def test_soft_reset_keeps_the_results(console: Console) -> None:
    console.run("b = 41 + 1\nb")
    console.run("%reset -f -s")
    assert console.run("b, Out[1]") == "nil\t42"


# Files


def test_writefile_and_run(console: Console, tmp_path: Path) -> None:
    console.run(
        "%%writefile 'my script.lua'\nlocal first, second = ...\nseen = {first, second, arg[0], #arg}"
    )
    assert console.output() == "Writing my script.lua\n"
    console.run("%run 'my script' one 'two words'")
    assert console.run("seen") == '{"one", "two words", "my script.lua", 2}'
    assert console.run("arg, first") == "nil\tnil"
    console.run("%%writefile -a 'my script.lua'\nerror('at the end')")
    assert "Appending" in console.output()
    error = console.fail("%run 'my script.lua'")
    assert error.value == "my script.lua:3: at the end"
    assert "-->    3 error('at the end')" in COLOURS.sub("", "\n".join(error.traceback))


def test_run_skips_a_shebang_and_refuses_byte_code(console: Console, tmp_path: Path) -> None:
    (tmp_path / "tool.lua").write_text("#!/usr/bin/lua\nline = debug.getinfo(1, 'l').currentline\n")
    console.run("%run tool.lua")
    assert console.run("line") == "2"
    (tmp_path / "evil.lua").write_bytes(b"\x1bLua")
    assert "only source text" in console.fail("%run evil.lua").value
    (tmp_path / "wrong.lua").write_text("x = = 1")
    assert console.fail("%run wrong.lua").name == "LuaSyntaxError"


def test_load_puts_the_file_into_the_cell(lua: Console, tmp_path: Path) -> None:
    (tmp_path / "a.lua").write_text("print(1)\n")
    (payload,) = lua.outcome("%load a.lua").payload
    assert payload == {"source": "set_next_input", "text": "-- %load a.lua\nprint(1)\n", "replace": True}
    assert "cannot read b.lua: No such file" in lua.fail("%load b.lua").value


def test_cd_moves_relative_paths_of_lua_too(lua: Console, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("found")
    lua.run("%cd sub")
    assert lua.output() == f"{tmp_path / 'sub'}\n"
    assert lua.run("io.open('a.txt'):read('*a')") == '"found"'
    assert lua.run("%cd -\n%pwd") == str(tmp_path)
    assert "cannot change to nowhere" in lua.fail("%cd nowhere").value
    lua.run("%cd")
    assert Path.cwd() == Path(os.environ["HOME"])


# Programs and the environment


def test_shell_commands_stream_and_name_their_exit_code(console: Console) -> None:
    console.run("!echo out; echo err >&2; exit 3")
    assert ("stdout", b"out\n") in console.frontend.written
    assert console.stderr().endswith("err\n[exit code 3]\n")


def test_lua_values_in_braces(console: Console) -> None:
    console.run("local name, t = 'World', {n = 3}")
    console.run("!echo Hello {name:upper()} {t.n + 1} {{x}} {nothing} ${HOME:+home} {a,b}")
    assert console.output() == "Hello WORLD 4 {x} {nothing} home {a,b}\n"
    assert "'boom'" in console.fail("!echo {boom()}").value


def test_env_is_seen_by_lua_and_by_programs(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMSPELL_TEST_VALUE", "old")
    monkeypatch.setenv("LLMSPELL_TEST_TOKEN", "hush")
    assert console.run("%env LLMSPELL_TEST_VALUE") == "old"
    console.run("%env LLMSPELL_TEST_VALUE=new value")
    assert console.run("os.getenv('LLMSPELL_TEST_VALUE')") == '"new value"'
    console.output()
    console.run("!echo $LLMSPELL_TEST_VALUE")
    assert console.output() == "new value\n"
    shown = console.run("%env") or ""
    assert "LLMSPELL_TEST_VALUE=new value" in shown and "hush" not in shown
    assert "LLMSPELL_TEST_NONE=VALUE sets it" in console.fail("%env LLMSPELL_TEST_NONE").value


def test_scripts_of_other_languages(lua: Console) -> None:
    lua.run('%%bash one \'two words\'\nfor word in "$@"; do echo "[$word]"; done')
    assert lua.output() == "[one]\n[two words]\n"
    lua.run("%%script python3 -\nprint(6 * 7)")
    assert lua.output() == "42\n"
    assert lua.fail("%%sh\nexit 4").value == "sh: exit code 4"
    lua.run("%%sh --no-raise-error\nexit 4")
    assert "exit code 4" in lua.stderr()


def test_markup_cells_are_displayed(lua: Console) -> None:
    for name, mime in (
        ("html", "text/html"),
        ("markdown", "text/markdown"),
        ("latex", "text/latex"),
        ("svg", "svg"),
    ):
        lua.run(f"%%{name}\n<b>*x*</b>")
        assert mime in (shown := lua.output()) and "<b>*x*</b>" in shown


# Settings


def test_config_lists_and_changes(console: Console) -> None:
    assert "persistent_locals" in (console.run("%config") or "")
    assert console.run("%config display_depth") == "display_depth = 6\nNested tables are shown to this level."
    console.run("%config display_depth = 1")
    assert console.run("{{1}}") == "{{...}}"
    console.run("%config persistent_locals = false")
    console.run("local x = 1")
    assert console.run("x") == "nil"
    console.run("%config time_limit = 0.05")
    assert console.fail("%time while true do tostring({}) end").name == "CellTimeLimit"


@pytest.mark.parametrize("change", ["display_bytes = 100", "time_limit = 9.5", "persistent_locals = false"])
def test_config_answers_a_change_with_the_new_value(lua: Console, change: str) -> None:
    lua.run(f"%config {change}")
    assert lua.output() == f"{change}\n"
    assert (lua.run(f"%config {change.split()[0]}") or "").startswith(f"{change}\n")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("%config display_depht", "did you mean display_depth?"),
        ("%config display_depth = many", "wants a whole number"),
        ("%config display_depth = 0", "from 1 on"),
        ("%config persistent_locals = 3", "wants true or false"),
        ("%config language = luajit", "cannot change while the kernel runs"),
        ("%config time_limit = -1", "from 0 on"),
        ("%config memory_limit = 1000000", "started without a memory limit"),
    ],
)
def test_config_refuses(lua: Console, code: str, says: str) -> None:
    assert says in lua.fail(code).value


def test_the_memory_limit_can_be_changed() -> None:
    console = Console(memory_limit=500_000_000)
    console.run("%config memory_limit = 20000000")
    assert console.fail("local t = {} for i = 1, 1e8 do t[i] = i end").name == "LuaMemoryError"
    console.run("%config memory_limit = 0")
    assert console.run("#string.rep('x', 50000000)") == "50000000"


# Help


def test_lsmagic_names_all_with_a_line_each(lua: Console) -> None:
    shown = lua.run("%lsmagic") or ""
    for magic in (*LINE_MAGICS.values(), *CELL_MAGICS.values()):
        assert re.search(rf"^  {magic.name} +{re.escape(magic.summary)}$", shown, re.MULTILINE)
        assert magic.summary.endswith(".")


def test_questions_open_the_pager(lua: Console) -> None:
    assert lua.page("%time?").startswith("%time CODE\n%%time\n")
    assert lua.page("?%%bash").startswith("%%bash [--no-raise-error]")
    assert "print(...)" in lua.page("print?")
    lua.run("local function twice(x)\n  return 2 * x\nend")
    assert "return 2 * x" in lua.page("twice??")
    assert "nothing is known about 'nowhere'" in lua.fail("nowhere?").value
    assert "did you mean %time?" in lua.fail("%tiem?").value
    assert "{expression}" in lua.page("%quickref") and "%timeit" in lua.page("%magic")


@pytest.mark.parametrize("code", ["?", "help", "help()", " ?\n"])
def test_a_cry_for_help_opens_the_quick_reference(lua: Console, code: str) -> None:
    assert lua.page(code) == lua.page("%quickref")


@pytest.mark.parametrize("code", ["exit", "exit()", "quit", "quit()", "\nexit\n", "%exit"])
def test_exit_asks_the_console_to_leave(console: Console, code: str) -> None:
    outcome = console.outcome(code)
    assert outcome.error is None
    assert list(outcome.payload) == [{"source": "ask_exit", "keepkernel": False}]
    assert "shut it down from the menu" in console.stderr()


def test_exit_and_help_are_ordinary_names_for_who_uses_them(console: Console) -> None:
    console.run("exit = 1; function quit() return 2 end; local help = 3")
    assert [console.run(code) for code in ("exit", "quit()", "help")] == ["1", "2", "3"]
    assert console.run("x = exit\nexit") == "1"


def test_inspection_knows_magics_and_the_lua_behind_them(lua: Console) -> None:
    found = lua.runtime.inspect("x = 1\n%timeit string.format", 9)
    assert found is not None and "%timeit [-n LOOPS]" in found.data["text/plain"]
    found = lua.runtime.inspect("x = 1\n%timeit string.format", 27)
    assert found is not None and "string.format" in found.data["text/plain"]
    assert lua.runtime.inspect("%nosuch x", 3) is None


# Completion


def test_completion_of_magics(lua: Console, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a script.lua").write_text("")
    (tmp_path / "notes.txt").write_text("")
    assert lua.complete("%tim") == ["%time", "%timeit"]
    assert lua.complete("%%ti") == ["%%time", "%%timeit"]
    assert lua.complete("x = 1\n%%ti") == []
    assert lua.complete("%timeit -") == ["-n", "-r"]
    assert lua.complete("%run ") == ["a\\ script.lua", "folder/"]
    assert lua.complete("%cd ") == ["folder/"]
    assert lua.complete("!cat no") == ["notes.txt"]
    assert lua.complete("%env HOM") == ["HOME"]
    assert lua.complete("%config persist") == ["persistent_locals"]
    assert lua.complete("x = [[\n%tim") == []


def test_completion_behind_who_config_and_a_question(lua: Console) -> None:
    lua.run("n = 1; function f() end")
    assert lua.complete("%who fu") == ["function"] and lua.complete("%whos ")[0] == "function"
    assert lua.complete("%config display_length = ") == lua.complete("%config display_length =") == ["100"]
    assert lua.complete("%config display_length = 2") == lua.complete("%config nosuch = ") == []
    assert lua.complete("string.rep?") == lua.complete("string.rep??") == []
    assert "rep" in lua.complete("?string.re")


def test_completion_of_lua_beside_magics(lua: Console) -> None:
    lua.run("local counter = 1")
    assert "counter" in lua.complete("%time coun")
    assert "floor" in lua.complete("!echo it's\nmath.flo")
    assert "floor" in lua.complete("%%time\nmath.flo")
    assert lua.complete("%%html\nmath.flo") == []


@pytest.mark.parametrize("code", ["%time 1", "!ls", "print?", "x = 1\n%time x", "%%time\nx\n", "?", "exit"])
def test_whole_magics_are_complete(lua: Console, code: str) -> None:
    assert lua.runtime.is_complete(code).status == "complete"
