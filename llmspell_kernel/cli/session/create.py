"""`llmspell session create`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.session.common import find_session, lasting_services


@command(
    epilog="""\b
Examples:
  llmspell session create --name june --tag report
  id=$(llmspell session create)"""
)
@click.option("--name", metavar="TEXT", default="", help="What it is called.")
@click.option("--description", metavar="TEXT", default="", help="What it is for.")
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="May be repeated.")
@click.option("--parent", metavar="SESSION", help="The session that it comes from.")
@pass_frame
def create(frame: Frame, name: str, description: str, tags: tuple[str, ...], parent: str | None) -> None:
    """Make a session, and write its id."""
    with lasting_services(frame) as made:
        parent_id = find_session(made.sessions, parent).id if parent else ""
        session_id = made.sessions.create(
            name=name, description=description, tags=tags, parent_session_id=parent_id, created_by="cli"
        )
        table = made.sessions.table(made.sessions.get(session_id))
    frame.show(table, session_id)
