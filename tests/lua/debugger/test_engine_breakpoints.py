"""Breakpoints: where code stops, and where it does not."""

from __future__ import annotations

import pytest

from llmspell_kernel.lua.debugger.model import FunctionBreakpoint, SourceBreakpoint

from .session import Recorder, Session, line_of

LOOP = """
local total = 0
for i = 1, 10 do
  total = total + i -- body
end
return total -- end
"""


def test_a_breakpoint_stops_before_its_line(session: Session) -> None:
    cell = session.start(LOOP, "end")
    stop = session.wait_stop()
    assert (stop.reason, stop.thread) == ("breakpoint", 1)
    assert session.line() == cell.line("end")
    assert session.local_variables()["total"] == "55"
    session.resume()
    assert session.finish(cell) == "55"
    assert session.recorder.events == ["stopped: breakpoint", "continued"]
    assert session.debugger.state == "idle"


def test_a_breakpoint_in_a_loop_stops_each_time(session: Session) -> None:
    cell = session.start(LOOP, "body")
    session.wait_stop()
    seen = [session.local_variables()["i"]]
    for _ in range(9):
        assert session.resume_to_stop() == cell.line("body")
        seen.append(session.local_variables()["i"])
    session.resume()
    assert session.finish(cell) == "55"
    assert seen == [str(number) for number in range(1, 11)]


def test_the_stop_names_the_breakpoint_that_was_hit(session: Session) -> None:
    code = "local a = 1\nlocal b = 2\nreturn a + b"
    path = session.next_path()
    session.debugger.sources.know(path, code)
    statuses = session.debugger.set_breakpoints(
        session.recorder, path, [SourceBreakpoint(2), SourceBreakpoint(3)]
    )
    assert [status.verified for status in statuses] == [True, True]
    assert len({status.id for status in statuses}) == 2
    cell = session.start(code)
    assert session.wait_stop().breakpoints == (statuses[0].id,)
    session.resume()
    assert session.wait_stop().breakpoints == (statuses[1].id,)
    session.resume()
    assert session.finish(cell) == "3"


def test_a_breakpoint_without_code_moves_to_the_next_line_that_has_some(session: Session) -> None:
    code = "local a = 1\n\n-- nothing\nlocal b = 2\nreturn b"
    path = session.next_path()
    session.debugger.sources.know(path, code)
    (status,) = session.debugger.set_breakpoints(session.recorder, path, [SourceBreakpoint(2)])
    assert (status.verified, status.line) == (True, 4)
    cell = session.start(code)
    session.wait_stop()
    assert session.line() == 4
    session.resume()
    session.finish(cell)


def test_a_breakpoint_behind_all_code_says_that_it_stops_nothing(session: Session) -> None:
    code = "local a = 1\n-- the end\n"
    path = session.next_path()
    session.debugger.sources.know(path, code)
    (status,) = session.debugger.set_breakpoints(session.recorder, path, [SourceBreakpoint(2)])
    assert not status.verified
    assert status.message
    assert session.run(code) is None


@pytest.mark.parametrize(
    ("condition", "stops"),
    [("i == 7", [7]), ("i > 8", [9, 10]), ("i % 5 == 0 and total > 10", [10]), ("nil", []), ("false", [])],
)
def test_a_condition_decides(session: Session, condition: str, stops: list[int]) -> None:
    code = LOOP.strip("\n")
    cell = session.start(code, SourceBreakpoint(line_of(code, "body"), condition=condition))
    for expected in stops:
        session.wait_stop()
        assert session.local_variables()["i"] == str(expected)
        session.resume()
    assert session.finish(cell) == "55"


def test_a_condition_sees_upvalues_and_globals(session: Session) -> None:
    cell = session.start(
        """
        limit = 2
        local hidden = 1
        local function f(x)
          local y = x + hidden
          return y -- here
        end
        for i = 1, 3 do f(i) end
        """,
        SourceBreakpoint(5, condition="y - hidden == limit"),
    )
    session.wait_stop()
    assert session.local_variables() == {"x": "2", "y": "3"}
    session.resume()
    session.finish(cell)


@pytest.mark.parametrize("condition", ["i.field.missing", "error('no')", "error()", "nonsense()"])
def test_a_condition_that_fails_stops_and_says_so(session: Session, condition: str) -> None:
    code = LOOP.strip("\n")
    cell = session.start(code, SourceBreakpoint(line_of(code, "body"), condition=condition))
    stop = session.wait_stop()
    assert stop.reason == "breakpoint"
    assert condition in stop.text
    session.set_breakpoints(cell.path, cell.code)
    session.resume()
    assert session.finish(cell) == "55"


