"""`llmspell session list`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.session.common import lasting_services, short

STATUSES = ("active", "suspended", "completed", "failed", "archived", "expired")


@command(
    name="list",
    epilog="""\b
Examples:
  llmspell session list
  llmspell session list --status active --tag report
  llmspell session list --detailed --limit 5
  llmspell session list --output json""",
)
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option(
    "--tag", "tags", metavar="TAG", multiple=True, help="Only those with this tag; may be repeated."
)
@click.option("--limit", type=click.IntRange(0), metavar="N", help="The newest N.")
@click.option("--detailed", is_flag=True, help="Whole ids, tags and times.")
@pass_frame
def list_(frame: Frame, status: str | None, tags: tuple[str, ...], limit: int | None, detailed: bool) -> None:
    """List sessions, the newest first. With --quiet only their ids.

    A terminal that is too narrow shows fewer columns.
    """
    from llmspell_kernel.cli.output import Table

    with lasting_services(frame) as made:
        found = made.sessions.search(status=status or "", tags=tags, limit=limit)
        rows = [made.sessions.table(each) for each in found]
    if frame.quiet and frame.output == "text":
        frame.show(rows, "\n".join(row["id"] for row in rows))
        return
    headings = ["id", "status", "runs", "artifacts", "last used", "name"]
    cells = [
        [
            row["id"] if detailed else short(row["id"]),
            row["status"],
            f"{row['operation_count']:,}",
            f"{row['artifact_count']:,}",
            row["updated_at"][:16].replace("T", " "),
            row.get("name", ""),
        ]
        for row in rows
    ]
    if detailed:
        headings[5:5] = ["created", "by", "tags"]
        for cell, row in zip(cells, rows, strict=True):
            created = row["created_at"][:16].replace("T", " ")
            cell[5:5] = [created, row.get("created_by", ""), ", ".join(row["tags"])]
    spare = (3, 2, 6, 5, 7, 4) if detailed else (3, 2)
    frame.show(rows, Table(headings, cells, right=(2, 3), empty="There are no such sessions.", spare=spare))
