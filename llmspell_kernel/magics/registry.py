"""The magics there are.

A magic is a function with a usage line above it and help below it:

    @magic("%pwd", group="Files")
    def pwd(call: Call) -> Outcome | None:
        '''Shows the working directory.'''

The docstring is Markdown; its first line is the one that lists show.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from llmspell_kernel.errors import MagicError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.magics.arguments import Usage

if TYPE_CHECKING:
    from llmspell_kernel.magics.session import Call

Body = Callable[["Call"], "Outcome | None"]

Takes = Literal["", "lua", "file", "lua_file", "folder", "environment", "setting", "type"]
"""What the arguments are, for completion; `lua` also means that braces in them are Lua's."""


@dataclass(frozen=True, slots=True)
class Magic:
    """One magic: how it is called, what it does, what its help says."""

    usage: Usage
    body: Body
    group: str
    takes: Takes

    @property
    def name(self) -> str:
        """As typed: with `%` or `%%`."""
        return ("%%" if self.usage.is_cell else "%") + self.usage.name

    @property
    def help(self) -> str:
        """Markdown."""
        return inspect.getdoc(self.body) or ""

    @property
    def summary(self) -> str:
        """The first line of the help."""
        return self.help.partition("\n")[0]


LINE_MAGICS: dict[str, Magic] = {}
CELL_MAGICS: dict[str, Magic] = {}


def magic(usage: str, *, group: str, takes: Takes = "") -> Callable[[Body], Body]:
    """Registers the function below as what `usage` describes."""

    def register(body: Body) -> Body:
        read = Usage(usage)
        found = Magic(read, body, group, takes)
        (CELL_MAGICS if read.is_cell else LINE_MAGICS)[read.name] = found
        return body

    return register


def find(name: str, *, cell: bool) -> Magic:
    """The magic of that name.

    Raises:
        MagicError: there is none; the message names the nearest.
    """
    own, other = (CELL_MAGICS, LINE_MAGICS) if cell else (LINE_MAGICS, CELL_MAGICS)
    if found := own.get(name):
        return found
    sign, other_sign = ("%%", "%") if cell else ("%", "%%")
    if name in other:
        where = "as the first line of a cell" if other_sign == "%%" else "on a line with its arguments"
        raise MagicError(f"there is no {sign}{name}, but {other_sign}{name}, {where}")
    close = difflib.get_close_matches(name.lower(), [*own, *other], n=1, cutoff=0.5)
    advice = "see %lsmagic for those there are"
    if close:
        nearest = (sign if close[0] in own else other_sign) + close[0]
        advice = f"did you mean {nearest}? (%lsmagic lists all)"
    raise MagicError(f"no magic called {sign}{name}; {advice}")


def groups() -> dict[str, list[Magic]]:
    """All magics by group, as registered; line magics before cell magics."""
    found: dict[str, list[Magic]] = {}
    for each in (*LINE_MAGICS.values(), *CELL_MAGICS.values()):
        found.setdefault(each.group, []).append(each)
    return found
