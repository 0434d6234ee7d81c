"""`llmspell debug`."""

from __future__ import annotations

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.engines import engine_option
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.job import settings_of

DEFAULT_HOST = "127.0.0.1"


def _address(_: click.Context, option: click.Parameter, value: str | None) -> tuple[str, int] | None:
    if value is None:
        return None
    host, colon, port = value.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(
            f"{value!r} is not HOST:PORT; port 0 lets the system choose, as in {DEFAULT_HOST}:0"
        )
    return (host.strip("[]") if colon and host else DEFAULT_HOST), int(port)


def _is_typed(option: str) -> bool:
    """Whether an option was given in the command, and not in the environment."""
    source = click.get_current_context().get_parameter_source(option)
    return source is click.core.ParameterSource.COMMANDLINE


@command(
    epilog="""\b
Examples:
  llmspell debug tour.lua                      at a prompt, stopped at the first line
  llmspell debug tour.lua --break-at 12        ... or at line 12
  llmspell debug tour.lua --listen 0 --wait    for an editor; prints where it listens
  llmspell debug tour.lua -- first second      arguments of the script"""
)
@click.argument("script", type=click.Path(exists=True, dir_okay=False))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, shell_complete=completing.files)
@click.option(
    "--listen",
    metavar="[HOST:]PORT",
    callback=_address,
    help="Serve editors (the Debug Adapter Protocol) there instead of a prompt here; port 0 for any.",
)
@click.option(
    "--token",
    metavar="TEXT",
    help="What editors must send; needed where HOST is not this machine alone. "
    "LLMSPELL_DEBUG_TOKEN is read if it is not given.",
    envvar="LLMSPELL_DEBUG_TOKEN",
)
@click.option("--wait", is_flag=True, help="Begin when an editor has attached and set its breakpoints.")
@click.option(
    "--break-at",
    metavar="[FILE:]LINE",
    multiple=True,
    help="A breakpoint from the beginning, also FUNCTION or `LINE if CONDITION`; may be repeated.",
)
@click.option(
    "--stop-on-entry", is_flag=True, help="Stop at the first line (at the prompt: also with --break-at)."
)
@engine_option("The Lua it runs in; also LLMSPELL_ENGINE.")
@pass_frame
def debug(
    frame: Frame,
    script: str,
    arguments: tuple[str, ...],
    listen: tuple[str, int] | None,
    token: str | None,
    wait: bool,
    break_at: tuple[str, ...],
    stop_on_entry: bool,
    engine: str | None,
) -> int:
    """Run a Lua file under the debugger.

    Without --listen there is a prompt wherever the script stops; `help` there lists its commands, and Ctrl-C
    pauses the script while it runs.
    """
    if wait and listen is None:
        raise click.UsageError("--wait is for editors; give --listen too, or leave it out.")
    if token is not None and listen is None and _is_typed("token"):
        raise click.UsageError("--token is for editors; give --listen too, or leave it out.")
    settings = settings_of(frame, engine)
    if listen is None:
        from llmspell_kernel.cli.debug_console.start import debug_here

        return debug_here(script, arguments, settings, break_at, stop_on_entry=stop_on_entry)
    from llmspell_kernel.cli.debug_server import debug_over

    return debug_over(
        listen, script, arguments, settings, break_at, stop_on_entry=stop_on_entry, token=token, wait=wait
    )
