"""What a cell shows, and what later cells still know of it."""

from __future__ import annotations

import pytest

from .shell import LuaShell, plain

ATTRIBS = pytest.mark.parametrize("language", ["lua54", "lua55"])


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("1 + 1", "2"),
        ("'a' .. 'b' -- a comment", '"ab"'),
        ("x = 5\nx", "5"),
        ("x = 5; x", "5"),
        ("local a, b = 1, 2 a + b", "3"),
        ("local t = {1, 2}\nt[1],\n  t[2]", "1\t2"),
        ("1, nil, 'x', nil", '1\tnil\t"x"\tnil'),
        ("not nil", "true"),
        ("#'abc'", "3"),
        ("{1, 2}", "{1, 2}"),
        ("(function(...) return select('#', ...) end)(nil, nil)", "2"),
        ("('x'):rep(3)", '"xxx"'),
        ("if true then z = 1 end\nz", "1"),
        ("for i = 1, 3 do w = i end w", "3"),
        ("x = 1\n--[==[ a\nlong ]] comment ]==]\nx", "1"),
        ("return 7", "7"),
        ("return 7;", "7"),
        ("local v = 1\nreturn v, v", "1\t1"),
        ("do return 4 end", "4"),
        ("nil", "nil"),
        ("missing", "nil"),
        ("local f = function() return nil end f()", "nil"),
        ("'\\255'", '"\\xff"'),
        ("'grüße 😀'", '"grüße 😀"'),
        ("1\r\n", "1"),
        ("local a = 1\r\na", "1"),
    ],
)
def test_a_last_expression_is_the_result(shell: LuaShell, code: str, shown: str) -> None:
    assert shell.run(code) == shown


@pytest.mark.parametrize(
    "code",
    [
        "", "  \n", "-- only a comment", "x = 1", "local y = 1", "1 + 1;", "missing;", "do end", "return",
        "(function() end)()", "print('said')", "for i = 1, 2 do end", "local function f() end",
        "local t = {}; t.x = 1", "print('said') -- done\n", "f = function() return 1 end f();",
    ],
)  # fmt: skip
def test_statements_and_silenced_expressions_show_nothing(shell: LuaShell, code: str) -> None:
    assert shell.run(code) is None


def test_a_silenced_call_still_runs(shell: LuaShell) -> None:
    assert shell.run("print('a');") is None
    assert shell.output() == "a\n"


@pytest.mark.parametrize(
    "code",
    [
        "local a = 1 end print('out') do", "local a = 1 end (function() local b = 2", "1 end do local a = 1",
        "x = 1 end function f()", "if x then", "a = = 1", "x +", "break", "local 1 = 2", "'unfinished",
        "--[[ unfinished", "local a = [[", "local a = {1, 2", "return 1 2", "goto nowhere", "]]", "\x1bLua",
        "local \x00 = 1",
    ],
)  # fmt: skip
def test_what_lua_refuses_is_refused_with_its_line(shell: LuaShell, code: str) -> None:
    error = shell.fail("\n" + code)
    assert error.name == "LuaSyntaxError"
    assert error.value.startswith("cell [1]:2: ")
    assert shell.output() == ""


def test_results_are_remembered(shell: LuaShell) -> None:
    shell.run("10")
    shell.run("'text', 2")
    shell.run("print(1)")
    assert shell.run("_") == '"text"'
    assert shell.run("Out[1], Out[2][1], Out[2][2], Out[2].n, Out[3]") == '10\t"text"\t2\t2\tnil'
    assert shell.run("In[1], In[2]") == '"10"\t"\'text\', 2"'
    assert shell.run("local _ = 99 return _") == "99"
    assert shell.run("_") == "99"


def test_a_cell_that_is_not_stored_is_not_remembered(shell: LuaShell) -> None:
    shell.run("10")
    outcome = shell.outcome("20", store=False)
    assert outcome.result is not None
    assert outcome.result.data["text/plain"] == "20"
    assert shell.run("_, #In, In[1], Out[1]") == '10\t2\t"10"\t10'


