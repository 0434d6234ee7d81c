"""Breakpoints in all places where code can be: heads, callbacks, files, loaded text, code of many locals."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmspell_kernel.lua.debugger.model import SourceBreakpoint

from .session import Session, line_of

PLACES = {
    "while": ("local i = 0\nwhile i < 2 do -- here\n  i = i + 1\nend\nreturn i", 3, "2"),
    "repeat": ("local i = 0\nrepeat\n  i = i + 1\nuntil i >= 2 -- here\nreturn i", 2, "2"),
    "elseif": (
        "local i = 5\nif i < 1 then\n  i = 0\nelseif i < 9 then -- here\n  i = 1\nend\nreturn i",
        1,
        "1",
    ),
    "return": ("local function f()\n  return 7 -- here\nend\nreturn f()", 1, "7"),
    "last line": ("local x = 4\nx + 1 -- here", 1, "5"),
    "call over lines": ("local n = math.max( -- here\n  1,\n  2\n)\nreturn n", 1, "2"),
    "generic for": ("local n = 0\nfor _, x in ipairs({1, 2}) do\n  n = n + x -- here\nend\nreturn n", 2, "3"),
    "goto": (
        "local n = 0\nfor i = 1, 3 do\n  if i == 2 then goto on end -- here\n  n = n + i\n  ::on::\nend\n"
        "return n",
        3,
        "4",
    ),
    "closure": (
        "local fs = {}\nfor i = 1, 2 do fs[i] = function()\n  return i -- here\n"
        "end end\nreturn fs[1]() + fs[2]()",
        2,
        "3",
    ),
    "comparator": (
        "local t = {2, 1}\ntable.sort(t, function(a, b)\n  return a < b -- here\nend)\nreturn t[1]",
        1,
        "1",
    ),
    "pattern": ("local s = ('ab'):gsub('.', function(c)\n  return c .. c -- here\nend)\nreturn s", 2, "aabb"),
    "metamethod": (
        "local t = setmetatable({}, {__index = function(_, k)\n  return k -- here\nend})\nreturn t.x",
        1,
        "x",
    ),
    "pcall": ("local ok, x = pcall(function()\n  return 3 -- here\nend)\nreturn x", 1, "3"),
    "varargs": (
        "local function f(...)\n  return select('#', ...) -- here\nend\nreturn f(1, nil, nil)",
        1,
        "3",
    ),
    "parentheses": ("local f = print\nlocal n = 1; -- here\n(f or print)(n)\nreturn n", 1, "1"),
    "coroutine": (
        "local f = coroutine.wrap(function()\n  coroutine.yield(1) -- here\nend)\nreturn f()",
        1,
        "1",
    ),
    "showing": (
        "return setmetatable({}, {__tostring = function()\n  return 'shown' -- here\nend})",
        1,
        "shown",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_breakpoint_stops_as_often_as_its_line_is_reached(session: Session, name: str) -> None:
    code, times, result = PLACES[name]
    cell = session.start(code, "here")
    for _ in range(times):
        session.wait_stop()
        assert session.line() == cell.line("here")
        session.resume()
    assert session.finish(cell) == result


# Two make sense only at the end of a cell; to the first line of a call over lines Lua comes back.
NOT_LATE = ("last line", "showing", "call over lines")


@pytest.mark.parametrize("name", [name for name in PLACES if name not in NOT_LATE])
def test_a_breakpoint_that_comes_late_stops_as_well(session: Session, name: str) -> None:
    code, times, result = PLACES[name]
    path = session.next_path()
    session.run("function program()\n" + code + "\nend")
    line = line_of(code, "here") + 1
    session.debugger.set_breakpoints(session.recorder, path, [SourceBreakpoint(line)])
    cell = session.start("return program()")
    for _ in range(times):
        session.wait_stop()
        assert session.line() == line
        session.resume()
    assert session.finish(cell) == result


def test_a_late_breakpoint_has_conditions_and_hit_counts(session: Session) -> None:
    path = session.next_path()
    session.run("function f(n)\n  return n\nend")
    breakpoint = SourceBreakpoint(2, condition="n % 2 == 0", hit_condition=">= 2")
    session.debugger.set_breakpoints(session.recorder, path, [breakpoint])
    cell = session.start("local sum = 0 for i = 1, 6 do sum = sum + f(i) end return sum")
    for expected in ("4", "6"):
        session.wait_stop()
        assert session.local_variables() == {"n": expected}
        session.resume()
    assert session.finish(cell) == "21"


def test_the_same_text_run_again_stops_once_each_time(session: Session) -> None:
    session.debugger.sources.locate = lambda _chunk, code: f"/cells/{len(code)}"
    code = "local function f()\n  return 1\nend\nreturn f()"
    path = f"/cells/{len(code)}"
    session.run(code)
    session.debugger.set_breakpoints(session.recorder, path, [SourceBreakpoint(2)])
    for _ in range(2):
        cell = session.start(code)
        session.wait_stop()
        assert session.line() == 2
        session.resume()
        assert session.finish(cell) == "1"


def test_many_locals_do_not_keep_code_from_stopping(session: Session) -> None:
    declared = "\n".join(f"local v{number} = {number}" for number in range(180))
    cell = session.start(f"{declared}\nlocal last = v179 -- here\nreturn last", "here")
    session.wait_stop()
    assert session.line() == cell.line("here")
    session.resume()
    assert session.finish(cell) == "179"


def test_a_cell_that_uses_more_kept_locals_than_a_function_may_have(session: Session) -> None:
    for first in (0, 150):
        session.run("\n".join(f"local v{number} = {number}" for number in range(first, first + 150)))
    used = " + ".join(f"v{number}" for number in range(300))
    cell = session.start(f"local sum = {used}\nreturn sum -- here", "here")
    session.wait_stop()
    session.resume()
    assert session.finish(cell) == str(sum(range(300)))


@pytest.mark.parametrize("how", ["dofile", "require", "loadfile"])
def test_breakpoints_in_files(session: Session, tmp_path: Path, how: str) -> None:
    file = tmp_path / "module.lua"
    file.write_text("local M = {}\nfunction M.area(w, h)\n  return w * h\nend\nreturn M\n")
    (status,) = session.debugger.set_breakpoints(session.recorder, str(file), [SourceBreakpoint(3)])
    assert status.verified
    calls = {
        "dofile": f"dofile({str(file)!r})",
        "loadfile": f"loadfile({str(file)!r})()",
        "require": f"(function() package.path = {str(tmp_path / '?.lua')!r} return require('module') end)()",
    }
    cell = session.start(f"local M = {calls[how]}\nreturn M.area(2, 3)")
    session.wait_stop()
    frame = session.frames()[0]
    assert frame.source is not None
    assert (frame.source.path, frame.line) == (str(file), 3)
    assert session.local_variables() == {"w": "2", "h": "3"}
    session.resume()
    assert session.finish(cell) == "6"


def test_breakpoints_in_loaded_text_that_ran_before(session: Session) -> None:
    session.run("made = load('local a = ...\\nlocal b = a + 1\\nreturn b', '=made')")
    (path,) = {source.path for source in session.debugger.sources.all() if source.name == "made"}
    session.debugger.set_breakpoints(session.recorder, path, [SourceBreakpoint(3)])
    cell = session.start("return made(1)")
    session.wait_stop()
    assert session.local_variables() == {"a": "1", "b": "2"}
    session.resume()
    assert session.finish(cell) == "2"


def test_a_callback_between_cells_stops(session: Session) -> None:
    path = session.next_path()
    session.run("function callback(x)\n  called = x\nend")
    session.debugger.set_breakpoints(session.recorder, path, [SourceBreakpoint(2)])
    interpreter = session.shell.interpreter
    done = session.lua.submit(lambda: interpreter.call(interpreter.state.globals[b"callback"], 5))
    session.wait_stop()
    assert session.local_variables() == {"x": "5"}
    session.resume()
    done.result(60)
    assert session.debugger.state == "idle"
    assert session.run("return called") == "5"


def test_what_a_client_evaluates_does_not_stop(session: Session) -> None:
    cell = session.start(
        "function f()\n  return 5 -- inside\nend\nlocal a = 1 -- here\nreturn a", "here", "inside"
    )
    session.wait_stop()
    assert session.evaluate("f()") == "5"
    assert session.recorder.events == ["stopped: breakpoint"]
    session.resume()
    assert session.finish(cell) == "1"


GC_OF_LUAJIT = """local p = newproxy(true)
getmetatable(p).__gc = function()
  finalized = true -- here
