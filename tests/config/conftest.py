"""Folders in which settings are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from .reader import Reader


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def here(tmp_path: Path) -> Path:
    path = tmp_path / "here"
    path.mkdir()
    return path


@pytest.fixture
def reader(here: Path, home: Path) -> Reader:
    return Reader(here, home)
