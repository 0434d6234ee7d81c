"""The `llmspell` command and its sub-commands."""

from __future__ import annotations

import click

from llmspell_kernel import __version__
from llmspell_kernel.cli.lazy import LazyGroup

COMMANDS = {
    "run": "llmspell_kernel.cli.run:run",
    "exec": "llmspell_kernel.cli.exec:exec_",
    "check": "llmspell_kernel.cli.check:check",
    "repl": "llmspell_kernel.cli.repl.command:repl",
    "debug": "llmspell_kernel.cli.debug:debug",
    "app": "llmspell_kernel.cli.app:app",
    "tool": "llmspell_kernel.cli.tool:tool",
    "state": "llmspell_kernel.cli.state:state",
    "session": "llmspell_kernel.cli.session:session",
    "artifact": "llmspell_kernel.cli.artifact:artifact",
    "backup": "llmspell_kernel.cli.backup:backup",
    "storage": "llmspell_kernel.cli.storage:storage",
    "kernel": "llmspell_kernel.cli.kernel:kernel",
    "config": "llmspell_kernel.cli.config:config",
    "definitions": "llmspell_kernel.cli.definitions:definitions",
    "completion": "llmspell_kernel.cli.completion:completion",
    "version": "llmspell_kernel.cli.version:version",
}
"""Each command by its name, in the order of `--help`: where it is, as `module:attribute`."""


@click.group(
    cls=LazyGroup,
    commands_in=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  llmspell run hello.lua           run a Lua script
  llmspell exec '2^10'             run some Lua code
  llmspell repl                    type Lua at a prompt
  llmspell kernel install          make Jupyter know the Lua kernel
  jupyter lab                      ... and use it
  llmspell kernel start            run a kernel in this terminal
  llmspell debug tour.lua          run a Lua file under the debugger
  llmspell config init             write a file of settings""",
)
@click.version_option(__version__, "-V", "--version", message="%(version)s")
def llmspell() -> None:
    """Lua notebooks, scripts and services on Jupyter's protocol."""
