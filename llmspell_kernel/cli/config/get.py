"""`llmspell config get`."""

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
  llmspell config get engines.lua.stdlib
  llmspell config get kernel --output json"""
)
@click.argument("key", type=KEY)
@pass_frame
def get(frame: Frame, key: Key) -> None:
    """Show one setting: its value alone, for scripts. Secrets are hidden."""
    from llmspell_kernel.cli.settings import loaded
    from llmspell_kernel.config.writing import toml_text, toml_value

    value = loaded(frame).shown(key)
    if isinstance(value, dict):
        frame.show(value, lambda: toml_text(value))
    else:
        plain = "" if value is None else value if isinstance(value, str) else toml_value(value)
        frame.show(value, lambda: plain)
