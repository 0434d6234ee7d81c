"""Stops on errors: those that nobody catches, and all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmspell_kernel.lua.debugger.model import ExceptionFilter

from .session import Recorder, Session


def stop_on(session: Session, *filters: ExceptionFilter) -> None:
    session.debugger.set_exception_filters(session.recorder, filters)


def test_an_uncaught_error_stops_where_it_happens(session: Session) -> None:
    stop_on(session, "uncaught")
    cell = session.start(
        """
        local function fails(t)
          return t.x.y -- here
        end
        fails({})
        """
    )
    stop = session.wait_stop()
    assert stop.reason == "exception"
    assert "attempt to index" in stop.text
    assert session.line() == cell.line("here")
    assert session.names()[0] == "fails"
    assert list(session.local_variables()) == ["t"]
    info = session.debugger.exception_info(stop.thread)
    assert info.name == "LuaError"
    assert "attempt to index" in info.message
    assert info.uncaught
    assert "fails" in info.traceback
    session.resume()
    outcome = session.outcome(cell)
    assert outcome.error is not None
    assert "attempt to index" in outcome.error.value


def test_a_caught_error_does_not_stop_uncaught(session: Session) -> None:
    stop_on(session, "uncaught")
    assert session.run("return pcall(error, 'x')") == "false\tx"
    assert session.run("return (select(2, xpcall(error, function(m) return m .. '!' end, 'x')))") == "x!"
    assert session.run("return (coroutine.resume(coroutine.create(function() error('x') end)))") == "false"


def test_raised_stops_within_pcall(session: Session) -> None:
    stop_on(session, "raised")
    cell = session.start(
        """
        local function fails()
          local x = 4
          error("no") -- here
        end
        local ok, message = pcall(fails)
        return ok, message
        """
    )
    stop = session.wait_stop()
    assert (stop.reason, stop.thread) == ("exception", 1)
    assert "no" in stop.text
    frames = [frame for frame in session.frames() if not frame.subtle]
    assert (frames[0].name, frames[0].line) == ("fails", cell.line("here"))
    assert not session.debugger.exception_info(1).uncaught
    assert session.debugger.evaluate("x", frames[0].id, "watch").value == "4"
    session.resume()
    assert session.finish(cell) == f"false\t{cell.path}:3: no"


def test_raised_stops_within_xpcall_with_a_handler_of_the_user_s(session: Session) -> None:
    stop_on(session, "raised")
    cell = session.start(
        "return xpcall(function()\n  error('no') -- here\nend, function(m) return 'handled' end)"
    )
    session.wait_stop()
    assert cell.line("here") in [frame.line for frame in session.frames() if not frame.subtle]
    session.resume()
    assert session.finish(cell) == "false\thandled"


def test_raised_stops_in_a_coroutine(session: Session) -> None:
    stop_on(session, "raised")
    cell = session.start(
        """
        local co = coroutine.create(function()
          local deep = 3
          error("no") -- here
        end)
        return coroutine.resume(co)
        """
    )
    stop = session.wait_stop()
    assert stop.reason == "exception"
    assert "no" in stop.text
    session.resume()
    assert session.finish(cell) == f"false\t{cell.path}:3: no"


def test_an_error_stops_once_on_its_way_out(session: Session) -> None:
    stop_on(session, "raised", "uncaught")
    cell = session.start("local function f()\n  error('no')\nend\nf()")
    session.wait_stop()
    session.resume()
    assert session.outcome(cell).error is not None
    assert session.recorder.events == ["stopped: exception", "continued"]


def test_the_same_error_twice_stops_twice(session: Session) -> None:
    stop_on(session, "raised")
    cell = session.start("for i = 1, 2 do pcall(error, 'same') end")
    session.wait_stop()
    session.resume()
    session.wait_stop()
    session.resume()
    session.finish(cell)


def test_error_values_keep_their_kind(session: Session) -> None:
    stop_on(session, "uncaught")
    cell = session.start("error(setmetatable({code = 7}, {__name = 'Problem'}))")
    stop = session.wait_stop()
    info = session.debugger.exception_info(stop.thread)
    assert info.name == "Problem" and "{code = 7}" in info.message and "{code = 7}" in stop.text
    session.resume()
    outcome = session.outcome(cell)
    assert outcome.error is not None
    assert outcome.error.name == "Problem"


def test_error_without_a_value(session: Session) -> None:
    stop_on(session, "uncaught")
    cell = session.start("error()")
    stop = session.wait_stop()
    assert "nil" in session.debugger.exception_info(stop.thread).message
    session.resume()
    assert session.outcome(cell).error is not None


def test_a_syntax_error_stops_nothing(session: Session) -> None:
    stop_on(session, "raised", "uncaught")
    cell = session.start("local = 5")
    assert session.outcome(cell).error is not None
    assert session.recorder.events == []


def test_code_that_recurses_for_ever_ends_all_the_same(session: Session) -> None:
    stop_on(session, "uncaught")
    cell = session.start("local function f() return 1 + f() end\nf()")
    first = session.recorder.stops.get(timeout=60)
    if first is not None:
        session.resume()
        assert session.recorder.stops.get(timeout=60) is None
    outcome = cell.future.result(60)
    assert outcome.error is not None
    assert "stack overflow" in outcome.error.value
    assert session.run("return 1") == "1"


def test_an_interrupt_is_no_error_to_stop_on(session: Session) -> None:
    stop_on(session, "raised", "uncaught")
    if session.shell.language == "luajit":
        session.run("jit.off()")
    cell = session.start_endless("io.read() while true do end")
    session.shell.interpreter.interrupt()
    outcome = session.outcome(cell)
    assert outcome.error is not None
    assert outcome.error.name == "KeyboardInterrupt"
    assert session.recorder.events == []


def test_errors_of_what_is_evaluated_stop_nothing(session: Session) -> None:
    stop_on(session, "raised", "uncaught")
    cell = session.start("local a = 1 -- here\nreturn a", "here")
    session.wait_stop()
    assert session.evaluate("pcall(error, 'x')").startswith("false")
    session.resume()
    assert session.finish(cell) == "1"


def test_steps_from_an_error_that_is_caught(session: Session) -> None:
    stop_on(session, "raised")
    cell = session.start("local ok = pcall(error, 'x')\nlocal after = 1 -- after\nreturn after")
    stop = session.wait_stop()
    session.debugger.step("over", stop.thread)
    session.wait_stop()
    assert session.line() in (1, cell.line("after"))
    session.resume()
    assert session.finish(cell) == "1"


def test_filters_that_are_cleared_stop_nothing(session: Session) -> None:
    stop_on(session, "raised", "uncaught")
    stop_on(session)
    cell = session.start("pcall(error, 'x') error('y')")
    assert session.outcome(cell).error is not None
    assert session.recorder.events == []


WRAPPED = """
local function walk(depth)
  local own = depth * 2
  if depth == 3 then error("no") end -- here
  coroutine.yield(depth)
  for each in coroutine.wrap(walk), depth + 1 do -- again
    coroutine.yield(each)
  end
