"""`llmspell definitions`."""

from __future__ import annotations

from pathlib import Path

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame


@command(
    epilog="""\b
Examples:
  llmspell definitions .luals
  echo '{"workspace.library": [".luals"]}' > .luarc.json"""
)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@pass_frame
def definitions(frame: Frame, folder: Path) -> None:
    """Write definitions of all globals for your editor's Lua language server.

    An editor whose `workspace.library` names DIR completes and checks what scripts call.
    """
    from llmspell_kernel.library.definitions import write_definitions
    from llmspell_kernel.runtime import LIBRARY

    written = write_definitions(folder, LIBRARY)
    frame.show({"files": [str(path) for path in written]})
    for path in written:
        frame.note(f"wrote {path}")
