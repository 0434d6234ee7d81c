"""Breakpoints that come after their code was compiled: where they stop, and what they leave alone."""

from __future__ import annotations

import ctypes

import pytest

from llmspell_kernel.lua.debugger.model import FunctionBreakpoint, SourceBreakpoint

from .late import late, stops
from .session import Session, debugged, line_of

FUNCTIONS = """
function leaf(x) return x + 1 end
function work(n)
  local a = leaf(n)
  a = a * 2 -- here
  return a
end
function other(n) return n end
"""


def loaded(session: Session, text: str) -> str:
    """The path of a text that a script has loaded."""
    debugger = session.debugger
    (path,) = (each.path for each in debugger.sources.all() if debugger.sources.text(each.path) == text)
    return path


def show_mask(session: Session) -> None:
    """Gives cells a function `mask` that tells which events of the running thread are watched."""
    state = session.shell.interpreter.state
    gethook = state.host[b"debug"][b"gethook"]
    session.on_lua(lambda: state.globals.__setitem__(b"gethook", gethook))
    session.run("function mask() return (select(2, gethook())) end")


CALLS = {
    "plain": ("return work(1)", 1, "4"),
    "from pcall": ("return select(2, pcall(work, 1))", 1, "4"),
    "in a coroutine": ("return coroutine.wrap(work)(1)", 1, "4"),
    "by a tail call": ("local function f(n) return work(n) end return f(1)", 1, "4"),
    "by tail calls within pcall": (
        "local function f(n) return work(n) end\n"
        "local function g(n) return f(n) end return select(2, pcall(g, 1))",
        1,
        "4",
    ),
    "from C": ("return (('ab'):gsub('.', function(c) return work(#c) end))", 2, "44"),
    "as an operator": ("return -setmetatable({}, {__unm = function() return work(1) end})", 1, "4"),
    "after an error": (
        "local function fails() local x = leaf(nil) end\n"
        "pcall(fails) local a = work(1) pcall(fails) return a + work(2)",
        2,
        "10",
    ),
    "many times": ("local n = 0 for i = 1, 100 do n = other(i) end return work(n) + work(n)", 2, "404"),
    "by another name": ("local t = setmetatable({}, {__index = work}) return work(1)", 1, "4"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_function_stops_however_it_is_called(session: Session, name: str) -> None:
    code, times, result = CALLS[name]
    late(session, FUNCTIONS, "here")
    line = line_of(FUNCTIONS.strip("\n"), "here")
    assert stops(session, code, [line] * times) == result
    assert stops(session, code, [line] * times) == result


def test_where_lua_s_c_functions_are_not_to_be_had(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    with debugged(language) as session:
        assert session.shell.interpreter.state.interrupts.period > 0
        late(session, FUNCTIONS, "here")
        line = line_of(FUNCTIONS.strip("\n"), "here")
        for code, times, result in CALLS.values():
            assert stops(session, code, [line] * times) == result


RECURSION = """
function down(n)
  if n == 0 then return 0 end -- first
  local rest = down(n - 1)
  return rest + 1 -- back
end
"""


def test_recursion_stops_on_the_way_down_and_on_the_way_back(session: Session) -> None:
    late(session, RECURSION, "first", "back")
    assert stops(session, "return down(2)", [2, 2, 2, 4, 4]) == "2"


def test_recursion_through_another_function(session: Session) -> None:
    late(
        session,
        "function even(n)\n  if n == 0 then return true end\n  local odd = odd(n - 1)\n  return odd -- here\n"
        "end\nfunction odd(n)\n  if n == 0 then return false end\n  local e = even(n - 1)\n  return e\nend",
        "here",
    )
    assert stops(session, "return even(6)", [4] * 3) == "true"


def test_what_fails_within_a_function_leaves_the_function_watched(session: Session) -> None:
    late(
        session,
        "local function fails(n) if n == 0 then error('x') end fails(n - 1) end\n"
        "function catches(n)\n  local ok = pcall(fails, n)\n  local co = coroutine.wrap(fails)\n"
        "  ok = ok or pcall(co, n)\n  return ok -- here\nend",
        "here",
    )
    assert stops(session, "return catches(0)", [6]) == "false"
    assert stops(session, "return catches(5)", [6]) == "false"


def test_a_function_that_an_error_has_ended_stops_when_it_is_called_again(session: Session) -> None:
    late(session, "function f(x)\n  local y = x -- here\n  return y.z\nend", "here")
    code = "local n = 0 for i = 1, 3 do if pcall(f, i % 2 == 0 and {} or nil) then n = n + 1 end end return n"
    assert stops(session, code, [2] * 3) == "1"


YIELDING = """
function generate(n)
  for i = 1, n do
    coroutine.yield(i)
    local next = i + 1 -- here
  end
end
"""


def test_a_function_that_yields_stops_after_it_is_resumed(session: Session) -> None:
    late(session, YIELDING, "here")
    code = """
    local a, b = coroutine.wrap(generate), coroutine.wrap(generate)
    local sum = a(2) + b(2)
    local function add(n) sum = sum + (n or 0) end
    add(a()) add(b())
    add(a()) add(b())
    return sum
    """
    assert stops(session, code, [4] * 4) == "6"


def test_a_coroutine_that_waits_in_the_function_when_the_breakpoint_comes(session: Session) -> None:
    code = YIELDING.strip("\n")
    path = session.next_path()
    session.run(code)
    session.run("waits = coroutine.create(generate) coroutine.resume(waits, 2)")
    session.run("calls = coroutine.create(function() generate(2) end) coroutine.resume(calls)")
    session.set_breakpoints(path, code, "here")
    assert stops(session, "return coroutine.resume(waits)", [4]) == "true\t2"
    assert stops(session, "return coroutine.resume(calls)", [4]) == "true\t2"
    session.set_breakpoints(path, code)
    assert session.run("return coroutine.resume(waits)") == "true"
    show_mask(session)
    resume_and_show = (
        "co = coroutine.create(function() coroutine.yield() return mask() end) coroutine.resume(co)"
    )
    session.run(resume_and_show)
    assert session.run("return select(2, coroutine.resume(co))") in ("", "nil", None)


def test_a_function_that_runs_while_the_code_has_stopped_in_it(session: Session) -> None:
    cell = session.start(
        """
        local function f(n)
          local a = n -- first
          a = a + 1
          return a -- second
        end
        return f(1)
        """,
        "first",
    )
    session.wait_stop()
    session.set_breakpoints(cell.path, cell.code, "second")
    assert session.resume_to_stop() == cell.line("second")
    session.resume()
    assert session.finish(cell) == "2"


def test_a_function_that_runs_while_the_code_has_stopped_in_what_it_calls(session: Session) -> None:
    cell = session.start(
        """
        local function inner(n)
          return n + 1 -- first
        end
        local function f(n)
          local a = select(2, pcall(inner, n))
          return a -- second
        end
        local result = f(1)
        return result -- third
        """,
        "first",
    )
    session.wait_stop()
    session.set_breakpoints(cell.path, cell.code, "second", "third")
    assert session.resume_to_stop() == cell.line("second")
    assert session.resume_to_stop() == cell.line("third")
    session.resume()
    assert session.finish(cell) == "2"


def test_a_function_that_has_resumed_the_coroutine_that_has_stopped(session: Session) -> None:
    cell = session.start(
        """
        local co = coroutine.wrap(function()
          coroutine.yield(1) -- first
        end)
        local n = co()
        return n -- second
        """,
        "first",
    )
    session.wait_stop()
    session.set_breakpoints(cell.path, cell.code, "second")
    assert session.resume_to_stop() == cell.line("second")
    session.resume()
    assert session.finish(cell) == "1"


def test_a_cell_that_runs_stops_in_its_chunk_and_not_in_what_that_calls(session: Session) -> None:
    if session.shell.language == "luajit":
        session.run("jit.off()")
    cell = session.start_endless(
        "going = true\nlocal function step(n) return n + 1 end\nlocal n = io.read() and 0\nwhile going do\n"
        "  n = step(n) -- here\nend\nreturn 'done'"
    )
    session.set_breakpoints(cell.path, cell.code, "here")
    session.wait_stop()
    assert session.line() == cell.line("here")
    assert session.resume_to_stop() == cell.line("here")
    session.evaluate("going = false")
    session.set_breakpoints(cell.path, cell.code)
    session.resume()
    assert session.finish(cell) == "done"


def test_closures_of_loaded_text(session: Session) -> None:
    text = "local n = ...\nreturn function(x)\n  return x + n -- here\nend"
    session.run(f"add = load([[{text}]], '=added')(10)")
    session.set_breakpoints(loaded(session, text), text, "here")
    assert stops(session, "return add(1) + add(2)", [3, 3]) == "23"


def test_the_chunk_of_loaded_text_that_is_called_later(session: Session) -> None:
    text = "local n = 1\nn = n + 1 -- here\nreturn n"
    session.run(f"chunk = load([[{text}]], '=chunk')")
    session.set_breakpoints(loaded(session, text), text, "here")
    assert stops(session, "return chunk() + chunk()", [2, 2]) == "4"


SHAPES = {
    "no parameters": ("function f()\n  return 1 -- here\nend", "f()"),
    "a local function first": (
        "function f()\n  local function g() return g end\n  return g -- here\nend",
        "f()",
    ),
    "a loop first": ("function f() for i = 1, 1 do\n  x = i -- here\nend end", "f()"),
    "varargs": ("function f(...)\n  return ... -- here\nend", "f(1, 2, 3)"),
    "varargs, none given": ("function f(...)\n  return ... -- here\nend", "f()"),
    "a name and varargs": ("function f(a, ...)\n  return ... -- here\nend", "f(1, 2, 3)"),
    "three parameters": ("function f(a, b, c)\n  return c -- here\nend", "f()"),
    "a method": ("t = {}\nfunction t:f(a)\n  return a -- here\nend", "t:f(1)"),
    "the same name twice": ("function f(_, _)\n  return _ -- here\nend", "f(1, 2)"),
    "within a function": (
        "function f(a)\n  return function(b)\n    return a + b -- here\n  end\nend",
        "f(1)(2)",
    ),
    "many upvalues": (
        "local a, b, c = 1, 2, 3\nfunction f(x)\n  a = b\n  b = c\n  c = x -- here\n  return a + b + c\nend",
        "f(1)",
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_functions_of_all_shapes(session: Session, name: str) -> None:
    code, call = SHAPES[name]
    late(session, code, "here")
    cell = session.start(f"local result = {call}")
    session.wait_stop()
    assert session.line() == line_of(code, "here")
    session.resume()
    session.finish(cell)


def test_named_varargs(session: Session) -> None:
    if session.shell.language != "lua55":
        pytest.skip("only Lua 5.5 has them")
    late(session, "function f(...rest)\n  return #rest -- here\nend", "here")
    assert stops(session, "return f(1, 2)", [2]) == "2"


def test_lines_are_watched_only_in_the_function(session: Session) -> None:
    show_mask(session)
    late(session, "function f(x)\n  local y = x -- here\n  return mask()\nend", "here")
    assert session.run("return mask()") == "c"
    cell = session.start("local inside = f(1) return mask()")
    session.wait_stop()
    session.resume()
    after = session.finish(cell)
    if session.shell.language != "luajit":
        assert after is not None
        assert "l" not in after
    # What has been left unnoticed is found out after a while.
    cell = session.start("pcall(f) local n = 0 for i = 1, 200 do\nn = n + #tostring(i)\nend return mask()")
    session.wait_stop()
    session.resume()
    assert session.finish(cell) == "c"


def test_no_hook_stays_when_the_breakpoint_goes(session: Session) -> None:
    show_mask(session)
    code = FUNCTIONS.strip("\n")
    path = session.next_path()
    session.run(code)
    before = session.run("return mask()")
    session.set_breakpoints(path, code, "here")
    cell = session.start("work(1)\nreturn mask()")
    session.wait_stop()
    session.set_breakpoints(path, code)
    session.resume()
    assert session.finish(cell) == before


def test_a_late_breakpoint_and_steps(session: Session) -> None:
    late(session, FUNCTIONS, "here")
    line = line_of(FUNCTIONS.strip("\n"), "here")
    cell = session.start("local a = 0\na = work(1)\na = a + work(2)\nreturn a")
    session.wait_stop()
    assert session.step("over") == line + 1
    assert session.step("out") in (2, 3)
    assert session.resume_to_stop() == line
    session.resume()
    assert session.finish(cell) == "10"


def test_a_late_log_point_and_a_hit_count_in_recursion(session: Session) -> None:
    code = RECURSION.strip("\n")
    late(
        session,
        code,
        SourceBreakpoint(line_of(code, "back"), log_message="{n}"),
        SourceBreakpoint(line_of(code, "first"), hit_condition="3"),
    )
    cell = session.start("return down(3)")
    session.wait_stop()
    assert session.local_variables()["n"] == "1"
    session.resume()
    assert session.finish(cell) == "3"
    assert [text for _, text, _, _ in session.recorder.outputs] == ["1\n", "2\n", "3\n"]


def test_a_late_function_breakpoint_in_a_coroutine(session: Session) -> None:
    session.run(FUNCTIONS)
    session.debugger.set_function_breakpoints(session.recorder, [FunctionBreakpoint("leaf")])
    cell = session.start("return coroutine.wrap(function() return work(1) end)()")
    assert session.wait_stop().reason == "function breakpoint"
    assert session.names()[0] == "leaf"
    session.resume()
    assert session.finish(cell) == "4"


BUSY = {
    "in it": "while going do\n  work(1)\nend",
    "elsewhere": "while going do\n  other(1)\nend",
    "in a coroutine": "coroutine.wrap(function() while going do\n  work(1)\nend end)()",
}


@pytest.mark.parametrize("name", BUSY)
def test_pause_and_interrupt_of_code_with_a_late_breakpoint(session: Session, name: str) -> None:
    code = FUNCTIONS.strip("\n")
    late(session, code, SourceBreakpoint(line_of(code, "here"), hit_condition="> 1000000000"))
    cell = session.start_endless(f"going = true io.read() {BUSY[name]} return 'done'")
    for _ in range(5):
        session.debugger.pause()
        assert session.wait_stop().reason == "pause"
        session.resume()
    session.shell.interpreter.interrupt()
    outcome = session.outcome(cell)
    assert outcome.error is not None
    assert outcome.error.name == "KeyboardInterrupt"
    assert session.run("going = false return work(1)") == "4"


def test_a_script_s_own_hook_is_back_when_the_breakpoint_goes(session: Session) -> None:
    code = FUNCTIONS.strip("\n")
    path = session.next_path()
    session.run(code)
    session.run("seen = 0 function count() seen = seen + 1 end debug.sethook(count, 'l')")
    session.set_breakpoints(path, code, "here")
    cell = session.start("return work(1), debug.gethook() == count")
    session.wait_stop()
    session.resume()
    assert session.finish(cell) == "4\ttrue"
    session.set_breakpoints(path, code)
    assert session.run("seen = 0\nlocal a = 1\nreturn seen > 0") == "true"
    session.run("debug.sethook()")
