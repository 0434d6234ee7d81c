"""The scenes that the page about debugging shows, played in a real JupyterLab.

`LLMSPELL_SCREENSHOTS=1` renews docs/images/debugger-*.png.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import OpenDebugger
from .debugger import Debugger

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SAVE_SCREENSHOTS = bool(os.environ.get("LLMSPELL_SCREENSHOTS"))

MEAN = """\
function mean(values)
  local sum = 0
  for i, value in ipairs(values) do
    sum = sum + value
  end
  return sum / #values
end"""
CALL = "readings = {20.5, 21, 19.5, 23}\nmean(readings)"

Save = Callable[[Debugger, str], None]


@pytest.fixture
def save(lab_page: Page, tmp_path: Path) -> Iterator[Save]:
    """Take a picture for the docs, or only try to; the window is as high as the pictures are to be."""
    before = lab_page.viewport_size
    lab_page.set_viewport_size({"width": 1280, "height": 760})

    def take(debugger: Debugger, name: str) -> None:
        picture = (IMAGES if SAVE_SCREENSHOTS else tmp_path) / f"debugger-{name}.png"
        debugger.notebook.screenshot(picture)
        assert picture.stat().st_size > 10_000

    yield take
    if before is not None:
        lab_page.set_viewport_size(before)


def test_stopped_in_a_loop(open_debugger: OpenDebugger, save: Save) -> None:
    debugger = open_debugger(MEAN, CALL, name="readings")
    debugger.notebook.hide_file_browser()
    definition, call = debugger.notebook.cell(0), debugger.notebook.cell(1)
    definition.run()
    debugger.set_breakpoint(definition, 4)
    call.start()
    debugger.wait_stopped(4)
    debugger.variables.choose_scope("Locals")
    for sum_so_far in ("20.5", "41.5"):
        debugger.resume()
        expect(debugger.variables.row("sum").detail).to_have_text(sum_so_far)
    debugger.variables.row("values").expand()
    save(debugger, "stopped")
    debugger.console.open()
    assert debugger.console.evaluate("sum / (i - 1)") == "20.75"
    debugger.console.evaluate("value = 22")
    assert debugger.console.evaluate("value - 20") == "2"
    expect(debugger.variables.row("value").detail).to_have_text("22")
    save(debugger, "console")


def test_stopped_at_an_error(open_debugger: OpenDebugger, save: Save, lab_page: Page) -> None:
    debugger = open_debugger(MEAN, CALL.replace("19.5", "'n/a'"), name="wrong-reading")
    debugger.notebook.hide_file_browser()
    definition, call = debugger.notebook.cell(0), debugger.notebook.cell(1)
    definition.run()
    debugger.pause_on_exceptions("uncaught")
    call.start()
    debugger.wait_stopped(4)
    debugger.variables.choose_scope("Locals")
    expect(debugger.variables.row("value").detail).to_contain_text("n/a")
    debugger.sidebar.locator("jp-button.jp-PauseOnExceptions").click()
    expect(lab_page.locator(".jp-PauseOnExceptions-menu")).to_be_visible()
    save(debugger, "errors")
    lab_page.keyboard.press("Escape")
    debugger.pause_on_exceptions("uncaught")


def test_a_plot_rendered_while_stopped(open_debugger: OpenDebugger, save: Save) -> None:
    debugger = open_debugger(
        "function damped(steps)\n"
        "  local y = {}\n"
        "  for i = 1, steps do\n"
        "    y[i] = math.exp(-i / 20) * math.cos(i / 3)\n"
        "  end\n"
        "  local chart = plot.line(y, {width = 420, height = 140})\n"
        "  return y, chart\n"
        "end\n"
        "values = damped(60)",
        name="oscillation",
    )
    debugger.notebook.hide_file_browser()
    cell = debugger.notebook.cell(0)
    debugger.set_breakpoint(cell, 7)
    cell.start()
    debugger.wait_stopped(7)
    debugger.variables.choose_scope("Locals")
    panel = debugger.variables.row("chart").render()
    expect(panel.locator(".jp-VariableRendererPanel :is(canvas, svg)").first).to_be_visible()
    save(debugger, "rich")