def test_a_condition_that_is_no_lua_is_refused_with_lua_s_message(session: Session) -> None:
    code = LOOP.strip("\n")
    path = session.next_path()
    session.debugger.sources.know(path, code)
    (status,) = session.debugger.set_breakpoints(
        session.recorder, path, [SourceBreakpoint(3, condition="i ==")]
    )
    assert not status.verified
    assert status.message
    assert session.run(code) == "55"


def test_a_condition_that_never_ends_is_given_up(session: Session) -> None:
    code = LOOP.strip("\n")
    if session.shell.language == "luajit":
        session.run("jit.off()")
    endless = "(function() while true do end end)()"
    cell = session.start(code, SourceBreakpoint(line_of(code, "end"), condition=endless))
    stop = session.wait_stop()
    assert stop.reason == "breakpoint"
    assert "did not end" in stop.text
    session.set_breakpoints(cell.path, cell.code)
    session.resume()
    assert session.finish(cell) == "55"


@pytest.mark.parametrize(
    ("hits", "stops"),
    [
        ("4", [4]),
        ("== 4", [4]),
        ("> 8", [9, 10]),
        (">= 9", [9, 10]),
        ("< 3", [1, 2]),
        ("<= 2", [1, 2]),
        ("% 4", [4, 8]),
    ],
)
def test_hit_counts(session: Session, hits: str, stops: list[int]) -> None:
    code = LOOP.strip("\n")
    cell = session.start(code, SourceBreakpoint(line_of(code, "body"), hit_condition=hits))
    for expected in stops:
        session.wait_stop()
        assert session.local_variables()["i"] == str(expected)
        session.resume()
    assert session.finish(cell) == "55"


def test_hits_count_only_where_the_condition_is_true(session: Session) -> None:
    code = LOOP.strip("\n")
    breakpoint = SourceBreakpoint(line_of(code, "body"), condition="i % 2 == 0", hit_condition="3")
    cell = session.start(code, breakpoint)
    session.wait_stop()
    assert session.local_variables()["i"] == "6"
    session.resume()
    session.finish(cell)


def test_a_hit_count_that_is_none_is_refused(session: Session) -> None:
    path = session.next_path()
    code = LOOP.strip("\n")
    session.debugger.sources.know(path, code)
    (status,) = session.debugger.set_breakpoints(
        session.recorder, path, [SourceBreakpoint(3, hit_condition="often")]
    )
    assert not status.verified
    assert "often" in status.message
    assert session.run(code) == "55"


def test_a_log_point_writes_and_does_not_stop(session: Session) -> None:
    code = LOOP.strip("\n")
    line = line_of(code, "body")
    cell = session.start(code, SourceBreakpoint(line, condition="i > 8", log_message="i is {i}, {i * total}"))
    assert session.finish(cell) == "55"
    assert [text.rstrip("\n") for _, text, _, _ in session.recorder.outputs] == [
        "i is 9, 324",
        "i is 10, 450",
    ]
    assert {(path, at) for _, _, path, at in session.recorder.outputs} == {(cell.path, line)}
    assert session.recorder.events == []


def test_a_function_breakpoint_stops_in_functions_of_that_name(session: Session) -> None:
    statuses = session.debugger.set_function_breakpoints(
        session.recorder, [FunctionBreakpoint("area"), FunctionBreakpoint("Shape:grow", condition="by > 1")]
    )
    assert len(statuses) == 2
    cell = session.start(
        """
        local function area(w, h)
          return w * h -- area
        end
        Shape = {}
        function Shape:grow(by)
          self.size = by -- grow
        end
        Shape:grow(1)
        Shape:grow(2)
        return area(3, 4)
        """
    )
    stop = session.wait_stop()
    assert stop.reason == "function breakpoint"
    assert session.names()[0].endswith("grow")
    assert session.local_variables()["by"] == "2"
    session.resume()
    session.wait_stop()
    assert session.names()[0] == "area"
    assert session.local_variables() == {"w": "3", "h": "4"}
    session.debugger.set_function_breakpoints(session.recorder, [])
    session.resume()
    assert session.finish(cell) == "12"


def test_debug_breakpoint_in_code_stops_there(session: Session) -> None:
    cell = session.start("local x = 5\ndebug.breakpoint()\nx = x + 1\nreturn x")
    stop = session.wait_stop()
    assert stop.reason == "breakpoint"
    assert session.line() in (2, 3)
    assert session.local_variables() == {"x": "5"}
    session.resume()
    assert session.finish(cell) == "6"


def test_debug_breakpoint_does_nothing_when_nobody_debugs(session: Session) -> None:
    session.debugger.detach(session.recorder)
    assert session.run("debug.breakpoint() return 1") == "1"


