"""Pausing, ending and leaving: what happens to running and stopped code."""

from __future__ import annotations

import threading
import time
from concurrent.futures import wait

import pytest

from llmspell_kernel.errors import DebuggerError, NotStoppedError

from .session import Session, debugged

BUSY = {
    "while": "while going do end",
    "calls": "local function f() return going end while f() do end",
    "coroutine": "coroutine.wrap(function() while going do end end)()",
    "pcall": "while going do pcall(function() for i = 1, 100 do end end) end",
    "yields": "local co = coroutine.wrap(function() while true do coroutine.yield() end end) "
    "while going do co() end",
    "sort": "while going do local t = {} for i = 1, 200 do t[i] = (i * 37) % 101 end "
    "table.sort(t, function(a, b) return a < b end) end",
}


@pytest.mark.parametrize("name", BUSY)
def test_pause_stops_a_busy_loop_at_once(session: Session, name: str) -> None:
    if session.shell.language == "luajit":
        session.run("jit.off()")
    cell = session.start_endless(f"going = true io.read() {BUSY[name]} return 'done'")
    asked = time.perf_counter()
    session.debugger.pause()
    stop = session.wait_stop()
    assert time.perf_counter() - asked < 10
    assert stop.reason == "pause"
    assert session.frames()
    session.debugger.set_expression("going", "false", session.frames()[0].id)
    session.resume()
    assert session.finish(cell) == "done"


@pytest.mark.parametrize(
    "code", ["local a = io.read(); local b = a .. 'x' return b", "return io.read() .. 'x'"]
)
def test_pause_needs_no_further_line(session: Session, code: str) -> None:
    def pause() -> None:
        asking = threading.Thread(target=session.debugger.pause)
        asking.start()
        asking.join()

    session.shell.frontend.answers = ["typed"]
    session.shell.frontend.on_read = pause
    cell = session.start(code)
    assert session.wait_stop().reason == "pause"
    assert session.line() == 1
    session.resume()
    assert session.finish(cell) == "typedx"


def test_a_step_from_a_pause_goes_to_the_next_line(session: Session) -> None:
    cell = session.start_endless(
        "local n = 0 local going = io.read() while going do\n  n = n + 1\nend\nreturn n"
    )
    session.debugger.pause()
    session.wait_stop()
    before = session.line()
    assert session.step("over") != before
    session.debugger.set_expression("going", "false", session.frames()[0].id)
    session.resume()
    assert int(session.finish(cell) or 0) > 0


def test_paused_code_can_be_looked_at_stepped_and_paused_again(session: Session) -> None:
    if session.shell.language == "luajit":
        session.run("jit.off()")
    cell = session.start_endless("local n, going = 0, io.read()\nwhile going do\n  n = n + 1\nend\nreturn n")
    session.debugger.pause()
    session.wait_stop()
    first = int(session.local_variables()["n"])
    session.resume()
    session.debugger.pause()
    session.wait_stop()
    assert int(session.local_variables()["n"]) >= first
    assert session.step("over") in (2, 3, 4)
    session.evaluate("going = false")
    session.resume()
    result = session.finish(cell)
    assert result is not None
    assert int(result) >= first


def test_pause_of_nothing_is_refused(session: Session) -> None:
    with pytest.raises(DebuggerError):
        session.debugger.pause()
    assert session.debugger.state == "idle"
    assert session.run("return 1") == "1"


def test_what_needs_a_stop_says_so(session: Session) -> None:
    with pytest.raises(NotStoppedError):
        session.debugger.resume()
    with pytest.raises(NotStoppedError):
        session.debugger.step("over", 1)
    with pytest.raises(NotStoppedError):
        session.debugger.restart_frame(1)
    with pytest.raises(NotStoppedError):
        session.debugger.scopes(1)


def test_a_stop_makes_old_frames_and_references_stale(session: Session) -> None:
    cell = session.start("local t = {1}\nlocal a = 1 -- a\nlocal b = 2 -- b\nreturn b", "a", "b")
    session.wait_stop()
    frame = session.frames()[0].id
    reference = session.debugger.scopes(frame)[0].reference
    assert session.resume_to_stop() == cell.line("b")
    with pytest.raises(DebuggerError):
        session.debugger.scopes(frame)
    with pytest.raises(DebuggerError):
        session.debugger.variables(reference)
    with pytest.raises(DebuggerError):
        session.debugger.stack(99)
    session.resume()
    assert session.finish(cell) == "2"


