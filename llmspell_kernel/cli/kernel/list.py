"""`llmspell kernel list`."""

from __future__ import annotations

import time

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.kernel.formats import view_options

_SECOND_LOOK_SECONDS = 1.0
"""A kernel that its manager restarts is dead for a moment; its file must stay."""


@command(
    name="list",
    epilog="""\b
Examples:
  llmspell kernel list
  llmspell kernel list --watch --interval 1
  llmspell kernel list --clean              remove what dead kernels have left
  llmspell kernel list --output json        for programs""",
)
@view_options
@click.option("--clean", is_flag=True, help="Remove the connection files of kernels that are dead.")
@pass_frame
def list_(frame: Frame, form: str | None, watch: bool, interval: float, clean: bool) -> None:
    """Show the kernels of this machine: running, dead, and those that are not LLMSpell's.

    Looks in Jupyter's runtime folder, ~/.llmspell/kernels and $XDG_RUNTIME_DIR/llmspell/kernels. With --quiet
    only their ids.
    """
    from llmspell_kernel.cli.kernel.showing import show_kernels
    from llmspell_kernel.client.discovery import find_kernels
    from llmspell_kernel.client.lifecycle import remove_leftovers
    from llmspell_kernel.client.probe import State, probe

    if clean:
        if watch:
            raise click.UsageError("--clean and --watch exclude each other; choose one.")
        dead = [health.kernel for health in probe(find_kernels()) if health.state is State.DEAD]
        if dead:
            time.sleep(_SECOND_LOOK_SECONDS)
        for health in probe(dead):
            if health.state is State.DEAD:
                remove_leftovers(health)
                frame.note(f"removed {health.kernel.file}")
    show_kernels(frame, find_kernels, form or "table", watch=watch, interval=interval)