def test_locals_outlive_their_cell(shell: LuaShell) -> None:
    shell.run("local count, name = 0, 'n'")
    shell.run("local function increase() count = count + 1 return count end")
    assert shell.run("increase(), increase()") == "1\t2"
    assert shell.run("count, name") == '2\t"n"'
    shell.run("count = 10 name = name .. '!'")
    assert shell.run("increase(), name") == '11\t"n!"'
    assert shell.run("rawget(_G, 'count'), rawget(_G, 'increase')") == "nil\tnil"


def test_closures_of_several_cells_share_one_variable(shell: LuaShell) -> None:
    shell.run("local shared = 1 function first() shared = shared + 1 return shared end")
    shell.run("function second() shared = shared * 10 return shared end")
    shell.run(
        "local coroutine_sees = coroutine.wrap(function() while true do coroutine.yield(shared) end end)"
    )
    assert shell.run("first(), second(), first(), shared, coroutine_sees()") == "2\t20\t21\t21\t21"


def test_a_new_local_of_the_same_name_is_a_new_variable(shell: LuaShell) -> None:
    shell.run("local v = 1 function old() return v end")
    shell.run("local v = 2 function new() return v end")
    assert shell.run("v, old(), new()") == "2\t1\t2"
    assert shell.run("local v = v + 1\nlocal v = v + 1\nv") == "4"
    assert shell.run("v, old(), new()") == "4\t1\t2"


def test_locals_hide_globals_until_they_are_gone(shell: LuaShell) -> None:
    shell.run("hidden = 'global'")
    shell.run("local hidden = 'local'")
    assert shell.run("hidden, _G.hidden") == '"local"\t"global"'
    shell.interpreter.compiler.forget("hidden")
    assert shell.run("hidden") == '"global"'


def test_only_top_level_locals_are_kept(shell: LuaShell) -> None:
    shell.run(
        "do local inner = 1 end for loop = 1, 2 do local body = loop end while true do local w = 1 break end"
    )
    shell.run("repeat local r = 1 until r local f = function(parameter) local deep = parameter end f(1)")
    shell.run("local text = [==[\nlocal in_string = 1\n]==] -- local in_comment = 1")
    assert shell.run("inner, loop, body, w, r, parameter, deep, in_string, in_comment") == "\t".join(
        ["nil"] * 9
    )


def test_locals_survive_an_error_behind_them(shell: LuaShell) -> None:
    shell.fail("local before = 1 local function get() return before end error('stop') local after = 2")
    assert shell.run("before, get(), after") == "1\t1\tnil"


def test_a_cell_with_a_syntax_error_leaves_no_locals(shell: LuaShell) -> None:
    shell.fail("local never = 1 x = = 2")
    assert shell.run("never") == "nil"


def test_locals_in_loops_conditions_and_nested_functions(shell: LuaShell) -> None:
    shell.run("local limit, seen = 3, {}")
    shell.run("for i = 1, limit do seen[#seen + 1] = function() limit = limit + i return limit end end")
    assert shell.run("seen[1](), seen[3](), limit") == "4\t7\t7"
    assert shell.run("local t = {limit = limit, [limit] = 'x'} t.limit, t[7]") == '7\t"x"'
    assert shell.run("local o = {limit = 'field'} o.limit, limit") == '"field"\t7'


def test_recursive_and_mutually_recursive_local_functions(shell: LuaShell) -> None:
    shell.run("local function factorial(n) return n < 2 and 1 or n * factorial(n - 1) end")
    assert shell.run("factorial(10)") == "3628800"
    shell.run("local odd\nlocal function even(n) return n == 0 or odd(n - 1) end")
    shell.run("function odd(n) return n ~= 0 and even(n - 1) end")
    assert shell.run("even(10), odd(10), rawget(_G, 'odd')") == "true\tfalse\tnil"


