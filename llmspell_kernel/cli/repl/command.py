"""`llmspell repl`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.connecting import check_connect, connect_option
from llmspell_kernel.cli.engines import engine_option
from llmspell_kernel.cli.frame import Frame, command, pass_frame

if TYPE_CHECKING:
    from llmspell_kernel.cli.repl.options import Options
    from llmspell_kernel.runtime import RuntimeSettings


@command(
    epilog="""\b
Examples:
  llmspell repl
  llmspell repl --engine luajit
  llmspell repl --connect llmspell      in the running kernel of that name
  echo 'print(1 + 1)' | llmspell repl   from a pipe, without prompts"""
)
@connect_option("Type into")
@engine_option("The Lua of the kernel here; also LLMSPELL_ENGINE.")
@click.option(
    "--history",
    metavar="FILE",
    shell_complete=completing.files,
    help="Where inputs last, instead of the usual place; :memory: to forget them.",
)
@pass_frame
def repl(frame: Frame, connect: str | None, engine: str | None, history: str | None) -> int:
    """Type Lua at a prompt.

    Lines are completed, coloured and kept; the magics work as in a notebook, and words with a dot, such as
    .help, are commands of the prompt. From a pipe, inputs are run one by one until one fails.
    """
    check_connect(frame, connect, engine)
    from llmspell_kernel.cli.repl.start import run

    return run(_options(frame, connect, engine, history))


def _plain(engine: str | None) -> RuntimeSettings | None:
    if engine in (None, "lua"):
        return None
    from llmspell_kernel.lua.state import LuaSettings
    from llmspell_kernel.runtime import RuntimeSettings

    return RuntimeSettings(LuaSettings(language=engine or ""))


def _options(frame: Frame, connect: str | None, engine: str | None, history: str | None) -> Options:
    from llmspell_kernel.cli.repl.options import Options
    from llmspell_kernel.config.sources import present

    if not present(frame.config, frame.profile):
        return Options(
            where=connect,
            runtime=_plain(engine),
            history_file=history or "",
            colours=frame.colours(),
            quiet=frame.quiet,
        )
    from llmspell_kernel.cli.settings import loaded
    from llmspell_kernel.runtime import runtime_settings

    settings = loaded(frame, {} if engine is None else {"default_engine": engine}).settings
    return Options(
        where=connect,
        runtime=runtime_settings(settings),
        output_limit=settings.kernel.output_limit,
        history_file=settings.repl.history_file if history is None else history,
        history_size=settings.repl.history_size,
        color_style=settings.repl.color_style,
        colours=frame.colours(),
        quiet=frame.quiet,
    )
