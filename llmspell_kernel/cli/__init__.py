"""The `llmspell` command.

Exit status: 0; 1 for what failed; 2 for a command line that makes no sense; 130 after Ctrl-C; 124 for a
time limit; 141 where the reader of the output went away; and a script's own. An error is one line on stderr,
with the next step in it or below it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; `arguments` default to those of the process.

    Returns:
        The exit status.
    """
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
    from llmspell_kernel.cli.dispatch import run_command

    return run_command(words)
