"""Ending the kernel from a console."""

from __future__ import annotations

from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call


@magic("%exit", group="System")
def leave(call: Call) -> Outcome | None:
    """Asks the front end to end the kernel, as `exit` or `quit` alone in a cell do.

    `jupyter console` and the Qt console leave; a notebook does not, and has a menu for that.
    """
    call.write("To end the kernel where this has not done it, shut it down from the menu.\n", "stderr")
    return Outcome(payload=({"source": "ask_exit", "keepkernel": False},))
