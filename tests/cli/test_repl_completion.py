"""What the prompt's commands complete, without a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_toolkit.document import Document

from llmspell_kernel.cli.repl.completion import ReplCompleter
from llmspell_kernel.cli.repl.link import Link
from llmspell_kernel.cli.repl.options import Options


def completed(text: str) -> list[str]:
    return [each.text for each in ReplCompleter(Link(Options())).now(Document(text))]


def test_files_that_cannot_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.lua").touch()
    monkeypatch.chdir(tmp_path)
    assert completed(".cd ") == ["folder/"]
    assert completed(".run f") == ["file.lua", "folder/"]
    assert completed(".load \0/") == completed(".load nowhere/") == []
