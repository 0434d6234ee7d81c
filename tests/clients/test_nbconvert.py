"""`jupyter nbconvert --execute` turns Lua notebooks into pages and scripts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebooks import lua_notebook, write_notebook

pytestmark = pytest.mark.usefixtures("kernelspecs")


def convert(folder: Path, to: str, *cells: str) -> Path:
    """The file that nbconvert makes of the executed cells."""
    write_notebook(folder / "input.ipynb", lua_notebook(*cells))
    command = [sys.executable, "-m", "nbconvert", "--execute", "--to", to, "--output", "made", "input.ipynb"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("made.*")
    return made


def test_html_shows_what_the_cells_showed(tmp_path: Path) -> None:
    page = convert(
        tmp_path,
        "html",
        "local answer = 6 * 7\nprint('the answer is', answer)",
        "display.html('<em id=\"mine\">from Lua</em>')",
        "{ {name = 'Ada', born = 1815}, {name = 'Alan', born = 1912} }",
        "plot.line({1, 4, 9, 16})",
    ).read_text(encoding="utf-8")
    assert re.search(r"the answer is\s+42", page)
    assert '<em id="mine">from Lua</em>' in page
    assert re.search(r"<t[dh][^>]*>Ada</t[dh]>", page), "records show as a table"
    assert "data:image/png;base64," in page, "a plot shows as a picture where no script draws it"
    assert re.search(r'<span class="k\w*">local</span>', page), "Lua is highlighted"


def test_a_script_is_plain_lua(tmp_path: Path) -> None:
    made = convert(tmp_path, "script", "local x = 1", "print(x)")
    assert made.name == "made.lua"
    assert [line for line in made.read_text().splitlines() if line] == ["local x = 1", "print(x)"]
