"""`llmspell config show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from llmspell_kernel.cli.config.keys import KEY
from llmspell_kernel.cli.frame import Frame, command, pass_frame

if TYPE_CHECKING:
    from llmspell_kernel.config.documents import Key


@command(
    epilog="""\b
Examples:
  llmspell config show
  llmspell config show engines.lua --origins
  llmspell config show kernel --output pretty"""
)
@click.argument("section", type=KEY, default=())
@click.option("--origins", is_flag=True, help="Where each came from: a file with its line, a variable ...")
@pass_frame
def show(frame: Frame, section: Key, origins: bool) -> None:
    """Show the settings in effect, all or those of a SECTION.

    As TOML, or JSON with --output. Secrets are hidden.
    """
    from llmspell_kernel.cli.settings import loaded, show_settings

    show_settings(frame, loaded(frame), section, with_origins=origins)
