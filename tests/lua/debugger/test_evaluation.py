"""Code that a client runs in a frame: the debug console, watches, conditions, log messages."""

from __future__ import annotations

import pytest

from llmspell_kernel.errors import DebuggerError
from llmspell_kernel.lua.debugger import debugger
from llmspell_kernel.lua.debugger.model import Context, SourceBreakpoint

from .evaluating import CODE, complete, evaluate, failure, started, stop
from .session import Session

# Expressions


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("a + b", "3"),
        ("up", '"captured"'),
        ("shared", "3"),
        ("t.nested.deep[1]", "1"),
        ("none", "nil"),
        ("nowhere", "nil"),
        ("...", '"v", nil'),
        ("select('#', ...)", "2"),
        ('1, "a"', '1, "a"'),
        ("= a", "1"),
        ("  a  ", "1"),
        ("a -- with a comment", "1"),
        ("(function(x) return x * b end)(21)", "42"),
        ("text:upper()", '"STR"'),
        ("#t", "2"),
        ("pcall(error, 'x')", 'false, "x"'),
        ("_G == _ENV or true", "true"),
    ],
)
@pytest.mark.parametrize("context", ["repl", "watch", "hover"])
def test_an_expression_sees_what_the_code_sees(
    session: Session, code: str, value: str, context: Context
) -> None:
    stop(session)
    assert evaluate(session, code, context).value == value


def test_the_children_of_a_result_are_those_of_the_first_value(session: Session) -> None:
    stop(session)
    row = evaluate(session, "t.nested, 5")
    assert row.value == "{deep = {1}}, 5"
    assert [child.name for child in session.debugger.variables(row.reference)] == ["deep"]


def test_results_tell_the_expressions_of_their_children(session: Session) -> None:
    stop(session)
    for code in ("t", "t.nested", "(t)", "{t}", "t and t"):
        row = evaluate(session, code, "watch")
        for child in session.debugger.variables(row.reference):
            assert evaluate(session, child.evaluate_name, "watch").value == child.value
    nested = evaluate(session, "t.nested", "watch")
    assert session.debugger.variables(nested.reference)[0].evaluate_name == "t.nested.deep"


def test_a_value_that_was_asked_for_may_describe_itself(session: Session) -> None:
    stop(
        session,
        "local p = setmetatable({1}, {__tostring = function(p) return 'pt ' .. p[1] end})\nlocal x -- here",
    )
    assert evaluate(session, "p").value == "pt 1"
    assert session.local_variables()["p"] == "{1}"


def test_a_value_for_the_clipboard_is_whole(session: Session) -> None:
    stop(session, "local s = string.rep('x', 3000)\nlocal t = {s}\nlocal x -- here")
    assert evaluate(session, "s", "clipboard").value.count("x") == 3000
    assert evaluate(session, "1, 2", "clipboard").value == "1\t2"


def test_every_frame_has_its_own_variables(session: Session) -> None:
    stop(
        session,
        "local function g(x)\n  return x -- here\nend\n"
        "local function f(x) local y = g(x * 2) return y end\nf(1)",
    )
    frames = [frame.id for frame in session.frames() if not frame.subtle]
    assert evaluate(session, "x", frame=frames[0]).value == "2"
    assert evaluate(session, "x", frame=frames[1]).value == "1"


def test_code_is_evaluated_while_none_runs(session: Session) -> None:
    session.run("local kept = 1 global_one = 2")
    assert evaluate(session, "kept + global_one", frame=None).value == "3"
    evaluate(session, "kept = 10", frame=None)
    evaluate(session, "new_one = kept", frame=None)
    assert session.run("return kept, new_one") == "10\t10"


# Statements


def test_assignments_reach_locals_upvalues_globals_and_fields(session: Session) -> None:
    cell = started(session)
    for code in (
        "a = 100",
        "up = up .. '!'",
        "shared, fresh = 30, 31",
        "t.name, t[1] = 'y', 11",
        "text = nil",
    ):
        assert evaluate(session, code).value == ""
    assert evaluate(session, "a, up, shared, fresh, t.name, t[1], text").value == (
        '100, "captured!", 30, 31, "y", 11, nil'
    )
    session.resume()
    assert session.finish(cell) is not None
    assert session.run("return up, shared, fresh") == "captured!\t30\t31"


