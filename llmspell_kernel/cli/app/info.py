"""`llmspell app info`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmspell_kernel.cli.app.options import app_names, search_path_option
from llmspell_kernel.cli.frame import Frame, command, pass_frame

if TYPE_CHECKING:
    from llmspell_kernel.cli.app.apps import App


@command(
    epilog="""\b
Examples:
  llmspell app info organizer
  llmspell app info ./organizer --output pretty      by its folder"""
)
@click.argument("name", shell_complete=app_names)
@search_path_option
@pass_frame
def info(frame: Frame, name: str, search_path: tuple[Path, ...]) -> None:
    """Show what an app says of itself, and the settings that it brings."""
    from llmspell_kernel.cli.app.apps import find_app

    app = find_app(name, search_path)
    settings, problems = _settings(app)
    record = {**app.record(), "problems": problems, "settings": settings}
    frame.show(record, lambda: _text(app, settings))
    for problem in problems:
        frame.note(f"note: {problem}")


def _settings(app: App) -> tuple[dict[str, Any], list[str]]:
    """By dotted key, and all that is wrong with its config.toml."""
    from llmspell_kernel.config.checking import checked
    from llmspell_kernel.errors import SettingsError

    try:
        values = app.settings()
        checked(values)
    except SettingsError as error:
        return {}, list(dict.fromkeys((*app.problems, *str(error).splitlines())))
    return {".".join(key): value for key, (value, _) in values.items()}, list(app.problems)


def _text(app: App, settings: dict[str, Any]) -> str:
    from llmspell_kernel.config.writing import toml_value

    about = app.about
    agents = about.agents if isinstance(about.agents, int) else ", ".join(about.agents)
    fields = (
        ("about", " ".join(about.description.split())),
        ("version", about.version),
        ("author", about.author),
        ("tags", ", ".join(about.tags)),
        ("complexity", about.complexity),
        ("agents", agents),
        ("script", app.main),
        *(("setting", f"{key} = {toml_value(value)}") for key, value in settings.items()),
    )
    lines = [f"{label:<11} {value}" for label, value in fields if value]
    title = about.name if about.name not in ("", app.name) else ""
    return "\n".join((f"{app.name}: {title}" if title else app.name, *lines))
