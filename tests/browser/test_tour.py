"""The tour notebook, run from top to bottom in a real JupyterLab."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page

from .conftest import OpenFile
from .server import LabServer

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
TOUR = ROOT / "notebooks" / "tour.ipynb"
SAVE_SCREENSHOTS = bool(os.environ.get("LLMSPELL_SCREENSHOTS"))
"""`LLMSPELL_SCREENSHOTS=1` renews the picture that the README and the docs show."""


def test_the_tour_runs_without_an_error(
    lab_server: LabServer, lab_page: Page, open_file: OpenFile, tmp_path: Path
) -> None:
    shutil.copy(TOUR, lab_server.folder / TOUR.name)
    notebook = open_file(TOUR.name)
    lab_page.set_viewport_size({"width": 1280, "height": 1150})
    notebook.run_all(120)
    assert notebook.errors() == []
    picture = ROOT / "docs" / "images" / "tour.png" if SAVE_SCREENSHOTS else tmp_path / "tour.png"
    notebook.hide_file_browser()
    notebook.wait_charts()
    notebook.show_heading("Widgets")
    notebook.screenshot(picture)
    assert picture.stat().st_size > 10_000
