"""How commands name a kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from llmspell_kernel.cli import completing

if TYPE_CHECKING:
    from llmspell_kernel.client.discovery import FoundKernel
    from llmspell_kernel.client.probe import Health

F = TypeVar("F", bound=Callable[..., Any])


def where_options(function: F) -> F:
    """Gives a command the argument `where` and the options `key`, `key_file`, for `chosen`."""
    for decorate in (
        click.option("--key", metavar="TEXT", help="The key of the kernel at a tcp:// address."),
        click.option(
            "--key-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="A file with that key.",
        ),
        click.option(
            "-i",
            "--id",
            "by_id",
            metavar="ID",
            help="The same as WHERE.",
            shell_complete=completing.kernels,
        ),
        click.argument("where", required=False, shell_complete=completing.kernels),
    ):
        function = decorate(function)
    return function


def chosen(where: str | None, by_id: str | None, key: str | None, key_file: Path | None) -> FoundKernel:
    """The kernel that the command line names; the only one of ours that runs if it names none.

    Raises:
        ClientError: there is none, or not just one.
    """
    from llmspell_kernel.client.discovery import find_kernel, only_kernel

    if where is not None and by_id is not None:
        raise click.UsageError("WHERE and --id are the same; give one of them.")
    if key is not None and key_file is not None:
        raise click.UsageError("--key and --key-file are the same; give one of them.")
    if key_file is not None:
        key = _key_in(key_file)
    named = where if where is not None else by_id
    return only_kernel() if named is None else find_kernel(named, key=key)


def probed(kernel: FoundKernel) -> Health:
    """How one kernel is."""
    from llmspell_kernel.client.probe import probe

    (health,) = probe([kernel])
    return health


def _key_in(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{file} is no text; a key is one line of it.") from error
