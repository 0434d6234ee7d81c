"""The `llmspell` command.

Exit status: 0; 1 for what failed; 2 for a command line that makes no sense; 130 after Ctrl-C; 124 for a
time limit; 141 where the reader of the output went away; and a script's own. An error is one line on stderr,
with the next step in it or below it; with `--output json` it is a document on stdout as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; `arguments` default to those of the process.

    Returns:
        The exit status.
    """
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        _fill_closed_streams()
    words = sys.argv[1:] if arguments is None else list(arguments)
    if len(words) > 1 and words[0] in ("run", "exec"):
        from llmspell_kernel.cli.quick import quick

        status = quick(words)
        if status is not None:
            return status
    if words == ["repl"]:
        from llmspell_kernel.config.sources import present

        if not present():
            from llmspell_kernel.cli.repl.quick import quick_repl

            return quick_repl()
    elif words in ([], ["--help"], ["-h"]) and "_LLMSPELL_COMPLETE" not in os.environ:
        from llmspell_kernel.cli.help_page import show_help

        status = show_help()
        if status is not None:
            return status
    from llmspell_kernel.cli.dispatch import run_command

    return run_command(words)


def _fill_closed_streams() -> None:
    """Leads standard streams that are closed to nowhere.

    Else the next file or pipe that is opened would get the number of one, and be what a script reads and
    writes.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY if number else os.O_RDONLY)
            if nowhere == number:
                os.set_inheritable(number, True)
            else:  # other libraries have filled it meanwhile
                os.close(nowhere)