def test_code_that_was_there_before_stops_too(session: Session) -> None:
    code = "function area(w, h)\n  local a = w * h\n  return a\nend"
    path = session.next_path()
    session.run(code)
    (status,) = session.debugger.set_breakpoints(session.recorder, path, [SourceBreakpoint(3)])
    assert status.verified
    cell = session.start("local n = 1\nreturn area(n, 5)")
    session.wait_stop()
    assert session.line() == 3
    assert session.local_variables() == {"w": "1", "h": "5", "a": "5"}
    source = session.frames()[0].source
    assert source is not None
    assert source.path == path
    session.resume()
    assert session.finish(cell) == "5"


def test_a_breakpoint_that_comes_while_the_code_runs(session: Session) -> None:
    if session.shell.language == "luajit":
        session.run("jit.off()")
    cell = session.start_endless(
        "going = true\nlocal n = io.read() and 0\nwhile going do\n  n = n + 1\nend\nreturn 'done'"
    )
    session.debugger.set_breakpoints(session.recorder, cell.path, [SourceBreakpoint(4)])
    session.wait_stop()
    assert session.line() == 4
    session.evaluate("going = false")
    session.debugger.set_breakpoints(session.recorder, cell.path, [])
    session.resume()
    assert session.finish(cell) == "done"


def test_a_breakpoint_that_goes_no_longer_stops(session: Session) -> None:
    cell = session.start(LOOP, "body")
    session.wait_stop()
    session.set_breakpoints(cell.path, cell.code)
    session.resume()
    assert session.finish(cell) == "55"


def test_breakpoints_added_and_moved_at_a_stop(session: Session) -> None:
    cell = session.start(
        """
        local a = 1 -- first
        local b = 2 -- second
        local c = 3 -- third
        return a + b + c
        """,
        "first",
    )
    session.wait_stop()
    session.set_breakpoints(cell.path, cell.code, "third")
    assert session.resume_to_stop() == cell.line("third")
    session.resume()
    assert session.finish(cell) == "6"


def test_a_cell_that_is_edited_and_run_again_stops_anew(session: Session) -> None:
    for text in ("1", "2"):
        cell = session.start(f"local x = {text} -- here\nreturn x", "here")
        session.wait_stop()
        session.resume()
        assert session.finish(cell) == text


def test_a_function_breakpoint_stops_functions_that_were_there_before(session: Session) -> None:
    session.run("function area(w, h)\n  return w * h\nend")
    session.debugger.set_function_breakpoints(session.recorder, [FunctionBreakpoint("area")])
    cell = session.start("return area(2, 3)")
    assert session.wait_stop().reason == "function breakpoint"
    assert session.names()[0] == "area"
    session.resume()
    assert session.finish(cell) == "6"


def test_code_from_load_stops_at_debug_breakpoints_and_shows_its_source(session: Session) -> None:
    cell = session.start(
        "local f = load('local inner = 3\\ndebug.breakpoint()\\nreturn inner', '=made')\nreturn f()"
    )
    session.wait_stop()
    source = session.frames()[0].source
    assert source is not None
    assert session.local_variables() == {"inner": "3"}
    assert "local inner = 3" in session.debugger.sources.text(source.reference or source.path)
    session.resume()
    assert session.finish(cell) == "3"


def test_two_clients_have_breakpoints_of_their_own(session: Session) -> None:
    other = Recorder()
    session.debugger.attach(other)
    path = session.next_path()
    code = LOOP.strip("\n")
    session.debugger.sources.know(path, code)
    session.debugger.set_breakpoints(other, path, [SourceBreakpoint(line_of(code, "end"))])
    session.debugger.set_breakpoints(session.recorder, path, [SourceBreakpoint(line_of(code, "body"))])
    assert sorted(each.line for each in session.debugger.breakpoint_lines()[path]) == [3, 5]
    cell = session.start(code)
    session.wait_stop()
    assert session.line() == 3
    session.debugger.set_breakpoints(session.recorder, path, [])
    assert session.resume_to_stop() == 5
    assert other.events == session.recorder.events
    session.debugger.detach(other)
    session.resume()
    session.finish(cell)
    assert session.debugger.breakpoint_lines().get(path, []) == []


def test_interrupted_code_stops_again_when_it_is_run_again(session: Session) -> None:
    cell = session.start("local x = 1 -- here\nwhile true do end", "here")
    session.wait_stop()
    session.shell.interpreter.interrupt()
    outcome = session.outcome(cell)
    assert outcome.error is not None
    assert outcome.error.name == "KeyboardInterrupt"
    again = session.start("local x = 2 -- here\nreturn x", "here")
    session.wait_stop()
    session.resume()
    assert session.finish(again) == "2"


def test_nothing_stops_when_nobody_is_attached(session: Session) -> None:
    path = session.next_path()
    code = LOOP.strip("\n")
    session.debugger.sources.know(path, code)
    session.debugger.set_breakpoints(session.recorder, path, [SourceBreakpoint(3)])
    session.debugger.detach(session.recorder)
    assert session.run(code) == "55"
    assert session.run("return debug.gethook()") == "nil"
