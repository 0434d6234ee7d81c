"""`llmspell storage export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.storage.common import backend_option, entries, opened

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.storage import Backend


@command(
    epilog="""\b
Examples:
  llmspell storage export -o garden.zip
  llmspell storage export --backend postgres -o garden.zip"""
)
@click.option(
    "-o",
    "--file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.",
    shell_complete=completing.files,
)
@backend_option
@click.option("-f", "--force", is_flag=True, help="Also over a file that is there.")
@pass_frame
def export(frame: Frame, file: Path, backend: Backend | None, force: bool) -> None:
    """Write everything that a store has to a file, which any store can import.

    It is a zip: entries.jsonl has an entry a line, with its value in Base64; manifest.json its checksum.
    """
    from llmspell_kernel.errors import UsageError
    from llmspell_kernel.storage.archive import Header, write_archive
    from llmspell_kernel.storage.backup import whole_file

    if file.exists() and not force:
        raise UsageError(f"{file} is there already; --force writes over it")
    with opened(frame, backend) as store, whole_file(file) as written:
        manifest = write_archive(store, written, Header(id=file.stem, note="llmspell storage export"))
    count = sum(manifest.entries.values())
    frame.show(
        {"file": str(file), "entries": manifest.entries, "sha256": manifest.sha256},
        f"{file}: {entries(count)}",
    )
