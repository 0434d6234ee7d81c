"""What a shell's completion script asks for: what could stand where the cursor is.

The script sets `_LLMSPELL_COMPLETE` to the shell's name and `COMP_LINE` to the command line up to the cursor.
The answer on stdout is click's for that shell: kind (`plain`, `file`, `dir`), value and help.
"""

from __future__ import annotations

import os
import sys

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete, split_arg_string

from llmspell_kernel.cli.frame import Frame

VARIABLE = "_LLMSPELL_COMPLETE"

_CURSOR = "\x01"


class _Line(ShellComplete):
    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one at the cursor, and what is there of that."""
        *words, last = split_arg_string(os.environ.get("COMP_LINE", "") + _CURSOR)
        return words[1:], last.removesuffix(_CURSOR)


class _Bash(_Line, BashComplete):
    pass


class _Zsh(_Line, ZshComplete):
    pass


class _Fish(_Line, FishComplete):
    pass


_SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def answer(program: click.Command) -> int:
    """Writes what could come next; answers the exit status. Nothing if the line so far makes no sense."""
    kind = _SHELLS.get(os.environ[VARIABLE])
    if kind is None:
        return 2
    try:
        text = kind(program, {"obj": Frame(quiet=True)}, "llmspell", VARIABLE).complete()
    except Exception:  # noqa: BLE001 - a border: whoever presses Tab wants no message amid what is typed
        return 1
    sys.stdout.buffer.write(f"{text}\n".encode(errors="surrogateescape"))
    sys.stdout.flush()
    return 0
