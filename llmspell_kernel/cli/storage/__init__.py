"""`llmspell storage`: the stores themselves."""

from __future__ import annotations

import click

from llmspell_kernel.cli.lazy import LazyGroup

_HERE = "llmspell_kernel.cli.storage"


@click.group(
    cls=LazyGroup,
    commands_in={
        "info": f"{_HERE}.info:info",
        "validate": f"{_HERE}.validate:validate",
        "export": f"{_HERE}.export:export",
        "import": f"{_HERE}.import_:import_",
        "migrate": f"{_HERE}.migrate:migrate",
    },
    epilog="""\b
Examples:
  llmspell storage info
  llmspell storage export -o garden.zip
  llmspell storage migrate plan --from sqlite --to postgres -o plan.toml
  llmspell storage migrate execute --plan plan.toml""",
)
def storage() -> None:
    """Look at the stores, and move what they have.

    Where they are, the settings say: `llmspell config show storage`. Without --backend it is the store of
    `State`.
    """
