"""A notebook's folder is not where Python looks for modules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernels import KernelSession


@pytest.mark.parametrize("name", ["comm", "queue", "csv"])
def test_python_files_beside_a_notebook_are_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_kernel: Callable[..., KernelSession], name: str
) -> None:
    witness = tmp_path / "was_run"
    (tmp_path / f"{name}.py").write_text(f"open({str(witness)!r}, 'w').close()")
    monkeypatch.chdir(tmp_path)
    kernel = new_kernel("llmspell")
    assert kernel.execute("6 * 7").result == "42"
    assert not witness.exists()
