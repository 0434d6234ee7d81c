"""`llmspell backup validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from llmspell_kernel.cli.backup.common import ids, opened
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.errors import StorageError

if TYPE_CHECKING:
    from llmspell_kernel.storage.backup import Backups


@command(
    epilog="""\b
Examples:
  llmspell backup validate
  llmspell backup validate latest""",
)
@click.argument("backup", nargs=-1, shell_complete=ids)
@pass_frame
def validate(frame: Frame, backup: tuple[str, ...]) -> int:
    """Compute the checksums of backups anew: of all, or of those that are named by id or file.

    Exit status 1 if one is damaged.
    """
    with opened(frame) as backups:
        names = backup or [each.id for each in backups.all()]
        found = [_check(backups, name) for name in names]
    lines = [f"{each['id']}: {'sound' if each['valid'] else each['problem']}" for each in found]
    frame.show(found, "\n".join(lines) or "There are no backups.")
    return 0 if all(each["valid"] for each in found) else 1


def _check(backups: Backups, name: str) -> dict[str, Any]:
    found = backups.find(name)
    try:
        manifest = backups.validate(name)
    except StorageError as error:
        return {"id": found.id, "valid": False, "problem": str(error)}
    return {"id": found.id, "valid": True, "entries": sum(manifest.entries.values()), "problem": None}
