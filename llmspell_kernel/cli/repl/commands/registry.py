"""The dot commands there are."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from llmspell_kernel.errors import UsageError

if TYPE_CHECKING:
    from llmspell_kernel.cli.repl.session import Session

Body = Callable[["Session", str], None]

Takes = Literal["", "lua", "file", "lua_file", "folder", "setting", "command", "switch", "history"]
"""What the argument is, for completion."""


@dataclass(frozen=True, slots=True)
class DotCommand:
    """One command.

    Attributes:
        names: without the dot; the first is its own, the others are for habits.
        usage: how it is called, with the dot.
    """

    names: tuple[str, ...]
    usage: str
    body: Body
    takes: Takes

    @property
    def name(self) -> str:
        """Its own."""
        return self.names[0]

    @property
    def help(self) -> str:
        """What it does; the first line says it in short."""
        return inspect.getdoc(self.body) or ""

    @property
    def summary(self) -> str:
        """In a line."""
        return self.help.partition("\n")[0]


COMMANDS: list[DotCommand] = []


def command(usage: str, *aliases: str, takes: Takes = "") -> Callable[[Body], Body]:
    """Registers the function below as what `usage` describes."""

    def register(body: Body) -> Body:
        name = usage.split()[0].removeprefix(".")
        COMMANDS.append(DotCommand((name, *aliases), usage, body, takes))
        return body

    return register


def find(word: str) -> DotCommand:
    """The command of that name, without its dot.

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    for each in COMMANDS:
        if word in each.names:
            return each
    names = [name for each in COMMANDS for name in each.names]
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.5)
    advice = f"did you mean .{close[0]}?" if close else ".help lists them"
    raise UsageError(f"there is no command .{word}; {advice}")


def refuse_argument(argument: str, name: str) -> None:
    """For a command that takes none.

    Raises:
        UsageError: there is one.
    """
    if argument:
        raise UsageError(f".{name} takes no argument; it got {argument!r}")


def need_argument(argument: str, usage: str) -> None:
    """For a command that takes one.

    Raises:
        UsageError: there is none.
    """
    if not argument:
        raise UsageError(f"something is missing: {usage}")
