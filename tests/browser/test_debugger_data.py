"""JupyterLab's debugger with Lua cells: variables, the debug console, rich values, sources."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import OpenDebugger
from .debugger import Debugger
from .lab import Cell
from .server import LabServer

pytestmark = pytest.mark.browser

KINDS = """\
local function look(flag, ...)
  local whole, half, word = 42, 0.5, "text"
  local list = {10, 20, {deep = true}}
  local named = setmetatable({x = 1}, {__name = "Point"})
  local nothing
  return flag, kept
end
kept = "global"
look(true, "extra", 2)"""


def stopped_in_look(open_debugger: OpenDebugger) -> Debugger:
    debugger = open_debugger(KINDS, "print(list and list[2], whole)")
    debugger.set_breakpoint(debugger.notebook.cell(0), 6)
    debugger.notebook.cell(0).start()
    debugger.wait_stopped(6)
    debugger.variables.choose_scope("Locals")
    return debugger


def test_the_tree_shows_values_and_opens_tables(open_debugger: OpenDebugger) -> None:
    variables = stopped_in_look(open_debugger).variables
    for name, detail in {"flag": "true", "whole": "42", "half": "0.5", "nothing": "nil"}.items():
        expect(variables.row(name).detail).to_have_text(detail)
    expect(variables.row("word").detail).to_contain_text("text")
    expect(variables.row("named").detail).to_contain_text("Point")
    variables.row("list").expand()
    expect(variables.row("list", "[1]").detail).to_have_text("10")
    variables.row("list", "[3]").expand()
    expect(variables.row("list", "[3]", "deep").detail).to_have_text("true")


def test_the_table_view_has_types_and_values(open_debugger: OpenDebugger) -> None:
    variables = stopped_in_look(open_debugger).variables
    variables.show_table()
    table = variables.table()
    variables.show_tree()
    assert table["whole"][1] == "42"
    assert table["half"][1] == "0.5"
    assert "text" in table["word"][1]
    assert "10, 20" in table["list"][1]


def test_scopes_can_be_chosen(open_debugger: OpenDebugger) -> None:
    variables = stopped_in_look(open_debugger).variables
    assert {"Locals", "Varargs", "Globals"} <= set(variables.scope_names())
    variables.choose_scope("Globals")
    expect(variables.row("kept").detail).to_contain_text("global")
    assert "print" not in variables.names()
    variables.choose_scope("Varargs")
    expect(variables.tree).to_contain_text("extra")
    variables.choose_scope("Locals")


def test_the_caller_has_variables_of_its_own(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(
        "local function inner(n)\n"
        "  return n + 1\n"
        "end\n"
        "local function outer()\n"
        "  local mine = 7\n"
        "  local got = inner(mine)\n"
        "  return got\n"
        "end\n"
        "outer()"
    )
    debugger.set_breakpoint(debugger.notebook.cell(0), 2)
    debugger.notebook.cell(0).start()
    debugger.wait_stopped(2)
    debugger.variables.choose_scope("Locals")
    expect(debugger.variables.row("n").detail).to_have_text("7")
    debugger.select_frame(1)
    expect(debugger.variables.row("mine").detail).to_have_text("7")
    debugger.wait_highlight(debugger.notebook.cell(0), "  local got = inner(mine)")
    debugger.select_frame(0)
    expect(debugger.variables.row("n").detail).to_have_text("7")


def test_the_console_evaluates_and_assigns_in_the_frame(open_debugger: OpenDebugger) -> None:
    debugger = stopped_in_look(open_debugger)
    debugger.console.open()
    assert debugger.console.evaluate("whole + #list") == "45"
    assert debugger.console.evaluate("list") == "{10, 20, {deep = true}}"
    debugger.console.evaluate("whole = 100")
    assert debugger.console.evaluate("whole") == "100"
    assert "error" in debugger.console.evaluate("nothing.field").lower()
    expect(debugger.variables.row("whole").detail).to_have_text("100")
    debugger.console.close()


def test_the_console_says_when_nothing_is_stopped(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger("")
    debugger.console.open()
    assert "cannot evaluate" in debugger.console.evaluate("1 + 1")


def test_a_local_copied_to_the_globals_is_there_afterwards(open_debugger: OpenDebugger) -> None:
    debugger = stopped_in_look(open_debugger)
    debugger.variables.row("list").copy_to_globals()
    debugger.variables.choose_scope("Globals")
    expect(debugger.variables.row("list").name).to_be_visible()
    debugger.variables.choose_scope("Locals")
    debugger.resume()
    debugger.wait_resumed()
    debugger.notebook.cell(1).run()
    assert debugger.notebook.cell(1).texts() == ["20\tnil\n"]


def test_a_value_is_rendered_as_in_the_notebook(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(
        "function show()\n"
        "  local card = setmetatable({}, {__mimebundle = {['text/html'] = '<b>bold</b>'}})\n"
        "  return card\n"
        "end\n"
        "shown = show()"
    )
    debugger.set_breakpoint(debugger.notebook.cell(0), 3)
    debugger.notebook.cell(0).start()
    debugger.wait_stopped(3)
    debugger.variables.choose_scope("Locals")
    panel = debugger.variables.row("card").render()
    expect(panel.locator("b")).to_have_text("bold")
    debugger.resume()
    debugger.wait_resumed()
    panel = debugger.variables.row("shown").render()
    expect(panel.locator("b")).to_have_text("bold")


def test_a_table_with_a_million_entries_opens(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger("large = {}\nfor i = 1, 1000000 do large[i] = i end\nlarge.last = true")
    debugger.notebook.cell(0).run()
    large = debugger.variables.row("large")
    large.expand()
    assert 1 < large.children.count() < 5000


def test_globals_are_shown_while_nothing_is_stopped(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger("first = 1\nlocal second = {2}", "first = 11")
    debugger.notebook.cell(0).run()
    expect(debugger.variables.row("first").detail).to_have_text("1")
    expect(debugger.variables.row("second").name).to_be_visible()
    debugger.variables.row("second").expand()
    expect(debugger.variables.row("second", "[1]").detail).to_have_text("2")
    debugger.notebook.cell(1).run()
    expect(debugger.variables.row("first").detail).to_have_text("11")
    assert "print" not in debugger.variables.names()


def test_a_required_file_is_listed_and_opens_where_it_stops(
    open_debugger: OpenDebugger, lab_server: LabServer, lab_page: Page
) -> None:
    module = Path(lab_server.folder, "geometry.lua")
    module.write_text("local M = {}\nfunction M.double(n)\n  return 2 * n\nend\nreturn M\n")
    debugger = open_debugger(
        "package.path = './?.lua;' .. package.path\ngeometry = require 'geometry'",
        "print(geometry.double(21))",
    )
    debugger.notebook.cell(0).run()
    row = debugger.source_rows.filter(has_text="geometry")
    expect(row.first).to_be_visible()
    call = debugger.notebook.cell(1)
    debugger.set_breakpoint(call, 1)
    call.start()
    debugger.wait_stopped(1)
    debugger.step_in()
    debugger.wait_stopped(3, re.compile("double"))
    current = lab_page.locator(".jp-DebuggerEditor-highlight", has_text="return 2 * n")
    expect(current).to_be_visible()
    assert debugger.stack()[0].location.endswith("geometry.lua:3")
    debugger.resume()
    debugger.wait_resumed()
    call.wait_finished()
    assert call.texts() == ["42\n"]


def test_a_breakpoint_in_a_required_file(
    open_debugger: OpenDebugger, lab_server: LabServer, lab_page: Page
) -> None:
    module = Path(lab_server.folder, "halves.lua")
    module.write_text("return function(n)\n  local half = n / 2\n  return half\nend\n")
    debugger = open_debugger("package.path = './?.lua;' .. package.path\nhalf = require 'halves'", "half(84)")
    debugger.notebook.cell(0).run()
    debugger.source_rows.filter(has_text="halves").first.click()
    shown = lab_page.locator(".jp-MainAreaWidget:not(.jp-NotebookPanel)", has_text="local half")
    debugger.set_breakpoint(Cell(debugger.notebook, shown), 3)
    tab = lab_page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text=".ipynb")
    tab.click()
    call = debugger.notebook.cell(1)
    call.start()
    debugger.wait_stopped(3)
    assert debugger.stack()[0].location.endswith("halves.lua:3")
    debugger.resume()
    debugger.wait_resumed()
    tab.click()
    call.wait_finished()
    assert call.texts() == ["42.0"]
