"""Breakpoints whose condition the code computes itself: they stop as if the debugger did."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmspell_kernel.lua.debugger.model import SourceBreakpoint

from .session import WAIT, Cell, Recorder, Session, line_of

LOOP = """
local function visit(i)
  local twice = i -- body
  return twice
end
local total = 0
for i = 1, 10 do
  total = total + visit(i) -- call
end
return total -- end
""".strip("\n")
BODY = line_of(LOOP, "body")


def where(condition: str, hits: str = "", log: str = "", line: int = BODY) -> SourceBreakpoint:
    return SourceBreakpoint(line, condition, hits, log)


def stops_at(session: Session, cell: Cell) -> str:
    """The values of `i` at all stops of a cell that does not fail."""
    seen = []
    while session.recorder.stops.get(timeout=WAIT) is not None:
        assert session.line() == BODY
        seen.append(session.local_variables()["i"])
        session.resume()
    assert cell.future.result(WAIT).error is None
    return " ".join(seen)


@pytest.mark.parametrize(
    ("condition", "hits", "stops"),
    [
        ("i>8", "", "9 10"),
        ("i % 5 == 0", "", "5 10"),
        ("i ~= i - 0", "", ""),
        ("i == 3 or i == 7", "", "3 7"),
        ("i % 2 == 0", "> 3", "8 10"),
    ],
)
def test_it_stops_where_the_condition_is_true(
    session: Session, condition: str, hits: str, stops: str
) -> None:
    assert stops_at(session, session.start(LOOP, where(condition, hits))) == stops


def test_it_logs_where_the_condition_is_true(session: Session) -> None:
    cell = session.start(LOOP, where("i > 8", log="i is {i}"))
    assert session.finish(cell) == "55"
    assert [text for _, text, _, _ in session.recorder.outputs] == ["i is 9\n", "i is 10\n"]


def test_nothing_of_it_is_seen(session: Session) -> None:
    cell = session.start(LOOP, where("i == 4"))
    assert session.wait_stop().reason == "breakpoint"
    assert session.names() == ["visit", "main chunk"]
    frame = session.frames()[0].id
    scopes = [scope for scope in session.debugger.scopes(frame) if scope.kind in ("locals", "upvalues")]
    shown = [each.name for scope in scopes for each in session.debugger.variables(scope.reference)]
    assert shown == ["i"]
    assert not [match for match in session.debugger.complete("__", 2, frame).matches if "llmspell" in match]
    session.resume()
    assert session.finish(cell) == "55"


def test_another_condition_counts_from_when_it_is_set(session: Session) -> None:
    cell = session.start(LOOP, where("i == 2"))
    session.wait_stop()
    seen = []
    for condition in ("i == 4", "twice == nil", "i < 7 and i > 5", "", "i == 8.0"):
        session.set_breakpoints(cell.path, cell.code, where(condition))
        assert session.resume_to_stop() == BODY
        seen.append(session.local_variables()["i"])
    assert seen == ["4", "5", "6", "7", "8"]
    session.set_breakpoints(cell.path, cell.code, where("i == 2"))
    session.resume()
    assert session.finish(cell) == "55"


def test_a_breakpoint_that_goes_and_comes_back(session: Session) -> None:
    cell = session.start(LOOP, where("i > 5"))
    session.wait_stop()
    session.set_breakpoints(cell.path, cell.code)
    session.resume()
    assert session.finish(cell) == "55"
    session.set_breakpoints(cell.path, cell.code, where("i < 0"))
    assert session.run("return visit(1)") == "1"
    session.set_breakpoints(cell.path, cell.code, where("i > 0"))
    assert stops_at(session, session.start("return visit(3)")) == "3"


def test_another_client_has_another_condition_on_the_line(session: Session) -> None:
    other = Recorder()
    session.debugger.attach(other)
    session.debugger.sources.know(session.next_path(), LOOP)
    session.debugger.set_breakpoints(other, session.next_path(), [where("i==9")])
    cell = session.start(LOOP, where("i == 9"))
    assert len(session.wait_stop().breakpoints) == 2
    session.debugger.set_breakpoints(other, cell.path, [where("i == 10")])
    assert session.resume_to_stop() == BODY
    assert session.local_variables()["i"] == "10"
    session.debugger.detach(other)
    session.resume()
    assert session.finish(cell) == "55"


def test_a_step_arrives_where_the_condition_is_false(session: Session) -> None:
    cell = session.start(LOOP, where("i == 2"), where("i == 1", line=line_of(LOOP, "call")))
    session.wait_stop()
    assert session.step("into") in (BODY - 1, BODY)
    while session.line() != BODY:
        session.step("over")
    assert session.local_variables() == {"i": "1"}
    assert session.step("over") == BODY + 1
    assert session.resume_to_stop() == BODY
    assert session.local_variables() == {"i": "2"}
    session.resume()
    assert session.finish(cell) == "55"


def test_a_step_arrives_where_the_condition_is_true(session: Session) -> None:
    cell = session.start(LOOP, where("i == 1"), where("i == 1", line=line_of(LOOP, "call")))
    stop = session.wait_stop()
    while session.line() != BODY:
        session.debugger.step("into", 1)
        stop = session.wait_stop()
    assert stop.reason == "breakpoint"
    session.resume()
    assert session.finish(cell) == "55"


def test_a_variable_that_is_set_at_a_stop_changes_the_condition(session: Session) -> None:
    code = "local n = 1\nfor i = 1, 3 do\n  n = n + 1 -- first\n  n = n + 1 -- second\nend\nreturn n"
    second = SourceBreakpoint(line_of(code, "second"), "n == 11")
    cell = session.start(code, "first", second)
    session.wait_stop()
    session.evaluate("n = 10")
    assert session.resume_to_stop() == second.line
    session.set_breakpoints(cell.path, cell.code, second)
    session.resume()
    assert session.finish(cell) == "16"


@pytest.mark.parametrize("value", ["nil", "{}", "'9'", "print"])
def test_a_value_that_cannot_be_compared_stops(session: Session, value: str) -> None:
    code = f"local function f(n)\n  return n\nend\nf({value})\nreturn 1"
    cell = session.start(code, where("n < 0"))
    assert "the condition n < 0 failed: attempt to compare" in session.wait_stop().text
    session.resume()
    assert session.finish(cell) == "1"


@pytest.mark.parametrize("stops", [True, False])
def test_metamethods_decide_once(session: Session, stops: bool) -> None:
    answer = f"__lt = function() calls = calls + 1 return {str(stops).lower()} end"
    session.run(
        f"calls, meta = 0, {{ {answer} }} zero, other = setmetatable({{}}, meta), setmetatable({{}}, meta)"
    )
    code = "local function f(n, zero)\n  return n\nend\nf(other, zero)\nreturn calls"
    cell = session.start(code, where("n < zero"))
    if stops:
        assert session.wait_stop().text == ""
        session.resume()
    assert session.finish(cell) == "1"


def test_code_of_files(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "loop.lua"
    file.write_text(LOOP)
    session.debugger.set_breakpoints(session.recorder, str(file), [where("i == 6")])
    assert stops_at(session, session.start(f"return dofile({str(file)!r})")) == "6"


def test_a_cell_that_uses_many_locals_of_earlier_cells(session: Session) -> None:
    for start in range(0, 210, 70):
        session.run("\n".join(f"local kept{i} = {i}" for i in range(start, start + 70)))
    sum_ = " + ".join(f"kept{i}" for i in range(210))
    assert (
        stops_at(session, session.start(f"{LOOP.rpartition('return')[0]}return {sum_}", where("i == 6")))
        == "6"
    )


def test_code_that_outlives_its_debugger(session: Session) -> None:
    cell = session.start(LOOP, where("i == 6"))
    session.wait_stop()
    session.debugger.detach(session.recorder)
    assert cell.future.result(WAIT).error is None
    assert session.recorder.stops.get(timeout=WAIT) is None
    assert session.run("return visit(6)") == "6"
    session.debugger.attach(session.recorder)
    session.set_breakpoints(cell.path, cell.code, where("i == 7"))
    assert stops_at(session, session.start("visit(6) return visit(7)")) == "7"
