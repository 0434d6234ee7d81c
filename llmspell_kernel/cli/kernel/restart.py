"""`llmspell kernel restart`."""

from __future__ import annotations

from pathlib import Path

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.kernel.where import chosen, probed, where_options


@command(
    epilog="""\b
Examples:
  llmspell kernel restart work
  llmspell kernel restart            the only one that runs"""
)
@where_options
@click.option(
    "--timeout",
    type=click.FloatRange(0, 86_400),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long it may take to come back.",
)
@pass_frame
def restart(
    frame: Frame, where: str | None, by_id: str | None, key: str | None, key_file: Path | None, timeout: float
) -> None:
    """Start a kernel anew: its variables are gone, its clients stay connected.

    A kernel of `llmspell kernel start` starts itself again, in its own terminal; one of a Jupyter Server is
    restarted by the server. Others belong to the program that started them.
    """
    from llmspell_kernel.client.lifecycle import restart

    kernel = chosen(where, by_id, key, key_file)
    said = restart(probed(kernel), seconds=timeout)
    frame.show({"id": kernel.id, "result": said})
    if frame.output == "text":
        frame.note(f"{kernel.id} {said}")
