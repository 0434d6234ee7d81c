"""`llmspell backup`: copies of what is stored."""

from __future__ import annotations

import click

from llmspell_kernel.cli.lazy import LazyGroup

_HERE = "llmspell_kernel.cli.backup"


@click.group(
    cls=LazyGroup,
    commands_in={
        "create": f"{_HERE}.create:create",
        "list": f"{_HERE}.list:list_",
        "restore": f"{_HERE}.restore:restore",
        "validate": f"{_HERE}.validate:validate",
        "delete": f"{_HERE}.delete:delete",
        "cleanup": f"{_HERE}.cleanup:cleanup",
    },
    epilog="""\b
Examples:
  llmspell backup create
  llmspell backup list
  llmspell backup restore latest""",
)
def backup() -> None:
    """Back up everything in the store of `State`, and bring it back.

    A backup is a file with checksums, in the folder that runtime.state_persistence.backup.backup_dir names;
    there each store, and each tenant of a server, has a folder of its own. Any backend can be restored from
    the file.
    """
