"""`llmspell tool`: tools."""

from __future__ import annotations

import click

from llmspell_kernel.cli.lazy import LazyGroup

_HERE = "llmspell_kernel.cli.tool"


@click.group(
    cls=LazyGroup,
    commands_in={
        "list": f"{_HERE}.list:list_",
        "info": f"{_HERE}.info:info",
        "invoke": f"{_HERE}.invoke:invoke",
        "search": f"{_HERE}.search:search",
        "test": f"{_HERE}.test:test",
    },
    epilog="""\b
Examples:
  llmspell tool list --category data
  llmspell tool info csv-analyzer
  llmspell tool invoke hash-calculator --params '{"operation": "hash", "input": "text"}'""",
)
def tool() -> None:
    """Find, call and test tools: what scripts reach as `Tool`.

    They run here, with the settings in effect, or with --connect in a running kernel, which also has the
    tools that its scripts have added.
    """