def test_statements_run_in_the_console_only(session: Session) -> None:
    stop(session)
    evaluate(session, "for i = 1, 3 do shared = shared + i end")
    assert evaluate(session, "shared").value == "9"
    assert "only expressions" in failure(session, "shared = 1", "watch")
    assert "only expressions" in failure(session, "shared = 1", "hover")
    assert evaluate(session, "shared").value == "9"


def test_locals_of_the_console_stay_until_the_code_goes_on(session: Session) -> None:
    cell = session.start("local a = 1 -- first\nlocal b = 2 -- second\nreturn a + b", "first", "second")
    session.wait_stop()
    evaluate(session, "local x, y = 1, {2}")
    evaluate(session, "local function double(n) return n * 2 end")
    evaluate(session, "x = x + 1")
    assert evaluate(session, "double(x), y[1]").value == "4, 2"
    evaluate(session, "local x = 'new'; local z = x")
    assert evaluate(session, "x, z").value == '"new", "new"'
    session.resume_to_stop()
    assert evaluate(session, "x, y, double").value == "nil, nil, nil"
    session.resume()
    assert session.finish(cell) == "3"
    assert session.run("return x, y") == "nil\tnil"


def test_constants_of_the_console_stay_too(session: Session) -> None:
    if session.shell.language == "luajit":
        pytest.skip("this Lua has no constants")
    stop(session)
    evaluate(session, "local limit <const> = 5")
    assert evaluate(session, "limit").value == "5"


def test_functions_of_the_console_outlive_the_stop(session: Session) -> None:
    cell = started(session)
    evaluate(session, "function later() return a, shared end")
    assert evaluate(session, "later()").value == "1, 3"
    session.resume()
    session.finish(cell)
    assert session.run("return later()") == "nil\t3"


def test_other_code_is_not_changed_by_what_was_evaluated(session: Session) -> None:
    cell = started(session)
    evaluate(session, "local up = 'mine'")
    assert evaluate(session, "up").value == '"mine"'
    session.resume()
    assert (session.finish(cell) or "").startswith("captured")


# What goes wrong


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("nowhere.x", "attempt to index"),
        ("1 +", "unexpected symbol near"),
        ("a b", "near 'b'"),
        ("error('boom')", "boom"),
        ("error('boom', 0)", "boom"),
        ("error({code = 1})", "error value: {code = 1}"),
        ("error()", "error"),
        ("error(setmetatable({}, {__tostring = function() return 'own' end}))", "own"),
        ("error(setmetatable({}, {__tostring = function() return {} end}))", "error"),
        ("", "no expression"),
        ("   ", "no expression"),
        ("coroutine.yield(1)", "cannot be called from the debugger"),
        ("local x = 1\nlocal y = x.a.b", "line 2: attempt to index"),
    ],
)
def test_an_error_is_told_without_our_own_place(session: Session, code: str, message: str) -> None:
    stop(session)
    text = failure(session, code)
    assert message in text
    assert "debug console" not in text
    assert "llmspell" not in text
    assert evaluate(session, "a").value == "1"


@pytest.mark.parametrize(("name", "kind"), [("none", "local"), ("up", "upvalue"), ("shared", "global")])
def test_an_error_names_the_kind_of_variable(session: Session, name: str, kind: str) -> None:
    stop(session)
    assert f"{kind} '{name}'" in failure(session, f"{name}()")


def test_source_that_nests_too_deeply_is_refused(session: Session) -> None:
    stop(session)
    assert failure(session, "(" * 500 + "1" + ")" * 500)


def test_code_that_never_ends_is_ended(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debugger, "_CODE_SECONDS", 0.3)
    if session.shell.language == "luajit":
        session.run("jit.off()")
    cell = started(session)
    assert "did not end in time" in failure(session, "(function() while true do end end)()")
    assert "did not end in time" in failure(session, "while true do pcall(error) end")
    assert evaluate(session, "a").value == "1"
    session.resume()
    session.finish(cell)


def test_a_frame_of_code_that_has_gone_on_is_refused(session: Session) -> None:
    cell = session.start("local a = 1 -- first\nlocal b = 2 -- second\nreturn a + b", "first", "second")
    session.wait_stop()
    old = session.frames()[0].id
    session.resume_to_stop()
    with pytest.raises(DebuggerError, match="no frame"):
        session.debugger.evaluate("a", old, "watch")
    session.resume()
    session.finish(cell)


# Assigning by expression


