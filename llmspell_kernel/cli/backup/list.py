"""`llmspell backup list`."""

from __future__ import annotations

from llmspell_kernel.cli.backup.common import opened
from llmspell_kernel.cli.frame import Frame, command, pass_frame


@command(
    name="list",
    epilog="""\b
Examples:
  llmspell backup list
  llmspell backup list --quiet""",
)
@pass_frame
def list_(frame: Frame) -> None:
    """List the backups, the newest first. With --quiet only their ids."""
    from llmspell_kernel.cli.output import Table, size
    from llmspell_kernel.library.state.backups import described

    with opened(frame) as backups:
        found = [described(each) for each in backups.all()]
    if frame.quiet and frame.output == "text":
        frame.show(found, "\n".join(each["id"] for each in found))
        return
    rows = [
        (
            each["id"],
            each["created_at"][:16].replace("T", " "),
            each.get("kind", "damaged"),
            f"{each['entries']:,}" if "entries" in each else "",
            size(each["size_bytes"]),
            each.get("problem") or each["note"],
        )
        for each in found
    ]
    empty = f"There are no backups in {backups.folder}; `llmspell backup create` makes one."
    headings = ["id", "created", "kind", "entries", "size", "note"]
    frame.show(found, Table(headings, rows, right=(3, 4), empty=empty, spare=(3, 1, 4)))
