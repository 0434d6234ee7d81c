"""`llmspell session export`."""

from __future__ import annotations

from pathlib import Path

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.session.common import find_session, lasting_services, session_argument, write_bytes

_FORMATS = {".json": "json", ".ipynb": "ipynb", ".lua": "lua"}


@command(
    epilog="""\b
Examples:
  llmspell session export 3f2a june.ipynb    a notebook, with what the cells have shown
  llmspell session export 3f2a june.lua      only the code
  llmspell session export 3f2a - | jq .runs"""
)
@session_argument()
@click.argument("file", shell_complete=completing.files)
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["json", "ipynb", "lua"]),
    help="By default as FILE is called, else JSON.",
)
@pass_frame
def export(frame: Frame, session: str, file: str, form: str | None) -> None:
    """Write a session to a FILE, - for standard output: all of it as JSON, or what ran in it."""
    from llmspell_kernel.library.session.exporting import exported

    with lasting_services(frame) as made:
        record = find_session(made.sessions, session)
        wanted = form or _FORMATS.get(Path(file).suffix, "json")
        text = exported(made, record.id, wanted)
    write_bytes(file, text.encode())
    if file != "-":
        frame.show({"file": file, "format": wanted, "session": record.id})
        frame.note(f"wrote {file}")