def test_an_expression_is_assigned_as_by_the_code_itself(session: Session) -> None:
    stop(
        session,
        "local log = {}\nlocal t = setmetatable({}, {__newindex = function(t, k, v) log[k] = v end})\n"
        "local x -- here",
    )
    frame = session.frames()[0].id
    assert session.debugger.set_expression("t.field", "1 + 1", frame).value == "2"
    assert evaluate(session, "log.field, rawget(t, 'field')").value == "2, nil"
    assert session.debugger.set_expression("log", "{3}", frame).value == "{3}"
    assert session.debugger.set_expression("log[#log + 1]", "log[1]", frame).value == "3"
    assert evaluate(session, "log").value == "{3, 3}"


@pytest.mark.parametrize("target", ["f()", "1", "a, b", "x = 1; y", "t.", ""])
def test_what_cannot_be_assigned_to_is_refused(session: Session, target: str) -> None:
    frame = stop(session)
    with pytest.raises(DebuggerError, match="cannot assign to"):
        session.debugger.set_expression(target, "1", frame)


@pytest.mark.parametrize("value", ["1,2", "1, 2 -- no", "(1), nil"])
def test_a_list_is_not_assigned(session: Session, value: str) -> None:
    frame = stop(session)
    with pytest.raises(DebuggerError, match=r"one value is wanted here, not a list: .*[12l]"):
        session.debugger.set_expression("a", value, frame)
    assert session.debugger.set_expression("a", "select(1, 7, 8) -- of a call the first", frame).value == "7"


def test_what_ends_the_cell_is_answered(session: Session) -> None:
    cell = started(session, CODE)
    frame = session.frames()[0].id
    with pytest.raises(DebuggerError, match="the code has ended, and this with it"):
        session.debugger.evaluate("os.exit(3)", frame, "repl")
    error = session.outcome(cell).error
    assert error is not None and error.name == "Exit"


def test_a_statement_that_is_not_complete_is_called_so(session: Session) -> None:
    stop(session)
    assert "unexpected symbol near" in failure(session, "x = ")
    assert "eof" in failure(session, "x = ")


def test_copying_to_globals_makes_the_value_visible_to_cells(session: Session) -> None:
    session.run("local mine = 1")
    cell = started(session, CODE)
    frame = session.frames()[0].id
    assert session.debugger.copy_to_globals("t", frame, "copied").value.startswith("{10, 20")
    session.debugger.copy_to_globals("a", frame, "mine")
    with pytest.raises(DebuggerError, match="no name for a variable"):
        session.debugger.copy_to_globals("t", frame, "not a name")
    with pytest.raises(DebuggerError, match="there is no variable nowhere here"):
        session.debugger.copy_to_globals("nowhere", frame, "copied")
    assert evaluate(session, "copied").type == "table"
    session.resume()
    session.finish(cell)
    assert session.run("return copied.name, mine") == "x\t1"


def test_a_variable_is_shown_as_in_a_notebook(session: Session) -> None:
    frame = stop(
        session,
        "local pic = setmetatable({}, {__mimebundle = {['text/html'] = '<b>x</b>'}})\n"
        "local rows = {{a = 1}, {a = 2}}\nlocal x -- here",
    )
    assert session.debugger.rich_variable("pic", frame).data["text/html"] == "<b>x</b>"
    assert "<table" in session.debugger.rich_variable("rows", frame).data["text/html"]
    with pytest.raises(DebuggerError):
        session.debugger.rich_variable("1 +", frame)


# Conditions and log messages


def test_conditions_see_the_variables_of_each_time(session: Session) -> None:
    code = "local up = 7\nfor i = 1, 20 do\n  local t = {n = i}\n  up = up -- here\nend"
    path = session.next_path()
    cell = session.start(code, SourceBreakpoint(4, condition="t.n == up or i == 15"))
    session.wait_stop()
    assert session.local_variables()["i"] == "7"
    session.resume_to_stop()
    assert session.local_variables()["i"] == "15"
    session.resume()
    session.finish(cell)
    assert path == cell.path


def test_log_messages_show_values_and_errors(session: Session) -> None:
    message = r"i is {i}, t {t} {t.x + 1} {({5})[1]} {'}'} \{x\} {nowhere.x}."
    cell = session.start(
        "for i = 1, 2 do\n  local t = {x = i}\n  t = t -- here\nend",
        SourceBreakpoint(3, log_message=message),
    )
    session.finish(cell)
    first, second = (text.rstrip("\n") for _, text, _, _ in session.recorder.outputs)
    assert first.startswith("i is 1, t {x = 1} 2 5 } {x} <error: attempt to index")
    assert first.endswith(">.")
    assert second.startswith("i is 2, t {x = 2} 3 5 }")


