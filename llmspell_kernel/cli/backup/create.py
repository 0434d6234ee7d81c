"""`llmspell backup create`."""

from __future__ import annotations

from pathlib import Path

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.backup.common import opened
from llmspell_kernel.cli.frame import Frame, command, pass_frame


@command(
    epilog="""\b
Examples:
  llmspell backup create
  llmspell backup create --incremental
  llmspell backup create -o before-upgrade.zip"""
)
@click.option("--incremental", is_flag=True, help="Only what has changed since the last backup.")
@click.option(
    "-o",
    "--file",
    type=click.Path(path_type=Path),
    help="Write it there, and not to the folder of backups.",
    shell_complete=completing.files,
)
@pass_frame
def create(frame: Frame, incremental: bool, file: Path | None) -> None:
    """Back up everything that is stored."""
    from llmspell_kernel.cli.output import size
    from llmspell_kernel.library.state.backups import described

    if incremental and file is not None:
        raise click.UsageError("an incremental backup lies beside the one it needs: leave --file out.")
    with opened(frame) as backups:
        made = backups.create(incremental=incremental, path=file)
    found = described(made)
    frame.show(
        found,
        lambda: f"{made.path}: {found['kind']}, {found['entries']:,} entries, {size(made.size_bytes)}",
    )
