"""Steps: over, into and out, through calls, loops and what is not Lua."""

from __future__ import annotations

import pytest

from llmspell_kernel.lua.debugger.model import SourceBreakpoint, StepKind

from .session import Session

CALLS = """
local function inner(x)
  local y = x * 2 -- inner
  return y -- inner end
end
local function outer(x)
  local z = inner(x) -- outer
  return z + 1 -- outer end
end
local a = outer(5) -- call
local b = a + 1 -- after
return b -- end
"""


def test_over_does_not_enter_calls(session: Session) -> None:
    cell = session.start(CALLS, "call")
    session.wait_stop()
    assert session.step("over") == cell.line("after")
    assert session.local_variables()["a"] == "11"
    assert session.step("over") == cell.line("end")
    session.resume()
    assert session.finish(cell) == "12"


def test_into_enters_and_over_leaves_at_the_end(session: Session) -> None:
    cell = session.start(CALLS, "call")
    session.wait_stop()
    assert session.step("into") == cell.line("outer")
    assert session.step("into") == cell.line("inner")
    assert session.names()[:2] == ["inner", "outer"]
    assert session.step("over") == cell.line("inner end")
    assert session.step("over") in (cell.line("outer"), cell.line("outer end"))
    session.resume()
    assert session.finish(cell) == "12"


def test_out_leaves_the_function(session: Session) -> None:
    cell = session.start(CALLS, "inner")
    session.wait_stop()
    line = session.step("out")
    assert line in (cell.line("outer"), cell.line("outer end"))
    assert session.names()[0] == "outer"
    line = session.step("out")
    assert line in (cell.line("call"), cell.line("after"))
    session.resume()
    assert session.finish(cell) == "12"


def test_out_of_a_call_in_the_middle_of_a_line_stops_in_the_caller(session: Session) -> None:
    cell = session.start(
        """
        local function f(x)
          return x + 1 -- f
        end
        local function g()
          return f(1) + f(2)
        end
        local r = g()
        return r -- end
        """,
        "f",
    )
    session.wait_stop()
    session.step("out")
    assert session.names()[0] == "g"
    session.set_breakpoints(cell.path, cell.code)
    session.resume()
    assert session.finish(cell) == "5"


def test_over_the_last_line_of_a_cell_ends_it(session: Session) -> None:
    cell = session.start("local a = 1\nreturn a -- end", "end")
    session.wait_stop()
    session.debugger.step("over", 1)
    assert session.finish(cell) == "1"
    assert session.run("local b = 2\nreturn b") == "2"


def test_a_breakpoint_within_a_call_that_is_stepped_over_stops(session: Session) -> None:
    cell = session.start(CALLS, "call", "inner end")
    session.wait_stop()
    session.debugger.step("over", 1)
    assert session.wait_stop().reason == "breakpoint"
    assert session.line() == cell.line("inner end")
    session.resume()
    assert session.finish(cell) == "12"


def test_over_follows_a_loop(session: Session) -> None:
    cell = session.start(
        """
        local n = 0 -- start
        for i = 1, 2 do -- head
          n = n + i -- body
        end
        return n -- end
        """,
        "start",
    )
    session.wait_stop()
    lines = [session.step("over") for _ in range(6)]
    head, body, end = cell.line("head"), cell.line("body"), cell.line("end")
    assert lines[:2] == [head, body]
    assert lines.count(body) == 2
    assert end in lines
    session.resume()
    assert session.finish(cell) == "3"


def test_a_step_onto_a_breakpoint_stops_there_once(session: Session) -> None:
    cell = session.start("local a = 1 -- a\nlocal b = 2 -- b\nlocal c = 3 -- c\nreturn c", "a", "b")
    session.wait_stop()
    session.debugger.step("over", 1)
    session.wait_stop()
    assert session.line() == cell.line("b")
    assert session.step("over") == cell.line("c")
    session.resume()
    assert session.finish(cell) == "3"


def test_recursion_is_stepped_over_as_one_call(session: Session) -> None:
    cell = session.start(
        """
        local function fact(n)
          if n <= 1 then return 1 end -- head
          local rest = fact(n - 1) -- call
          return n * rest -- end
        end
        return fact(5)
        """,
        "head",
    )
    session.wait_stop()
    session.set_breakpoints(cell.path, cell.code)
    assert session.step("over") == cell.line("call")
    assert session.step("over") == cell.line("end")
    assert session.local_variables() == {"n": "5", "rest": "24"}
    session.resume()
    assert session.finish(cell) == "120"


def test_a_tail_call_is_not_lost(session: Session) -> None:
    cell = session.start(
        """
        local function last(x)
          return x + 1 -- last
        end
        local function first(x)
          return last(x) -- first
        end
        local r = first(1)
        return r -- end
        """,
        "first",
    )
    session.wait_stop()
    assert session.step("into") == cell.line("last")
    session.step("out")
    session.resume()
    assert session.finish(cell) == "2"


def test_into_does_not_enter_our_own_runtime(session: Session) -> None:
    cell = session.start(
        """
        print("x") -- print
        local ok = pcall(error, "y") -- pcall
        local n = select("#", 1, 2) -- select
        return n -- end
        """,
        "print",
    )
    session.wait_stop()
    assert [session.step("into") for _ in range(3)] == [
        cell.line(mark) for mark in ("pcall", "select", "end")
    ]
    session.resume()
    assert session.finish(cell) == "2"


