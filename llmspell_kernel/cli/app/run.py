"""`llmspell app run`."""

from __future__ import annotations

from pathlib import Path

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.app.options import app_names, search_path_option
from llmspell_kernel.cli.frame import Frame, pass_frame
from llmspell_kernel.cli.job import Job, ScriptCommand, announce, perform, script_options


@click.command(
    cls=ScriptCommand,
    epilog="""\b
Examples:
  llmspell app run organizer
  llmspell app run organizer -- ~/Downloads --dry      with arguments
  llmspell app run ./organizer --timeout 60            by its folder
  llmspell app run organizer --dry-run                 the settings it would have""",
)
@click.argument("name", shell_complete=app_names)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, shell_complete=completing.files)
@search_path_option
@script_options
@pass_frame
def run(
    frame: Frame,
    name: str,
    arguments: tuple[str, ...],
    search_path: tuple[Path, ...],
    engine: str | None,
    connect: str | None,
    timeout: float | None,
) -> int:
    """Run an app: its main.lua, as `llmspell run` does.

    The working directory stays what it is; `require` finds the files beside main.lua. Settings in the app's
    config.toml take the place of the defaults; your own, from wherever, come over them. With --connect those
    of the kernel count.
    """
    from llmspell_kernel.cli.app.apps import find_app
    from llmspell_kernel.cli.sources import read_script, script_of

    announce(frame, name, connect)
    app = find_app(name, search_path)
    source = read_script(str(app.main))
    script = script_of(str(app.main), arguments)
    return perform(frame, Job(source, script, False, engine, timeout, connect, app.settings()))
