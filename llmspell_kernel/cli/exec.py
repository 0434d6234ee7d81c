"""`llmspell exec`."""

from __future__ import annotations

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, pass_frame
from llmspell_kernel.cli.job import Job, ScriptCommand, perform, script_options


@click.command(
    "exec",
    cls=ScriptCommand,
    epilog="""\b
Examples:
  llmspell exec '2^10'
  llmspell exec 'for i = 1, 3 do print(i) end'
  llmspell exec 'return #arg' -- one two
  llmspell exec --output json '{answer = 42}'
  llmspell exec --connect llmspell 'count'         a variable of a running kernel""",
)
@click.argument("code")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, shell_complete=completing.files)
@script_options
@pass_frame
def exec_(
    frame: Frame,
    code: str,
    arguments: tuple[str, ...],
    engine: str | None,
    connect: str | None,
    timeout: float | None,
) -> int:
    """Run some Lua code and show what it comes to.

    The value of a last expression is shown as in a notebook's cell; with --connect, the code sees the
    variables of the kernel, also the local ones.
    """
    from llmspell_kernel.cli.sources import code_of

    source, script = code_of(code, arguments)
    return perform(frame, Job(source, script, True, engine, timeout, connect))
