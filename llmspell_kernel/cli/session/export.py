"""`llmspell session export`."""

from __future__ import annotations

from pathlib import Path

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.session.common import find_session, lasting_services, session_argument, write_bytes
from llmspell_kernel.errors import UsageError

_FORMATS = {".json": "json", ".ipynb": "ipynb", ".lua": "lua"}


@command(
    epilog="""\b
Examples:
  llmspell session export 3f2a june.ipynb    a notebook, with what the cells have shown
  llmspell session export 3f2a june.lua      a script that does what the cells did
  llmspell session export 3f2a - | jq .runs"""
)
@session_argument()
@click.argument("file", shell_complete=completing.files)
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["json", "ipynb", "lua"]),
    help="By default as FILE ends, JSON if it has no ending.",
)
@pass_frame
def export(frame: Frame, session: str, file: str, form: str | None) -> None:
    """Write a session to a FILE, - for standard output: all of it as JSON, or what ran in it."""
    from llmspell_kernel.library.session.exporting import exported

    wanted = form or _format_of(file)
    with lasting_services(frame) as made:
        record = find_session(made.sessions, session)
        if wanted == "lua":
            from llmspell_kernel.cli.session.as_script import as_script

            text = as_script(made.sessions.runs.of(record.id))
        else:
            text = exported(made, record.id, wanted)
    write_bytes(file, text.encode("utf-8", "surrogateescape"))
    if file != "-":
        frame.show({"file": file, "format": wanted, "session": record.id})
        frame.note(f"wrote {file}")


def _format_of(file: str) -> str:
    suffix = Path(file).suffix.lower()
    if suffix in _FORMATS:
        return _FORMATS[suffix]
    if file == "-" or not suffix:
        return "json"
    raise UsageError(
        f"{file} ends in {suffix}, which names no format: {', '.join(_FORMATS)} do; or say it with --format"
    )
