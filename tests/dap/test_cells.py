from __future__ import annotations

import os
import random
import stat
import tempfile
from pathlib import Path

import pytest
from ipykernel.compiler import murmur2_x86

from llmspell_kernel.dap.cells import HASH_SEED, CellFiles, murmur2


def test_the_hash_is_what_jupyter_clients_reckon() -> None:
    random.seed(5)
    alphabet = "abc \n(){}=äß€😀" + "".join(map(chr, range(0x3A0, 0x3C0)))
    for length in range(200):
        code = "".join(random.choices(alphabet, k=length))
        assert murmur2(code) == murmur2_x86(code, HASH_SEED)


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CellFiles:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return CellFiles()


def test_a_cell_is_a_file_that_only_its_owner_reads(cells: CellFiles) -> None:
    code = "\n  local x = 1\r\n"
    path = Path(cells.dump(code))
    assert path.read_bytes() == code.encode()
    assert "ipykernel_" in str(path), "JupyterLab shows cells by number only for such paths"
    assert str(path) == f"{cells.prefix}{murmur2(code)}.lua" == cells.path(code)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert cells.has(str(path)) and not cells.has("/elsewhere/1.lua")
    cells.close()
    assert not path.parent.exists()


def test_a_folder_that_somebody_else_has_made_is_not_taken(cells: CellFiles, tmp_path: Path) -> None:
    trap = tmp_path / f"llmspell_ipykernel_{os.getpid()}"
    trap.symlink_to(tmp_path)
    assert Path(cells.dump("x")).parent.resolve() != tmp_path
    cells.close()
    assert trap.is_symlink()


def test_cells_are_written_again_after_a_clean_up(cells: CellFiles) -> None:
    path = Path(cells.dump("x"))
    path.unlink()
    path.parent.rmdir()
    assert cells.dump("x") == str(path) and path.is_file()
    cells.close()


def test_text_that_is_no_unicode_has_a_path_too(cells: CellFiles) -> None:
    assert Path(cells.dump("\ud800")).is_file()
    cells.close()
