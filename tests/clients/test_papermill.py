"""papermill runs Lua notebooks with parameters, from its own command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebooks import lua_notebook, output_text, read_notebook, write_notebook

PARAMETERS = (
    "---@type integer how many squares\nlocal n = 3\ntitle = 'none' -- type: string what to call them"
)

pytestmark = pytest.mark.usefixtures("kernelspecs")


def papermill(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "papermill", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_parameters_reach_the_cells(tmp_path: Path) -> None:
    cell = "local s = 0\nfor i = 1, n do s = s + i * i end\nprint(title, s, math.type and math.type(n))"
    write_notebook(tmp_path / "in.ipynb", lua_notebook(cell, parameters=PARAMETERS))
    done = papermill(tmp_path, "in.ipynb", "out.ipynb", "-p", "n", "5", "-p", "title", 'say "é\\n"')
    assert done.returncode == 0, done.stderr
    cells = read_notebook(tmp_path / "out.ipynb").cells
    assert cells[1].metadata.tags == ["injected-parameters"]
    assert output_text(cells[-1]) == 'say "é\\n"\t55\tinteger\n'


def test_parameters_from_yaml_become_tables(tmp_path: Path) -> None:
    cell = "print(#sizes, sizes[2], options.deep.flag, options['a key'], nothing)"
    write_notebook(tmp_path / "in.ipynb", lua_notebook(cell))
    (tmp_path / "given.yaml").write_text(
        "sizes: [1, 2.5, 3]\noptions: {deep: {flag: true}, a key: '1'}\nnothing: null\n"
    )
    done = papermill(tmp_path, "in.ipynb", "out.ipynb", "-f", "given.yaml", "-k", "llmspell-luajit")
    assert done.returncode == 0, done.stderr
    assert output_text(read_notebook(tmp_path / "out.ipynb").cells[-1]) == "3\t2.5\ttrue\t1\tnil\n"


def test_the_help_of_a_notebook_lists_its_parameters(tmp_path: Path) -> None:
    write_notebook(tmp_path / "in.ipynb", lua_notebook(parameters=PARAMETERS))
    done = papermill(tmp_path, "in.ipynb", "--help-notebook")
    assert "n: integer (default 3)" in done.stdout
    assert "how many squares" in done.stdout
    assert "title: string (default 'none')" in done.stdout
    assert "what to call them" in done.stdout


def test_a_failing_cell_fails_the_run(tmp_path: Path) -> None:
    write_notebook(tmp_path / "in.ipynb", lua_notebook("error('broken on purpose')"))
    done = papermill(tmp_path, "in.ipynb", "out.ipynb")
    assert done.returncode != 0
    assert "broken on purpose" in done.stderr
