"""`llmspell config`: settings."""

from __future__ import annotations

import click

from llmspell_kernel.cli.lazy import LazyGroup

_HERE = "llmspell_kernel.cli.config"


@click.group(
    cls=LazyGroup,
    commands_in={
        "show": f"{_HERE}.show:show",
        "get": f"{_HERE}.get:get",
        "set": f"{_HERE}.set:set_",
        "init": f"{_HERE}.init:init",
        "edit": f"{_HERE}.edit:edit",
        "validate": f"{_HERE}.validate:validate",
        "list-profiles": f"{_HERE}.list_profiles:list_profiles",
        "path": f"{_HERE}.path:path",
        "schema": f"{_HERE}.schema:schema",
    },
    epilog="""\b
Examples:
  llmspell config init                        a file to fill in, here
  llmspell config show --origins              what is in effect, and why
  llmspell -p restricted config show runtime  ... with a profile""",
)
def config() -> None:
    """Show, check and change settings.

    Defaults come first, over them a settings file that is found (`config path` shows where), a file that
    --config names, a profile that --profile names, LLMSPELL_ variables, and options of a command.
    """
