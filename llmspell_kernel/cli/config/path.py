"""`llmspell config path`."""

from __future__ import annotations

import os

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame


@command(
    epilog="""\b
Examples:
  llmspell config path             the file that counts here
  llmspell config path --all       every place where one is looked for"""
)
@click.option("--all", "everything", is_flag=True, help="All places, in the order in which they are tried.")
@pass_frame
def path(frame: Frame, everything: bool) -> None:
    """Show where the settings file is that is found here; nothing if there is none."""
    from llmspell_kernel.cli.output import Table
    from llmspell_kernel.config import sources

    used = sources.discovered(os.environ)
    if not everything:
        frame.show(used, os.path.abspath(used) if used else "")
        return
    rows = [
        {"path": os.path.abspath(each), "exists": os.path.lexists(each), "used": each == used}
        for each in sources.candidates(os.environ)
    ]
    frame.show(
        rows,
        lambda: Table(
            ("path", "state"),
            [(row["path"], "used" if row["used"] else "there" if row["exists"] else "") for row in rows],
        ),
    )
