"""`llmspell kernel`: kernels that run, and making Jupyter know ours."""

from __future__ import annotations

import click

from llmspell_kernel.cli.lazy import LazyGroup

_HERE = "llmspell_kernel.cli.kernel"


@click.group(
    cls=LazyGroup,
    commands_in={
        "list": f"{_HERE}.list:list_",
        "status": f"{_HERE}.status:status",
        "connect": f"{_HERE}.connect:connect",
        "console": f"{_HERE}.console:console",
        "start": f"{_HERE}.start:start",
        "stop": f"{_HERE}.stop:stop",
        "restart": f"{_HERE}.restart:restart",
        "interrupt": f"{_HERE}.interrupt:interrupt",
        "install": f"{_HERE}.install:install",
    },
    epilog="""\b
Examples:
  llmspell kernel install           make Jupyter know the Lua kernel
  llmspell kernel start --id work   run one in this terminal
  llmspell kernel list --watch      what runs, again and again
  llmspell kernel stop work         end it""",
)
def kernel() -> None:
    """See, start, stop and install kernels.

    A kernel is named by its id or the beginning of it, by its connection file, by the name of its kernelspec
    if just one runs, or by tcp://HOST:PORT of its shell channel. Without a name the only LLMSpell kernel that
    runs is meant.
    """
