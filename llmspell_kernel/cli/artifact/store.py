"""`llmspell artifact store`."""

from __future__ import annotations

import sys

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.session.common import find_session, lasting_services, session_argument


@command(
    epilog="""\b
Examples:
  llmspell artifact store 3f2a table.csv --tag csv
  date | llmspell artifact store 3f2a - --name date.txt"""
)
@session_argument()
@click.argument("file", shell_complete=completing.files)
@click.option("--type", "artifact_type", metavar="TYPE", default="user_input", show_default=True)
@click.option("--name", metavar="TEXT", help="By default the file's.")
@click.option("--description", metavar="TEXT", help="What it is.")
@click.option("--mime-type", metavar="TYPE", help="By default as its name says.")
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="May be repeated.")
@pass_frame
def store(
    frame: Frame,
    session: str,
    file: str,
    artifact_type: str,
    name: str | None,
    description: str | None,
    mime_type: str | None,
    tags: tuple[str, ...],
) -> None:
    """Store what a FILE has, - for standard input, and write SESSION/NUMBER.

    A name that the session already has gets its next version.
    """
    about = {"description": description, "mime_type": mime_type, "tags": list(tags), "created_by": "cli"}
    metadata = {key: value for key, value in about.items() if value}
    if file == "-" and not name:
        raise click.UsageError("standard input has no name: give --name.")
    with lasting_services(frame) as made:
        session_id = find_session(made.sessions, session).id
        if file == "-":
            content = sys.stdin.buffer.read()
            record = made.artifacts.store(session_id, artifact_type, name or "", content, metadata)
        else:
            named = {**metadata, "name": name} if name else metadata
            record = made.artifacts.store_file(session_id, file, artifact_type, named)
    frame.show(record.as_table(), f"{record.session_id}/{record.sequence}")
