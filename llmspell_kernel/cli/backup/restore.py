"""`llmspell backup restore`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.backup.common import ids, opened
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.services import confirm


@command(
    epilog="""\b
Examples:
  llmspell backup restore latest --yes
  llmspell backup restore 20261121T1029
  llmspell backup restore ./before-upgrade.zip"""
)
@click.argument("backup", shell_complete=ids)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_frame
def restore(frame: Frame, backup: str, yes: bool) -> None:
    """Make the store what it was: BACKUP is an id, the beginning of one, `latest`, or a file.

    Asks before. All of it comes back, or nothing changes. What is stored now is backed up before. A file may
    also be the backup of another store.
    """
    from llmspell_kernel.library.state.backups import date

    with opened(frame) as backups:
        chosen = backups.find(backup)
        note = f" ({chosen.manifest.note})" if chosen.manifest and chosen.manifest.note else ""
        confirm(f"make the store what it was at {date(chosen.created_at)}{note}", yes=yes)
        done, saved = backups.restore(str(chosen.path))
    data = {"id": chosen.id, "safety_backup": None if saved is None else saved.id, **done._asdict()}
    counts = f"{done.written:,} written, {done.deleted:,} deleted, {done.unchanged:,} as they were"
    frame.show(
        data,
        lambda: f"restored {chosen.id}: {counts}\nwhat was there before: {data['safety_backup']}",
    )
