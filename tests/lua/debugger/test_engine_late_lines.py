"""Late breakpoints at lines that Lua tells nothing of: declarations, and code that stands further down."""

from __future__ import annotations

import pytest

from llmspell_kernel.lua.debugger.model import SourceBreakpoint

from .late import late, stops
from .session import Session

SILENT = """
local first = 1 -- first
local function f(a) -- local function
  return a
end
local x -- nothing
local y -- nothing more
function g(a) -- function
  return a
end
local long =
  5
while true do -- forever
  x = f(1)
  break
end
local h = function() -- assigned
  return 1
end
return x -- last
"""


@pytest.mark.parametrize(
    ("mark", "shown"),
    [
        ("local function", "local function"),
        ("nothing", "nothing"),
        ("nothing more", "function"),
        ("function", "function"),
        ("assigned", "assigned"),
    ],
)
def test_a_statement_whose_line_lua_tells_nothing_of(session: Session, mark: str, shown: str) -> None:
    cell = session.start(SILENT, "first")
    session.wait_stop()
    session.set_breakpoints(cell.path, cell.code, mark)
    assert session.resume_to_stop() == cell.line(shown)
    assert session.recorder.events[-1] == "stopped: breakpoint"
    session.resume()
    assert session.finish(cell) == "1"


@pytest.mark.parametrize(("line", "stop"), [(10, [11]), (12, [12, 13])])
def test_a_statement_whose_code_is_further_down(session: Session, line: int, stop: list[int]) -> None:
    cell = session.start(SILENT, "first")
    session.wait_stop()
    session.set_breakpoints(cell.path, cell.code, SourceBreakpoint(line))
    assert session.resume_to_stop() in stop
    session.resume()
    assert session.finish(cell) == "1"


def test_the_end_of_a_function_is_not_where_it_is_made(session: Session) -> None:
    code = "local a = 0 -- first\nlocal function f() -- f\n  a = a + 1\nend\nf()\nf()\nreturn a"
    cell = session.start(code, "first")
    session.wait_stop()
    (status,) = session.set_breakpoints(cell.path, cell.code, "f")
    assert session.resume_to_stop() == cell.line("f")
    assert session.debugger.stop is not None and session.debugger.stop.breakpoints == (status.id,)
    session.resume()
    assert session.finish(cell) == "2"


def test_silent_lines_within_functions(session: Session) -> None:
    code = """
function outer(n)
  local x
  local y -- silent
  local function inner() -- inner
    return n
  end
  x = inner()
  return x
end
"""
    late(session, code, "silent", "inner")
    assert stops(session, "return outer(5)", [4]) == "5"
