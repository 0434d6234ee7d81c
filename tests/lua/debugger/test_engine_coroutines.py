"""Coroutines: steps into and out of them, and the threads that they are to a client."""

from __future__ import annotations

from .session import Session

COROUTINES = """
local function body(x)
  local y = coroutine.yield(x + 1) -- yield
  local z = y * 2 -- resumed
  return z -- last
end
local co = coroutine.create(body)
local _, first = coroutine.resume(co, 1) -- first
local between = first -- between
local _, second = coroutine.resume(co, 10) -- second
return between + second -- end
"""


def test_into_enters_a_coroutine_that_is_resumed(session: Session) -> None:
    cell = session.start(COROUTINES, "first")
    session.wait_stop()
    assert session.step("into") == cell.line("yield")
    stop = session.debugger.stop
    assert stop is not None
    assert stop.thread != 1
    assert session.names() == ["body"]
    assert session.local_variables() == {"x": "1"}
    session.resume()
    assert session.finish(cell) == "22"


def test_over_a_yield_comes_out_where_it_was_resumed(session: Session) -> None:
    cell = session.start(COROUTINES, "first")
    session.wait_stop()
    session.step("into")
    line = session.step("over")
    assert line in (cell.line("first"), cell.line("between"))
    assert session.debugger.stop is not None
    assert session.debugger.stop.thread == 1
    session.resume()
    assert session.finish(cell) == "22"


def test_into_resumes_a_coroutine_where_it_yielded(session: Session) -> None:
    cell = session.start(COROUTINES, "second")
    session.wait_stop()
    line = session.step("into")
    assert line in (cell.line("yield"), cell.line("resumed"))
    assert session.debugger.stop is not None
    assert session.debugger.stop.thread != 1
    session.resume()
    assert session.finish(cell) == "22"


def test_over_a_resume_does_not_enter_it(session: Session) -> None:
    cell = session.start(COROUTINES, "first")
    session.wait_stop()
    assert session.step("over") == cell.line("between")
    assert session.step("over") == cell.line("second")
    assert session.step("over") == cell.line("end")
    session.resume()
    assert session.finish(cell) == "22"


def test_out_of_a_coroutine_comes_out_where_it_was_resumed(session: Session) -> None:
    cell = session.start(COROUTINES, "last")
    session.wait_stop()
    line = session.step("out")
    assert line in (cell.line("second"), cell.line("end"))
    assert session.debugger.stop is not None
    assert session.debugger.stop.thread == 1
    session.resume()
    assert session.finish(cell) == "22"


def test_steps_within_a_wrapped_generator(session: Session) -> None:
    cell = session.start(
        """
        local function count(n)
          return coroutine.wrap(function()
            for i = 1, n do -- for
              coroutine.yield(i) -- yield
            end
          end)
        end
        local sum = 0
        for i in count(2) do -- loop
          sum = sum + i -- sum
        end
        return sum -- end
        """,
        "loop",
    )
    session.wait_stop()
    session.set_breakpoints(cell.path, cell.code)
    lines = [session.step("into")]
    while lines[-1] != cell.line("end"):
        lines.append(session.step("into"))
        assert len(lines) < 40
    assert lines.count(cell.line("sum")) == 2
    assert lines.count(cell.line("yield")) >= 2
    session.resume()
    assert session.finish(cell) == "3"


def test_threads_have_names_states_and_stacks(session: Session) -> None:
    cell = session.start(
        """
        local function worker(n)
          local kept = n
          coroutine.yield(n) -- worker
        end
        waiting = coroutine.create(worker)
        coroutine.resume(waiting, 7)
        local busy = coroutine.wrap(function()
          local here = 1 -- busy
        end)
        busy()
        """,
        "busy",
    )
    stop = session.wait_stop()
    threads = {thread.id: thread for thread in session.debugger.threads()}
    assert threads[1].name == "main"
    assert stop.thread in threads
    assert stop.thread != 1
    assert stop.thread in session.debugger.stopped_threads()
    (other,) = (each for each in threads.values() if each.id not in (1, stop.thread))
    assert other.status == "suspended"
    frames = [frame for frame in session.frames(other.id) if not frame.subtle]
    assert [(frame.name, frame.line) for frame in frames] == [("worker", cell.line("worker"))]
    locals_of_worker = session.debugger.scopes(frames[0].id)[0].reference
    values = {each.name: each.value for each in session.debugger.variables(locals_of_worker)}
    assert values == {"n": "7", "kept": "7"}
    assert session.frames(1)
    session.resume()
    session.finish(cell)
