"""`llmspell config set`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.config.files import file_to_change
from llmspell_kernel.cli.config.keys import KEY
from llmspell_kernel.cli.frame import Frame, command, pass_frame

if TYPE_CHECKING:
    from llmspell_kernel.config.documents import Key


@command(
    name="set",
    context_settings={"ignore_unknown_options": True},  # a value may be negative
    epilog="""\b
Examples:
  llmspell config set engines.lua.stdlib basic
  llmspell config set kernel.idle_timeout 600 --user
  llmspell -c prod.toml config set logging.level error""",
)
@click.argument("key", type=KEY)
@click.argument("value", shell_complete=completing.setting_values)
@click.option("--user", is_flag=True, help="In your own file, ~/.llmspell/config.toml.")
@pass_frame
def set_(frame: Frame, key: Key, value: str, user: bool) -> None:
    """Change one setting in a file.

    In the file that --config names, else in the one that is found, else in a new ./llmspell.toml. Comments
    and order of the file stay.
    """
    from llmspell_kernel.config.writing import current_text, with_value, write_file

    path: Path = file_to_change(frame, user=user)
    write_file(path, with_value(current_text(path), key, value, str(path)))
    frame.show({"file": str(path), "key": ".".join(key)})
    frame.note(f"changed {'.'.join(key)} in {path}")