def test_into_a_function_that_c_calls(session: Session) -> None:
    cell = session.start(
        """
        local list = {3, 1, 2}
        table.sort(list, function(a, b) -- sort
          return a < b -- less
        end)
        return table.concat(list) -- end
        """,
        "sort",
    )
    session.wait_stop()
    while session.step("into") != cell.line("less"):
        assert session.line() < cell.line("end")
    session.step("out")
    session.resume()
    assert session.finish(cell) == "123"


def test_into_a_function_that_pcall_calls_and_out_of_it_by_an_error(session: Session) -> None:
    cell = session.start(
        """
        local function fails()
          error("no") -- fails
        end
        local ok, message = pcall(fails) -- pcall
        local after = not ok -- after
        return after
        """,
        "pcall",
    )
    session.wait_stop()
    assert session.step("into") == cell.line("fails")
    assert session.step("over") in (cell.line("pcall"), cell.line("after"))
    session.resume()
    assert session.finish(cell) == "true"


@pytest.mark.parametrize("kind", ["over", "out"])
def test_an_error_in_a_deeper_call_ends_the_step_where_it_is_caught(session: Session, kind: StepKind) -> None:
    cell = session.start(
        """
        local function fails(n)
          if n == 0 then error("no") end
          fails(n - 1)
          return n
        end
        local function middle()
          fails(5) -- call
          return 1
        end
        local ok = pcall(middle) -- pcall
        local after = ok -- after
        return after
        """,
        "call",
    )
    session.wait_stop()
    assert session.step(kind) in (cell.line("pcall"), cell.line("after"))
    session.resume()
    assert session.finish(cell) == "false"


def test_a_yield_in_a_deeper_call_ends_the_step_where_it_was_resumed(session: Session) -> None:
    cell = session.start(
        """
        local function deep(n)
          if n == 0 then coroutine.yield(7) else deep(n - 1) end
        end
        local generate = coroutine.wrap(function()
          deep(3) -- call
          return 8 -- last
        end)
        local first = generate() -- first
        local between = first -- between
        local second = generate() -- second
        return second -- end
        """,
        "call",
        "last",
    )
    session.wait_stop()
    assert session.step("over") in (cell.line("first"), cell.line("between"))
    assert session.resume_to_stop() == cell.line("last")
    assert session.step("out") in (cell.line("second"), cell.line("end"))
    session.resume()
    assert session.finish(cell) == "8"


def test_a_step_that_a_breakpoint_has_ended_leaves_nothing(session: Session) -> None:
    cell = session.start(
        """
        local function deep(n)
          if n == 0 then return 1 end -- bottom
          return deep(n - 1)
        end
        local function middle()
          local x = deep(3) -- call
          return x
        end
        local sum = 0
        for i = 1, 1000 do sum = sum + middle() end
        return sum, debug.gethook()
        """,
        "call",
    )
    session.wait_stop()
    session.set_breakpoints(cell.path, cell.code, "bottom")
    session.debugger.step("over", 1)
    assert session.wait_stop().reason == "breakpoint"
    session.set_breakpoints(cell.path, cell.code)
    session.resume()
    assert session.finish(cell) == "1000\tnil"


def test_metamethods_are_entered(session: Session) -> None:
    cell = session.start(
        """
        local t = setmetatable({}, {__add = function(a, b)
          return 7 -- add
        end})
        local sum = t + 1 -- sum
        return sum
        """,
        "sum",
    )
    session.wait_stop()
    assert session.step("into") == cell.line("add")
    session.step("out")
    session.resume()
    assert session.finish(cell) == "7"


def test_a_long_stack_comes_in_pages(session: Session) -> None:
    cell = session.start(
        """
        local function deep(n)
          if n == 0 then
            return 0 -- bottom
          end
          return 1 + deep(n - 1)
        end
        return deep(100)
        """,
        "bottom",
    )
    stop = session.wait_stop()
    everything, total = session.debugger.stack(stop.thread)
    assert total == len(everything) > 100
    page, same = session.debugger.stack(stop.thread, 10, 5)
    assert same == total
    assert [(frame.name, frame.line) for frame in page] == [
        (frame.name, frame.line) for frame in everything[10:15]
    ]
    session.resume()
    assert session.finish(cell) == "100"


@pytest.mark.parametrize("kind", ["over", "into", "out"])
def test_steps_end_with_the_cell_and_leave_no_hook(session: Session, kind: StepKind) -> None:
    cell = session.start("local function f()\n  return 1 -- here\nend\nf()", "here")
    session.wait_stop()
    while session.debugger.state == "stopped":
        session.debugger.step(kind, 1)
        if session.recorder.stops.get(timeout=60) is None:
            break
    assert cell.future.result(60).error is None
    assert session.run("return debug.gethook()") == "nil"


MADE = """
function a(x)
  return x
end
local function b(x)
  return x
end
local t = {
  c = function(x)
    return x
  end,
}
t.d = function(x)
  return x
end
return pcall(function()
  return b(1)
end)
"""


def test_a_function_is_made_where_it_begins(session: Session) -> None:
    cell = session.start(MADE, SourceBreakpoint(1))
    session.wait_stop()
    assert session.line() == 1
    assert [session.step("over") for _ in range(6)] == [4, 7, 8, 11, 12, 15]
    session.resume()
    assert session.finish(cell) == "true\t1"


def test_entry_is_where_the_first_function_begins(session: Session) -> None:
    session.debugger.stop_on_entry = True
    cell = session.start("-- a head\nlocal function f()\n  return 1\nend\nreturn f()")
    assert session.wait_stop().reason == "entry"
    assert session.line() == 2
    assert session.step("over") == 5
    session.resume()
    assert session.finish(cell) == "1"
