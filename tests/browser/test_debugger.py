"""JupyterLab's debugger with Lua cells: breakpoints, stepping, pause, errors."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .conftest import OpenDebugger

pytestmark = pytest.mark.browser

AREA = """\
local function area(width, height)
  local total = width * height
  -- the unit
  local note = {unit = "cm"}
  return total, note
end
print((area(6, 7)))"""


def test_the_bug_button_opens_the_sidebar_and_closes_the_gutters(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger("print('plain')", "kept = {1, 2}")
    name = debugger.sidebar.locator(".jp-SidePanel-header h2")
    expect(name).to_have_text(re.compile(r"\.ipynb$"))
    first = debugger.notebook.cell(0)
    first.run()
    assert first.texts() == ["plain\n"]
    debugger.switch_off()
    expect(debugger.notebook.panel.locator(".cm-breakpoint-gutter")).to_have_count(0)
    first.run()
    assert first.texts() == ["plain\n"]


@pytest.mark.parametrize("kernel", ["llmspell", "llmspell-lua55", "llmspell-luajit"])
def test_a_breakpoint_stops_a_cell_and_continue_ends_it(open_debugger: OpenDebugger, kernel: str) -> None:
    debugger = open_debugger(AREA, kernel=kernel)
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 4)
    cell.start()
    debugger.wait_stopped(4, re.compile("area"))
    debugger.wait_highlight(cell, '  local note = {unit = "cm"}')
    assert [frame.location for frame in debugger.stack()] == ["Cell [*]:4", "Cell [*]:7"]
    expect(cell.prompt).to_have_text("[*]:")
    debugger.resume()
    debugger.wait_resumed()
    cell.wait_finished()
    assert cell.texts() == ["42\n"]
    expect(cell.root.locator(".jp-DebuggerEditor-highlight")).to_have_count(0)


def test_a_breakpoint_on_a_line_without_code_moves_down(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(AREA)
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 3, at=4)
    assert debugger.breakpoint_lines() == [4]
    cell.start()
    debugger.wait_stopped(4)


def test_breakpoints_go_by_a_click_or_all_at_once(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(AREA)
    cell = debugger.notebook.cell(0)
    for line in (2, 4, 5):
        debugger.set_breakpoint(cell, line)
    expect(debugger.breakpoints).to_have_count(3)
    debugger.remove_breakpoint(cell, 4)
    assert debugger.breakpoint_lines() == [2, 5]
    cell.start()
    debugger.wait_stopped(2)
    debugger.resume()
    debugger.wait_stopped(5)
    debugger.remove_all_breakpoints()
    debugger.resume()
    cell.wait_finished()
    cell.run()
    assert cell.texts() == ["42\n"]


def test_steps_go_over_into_and_out_of_calls_across_cells(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(
        "function square(n)\n  local result = n * n\n  return result\nend",
        "local a = square(2)\nlocal b = square(3)\nlocal text = ('%d'):format(a + b)\nprint(text)",
    )
    definition, calls = debugger.notebook.cell(0), debugger.notebook.cell(1)
    definition.run()
    debugger.set_breakpoint(calls, 1)
    calls.start()
    debugger.wait_stopped(1)
    debugger.step_over()
    debugger.wait_stopped(2)
    debugger.step_in()
    debugger.wait_stopped(2, re.compile("square"))
    debugger.wait_highlight(definition, "  local result = n * n")
    assert [frame.location for frame in debugger.stack()] == ["Cell [1]:2", "Cell [*]:2"]
    debugger.step_over()
    debugger.wait_stopped(3, re.compile("square"))
    debugger.step_out()
    debugger.wait_stopped(2, "main chunk")
    assert [frame.location for frame in debugger.stack()] == ["Cell [*]:2"]
    debugger.step_over()
    debugger.wait_stopped(3)
    debugger.step_in()  # string.format is no Lua code: there is nothing to step into
    debugger.wait_stopped(4)
    debugger.step_over()
    calls.wait_finished()
    assert calls.texts() == ["13\n"]


def test_each_turn_of_a_loop_stops_until_the_mark_is_removed(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger("local sum = 0\nfor i = 1, 5 do\n  sum = sum + i\nend\nprint(sum)")
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 3)
    cell.start()
    debugger.wait_stopped(3)
    debugger.variables.choose_scope("Locals")
    for turn in (1, 2, 3):
        expect(debugger.variables.row("i").detail).to_have_text(str(turn))
        debugger.overlay.get_by_title("Continue").click()
    expect(debugger.variables.row("i").detail).to_have_text("4")
    debugger.remove_breakpoint(cell, 3)
    debugger.resume()
    cell.wait_finished()
    assert cell.texts() == ["15\n"]


def test_code_that_calls_the_debugger_stops_without_a_mark(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(
        "for i = 1, 4 do\n  if i == 3 then debug.breakpoint() end\n  local twice = 2 * i\nend"
    )
    cell = debugger.notebook.cell(0)
    cell.start()
    debugger.wait_stopped(2)
    debugger.variables.choose_scope("Locals")
    expect(debugger.variables.row("i").detail).to_have_text("3")
    debugger.resume()
    cell.wait_finished()


def test_pause_stops_a_busy_loop_at_once(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger("local n = 0\nwhile not leave do\n  n = n + 1\nend\nprint('left')")
    cell = debugger.notebook.cell(0)
    cell.start()
    cell.wait_running()
    debugger.pause()
    expect(debugger.frames).to_have_count(1)
    debugger.variables.choose_scope("Locals")
    expect(debugger.variables.row("n").detail).to_have_text(re.compile(r"^\d+$"))
    debugger.resume()
    debugger.wait_resumed()
    debugger.pause()
    expect(debugger.frames).to_have_count(1)
    debugger.console.open()
    debugger.console.evaluate("leave = true")
    debugger.resume()
    cell.wait_finished()
    assert cell.texts() == ["left\n"]


@pytest.mark.parametrize(
    ("filter_name", "line"), [("raised", 1), ("uncaught", 2)], ids=["all", "those that nobody catches"]
)
def test_errors_stop_where_they_are_raised(open_debugger: OpenDebugger, filter_name: str, line: int) -> None:
    debugger = open_debugger("pcall(function() error('caught') end)\nlocal value = nothing.field")
    cell = debugger.notebook.cell(0)
    debugger.pause_on_exceptions(filter_name)
    cell.start()
    debugger.wait_stopped(line)
    if line == 1:
        debugger.resume()
        debugger.wait_stopped(2)
    debugger.resume()
    cell.wait_finished()
    cell.wait_output("nothing")
    debugger.pause_on_exceptions(filter_name)
    cell.run()


def test_a_breakpoint_in_a_coroutine_shows_its_stack(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(
        "local co = coroutine.wrap(function(first)\n"
        "  local second = coroutine.yield(first + 1)\n"
        "  return second\n"
        "end)\n"
        "local a = co(1)\n"
        "local b = co(10)\n"
        "print(a, b)"
    )
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 2)
    cell.start()
    debugger.wait_stopped(2)
    debugger.variables.choose_scope("Locals")
    expect(debugger.variables.row("first").detail).to_have_text("1")
    debugger.step_over()
    debugger.wait_stopped(6)
    debugger.step_in()
    debugger.wait_stopped(3)
    expect(debugger.variables.row("second").detail).to_have_text("10")
    debugger.resume()
    cell.wait_finished()
    assert cell.texts() == ["2\t10\n"]


def test_frames_of_python_and_of_cells_are_named(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(
        "local list = {3, 1, 2}\ntable.sort(list, function(a, b)\n  return a < b\nend)\nprint(list[1])"
    )
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 3)
    cell.start()
    debugger.wait_stopped(3)
    stack = debugger.stack()
    assert stack[0].location == "Cell [*]:3"
    assert stack[-1].location == "Cell [*]:2"
    assert any("sort" in frame.name for frame in stack)
    debugger.remove_all_breakpoints()
    debugger.resume()
    cell.wait_finished()
    assert cell.texts() == ["1\n"]
