"""`llmspell kernel start`."""

from __future__ import annotations

import atexit
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from llmspell_kernel.cli.engines import engine_option
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.settings import dry_run_option, is_dry_run, loaded
from llmspell_kernel.client.connection import CHANNELS
from llmspell_kernel.config.sources import present
from llmspell_kernel.errors import UsageError
from llmspell_kernel.kernel.kernelspecs import KERNEL_NAMES

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_LAST_PORT = 65535


def _checked_id(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _ID.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not made of letters, digits, '-', '_' and '.' only")
    return value


@command(
    epilog="""\b
Examples:
  llmspell kernel start
  llmspell kernel start --id work --port 9555
  llmspell kernel start --connection-file /tmp/lua.json --engine luajit
  llmspell -p production kernel start          with a profile
  llmspell kernel start --idle-timeout 3600 --dry-run
  jupyter console --existing /tmp/lua.json     from another terminal
  llmspell kernel start -- --help-all          the kernel's own settings"""
)
@click.option(
    "-i", "--id", "kernel_id", metavar="ID", callback=_checked_id, help="What other commands call it."
)
@click.option(
    "--port",
    type=click.IntRange(0, _LAST_PORT - len(CHANNELS) + 1),
    metavar="PORT",
    help="The first of five ports in a row: shell, iopub, stdin, control, heartbeat; otherwise free ones.",
)
@click.option(
    "-f",
    "--connection-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where clients read how to connect; written if it is not there, by default among Jupyter's.",
)
@engine_option("The Lua it runs; what default_engine says if not given.", KERNEL_NAMES, name="language")
@click.option(
    "--idle-timeout",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="End when nothing was asked for so long; 0 for never.",
)
@click.option(
    "--max-clients",
    type=click.IntRange(0),
    metavar="NUMBER",
    help="Serve no more clients at once; 0 for any number.",
)
@dry_run_option
@click.argument("settings", nargs=-1, type=click.UNPROCESSED)
@pass_frame
def start(
    frame: Frame,
    kernel_id: str | None,
    port: int | None,
    connection_file: Path | None,
    language: str | None,
    idle_timeout: float | None,
    max_clients: int | None,
    settings: tuple[str, ...],
) -> None:
    """Run a kernel in this terminal.

    It ends with Ctrl-C or when a client shuts it down. SETTINGS after `--` go to the kernel as they are.
    """
    flags = {
        "kernel.port": port,
        "kernel.connection_file": None if connection_file is None else str(connection_file),
        "default_engine": language,
        "kernel.idle_timeout": idle_timeout,
        "kernel.max_clients": max_clients,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    if is_dry_run(frame, given):
        return
    from llmspell_kernel.kernel.deferral import defer_packages

    defer_packages()
    path = _place(kernel_id, connection_file or (_file_of_settings(frame) if kernel_id is None else None))
    _run(frame, path, [*_options(frame, given), *settings])


def _options(frame: Frame, given: Mapping[str, object]) -> list[str]:
    """The command line of the kernel itself."""
    options = {
        "settings": frame.config,
        "profile": frame.profile,
        "language": given.get("default_engine"),
        "LLMSpellKernel.idle_timeout": given.get("kernel.idle_timeout"),
        "LLMSpellKernel.max_clients": given.get("kernel.max_clients"),
    }
    port = given.get("kernel.port")
    if isinstance(port, int) and port:
        options |= {name: port + step for step, name in enumerate(CHANNELS)}
    return [f"--{name}={value}" for name, value in options.items() if value is not None]


def _file_of_settings(frame: Frame) -> Path | None:
    if not present(frame.config, frame.profile):
        return None
    named = loaded(frame).settings.kernel.connection_file
    return Path(named).expanduser() if named else None


def _run(frame: Frame, path: Path, options: Sequence[str]) -> None:
    """Serves until the end; a kernel that a client wants back begins anew, and this does not return."""
    from llmspell_kernel.kernel.app import main

    if frame.quiet:
        click.echo(path)
    else:
        click.echo(f"connect with: jupyter console --existing {path}")
        click.echo(f"or with:      llmspell repl --connect {_name(path)}")
        click.echo("stop with:    Ctrl-C")
    sys.stdout.flush()
    try:
        wanted_back = main(["-f", str(path), *options], restarts_itself=True)
    except KeyboardInterrupt:
        frame.note("stopped")
        return
    if wanted_back:
        frame.note("begins anew")
        # The same process, and so the same terminal and process number; all that Python holds is gone.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _name(path: Path) -> str:
    """What `--connect` takes."""
    found = path.name.startswith("kernel-") and path.suffix == ".json"
    return path.stem.removeprefix("kernel-") if found else str(path)


def _place(kernel_id: str | None, connection_file: Path | None) -> Path:
    """Where the connection file is to be, with whatever was left there by a dead kernel removed.

    Raises:
        UsageError: a kernel that runs has that id.
    """
    from llmspell_kernel.client.discovery import folders, jupyter_runtime_folder

    folder = jupyter_runtime_folder()
    if connection_file is None:
        _make(folder)
        path = folder / f"kernel-{kernel_id or f'llmspell-{os.getpid()}'}.json"
        _make_room(path)
        return path
    path = connection_file.absolute()
    if not path.parent.is_dir():
        raise click.UsageError(
            f"there is no directory {path.parent} to write {path.name} in; create it first."
        )
    if kernel_id is not None or path.parent not in folders() or not path.name.startswith("kernel-"):
        _make(folder)
        link = folder / f"kernel-{kernel_id or path.stem.removeprefix('kernel-')}.json"
        _make_room(link)
        _point(link, path)
    return path


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _make_room(path: Path) -> None:
    """Removes the file of a dead kernel.

    Raises:
        UsageError: its kernel runs.
    """
    from llmspell_kernel.client.discovery import FoundKernel
    from llmspell_kernel.client.probe import State, probe
    from llmspell_kernel.errors import ConnectionFileError

    if path.is_symlink() and not path.exists():
        path.unlink()
    if not path.exists():
        return
    found = FoundKernel.of_file(path)
    if (
        not isinstance(found.content, ConnectionFileError)
        and found.content.extra.get("llmspell_pid") == os.getpid()
    ):
        return  # this process has begun anew
    (health,) = probe([found])
    if health.state is State.DEAD:
        path.unlink(missing_ok=True)
        return
    raise UsageError(
        f"{path} is there already, of a kernel that is {health.state}: stop that with `llmspell kernel stop "
        f"{found.id}`, or choose another --id"
    )


def _point(link: Path, file: Path) -> None:
    """Lets other commands find a connection file that is not where they look."""
    if not link.is_symlink():
        link.symlink_to(file)
    atexit.register(link.unlink, missing_ok=True)
