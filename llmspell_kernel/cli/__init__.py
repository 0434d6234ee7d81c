"""The `llmspell` command.

Exit status: 0, 1 for what failed (an `LLMSpellError`), 2 for a command line that makes no sense,
130 after Ctrl-C. An error is one line on stderr, with the next step in it or below it.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from llmspell_kernel import __version__
from llmspell_kernel.cli.lazy import LazyGroup
from llmspell_kernel.errors import LLMSpellError

__all__ = ["main"]


@click.group(
    cls=LazyGroup,
    commands_in={
        "kernel": "llmspell_kernel.cli.kernel:kernel",
        "debug": "llmspell_kernel.cli.debug:debug",
        "version": "llmspell_kernel.cli.version:version",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  llmspell kernel install          make Jupyter know the Lua kernel
  jupyter lab                      ... and use it
  llmspell kernel start            run a kernel in this terminal
  llmspell debug tour.lua          run a Lua file under the debugger""",
)
@click.version_option(__version__, message="%(version)s")
def llmspell() -> None:
    """Lua notebooks, scripts and services on Jupyter's protocol."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; `arguments` default to those of the process.

    Returns:
        The exit status.
    """
    try:
        result = llmspell.main(arguments, prog_name="llmspell", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as problem:
        click.echo(problem.format_message())
        return 0
    except click.UsageError as problem:
        _complain(problem.format_message())
        where = problem.ctx.command_path if problem.ctx else "llmspell"
        click.echo(f"help:  {where} --help", err=True)
        return 2
    except click.ClickException as problem:
        _complain(problem.format_message())
        return problem.exit_code
    except LLMSpellError as problem:
        _complain(str(problem))
        return 1
    except click.Abort:
        return 130
    return result if isinstance(result, int) else 0


def _complain(message: str) -> None:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
