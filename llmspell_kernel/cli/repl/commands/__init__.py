"""The words with a dot. Each is a function with a usage line above it and its help below."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from llmspell_kernel.cli.repl.commands.registry import COMMANDS, DotCommand, find

if TYPE_CHECKING:
    from llmspell_kernel.cli.repl.session import Session

_MODULES = ("general", "code", "files", "tools", "settings")


def perform(session: Session, text: str) -> None:
    """Does what a word and its argument say.

    Raises:
        LLMSpellError: it cannot be done.
    """
    word, _, argument = text.partition(" ")
    loaded()
    find(word.removeprefix(".")).body(session, argument.strip())


def loaded() -> list[DotCommand]:
    """All of them, in the order of `.help`."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
    return COMMANDS
