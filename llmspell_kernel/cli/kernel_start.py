"""`llmspell kernel start`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from llmspell_kernel.cli.frame import command
from llmspell_kernel.kernel.kernelspecs import DEFAULT_LANGUAGE, KERNEL_NAMES


@command(
    epilog="""\b
Examples:
  llmspell kernel start
  llmspell kernel start --connection-file /tmp/lua.json --language luajit
  jupyter console --existing /tmp/lua.json     from another terminal
  llmspell kernel start -- --help-all          the kernel's own settings"""
)
@click.option(
    "--connection-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where clients read how to connect; written if it is not there, by default among Jupyter's.",
)
@click.option(
    "--language", type=click.Choice(list(KERNEL_NAMES)), default=DEFAULT_LANGUAGE, show_default=True
)
@click.argument("settings", nargs=-1, type=click.UNPROCESSED)
def start(connection_file: Path | None, language: str, settings: tuple[str, ...]) -> None:
    """Run a kernel in this terminal.

    It ends with Ctrl-C or when a client shuts it down. SETTINGS after `--` go to the kernel as they are.
    """
    path = _new_connection_file() if connection_file is None else connection_file.absolute()
    if not path.parent.is_dir():
        raise click.UsageError(
            f"there is no directory {path.parent} to write {path.name} in; create it first."
        )
    from llmspell_kernel.kernel.deferral import defer_packages

    defer_packages()
    from llmspell_kernel.kernel.app import main as run

    click.echo(f"connect with: jupyter console --existing {path}")
    click.echo("stop with:    Ctrl-C")
    try:
        run(["-f", str(path), "--language", language, *settings])
    except KeyboardInterrupt:
        click.echo("stopped")


def _new_connection_file() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    directory = Path(jupyter_runtime_dir())
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory / f"kernel-llmspell-{os.getpid()}.json"
