"""What ran in a session, exported as a script: valid Lua that does again what the cells did."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from llmspell_kernel.cli.session.as_script import as_script
from llmspell_kernel.library.session.records import Run, Shown

from .command import LLMSPELL


def cell(code: str, error: str = "") -> Run:
    return Run(1, code, number=1, failed=bool(error), shown=(Shown("error", error),) if error else ())


def done(tmp_path: Path, runs: list[Run]) -> str:
    """What the script prints; `llmspell check` finds nothing wrong with it."""
    file = tmp_path / "session.lua"
    file.write_text(as_script(runs))
    checked = subprocess.run([LLMSPELL, "check", file], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, (checked.stdout, file.read_text())
    ran = subprocess.run([LLMSPELL, "run", file], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, ""), ran
    return ran.stdout


@pytest.mark.parametrize(
    ("cells", "printed"),
    [
        (["print('hi') x = 20; x + 1", "x, 2"], "hi\n21\n20\t2\n"),
        (["x = 1", "x;", "x"], "1\n"),
        (["f = print", "(f)('not called by the cell before')"], "not called by the cell before\n"),
        (["local a, b <const> = 1, 2", "local function f() return a end -- of a", "return f(), b"], "1\t2\n"),
        (["return", "return 1; -- one", "-- nothing", ""], "1\n"),
        (["%persist on\ny = 5\n!ls\ny", "print?", "exit", "%%html\n<b>]]</b>\n"], "5\n"),
        (["%time z = 3", "%%time\nlocal w = 4\nw -- four", "%timeit -n 1 z", "z, w"], "4\n3\t4\n"),
        ([f"local n{i} = {i}\nlocal function f{i}() return n{i} end" for i in range(120)] + ["f119()"], ""),
        ([f"local n{i}, m{i} <const> = {i}" for i in range(120)] + ["n0 + n119, m119"], "119\tnil\n"),
    ],
)
def test_cells_become_statements(tmp_path: Path, cells: list[str], printed: str) -> None:
    assert done(tmp_path, [cell(code) for code in cells]) == printed


def test_what_has_failed_keeps_nothing_from_running(tmp_path: Path) -> None:
    runs = [
        cell("x = = 1", "LuaSyntaxError: cell [1]:1: unexpected symbol near '='"),
        cell("while true do end", "KeyboardInterrupt: "),
        cell("local q = 7 error('oops')", "LuaError: cell [3]:1: oops\n  cell [3]:1"),
        cell("q"),
    ]
    assert done(tmp_path, runs) == "7\n"


def test_scripts_have_locals_and_arguments_of_their_own(tmp_path: Path) -> None:
    code = "#!/usr/bin/env llmspell\nlocal x = 2 print(ARGS[1], ARGS[0], x) if x then return 1 end"
    arguments = ('a"\\\n', "b")
    scripts = [
        Run(2, code, script="a.lua", arguments=arguments, is_cell=False),
        Run(3, "print(...) error('oops')", script="b.lua", failed=True, is_cell=False, shown=(OOPS,)),
    ]
    assert done(tmp_path, [cell("local x = 1"), *scripts, cell("x")]) == 'a"\\\n\ta.lua\t2\n\n1\n'


OOPS = Shown("error", "LuaError: b.lua:1: oops")