def test_an_interrupt_ends_stopped_code(session: Session) -> None:
    cell = session.start("local a = 1 -- here\nreturn a", "here")
    session.wait_stop()
    session.shell.interpreter.interrupt()
    outcome = session.outcome(cell)
    assert outcome.error is not None
    assert outcome.error.name == "KeyboardInterrupt"
    assert session.debugger.state == "idle"
    assert session.run("return 1") == "1"


def test_an_interrupt_ends_code_stopped_in_a_coroutine_within_pcall(session: Session) -> None:
    cell = session.start(
        """
        coroutine.wrap(function()
          pcall(function()
            local a = 1 -- here
            while true do end
          end)
        end)()
        """,
        "here",
    )
    session.wait_stop()
    session.shell.interpreter.interrupt()
    outcome = session.outcome(cell)
    assert outcome.error is not None
    assert outcome.error.name == "KeyboardInterrupt"
    assert session.run("return coroutine.wrap(function() return 1 end)()") == "1"


def test_what_a_client_evaluates_ends(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmspell_kernel.lua.debugger.debugger._CODE_SECONDS", 0.5)
    cell = session.start("local a = 1 -- here\nreturn a", "here")
    session.wait_stop()
    with pytest.raises(DebuggerError):
        session.debugger.evaluate("(function() while true do end end)()", session.frames()[0].id, "repl")
    assert session.evaluate("2 * 3") == "6"
    session.resume()
    assert session.finish(cell) == "1"


def test_the_last_client_that_leaves_lets_the_code_go_on(session: Session) -> None:
    cell = session.start("for i = 1, 3 do\n  local x = i -- here\nend\nreturn 'done'", "here")
    session.wait_stop()
    session.debugger.detach(session.recorder)
    assert session.finish(cell) == "done"
    assert session.debugger.state == "idle"
    assert session.debugger.listeners == ()
    session.debugger.attach(session.recorder)
    again = session.start("local x = 1 -- here\nreturn x", "here")
    session.wait_stop()
    session.resume()
    assert session.finish(again) == "1"


def test_attaching_twice_is_attaching_once(session: Session) -> None:
    session.debugger.attach(session.recorder)
    assert session.debugger.listeners == (session.recorder,)
    cell = session.start("local x = 1 -- here\nreturn x", "here")
    session.wait_stop()
    session.resume()
    session.finish(cell)
    assert session.recorder.events == ["stopped: breakpoint", "continued"]


def test_attaching_while_code_runs(session: Session) -> None:
    session.debugger.detach(session.recorder)
    if session.shell.language == "luajit":
        session.run("jit.off()")
    cell = session.start_endless("going = true io.read() while going do end return 'done'")
    session.debugger.attach(session.recorder)
    session.debugger.pause()
    session.wait_stop()
    session.evaluate("going = false")
    session.resume()
    assert session.finish(cell) == "done"


def test_a_loop_that_luajit_has_compiled_cannot_be_paused() -> None:
    with debugged("luajit") as session:
        session.debugger.detach(session.recorder)
        cell = session.start_endless("io.read() local x = 0 for i = 1, 4e9 do x = x + 1 end")
        wait([cell.future], timeout=0.2)  # it is compiled after some rounds
        session.debugger.attach(session.recorder)
        with pytest.raises(DebuggerError, match="Interrupt it"):
            session.debugger.pause()
        assert session.debugger.state == "running"
        session.shell.interpreter.interrupt()
        assert session.outcome(cell).error is not None


def test_stop_on_entry_stops_at_the_first_statement(session: Session) -> None:
    session.debugger.stop_on_entry = True
    cell = session.start("-- a remark\n\nlocal a = 1 -- first\nreturn a")
    assert session.wait_stop().reason == "entry"
    assert session.line() == cell.line("first")
    session.resume()
    assert session.finish(cell) == "1"
    assert session.run("local b = 2\nreturn b") == "2"


def test_what_a_client_asks_between_cells_does_not_use_up_stop_on_entry(session: Session) -> None:
    session.debugger.stop_on_entry = True
    assert session.debugger.evaluate("1 + 1", None, "repl").value == "2"
    cell = session.start("local a = 1 -- first\nreturn a")
    assert session.wait_stop().reason == "entry"
    assert session.line() == cell.line("first")
    session.resume()
    assert session.finish(cell) == "1"


def test_restart_frame_runs_a_call_anew_or_says_why_not(session: Session) -> None:
    cell = session.start(
        """
        local function f(x)
          local y = x + 1
          return y -- here
        end
        return f(1)
        """,
        "here",
    )
    session.wait_stop()
    frame = session.frames()[0]
    if frame.can_restart:
        session.debugger.restart_frame(frame.id)
        session.wait_stop()
        assert session.names()[0] == "f"
        session.set_breakpoints(cell.path, cell.code)
    else:
        with pytest.raises(DebuggerError) as refused:
            session.debugger.restart_frame(frame.id)
        assert len(str(refused.value)) > 20
        assert session.debugger.state == "stopped"
    session.resume()
    assert session.finish(cell) == "2"


def test_threads_may_ask_at_once(session: Session) -> None:
    cell = session.start("local a = 5 -- here\nlocal b = 6 -- next\nreturn a", "next")
    session.wait_stop()
    frame = session.frames()[0].id
    values: list[str] = []

    def ask() -> None:
        for _ in range(20):
            values.append(session.debugger.evaluate("a", frame, "watch").value)

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(60)
    assert values == ["5"] * 80
    session.resume()
    assert session.finish(cell) == "5"


def test_variables_are_set_and_the_code_sees_them(session: Session) -> None:
    cell = session.start(
        """
        local up = 1
        total = 0
        local function f(a)
          local t = {x = 1}
          total = total + a + up + t.x -- here
          return total
        end
        return f(1)
        """,
        "here",
    )
    session.wait_stop()
    frame = session.frames()[0].id
    references = {scope.kind: scope.reference for scope in session.debugger.scopes(frame)}
    assert session.debugger.set_variable(references["locals"], "a", "10").value == "10"
    assert session.debugger.set_variable(references["upvalues"], "up", "a * 10").value == "100"
    assert session.debugger.set_expression("t.x", "1000", frame).value == "1000"
    session.debugger.evaluate("total = 10000", frame, "repl")
    session.resume()
    assert session.finish(cell) == "11110"


def test_globals_of_the_user_are_listed_idle_running_and_stopped(session: Session) -> None:
    session.run("alpha = 1 local beta = 2")
    names = {variable.name for variable in session.debugger.global_variables()}
    assert {"alpha", "beta"} <= names
    assert "print" not in names
    if session.shell.language == "luajit":
        session.run("jit.off()")
    cell = session.start_endless("going = true io.read()\nwhile going do end")
    assert {"alpha", "beta"} <= {variable.name for variable in session.debugger.global_variables()}
    session.debugger.pause()
    session.wait_stop()
    assert {"alpha", "beta"} <= {variable.name for variable in session.debugger.global_variables()}
    session.evaluate("going = false")
    session.resume()
    session.finish(cell)


def test_the_time_limit_does_not_run_while_stopped_or_ends_the_cell(language: str) -> None:
    with debugged(language, time_limit=1.5) as session:
        cell = session.start("local a = 1 -- here\nreturn a", "here")
        session.wait_stop()
        wait([cell.future], timeout=2)
        if session.debugger.state == "stopped":
            session.resume()
        outcome = cell.future.result(60)
        assert outcome.error is None or outcome.error.name == "CellTimeLimit"
        assert session.run("return 1") is not None


def test_nothing_of_a_stop_stays_when_the_debugger_is_switched_off(session: Session) -> None:
    cell = session.start("local a = 1 -- here\nlocal b = 2\nreturn b", "here")
    session.wait_stop()
    session.step("over")
    session.debugger.detach(session.recorder)
    assert cell.future.result(60).error is None
    assert session.run("return debug.gethook()") == "nil"
    assert session.run("return coroutine.wrap(function() return debug.gethook() end)()") == "nil"
    assert session.run("return pcall(error, 'x')") == "false\tx"
