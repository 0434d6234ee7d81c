"""JupyterLab's debugger with Lua cells of all kinds, and with code that already runs."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .conftest import OpenDebugger, OpenNotebook
from .debugger import Debugger

pytestmark = pytest.mark.browser


def test_what_was_printed_is_shown_while_stopped(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger("print('before')\nlocal here = 1\nprint('after')")
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 2)
    cell.start()
    debugger.wait_stopped(2)
    cell.wait_output("before")
    debugger.step_over()
    debugger.wait_stopped(3)
    debugger.step_over()
    cell.wait_finished()
    assert cell.texts() == ["before\nafter\n"]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("-- Größe ✓ 😀 \t\nlocal size = 'ü'\nprint(#'😀')", 3),
        ("\n\n  \nlocal a = 1\n\nprint(4)\n\n", 6),
        ("%%time\nlocal a = 1\nprint(4)", 3),
        ("#!/usr/bin/lua\nlocal a = 1\nprint(4)", 3),
    ],
    ids=["beyond ASCII", "blank lines", "magic", "shell line"],
)
def test_a_cell_is_found_by_its_text(open_debugger: OpenDebugger, code: str, line: int) -> None:
    debugger = open_debugger(code)
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, line)
    cell.start()
    debugger.wait_stopped(line)
    assert debugger.stack()[0].location == f"Cell [*]:{line}"
    debugger.resume()
    cell.wait_finished()
    cell.wait_output("4")


def test_the_last_expression_of_a_cell_stops_and_is_shown(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger("local a = 20\na + 22")
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 2)
    cell.start()
    debugger.wait_stopped(2)
    debugger.resume()
    cell.wait_finished()
    assert cell.texts() == ["42"]


def test_a_callback_between_cells_stops(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger("timer.after(0.1, function()\n  ticked = (ticked or 0) + 1\nend)", "ticked")
    first, second = debugger.notebook.cell(0), debugger.notebook.cell(1)
    debugger.set_breakpoint(first, 2)
    first.run()
    debugger.wait_stopped(2)
    assert debugger.stack()[0].location == "Cell [1]:2"
    debugger.resume()
    debugger.wait_resumed()
    second.run()
    assert second.texts() == ["1"]


LOOP = (
    "local n = 0\nwhile not leave do\n  n = n + 1\n  if n == 1 then print('looping') end\nend\nprint('left')"
)


def test_a_breakpoint_set_while_the_code_runs_stops_it(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(LOOP)
    cell = debugger.notebook.cell(0)
    cell.start()
    cell.wait_output("looping")
    debugger.set_breakpoint(cell, 3)
    debugger.wait_stopped(3)
    debugger.remove_breakpoint(cell, 3)
    debugger.console.open()
    debugger.console.evaluate("leave = true")
    debugger.resume()
    cell.wait_finished()
    cell.wait_output("left")


def test_the_debugger_can_be_switched_on_while_a_cell_runs(open_notebook: OpenNotebook) -> None:
    debugger = Debugger(open_notebook(LOOP))
    cell = debugger.notebook.cell(0)
    cell.start()
    cell.wait_output("looping")
    debugger.switch_on()
    debugger.pause()
    expect(debugger.frames).to_have_count(1)
    debugger.variables.choose_scope("Locals")
    expect(debugger.variables.row("n").detail).to_have_text(re.compile(r"^\d+$"))
    debugger.switch_off()
    debugger.notebook.interrupt()
    cell.wait_finished()
    cell.wait_output("interrupt")
