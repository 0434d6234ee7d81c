"""JupyterLab with Lua cells, as a person uses it: run, complete, ask for help, interrupt, restart."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .conftest import OpenNotebook

pytestmark = pytest.mark.browser


def test_a_cell_runs_and_shows_its_output(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("local who = 'notebook'\nprint('hello, ' .. who)\nreturn 6 * 7", "who:upper()")
    first, second = notebook.cell(0), notebook.cell(1)
    first.run()
    assert first.texts() == ["hello, notebook\n", "42"]
    second.run()
    assert second.texts() == ['"NOTEBOOK"']
    keyword = first.root.locator(".cm-content span", has_text=re.compile("^local$"))
    expect(keyword).to_have_css("font-weight", "700")


def test_tab_lists_candidates_and_enter_takes_one(open_notebook: OpenNotebook) -> None:
    cell = open_notebook("").cell(0)
    cell.type("coroutine.is")
    completer = cell.press_tab()
    assert "isyieldable" in completer.texts()
    completer.accept()
    cell.type("()")
    cell.run()
    assert cell.texts() == ["false"]


def test_tab_shows_the_kind_of_each_candidate(open_notebook: OpenNotebook) -> None:
    cell = open_notebook("").cell(0)
    cell.type("string.r")
    completer = cell.press_tab()
    assert {"rep", "reverse"} <= set(completer.texts())
    expect(completer.items.first.locator(".jp-Completer-type")).to_have_attribute(
        "data-color-index", re.compile(".")
    )


def test_shift_tab_shows_help(open_notebook: OpenNotebook) -> None:
    cell = open_notebook("").cell(0)
    cell.type("string.format(")
    tooltip = cell.press_shift_tab()
    expect(tooltip).to_contain_text("string.format")
    expect(tooltip).to_contain_text("%d")


def test_an_error_shows_the_line_and_what_was_meant(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        "local function inner()\n  error('it broke')\nend\ninner()", "print('still here')"
    )
    cell = notebook.cell(0)
    cell.run()
    cell.wait_output("it broke")
    traceback = cell.outputs.last
    expect(traceback).to_have_attribute("data-mime-type", "application/vnd.jupyter.stderr")
    expect(traceback).to_contain_text("error('it broke')")
    expect(traceback).to_contain_text("inner")
    assert traceback.locator("span[class^='ansi-']").count() > 0
    notebook.cell(1).run()
    assert notebook.cell(1).texts() == ["still here\n"]


def test_the_stop_button_ends_an_endless_loop(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("kept = 'safe'", "print('looping')\nwhile true do pcall(error) end", "kept")
    notebook.cell(0).run()
    loop = notebook.cell(1)
    loop.start()
    loop.wait_output("looping")
    notebook.interrupt()
    loop.wait_finished()
    loop.wait_output("interrupt")
    notebook.cell(2).run()
    assert notebook.cell(2).texts() == ['"safe"']


def test_the_stop_button_at_once_is_not_lost(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("while true do end")
    loop = notebook.cell(0)
    loop.start()
    loop.wait_running()
    notebook.interrupt()
    loop.wait_finished()


def test_a_restart_forgets_everything(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("forgotten = 1", "tostring(forgotten)")
    notebook.cell(0).run()
    notebook.cell(1).run()
    assert notebook.cell(1).texts() == ['"1"']
    notebook.restart()
    notebook.cell(1).run()
    assert notebook.cell(1).texts() == ['"nil"']


def test_io_read_shows_an_input_box(open_notebook: OpenNotebook) -> None:
    cell = open_notebook("io.write('name? ')\nlocal name = io.read()\nprint('hello ' .. name)").cell(0)
    cell.start()
    cell.answer("Ada")
    cell.wait_finished()
    cell.wait_output("hello Ada")


def test_getpass_hides_what_is_typed(open_notebook: OpenNotebook) -> None:
    cell = open_notebook("local secret = io.getpass('token: ')\nprint(#secret)").cell(0)
    cell.start()
    expect(cell.root.locator("input.jp-Stdin-input")).to_have_attribute("type", "password")
    cell.answer("abcde")
    cell.wait_finished()
    cell.wait_output("5")
    expect(cell.root).not_to_contain_text("abcde")
