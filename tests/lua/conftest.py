"""Lua shells for the tests of the language: one fixture for each Lua."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .shell import LANGUAGES, LuaShell


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    """Each of the Luas."""
    return str(request.param)


@pytest.fixture
def shell(language: str) -> Iterator[LuaShell]:
    """A fresh state of each Lua."""
    shell = LuaShell(language)
    yield shell
    shell.interpreter.close()
