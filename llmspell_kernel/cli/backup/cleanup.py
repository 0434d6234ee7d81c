"""`llmspell backup cleanup`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.backup.common import opened
from llmspell_kernel.cli.frame import Frame, command, pass_frame


@command(
    epilog="""\b
Examples:
  llmspell backup cleanup --dry-run
  llmspell backup cleanup""",
)
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@pass_frame
def cleanup(frame: Frame, dry_run: bool) -> None:
    """Delete backups that are too many or too old.

    What that is the settings say: max_backups and max_backup_age of runtime.state_persistence.backup. The
    newest one stays, and what an incremental backup needs.
    """
    from llmspell_kernel.cli.output import size

    with opened(frame) as backups:
        done = backups.cleanup(dry_run=dry_run)
    freed = sum(each.size_bytes for each in done.removed)
    words = "would be deleted" if dry_run else "deleted"
    lines = [
        *(each.id for each in done.removed),
        f"{len(done.removed)} {words} ({size(freed)}), {len(done.kept)} stay",
    ]
    frame.show(
        {
            "removed": [each.id for each in done.removed],
            "kept": [each.id for each in done.kept],
            "freed_bytes": freed,
            "dry_run": dry_run,
        },
        "\n".join(lines),
    )