end
local first = coroutine.wrap(walk)
first(1)
"""


@pytest.mark.parametrize("filters", [("uncaught",), ("raised",), ("raised", "uncaught")])
def test_an_uncaught_error_stops_in_the_coroutine_that_wrap_has_made(
    session: Session, filters: tuple[ExceptionFilter, ...]
) -> None:
    stop_on(session, *filters)
    cell = session.start(WRAPPED + "first()\nfirst()")
    stop = session.wait_stop()
    assert stop.thread > 1
    assert (session.names()[0], session.line()) == ("walk", cell.line("here"))
    assert session.local_variables() == {"depth": "3", "own": "6"}
    assert session.debugger.exception_info(stop.thread).uncaught
    session.resume()
    outcome = session.outcome(cell)
    assert outcome.error is not None
    assert outcome.error.value.endswith("no")


@pytest.mark.parametrize(
    "code",
    [
        "return (pcall(function() first() first() end))",
        "return (xpcall(function() first() first() end, function(m) return m end))",
        "return (coroutine.resume(coroutine.create(function() first() first() end)))",
        "return (pcall(coroutine.wrap(function() first() first() end)))",
    ],
)
def test_an_error_that_goes_through_wrap_and_is_caught(session: Session, code: str) -> None:
    stop_on(session, "uncaught")
    assert session.run(WRAPPED + code) == "false"
    stop_on(session, "raised")
    cell = session.start(WRAPPED + code)
    stop = session.wait_stop()
    assert not session.debugger.exception_info(stop.thread).uncaught
    session.resume()
    assert session.finish(cell) == "false"


def test_a_call_of_a_wrapped_coroutine_that_has_ended_stops_in_the_caller(session: Session) -> None:
    stop_on(session, "uncaught")
    cell = session.start("local f = coroutine.wrap(function() end)\nf()\nf() -- here")
    assert session.wait_stop().thread == 1
    assert [frame.line for frame in session.frames() if frame.line][:1] == [cell.line("here")]
    session.resume()
    assert session.outcome(cell).error is not None


def test_of_clients_that_choose_at_once_none_is_forgotten(session: Session) -> None:
    other = Recorder()
    session.debugger.attach(other)
    together = threading.Barrier(2)

    def choose(client: Recorder, *filters: ExceptionFilter) -> None:
        together.wait()
        session.debugger.set_exception_filters(client, filters)

    for _ in range(10):
        for client in (session.recorder, other):
            session.debugger.set_exception_filters(client, ())
        with ThreadPoolExecutor(1) as pool:
            chosen = pool.submit(choose, other, "raised")
            choose(session.recorder, "uncaught")
            chosen.result()
        cell = session.start("return pcall(error, 'x')")
        assert session.wait_stop().reason == "exception"
        session.resume()
        assert session.finish(cell) == "false\tx"
