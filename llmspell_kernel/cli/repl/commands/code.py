"""Variables, timing, and a fresh start."""

from __future__ import annotations

from llmspell_kernel.cli.repl.commands.registry import command, need_argument, refuse_argument
from llmspell_kernel.cli.repl.session import Session


@command(".vars [TYPE ...]", "variables")
def variables(session: Session, argument: str) -> None:
    """List the variables, or those of some types.

    For example `.vars table function`.
    """
    session.execute(f"%whos {argument}".strip(), counts=False)


@command(".time CODE", takes="lua")
def time(session: Session, argument: str) -> None:
    """Run code and say how long it took.

    `%timeit` repeats it and gives statistics.
    """
    need_argument(argument, ".time CODE")
    session.execute(f"%time {argument}")


@command(".reset", "restart")
def reset(session: Session, argument: str) -> None:
    """Begin with an empty Lua: all variables are gone.

    The kernel of this process is replaced, also when it has died or does not stop. In a connected kernel the
    variables are cleared, for all its clients; when it has died, it is connected to again.
    """
    refuse_argument(argument, "reset")
    client = session.link.ready
    if session.link.is_embedded or client is None or not client.is_alive:
        session.link.renew()
        session.number = 1
        session.entries.clear()
        session.screen.note("a new kernel" if session.link.is_embedded else "connected again")
        return
    session.execute("%reset -f", counts=False)
    if not session.failed:
        session.screen.note("the variables are cleared, for all clients of this kernel")
