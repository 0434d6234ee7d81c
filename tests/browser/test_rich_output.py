"""What Lua shows beyond text: tables, plots and widgets, drawn by a real JupyterLab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from .conftest import OpenNotebook

pytestmark = pytest.mark.browser


def handle_of(slider: Locator) -> Locator:
    return slider.locator(".noUi-handle")


def test_records_show_as_a_table(open_notebook: OpenNotebook) -> None:
    cell = open_notebook("return {{name = 'Ada', born = 1815}, {name = 'Alan', born = 1912}}").cell(0)
    cell.run()
    table = cell.outputs.locator("table")
    expect(table).to_be_visible()
    expect(table.locator("tr")).to_have_count(3)
    expect(table).to_contain_text("1912")


def test_a_plot_is_drawn(open_notebook: OpenNotebook) -> None:
    cell = open_notebook("plot.line({1, 4, 9, 16, 25})").cell(0)
    cell.run()
    drawing = cell.outputs.locator(".vega-embed canvas, .vega-embed svg").first
    expect(drawing).to_be_visible()
    box = drawing.bounding_box()
    assert box is not None
    assert box["width"] > 200
    assert box["height"] > 100


def test_a_progress_bar_fills(open_notebook: OpenNotebook) -> None:
    cell = open_notebook("for i in display.progress(3, 'counting') do end").cell(0)
    cell.run()
    expect(cell.outputs.first).to_contain_text("counting")
    expect(cell.outputs.first).to_contain_text("3/3")


def test_a_slider_moves_lua_state_and_back(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        "slider = widgets.IntSlider{value = 3, max = 10, description = 'turns'}\nreturn slider",
        "return slider.value",
        "slider.value = 9",
    )
    notebook.cell(0).run()
    slider = notebook.cell(0).outputs.locator(".widget-slider")
    expect(slider.locator(".widget-readout")).to_have_text("3")
    handle_of(slider).focus()
    for _ in range(2):
        notebook.page.keyboard.press("ArrowRight")
    expect(slider.locator(".widget-readout")).to_have_text("5")
    notebook.cell(1).run()
    assert notebook.cell(1).texts() == ["5"]
    notebook.cell(2).run()
    expect(slider.locator(".widget-readout")).to_have_text("9")


def test_an_observer_prints_below_the_cell_that_set_it(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        "slider = widgets.IntSlider{value = 3, max = 10}\n"
        "slider:observe(function(change) print('now ' .. change.new) end)\n"
        "return slider"
    )
    cell = notebook.cell(0)
    cell.run()
    handle_of(cell.outputs.locator(".widget-slider")).focus()
    notebook.page.keyboard.press("ArrowRight")
    cell.wait_output("now 4")


def test_a_button_calls_lua(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        "count = 0\n"
        "button = widgets.Button{description = 'Press'}\n"
        "button:on_click(function() count = count + 1 button.description = 'Pressed ' .. count end)\n"
        "return button"
    )
    notebook.cell(0).run()
    button = notebook.cell(0).outputs.locator("button.widget-button")
    for count in (1, 2):
        button.click()
        expect(button).to_have_text(f"Pressed {count}")


def test_interact_calls_the_function_with_the_slider(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("widgets.interact(function(n) print('square ' .. n * n) end, {n = {0, 10}})")
    cell = notebook.cell(0)
    cell.run()
    cell.wait_output(re.compile(r"square \d+"))
    handle_of(cell.outputs.locator(".widget-slider")).focus()
    notebook.page.keyboard.press("Home")
    notebook.page.keyboard.press("ArrowRight")
    cell.wait_output(re.compile(r"square 1\b"))
