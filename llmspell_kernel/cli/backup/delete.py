"""`llmspell backup delete`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.backup.common import ids, opened
from llmspell_kernel.cli.frame import Frame, command, pass_frame


@command(
    epilog="""\b
Examples:
  llmspell backup delete latest""",
)
@click.argument("backup", nargs=-1, required=True, shell_complete=ids)
@pass_frame
def delete(frame: Frame, backup: tuple[str, ...]) -> None:
    """Delete backups. One that an incremental backup needs stays until that one is deleted."""
    with opened(frame) as backups:
        gone = [backups.delete(name).id for name in backup]
    frame.show({"deleted": gone}, "\n".join(f"deleted {each}" for each in gone))
