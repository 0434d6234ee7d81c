"""The services behind the Lua globals, for commands that act on what is stored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from llmspell_kernel.cli.frame import Frame

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services


@contextmanager
def services(frame: Frame) -> Iterator[Services]:
    """Those of the settings in effect; they end with the `with` statement."""
    from llmspell_kernel.cli.settings import loaded
    from llmspell_kernel.library.services import Services

    made = Services(lambda: loaded(frame).settings)
    try:
        yield made
    finally:
        made.close()


def confirm(act: str, *, yes: bool) -> None:
    """Asks before something is lost; `yes` answers it. `act` is what would be done: `remove all values`.

    Raises:
        UsageError: nobody can be asked.
        Abort: the answer is no.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(f"this needs --yes where nobody can be asked: it would {act}.")
    click.confirm(f"{act[:1].upper()}{act[1:]}?", abort=True, err=True)