end
p = nil"""


def test_finalizers_end_whether_they_stop_or_not(session: Session) -> None:
    collect = "setmetatable({}, {__gc = function()\n  finalized = true -- here\nend})"
    if session.shell.language == "luajit":
        collect = GC_OF_LUAJIT
    cell = session.start(f"do {collect} end\ncollectgarbage() collectgarbage()\nreturn finalized", "here")
    while session.recorder.stops.get(timeout=60) is not None:
        session.resume()
    outcome = cell.future.result(60)
    assert outcome.error is None
    assert outcome.result is not None
    assert outcome.result.data["text/plain"] == "true"


def test_output_of_the_code_is_there_when_it_stops(session: Session) -> None:
    cell = session.start("print('before')\nlocal a = 1 -- here\nprint('after')", "here")
    session.wait_stop()
    assert session.shell.output() == "before\n"
    session.resume()
    session.finish(cell)
    assert session.shell.output() == "after\n"


def test_code_that_is_stopped_may_ask_for_input_afterwards(session: Session) -> None:
    session.shell.frontend.answers = ["typed"]
    cell = session.start("local a = 1 -- here\nreturn io.read()", "here")
    session.wait_stop()
    session.resume()
    assert session.finish(cell) == "typed"


def test_os_exit_while_stopped_code_goes_on(session: Session) -> None:
    cell = session.start("local a = 1 -- here\nos.exit(3)", "here")
    session.wait_stop()
    session.resume()
    outcome = session.outcome(cell)
    assert outcome.error is not None
    assert outcome.error.name == "Exit"


CALLING = {
    "calls on the line": (
        "local function f(x) return x end\nlocal r = f(1) + f(2) + f(3) -- here\nreturn r",
        1,
    ),
    "recursion on the line": (
        "local function sum(n)\n  return n == 0 and 0 or n + sum(n - 1) + sum(0) -- here\nend\nreturn sum(2)",
        5,
    ),
    "called by C": (
        "local n = 0\nstring.gsub('abc', '.', function(c)\n  n = n + #tostring(c) -- here\nend)\nreturn n",
        3,
    ),
    "called in a loop": (
        "local function f(x)\n  return tonumber(tostring(x)) -- here\nend\nfor i = 1, 3 do f(i) end",
        3,
    ),
    "an error on the line": (
        "local function f(x)\n  return tostring(x) .. x -- here\nend\npcall(f, {})\npcall(f, {})",
        2,
    ),
    "a line in a loop": ("local n = 0\nfor i = 1, 3 do\n  n = n + #tostring(i) -- here\nend", 3),
}


@pytest.mark.parametrize("name", CALLING)
def test_a_late_breakpoint_stops_once_each_time_its_line_begins(session: Session, name: str) -> None:
    code, times = CALLING[name]
    path = session.next_path()
    session.run("function program()\n" + code + "\nend")
    line = line_of(code, "here") + 1
    session.debugger.set_breakpoints(session.recorder, path, [SourceBreakpoint(line)])
    cell = session.start("return program()")
    for _ in range(times):
        session.wait_stop()
        assert session.line() == line
        session.resume()
    session.finish(cell)
