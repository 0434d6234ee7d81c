"""`llmspell config init`."""

from __future__ import annotations

from pathlib import Path

import click

from llmspell_kernel.cli.config.files import NEW_FILE
from llmspell_kernel.cli.frame import Frame, command, pass_frame


@command(
    epilog="""\b
Examples:
  llmspell config init
  llmspell config init --user
  llmspell -p restricted config init -o lua/llmspell.toml"""
)
@click.option(
    "-o", "--file", type=click.Path(path_type=Path), help=f"The file to write; {NEW_FILE} if not given."
)
@click.option("--user", is_flag=True, help="Write your own file, ~/.llmspell/config.toml.")
@click.option("-f", "--force", is_flag=True, help="Also over a file that is there.")
@pass_frame
def init(frame: Frame, file: Path | None, user: bool, force: bool) -> None:
    """Write a settings file that has every setting as a comment.

    With --profile, the file builds on that profile.
    """
    if user and file is not None:
        raise click.UsageError("--user and --file both name a file; choose one.")
    from llmspell_kernel.config.layers import read_profile
    from llmspell_kernel.config.writing import new_file, write_file
    from llmspell_kernel.errors import SettingsError

    path = Path.home() / ".llmspell" / "config.toml" if user else file or Path(NEW_FILE)
    if path.exists() and not force:
        raise SettingsError.at(str(path), "is there already; --force writes over it")
    extends = [name.strip() for name in (frame.profile or "").split(",") if name.strip()]
    read_profile(",".join(extends))
    write_file(path, new_file(extends))
    frame.show({"file": str(path)})
    frame.note(f"wrote {path}")
