"""`llmspell kernel`: the Jupyter kernel."""

from __future__ import annotations

import click

from llmspell_kernel.cli.lazy import LazyGroup


@click.group(
    cls=LazyGroup,
    commands_in={
        "install": "llmspell_kernel.cli.kernel_install:install",
        "start": "llmspell_kernel.cli.kernel_start:start",
    },
)
def kernel() -> None:
    """Install the Jupyter kernel, or start one."""