# Code that makes it hard


def test_a_script_may_have_overwritten_everything(session: Session) -> None:
    session.run(
        "for _, name in ipairs({'pcall', 'error', 'type', 'next', 'rawget', 'load', 'select', 'tostring', "
        "'setmetatable', 'string', 'table', 'coroutine', 'debug', 'math'}) do _G[name] = nil end"
    )
    frame = stop(session, "local t = {1, x = {2}}\nlocal x -- here")
    assert session.local_variables()["t"] == "{1, x = {2}}"
    assert evaluate(session, "t.x[1] + 1").value == "3"
    assert "nil value" in failure(session, "nope()")
    assert complete(session, "t.", frame) == ["x"]


def test_code_finds_no_way_into_the_debugger(session: Session) -> None:
    stop(session)
    assert evaluate(session, "getmetatable(_ENV)").value in ("false", "nil")
    assert evaluate(session, "python").value == "nil"
    assert evaluate(session, "debug.getupvalue(print, 1)").value == "nil"


def test_an_environment_of_nil_leaves_the_locals(session: Session) -> None:
    if session.shell.language == "luajit":
        pytest.skip("functions of this Lua always have an environment")
    stop(session, "local x = 5\nlocal function f()\n  local _ENV = nil\n  return x -- here\nend\nf()")
    assert evaluate(session, "x").value == "5"
    assert "_ENV is nil" in failure(session, "print")
    assert "_ENV is nil" in failure(session, "y = 1")


def test_a_strict_global_table_speaks_for_itself(session: Session) -> None:
    session.run(
        "setmetatable(_G, {__index = function(_, name) error('undefined ' .. name, 0) end, "
        "__newindex = function(_, name) error('undeclared ' .. name, 0) end})"
    )
    frame = stop(session, "local x = 5\nx = x -- here")
    assert failure(session, "missing") == "undefined missing"
    assert failure(session, "missing = 1") == "undeclared missing"
    assert evaluate(session, "x").value == "5"
    session.debugger.copy_to_globals("x", frame, "missing")
    assert evaluate(session, "missing").value == "5"


def test_conditions_may_use_the_varargs(session: Session) -> None:
    cell = session.start(
        "local function f(...)\n  local n = 1 -- here\n  return n\nend\nf(1) f(2) f(3)",
        SourceBreakpoint(2, condition="select(1, ...) == 2"),
    )
    session.wait_stop()
    assert evaluate(session, "...").value == "2"
    session.resume()
    session.finish(cell)


def test_many_locals_and_upvalues(session: Session) -> None:
    count = 50
    names = ",".join(f"u{i}" for i in range(count))
    values = ",".join(str(i) for i in range(count))
    locals_ = "".join(f"local l{i} = {i}\n" for i in range(190 - count))
    stop(session, f"local {names} = {values}\nlocal function f()\n{locals_}return {names} -- here\nend\nf()")
    assert evaluate(session, f"u{count - 1} + l100").value == str(count - 1 + 100)


def test_a_deep_stack_is_looked_into_at_once(session: Session) -> None:
    depth = 10_000
    code = "local function f(n)\n  if n == 0 then\n    return 0 -- here\n  end\n  return 1 + f(n - 1)\nend\n"
    session.start(f"{code}f({depth})", "here")
    session.wait_stop()
    frames, total = session.debugger.stack(1, depth - 5, 3)
    assert total > depth
    assert evaluate(session, "n", frame=frames[0].id).value == str(depth - 5)


def test_a_suspended_coroutine_is_looked_into_and_changed(session: Session) -> None:
    cell = session.start(
        "local co = coroutine.wrap(function(a)\n  local b = a + 1 -- inside\n  coroutine.yield()\n"
        "  return b\nend)\nco(1)\nlocal x = co() -- outside\nreturn x",
        "inside",
        "outside",
    )
    session.wait_stop()
    assert evaluate(session, "a").value == "1"
    session.resume_to_stop()
    (thread,) = (each.id for each in session.debugger.threads() if each.id != 1)
    frame = next(each for each in session.frames(thread) if not each.subtle).id
    assert evaluate(session, "b", frame=frame).value == "2"
    evaluate(session, "b = 'changed'", frame=frame)
    session.resume()
    assert session.finish(cell) == "changed"
