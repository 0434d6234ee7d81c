"""JupyterLab's debugger through restarts, reloads, interrupts and edits."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.notebooks import lua_notebook, write_notebook

from .conftest import OpenDebugger, OpenNotebook
from .debugger import Debugger, reopen
from .lab import LOADED, WAIT_MILLISECONDS, Notebook
from .server import LabServer

pytestmark = pytest.mark.browser

COUNT = "count = (count or 0) + 1\nlocal double = 2 * count\nprint(double)"


def test_terminate_lets_the_code_go_on_and_keeps_the_breakpoints(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(COUNT)
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 3)
    cell.start()
    debugger.wait_stopped(3)
    debugger.terminate()
    cell.wait_finished()
    assert cell.texts() == ["2\n"]
    debugger.wait_on()
    cell.start()
    debugger.wait_stopped(3)
    debugger.resume()
    cell.wait_finished()
    assert cell.texts() == ["4\n"]


def test_the_bug_button_lets_stopped_code_go_on(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(COUNT)
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 2)
    cell.start()
    debugger.wait_stopped(2)
    debugger.switch_off()
    cell.wait_finished()
    cell.run()
    assert cell.texts() == ["4\n"]
    debugger.switch_on()


def test_an_interrupt_ends_a_stopped_cell(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(COUNT)
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 3)
    cell.start()
    debugger.wait_stopped(3)
    debugger.notebook.interrupt()
    cell.wait_finished()
    cell.wait_output("interrupt")
    debugger.wait_resumed()
    cell.start()
    debugger.wait_stopped(3)
    debugger.resume()
    cell.wait_finished()
    assert cell.texts() == ["4\n"]


def test_a_cell_that_is_edited_keeps_its_breakpoint(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(COUNT)
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 2)
    cell.start()
    debugger.wait_stopped(2)
    debugger.resume()
    cell.wait_finished()
    cell.type("\nprint('more')")
    expect(debugger.breakpoints).to_have_count(2)  # the old text and the new one
    cell.start()
    debugger.wait_stopped(2)
    debugger.resume()
    cell.wait_finished()
    assert cell.texts() == ["4\nmore\n"]


def test_restart_and_debug_runs_every_cell_to_the_breakpoint(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger("shared = 5", COUNT)
    first, second = debugger.notebook.cell(0), debugger.notebook.cell(1)
    second.run()
    debugger.set_breakpoint(second, 2)
    debugger.restart_and_debug()
    debugger.wait_stopped(2)
    first.wait_finished()
    debugger.variables.choose_scope("Globals")
    expect(debugger.variables.row("count").detail).to_have_text("1")
    debugger.variables.choose_scope("Locals")
    debugger.resume()
    second.wait_finished()
    assert second.texts() == ["2\n"]


def test_a_plain_restart_keeps_the_debugger_and_its_breakpoints(open_debugger: OpenDebugger) -> None:
    debugger = open_debugger(COUNT)
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 2)
    cell.start()
    debugger.wait_stopped(2)
    debugger.notebook.restart()
    debugger.wait_on()
    debugger.wait_mark(cell, 2)
    cell.start()
    debugger.wait_stopped(2)
    debugger.resume()
    cell.wait_finished()
    assert cell.texts() == ["2\n"]


def test_another_notebook_runs_while_one_is_stopped(
    open_debugger: OpenDebugger, open_notebook: OpenNotebook, lab_page: Page
) -> None:
    debugger = open_debugger(COUNT)
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 3)
    cell.start()
    debugger.wait_stopped(3)
    name = lab_page.evaluate("window.jupyterapp.shell.currentWidget.title.label")
    other = Debugger(open_notebook("print('elsewhere')"))
    other.settle()
    other.notebook.cell(0).run()
    assert other.notebook.cell(0).texts() == ["elsewhere\n"]
    other.settle()
    lab_page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text=name).click()
    debugger.wait_on()
    debugger.wait_stopped(3)
    debugger.resume()
    cell.wait_finished()
    assert cell.texts() == ["2\n"]


def test_closing_a_stopped_notebook_ends_its_kernel(
    open_notebook: OpenNotebook, lab_server: LabServer
) -> None:
    debugger = Debugger(open_notebook(COUNT))
    debugger.switch_on()
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 2)
    cell.start()
    debugger.wait_stopped(2)
    debugger.notebook.close()
    assert lab_server.api("GET", "kernels") == []


@pytest.fixture
def own_page(browser: Browser, lab_server: LabServer) -> Iterator[Page]:
    """A JupyterLab of its own, which a test may load anew."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MILLISECONDS)
    page = context.new_page()
    page.goto(f"{lab_server.url}lab/workspaces/reload?token={lab_server.token}")
    page.wait_for_function(LOADED)
    yield page
    Notebook(page).close()
    context.close()


def test_a_page_loaded_anew_finds_the_stopped_code(own_page: Page, lab_server: LabServer) -> None:
    write_notebook(lab_server.folder / "reload.ipynb", lua_notebook(COUNT))
    debugger = Debugger(Notebook.open(own_page, "reload.ipynb"))
    debugger.switch_on()
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 3)
    cell.start()
    debugger.wait_stopped(3)
    debugger = Debugger(reopen(own_page, "reload.ipynb"))
    debugger.wait_on()
    debugger.wait_stopped(3)
    debugger.variables.choose_scope("Locals")
    expect(debugger.variables.row("double").detail).to_have_text("2")
    cell = debugger.notebook.cell(0)
    debugger.wait_mark(cell, 3)
    debugger.resume()
    debugger.wait_resumed()
    debugger.notebook.wait_idle()
    cell.start()
    debugger.wait_stopped(3)
    expect(debugger.variables.row("double").detail).to_have_text(re.compile("4"))
    debugger.resume()
    cell.wait_finished()
    assert cell.texts() == ["4\n"]
