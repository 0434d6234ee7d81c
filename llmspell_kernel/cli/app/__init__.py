"""`llmspell app`: folders with a program in them."""

from __future__ import annotations

import click

from llmspell_kernel.cli.lazy import LazyGroup

_HERE = "llmspell_kernel.cli.app"


@click.group(
    cls=LazyGroup,
    commands_in={
        "list": f"{_HERE}.list:list_",
        "info": f"{_HERE}.info:info",
        "run": f"{_HERE}.run:run",
        "search": f"{_HERE}.search:search",
    },
    epilog="""\b
Examples:
  llmspell app list                    what there is
  llmspell app info organizer          one of them
  llmspell app run organizer -- --dry  run it, with arguments""",
)
def app() -> None:
    """Find and run apps: folders with a main.lua.

    A config.toml beside it may describe the app and have settings for it. Apps are looked for in the folders
    of --search-path and LLMSPELL_APP_PATH, in ~/.llmspell/apps, /usr/local/share/llmspell/apps and ./apps;
    of two with one name the first counts.
    """
