"""`llmspell app list`."""

from __future__ import annotations

from pathlib import Path

from llmspell_kernel.cli.app.options import search_path_option, show_apps
from llmspell_kernel.cli.frame import Frame, command, pass_frame


@command(
    name="list",
    epilog="""\b
Examples:
  llmspell app list
  llmspell app list --search-path ~/work/apps --output json""",
)
@search_path_option
@pass_frame
def list_(frame: Frame, search_path: tuple[Path, ...]) -> None:
    """List the apps that there are."""
    from llmspell_kernel.cli.app.apps import find_apps, places

    looked_in = ", ".join(str(place) for place in places(search_path))
    show_apps(frame, find_apps(search_path), f"no apps in {looked_in}")
