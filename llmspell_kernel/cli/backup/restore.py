"""`llmspell backup restore`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.backup.common import ids, opened
from llmspell_kernel.cli.frame import Frame, command, pass_frame


@command(
    epilog="""\b
Examples:
  llmspell backup restore latest
  llmspell backup restore 20261121T1029
  llmspell backup restore ./before-upgrade.zip"""
)
@click.argument("backup", shell_complete=ids)
@pass_frame
def restore(frame: Frame, backup: str) -> None:
    """Make the store what it was: BACKUP is an id, the beginning of one, `latest`, or a file.

    All of it comes back, or nothing changes. What is stored now is backed up before.
    """
    with opened(frame) as backups:
        chosen = backups.find(backup)
        done, saved = backups.restore(backup)
    data = {"id": chosen.id, "safety_backup": None if saved is None else saved.id, **done._asdict()}
    counts = f"{done.written:,} written, {done.deleted:,} deleted, {done.unchanged:,} as they were"
    frame.show(
        data,
        lambda: f"restored {chosen.id}: {counts}\nwhat was there before: {data['safety_backup']}",
    )
