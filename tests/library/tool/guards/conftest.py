"""What the tests of the guard of files share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.library.tool.guards.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
