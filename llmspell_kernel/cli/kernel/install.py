"""`llmspell kernel install`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from llmspell_kernel.cli.engines import engine_option
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.kernel.kernelspecs import DEFAULT_LANGUAGE, KERNEL_NAMES, Kernelspec


def _variables(ctx: click.Context, option: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.BadParameter(f"{name!r} is not NAME=VALUE", ctx, option)
    return {name: value for name, _, value in pairs}


@command(
    epilog="""\b
Examples:
  llmspell kernel install                      Lua 5.4, for the current user
  llmspell kernel install --all --sys-prefix   Lua 5.4, 5.5 and LuaJIT, in this environment
  llmspell kernel install --engine luajit --name fast --display-name "Fast Lua"
  llmspell kernel install --name careful --profile restricted
  jupyter kernelspec remove llmspell           take it away again"""
)
@click.option("--user", is_flag=True, help="For the current user (what happens if no place is given).")
@click.option("--sys-prefix", is_flag=True, help="In the environment of this Python.")
@click.option("--prefix", type=click.Path(file_okay=False, path_type=Path), help="Below this directory.")
@engine_option(f"The Lua it runs; {DEFAULT_LANGUAGE} if not given.", KERNEL_NAMES, name="language")
@click.option("--all", "every", is_flag=True, help="One kernelspec for each language.")
@click.option("--name", metavar="NAME", help="What `--kernel` options call it; llmspell, llmspell-lua55, ...")
@click.option("--display-name", metavar="TEXT", help="What launchers show.")
@click.option(
    "--env",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_variables,
    help="An environment variable of the kernel; may be repeated.",
)
@pass_frame
def install(
    frame: Frame,
    user: bool,
    sys_prefix: bool,
    prefix: Path | None,
    language: str | None,
    every: bool,
    name: str | None,
    display_name: str | None,
    env: dict[str, str],
) -> None:
    """Make Jupyter know the Lua kernel.

    With --config or --profile its kernels have these settings.
    """
    if user + sys_prefix + (prefix is not None) > 1:
        raise click.UsageError("--user, --sys-prefix and --prefix name three places; choose one.")
    if every and (language or name or display_name):
        raise click.UsageError(
            "--all installs every language under its own name; leave out the other options."
        )
    place = Path(sys.prefix) if sys_prefix else prefix
    env = {**_settings(frame), **env}
    done = []
    for one in KERNEL_NAMES if every else (language or DEFAULT_LANGUAGE,):
        installed = Kernelspec(one, name, display_name, env).install(place)
        done.append(installed)
    frame.show(
        [{"name": each.name, "directory": str(each.directory)} for each in done],
        "\n".join(f"installed {each.name} in {each.directory}" for each in done),
    )
    if not installed.found_by_jupyter:
        path = installed.directory.parent.parent
        frame.note(f"note: Jupyter does not look there; set JUPYTER_PATH={path}")


def _settings(frame: Frame) -> dict[str, str]:
    """The variables by which a kernel gets the settings that the command line names.

    Raises:
        SettingsError: they cannot be read, or make no sense.
    """
    if not frame.has_settings:
        return {}
    from llmspell_kernel.cli.settings import loaded
    from llmspell_kernel.config.sources import FILE_VARIABLE, PROFILE_VARIABLE

    loaded(frame)
    variables = {}
    if frame.config is not None:
        variables[FILE_VARIABLE] = str(Path(frame.config).absolute())
    if frame.profile is not None:
        variables[PROFILE_VARIABLE] = frame.profile
    return variables
