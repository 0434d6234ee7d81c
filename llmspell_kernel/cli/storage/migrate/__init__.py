"""`llmspell storage migrate`: from one store to another."""

from __future__ import annotations

import click

from llmspell_kernel.cli.lazy import LazyGroup

_HERE = "llmspell_kernel.cli.storage.migrate"


@click.group(
    cls=LazyGroup,
    commands_in={"plan": f"{_HERE}.plan:plan", "execute": f"{_HERE}.execute:execute"},
    epilog="""\b
Examples:
  llmspell storage migrate plan --from sqlite --to postgres -o plan.toml
  llmspell storage migrate execute --plan plan.toml --dry-run
  llmspell storage migrate execute --plan plan.toml""",
)
def migrate() -> None:
    """Move what one store has to another: first a plan, then its execution."""