def test_functions_and_methods_of_kept_tables(shell: LuaShell) -> None:
    shell.run("local account = {balance = 0}")
    shell.run(
        "function account:put(n) self.balance = self.balance + n return self end "
        "function account.name() return 'a' end"
    )
    assert shell.run("account:put(5):put(6).balance, account.name()") == '11\t"a"'


def test_assignments_without_a_value_and_several_at_once(shell: LuaShell) -> None:
    shell.run("local a, b, c = (function() return 1, 2, 3 end)()")
    shell.run("local empty")
    shell.run("a, b, empty = b, a, 'full'")
    assert shell.run("a, b, c, empty") == '2\t1\t3\t"full"'


def test_goto_and_labels(shell: LuaShell) -> None:
    assert shell.run("goto done\ndo print('skipped') end\n::done:: 5") == "5"
    shell.run("local i = 0\n::top::\ni = i + 1\nif i < 3 then goto top end")
    assert shell.run("i") == "3"
    shell.run("for j = 1, 3 do if j == 2 then goto continue end local k = j ::continue:: end")
    assert shell.output() == ""


@ATTRIBS
def test_constants_stay_constant(shell: LuaShell) -> None:
    shell.run("local fixed <const>, free, table_ <const> = 5, 6, {}")
    shell.run("free = fixed + 1 table_.x = free")
    assert shell.run("fixed, free, table_.x") == "5\t6\t6"
    assert "const variable 'fixed'" in shell.fail("fixed = 6").value
    assert shell.run("(function() return fixed end)()") == "5"
    assert shell.run("local fixed = 1 fixed = 2 return fixed") == "2"


@ATTRIBS
def test_what_is_to_be_closed_ends_with_its_cell(shell: LuaShell) -> None:
    close = "setmetatable({}, {__close = function() print('closed') end})"
    assert shell.run(f"local file <close> = {close} print('open') 1") == "1"
    assert shell.output() == "open\nclosed\n"
    shell.fail(f"local file <close> = {close} error('x')")
    assert shell.output() == "closed\n"
    assert shell.run("file") == "nil"


@ATTRIBS
def test_a_local_environment_is_the_cells_own(shell: LuaShell) -> None:
    shell.run("local _ENV = {print = print, y = 5} print(y) local inside = y")
    assert shell.output() == "5\n"
    assert shell.run("y, inside, type(string)") == 'nil\t5\t"table"'


@pytest.mark.parametrize("language", ["lua55"])
def test_global_declarations(shell: LuaShell) -> None:
    assert shell.run("global a = 5\na") == "5"
    shell.run("global function named() return 6 end")
    assert shell.run("a, named()") == "5\t6"
    assert "'undeclared'" in shell.fail("global a\nundeclared = 1").value
    shell.run("local kept = 1")
    assert shell.run("global <const> *\nkept + a") == "6"
    assert shell.run("global print\nlocal other = 2 kept = 3 return other") == "2"
    assert shell.run("kept") == "3"


def test_more_locals_than_a_function_may_have(shell: LuaShell) -> None:
    for letter in "abc":
        shell.run("\n".join(f"local {letter}{index} = {index}" for index in range(150)))
    total = "+".join(f"{letter}{index}" for letter in "abc" for index in range(150))
    assert shell.run(f"local sum = 0\nsum = {total}\nreturn sum") == "33525"
    assert shell.run("sum, a149") == "33525\t149"
    shell.run("c7 = 'changed' " + total.replace("+", " = 0 ").replace("c7 = 0", "") + " = 0")
    assert shell.run("c7, c8, a0, rawget(_G, 'a0')") == '"changed"\t0\t0\tnil'


def test_one_statement_with_many_names(shell: LuaShell) -> None:
    names = [f"n{index}" for index in range(190)]
    shell.run(f"local {','.join(names)} = {','.join(map(str, range(190)))}")
    assert shell.run("n0, n99, n189") == "0\t99\t189"
    error = shell.fail("\n".join(f"local m{index} = 1" for index in range(250)))
    assert "200" in error.value


