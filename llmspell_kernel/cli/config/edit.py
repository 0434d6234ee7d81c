"""`llmspell config edit`."""

from __future__ import annotations

from pathlib import Path

import click

from llmspell_kernel.cli.config.files import file_to_change
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.errors import UsageError


@command(
    epilog="""\b
Examples:
  llmspell config edit
  EDITOR="code --wait" llmspell config edit --user"""
)
@click.option("--user", is_flag=True, help="Your own file, ~/.llmspell/config.toml.")
@pass_frame
def edit(frame: Frame, user: bool) -> None:
    """Open the settings file in an editor, and check it afterwards.

    The editor is what VISUAL or EDITOR says. A file that is not there is written first.
    """
    from llmspell_kernel.config.checking import checked
    from llmspell_kernel.config.layers import read_file
    from llmspell_kernel.config.writing import new_file, write_file

    path: Path = file_to_change(frame, user=user)
    if not path.exists():
        write_file(path, new_file())
    try:
        click.edit(filename=str(path))
    except click.ClickException as problem:
        raise UsageError(
            f"cannot edit {path}: {problem.message}; VISUAL or EDITOR is to name an editor"
        ) from None
    checked(read_file(str(path)))
