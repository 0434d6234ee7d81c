"""`llmspell storage import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.services import confirm
from llmspell_kernel.cli.storage.common import backend_option, entries, opened

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.storage import Backend


@command(
    name="import",
    epilog="""\b
Examples:
  llmspell storage import garden.zip
  llmspell storage import garden.zip --backend postgres --replace --yes""",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), shell_complete=completing.files)
@backend_option
@click.option("--replace", is_flag=True, help="Remove what the store has and FILE has not.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before something is removed.")
@pass_frame
def import_(frame: Frame, file: Path, backend: Backend | None, replace: bool, yes: bool) -> None:
    """Write the entries of a FILE that `llmspell storage export` has made: all of them or none.

    Entries that are there already become what FILE says; others stay, unless --replace removes them.
    """
    from llmspell_kernel.errors import UsageError
    from llmspell_kernel.storage.archive import check_archive, read_archive
    from llmspell_kernel.storage.restoring import restore

    try:
        with file.open("rb") as archive, opened(frame, backend) as store:
            manifest = check_archive(archive, str(file))
            if manifest.kind != "full":
                raise UsageError(
                    f"{file} has only what changed since another backup: use `llmspell backup restore`"
                )
            if replace:
                confirm(f"remove what {store.info().location} has and {file} has not", yes=yes)
            archive.seek(0)
            done = restore(store, [read_archive(archive, str(file))], replace=replace)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    frame.show(
        done._asdict(),
        f"{entries(done.written)} written, {done.unchanged:,} unchanged, {done.deleted:,} removed",
    )
