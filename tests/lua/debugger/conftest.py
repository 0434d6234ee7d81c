"""Sessions of the debugger: one for each Lua."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .session import Session, debugged


@pytest.fixture
def session(language: str) -> Iterator[Session]:
    """A debugger over a fresh state of each Lua, with a recorder attached."""
    with debugged(language) as session:
        yield session
