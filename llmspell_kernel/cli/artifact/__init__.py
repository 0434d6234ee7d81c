"""`llmspell artifact`: what sessions have made."""

from __future__ import annotations

import click

from llmspell_kernel.cli.lazy import LazyGroup

_HERE = "llmspell_kernel.cli.artifact"


@click.group(
    cls=LazyGroup,
    commands_in={
        "list": f"{_HERE}.list:list_",
        "get": f"{_HERE}.get:get",
        "store": f"{_HERE}.store:store",
        "delete": f"{_HERE}.delete:delete",
        "query": f"{_HERE}.query:query",
    },
    epilog="""\b
Examples:
  llmspell artifact store 3f2a table.csv --tag csv
  llmspell artifact list 3f2a
  llmspell artifact get 3f2a table.csv -o copy.csv
  llmspell artifact query --name '*.csv'""",
)
def artifact() -> None:
    """Look at what sessions have made, add to it and take from it.

    Artifacts are in the store of the settings, which scripts and running kernels share.
    """
