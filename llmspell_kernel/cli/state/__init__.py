"""`llmspell state`: the values of `State`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.lazy import LazyGroup

_HERE = "llmspell_kernel.cli.state"


@click.group(
    cls=LazyGroup,
    commands_in={
        "get": f"{_HERE}.get:get",
        "set": f"{_HERE}.set:set_",
        "delete": f"{_HERE}.delete:delete",
        "list": f"{_HERE}.list:list_",
        "show": f"{_HERE}.show:show",
        "export": f"{_HERE}.export:export",
        "import": f"{_HERE}.import_:import_",
        "clear": f"{_HERE}.clear:clear",
    },
    epilog="""\b
Examples:
  llmspell state set theme dark
  llmspell state get theme
  llmspell state list --scope user:alice""",
)
def state() -> None:
    """Read and change the values of `State`.

    They are in the store of the settings, which scripts and running kernels share: what is changed here they
    see at once.
    """
