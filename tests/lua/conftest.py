"""Lua shells for the tests of the language: one fixture for each Lua."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .shell import LANGUAGES, LuaShell


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    """Each of the Luas."""
    return str(request.param)


@pytest.fixture
def shell(language: str) -> LuaShell:
    """A fresh state of each Lua."""
    return LuaShell(language)


@pytest.fixture
def new_shell() -> Callable[..., LuaShell]:
    """Makes shells with settings."""

    def make(language: str = "lua54", **settings: Any) -> LuaShell:
        return LuaShell(language, **settings)

    return make
