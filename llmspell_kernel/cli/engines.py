"""The option that chooses a Lua; it has the same names in every command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

ENGINES = ("lua", "lua54", "lua55", "luajit")


def engine_option(about: str, choices: Iterable[str] = ENGINES, *, name: str = "engine") -> Callable[[F], F]:
    """Gives a command a Lua by its name as the argument `name`; None if none was chosen."""
    return click.option("--engine", "--language", name, type=click.Choice(list(choices)), help=about)
