"""`llmspell app search`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmspell_kernel.cli.app.options import search_path_option, show_apps
from llmspell_kernel.cli.frame import Frame, command, pass_frame

if TYPE_CHECKING:
    from llmspell_kernel.cli.app.apps import App

_RANGE = re.compile(r"(\d+)(?:(\+)|-(\d+))?")


def _range(ctx: click.Context, option: click.Parameter, value: str | None) -> tuple[int, float] | None:
    if value is None:
        return None
    found = _RANGE.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is not a number, N-M or N+", ctx, option)
    lowest = int(found[1])
    return lowest, float("inf") if found[2] else int(found[3] or lowest)


@command(
    epilog="""\b
Examples:
  llmspell app search files
  llmspell app search --tag research --tag pdf
  llmspell app search --complexity simple --agents 1-3"""
)
@click.argument("words", nargs=-1)
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="With this tag; may be repeated.")
@click.option("--complexity", metavar="TEXT", help="Of this complexity.")
@click.option("--agents", metavar="NUMBER", callback=_range, help="With so many agents; also N-M and N+.")
@search_path_option
@pass_frame
def search(
    frame: Frame,
    words: tuple[str, ...],
    tags: tuple[str, ...],
    complexity: str | None,
    agents: tuple[int, float] | None,
    search_path: tuple[Path, ...],
) -> None:
    """Find apps by words in their names, descriptions, tags and authors.

    An app is found if all of the words and options fit it; upper and lower case are the same.
    """
    from llmspell_kernel.cli.app.apps import find_apps

    def fits(app: App) -> bool:
        about = app.about
        text = "\n".join((app.name, about.name, about.description, about.author, *about.tags)).casefold()
        its_tags = {tag.casefold() for tag in about.tags}
        return (
            all(word.casefold() in text for word in words)
            and all(tag.casefold() in its_tags for tag in tags)
            and (complexity is None or about.complexity.casefold() == complexity.casefold())
            and (agents is None or agents[0] <= app.agents <= agents[1])
        )

    show_apps(frame, filter(fits, find_apps(search_path)), "no such apps")