def test_a_function_over_many_kept_names_in_every_lua(shell: LuaShell) -> None:
    shell.run("\n".join(f"local p{index} = {index}" for index in range(100)))
    shell.run("local function total() return " + "+".join(f"p{index}" for index in range(100)) + " end")
    shell.run("p0 = 1000")
    assert shell.run("total()") == "5950"


@ATTRIBS
def test_constants_among_many_names(shell: LuaShell) -> None:
    shell.run("local fixed <const> = 1")
    shell.run("\n".join(f"local q{index} = {index}" for index in range(199)))
    many = " ".join(f"q{index} = q{index}" for index in range(199))
    assert "const variable 'fixed'" in shell.fail(f"{many} local q199 = 1 fixed = 2").value
    assert shell.run(f"{many} local r = fixed return r") == "1"


def test_loaded_code_does_not_see_locals_of_cells(shell: LuaShell) -> None:
    shell.run("local unseen = 1")
    assert shell.run("load('return unseen')()") == "nil"


def test_kept_locals_can_be_listed_and_forgotten(shell: LuaShell) -> None:
    shell.run("local b, a = 1, 2")
    shell.fail("local c = 3 error('x')")
    assert shell.interpreter.compiler.kept == ["a", "b", "c"]
    shell.interpreter.compiler.forget()
    assert shell.interpreter.compiler.kept == []
    assert shell.run("a, b, c") == "nil\tnil\tnil"


def test_without_persistent_locals_they_end_with_their_cell(language: str) -> None:
    shell = LuaShell(language, persistent_locals=False)
    assert shell.run("local ended = 1 ended + 1") == "2"
    error = shell.fail("ended.field = 1")
    assert "'ended' was a local of cell [1]" in plain(error)
    assert "persistent_locals" in plain(error)
    assert shell.run("ended") == "nil"


def test_expressions_for_the_front_leave_no_trace(shell: LuaShell) -> None:
    shell.run("local z = 4")
    outcome = shell.interpreter.evaluate("z + 1")
    assert outcome.result is not None
    assert outcome.result.data["text/plain"] == "5"
    failed = shell.interpreter.evaluate("z.x.y")
    assert failed.error is not None
    assert shell.run("#In, Out[2]") == "2\tnil"


def test_varargs_and_level_of_a_cell(shell: LuaShell) -> None:
    assert shell.run("select('#', ...)") == "0"
    assert shell.run("\n\nlocal line = debug.getinfo(1, 'l').currentline line") == "3"


def test_what_a_last_call_answers_for_chaining_is_not_shown_but_a_stream_by_name_is(shell: LuaShell) -> None:
    assert shell.run("io.write('x')") is None
    assert shell.run("io.stdout:write('x'):write('y')") is None
    assert (shell.run("io.stdout") or "").startswith("file (0x")
    assert (shell.run("x = io.stderr x") or "").startswith("file (0x")


def test_each_of_several_results_is_shown_if_one_has_more_than_text(shell: LuaShell) -> None:
    shell.output()
    outcome = shell.outcome("print('first'); {{a = 1}}, {{b = 2}}")
    assert outcome.result is not None and "b</th>" in str(outcome.result.data["text/html"])
    shown = shell.output()
    assert shown.startswith("first\n<") and "a</th>" in shown and "b</th>" not in shown
    assert shell.run("#Out[1]") == "2"


def test_an_expression_that_a_client_asks_for_displays_nothing(shell: LuaShell) -> None:
    shell.output()
    outcome = shell.interpreter.evaluate("{{a = 1}}, {{b = 2}}")
    assert outcome.result is not None
    assert outcome.result.data == {"text/plain": "{{a = 1}}\t{{b = 2}}"}
    assert shell.output() == ""
