"""What the commands about apps share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from llmspell_kernel.cli.frame import Frame

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from llmspell_kernel.cli.app.apps import App
    from llmspell_kernel.cli.output import Table

F = TypeVar("F", bound=Callable[..., Any])


def search_path_option(function: F) -> F:
    """Gives a command `search_path`: folders to look in before all others."""
    return click.option(
        "--search-path",
        metavar="DIRECTORY",
        multiple=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Look for apps in this folder first; may be repeated. Also LLMSPELL_APP_PATH.",
    )(function)


def app_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Apps, for the shell; folders if none is called so."""
    from click.shell_completion import CompletionItem

    from llmspell_kernel.cli import completing
    from llmspell_kernel.cli.app.apps import find_apps

    found = [
        CompletionItem(app.name, help=app.about.description or None)
        for app in find_apps([Path(each) for each in ctx.params.get("search_path") or ()])
        if app.name.startswith(incomplete)
    ]
    return found or completing.directories(ctx, param, incomplete)


def show_apps(frame: Frame, apps: Iterable[App], otherwise: str) -> None:
    """Writes a table or a list of records; what is wrong with an app is told on stderr."""
    from llmspell_kernel.cli.output import Table

    shown = list(apps)

    def table() -> Table:
        rows = [
            (
                app.name,
                app.about.version,
                app.about.complexity,
                app.agents or None,
                " ".join(app.about.description.split()),
            )
            for app in shown
        ]
        return Table(("name", "version", "complexity", "agents", "description"), rows, (3,), otherwise)

    frame.show([app.record() for app in shown], table)
    for app in shown:
        for problem in app.problems:
            frame.note(f"note: {problem}")
