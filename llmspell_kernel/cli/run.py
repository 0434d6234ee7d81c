"""`llmspell run`."""

from __future__ import annotations

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, pass_frame
from llmspell_kernel.cli.job import Job, ScriptCommand, announce, perform, script_options


@click.command(
    cls=ScriptCommand,
    epilog="""\b
Examples:
  llmspell run report.lua
  llmspell run report.lua -- june --format html    arguments: ARGS[1] is june, ARGS.format is html
  echo 'print(1 + 1)' | llmspell run -             a script from standard input
  llmspell run report.lua --output json            its result, its output and how long it took
  llmspell run report.lua --engine luajit --timeout 60
  llmspell run report.lua --connect llmspell       in the running kernel of that name""",
)
@click.argument("script", shell_complete=completing.files)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, shell_complete=completing.files)
@script_options
@pass_frame
def run(
    frame: Frame,
    script: str,
    arguments: tuple[str, ...],
    engine: str | None,
    connect: str | None,
    timeout: float | None,
) -> int:
    """Run a Lua script; - is standard input.

    It finds its arguments in ARGS, arg and `...`. What it prints goes straight to the terminal, its return
    value is its result (see --output), and os.exit(n) ends it with status n. Files that it loads lie beside
    it, or where Lua looks for them. It has ended when the timers that it has set have; a running kernel is
    busy until then.
    """
    from llmspell_kernel.cli.sources import read_script, script_of

    called = script_of(script, arguments)
    announce(frame, called.name, connect)
    return perform(frame, Job(read_script(script), called, False, engine, timeout, connect))
