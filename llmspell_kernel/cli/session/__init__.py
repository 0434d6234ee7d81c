"""`llmspell session`: sessions, and what ran in them."""

from __future__ import annotations

import click

from llmspell_kernel.cli.lazy import LazyGroup

_HERE = "llmspell_kernel.cli.session"


@click.group(
    cls=LazyGroup,
    commands_in={
        "list": f"{_HERE}.list:list_",
        "show": f"{_HERE}.show:show",
        "create": f"{_HERE}.create:create",
        "complete": f"{_HERE}.acts:complete",
        "suspend": f"{_HERE}.acts:suspend",
        "resume": f"{_HERE}.acts:resume",
        "replay": f"{_HERE}.replay:replay",
        "export": f"{_HERE}.export:export",
        "delete": f"{_HERE}.delete:delete",
    },
    epilog="""\b
Examples:
  llmspell session list
  llmspell session show 3f2a --runs          an id may be cut short
  llmspell session replay june.ipynb         a session by its name
  llmspell session export 3f2a june.ipynb""",
)
def session() -> None:
    """Look at sessions, change and replay them.

    They are in the store of the settings, which scripts and running kernels share.
    """
