"""`llmspell artifact get`."""

from __future__ import annotations

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.artifact.common import artifact_arguments, find_artifact
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.session.common import lasting_services, write_bytes


@command(
    epilog="""\b
Examples:
  llmspell artifact get 3f2a table.csv              its last version, on standard output
  llmspell artifact get 3f2a/2 -o table.csv         the second artifact, to a file
  llmspell artifact get 3f2a table.csv --output json"""
)
@artifact_arguments
@click.option(
    "-o",
    "--to",
    "file",
    metavar="FILE",
    default="-",
    help="Where the content goes; standard output by default.",
    shell_complete=completing.files,
)
@pass_frame
def get(frame: Frame, session: str, artifact: str | None, file: str) -> None:
    """Write the content of an artifact, byte for byte; ARTIFACT is its number or its name.

    With --output json, what is known about it, and the content in Base64 if it does not go to a file.
    """
    import base64

    with lasting_services(frame) as made:
        record = find_artifact(made, session, artifact)
        content = made.artifacts.content(record)
    if frame.output == "text" or file != "-":
        write_bytes(file, content)
    table = record.as_table()
    if frame.output != "text":
        frame.show(table if file != "-" else table | {"content": base64.b64encode(content).decode()})
    elif file != "-":
        frame.note(f"wrote {len(content):,} bytes to {file}")
