"""What commands share that may run code in a running kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame

F = TypeVar("F", bound=Callable[..., Any])


def connect_option(does: str) -> Callable[[F], F]:
    """Gives a command the option `--connect`; `does` is what its help begins with."""
    return click.option(
        "--connect",
        metavar="WHERE",
        shell_complete=completing.kernels,
        help=f"{does} a running kernel: a connection file, an id or name (llmspell kernel list), "
        "or tcp://HOST:PORT.",
    )


def check_connect(frame: Frame, connect: str | None, engine: str | None) -> None:
    """Refuses what would have no effect: the Lua and the settings of a running kernel are chosen already.

    Raises:
        click.UsageError: the command line has both.
    """
    if connect is None:
        return
    if not connect:
        raise click.UsageError("--connect is empty; `llmspell kernel list` shows what runs.")
    if engine is not None:
        raise click.UsageError(
            "--engine chooses a Lua for this process, the kernel at --connect has its own; leave out one."
        )
    if frame.has_settings:
        option = "--profile" if frame.profile is not None else "--config"
        raise click.UsageError(
            f"{option} chooses settings for this process, the kernel at --connect has its own; leave out one."
        )
