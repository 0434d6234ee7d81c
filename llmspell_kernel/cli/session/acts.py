"""`llmspell session complete`, `suspend` and `resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.session.common import find_session, lasting_services, session_argument

if TYPE_CHECKING:
    from llmspell_kernel.library.session.records import Act


def _act(frame: Frame, act: Act, named: str) -> None:
    with lasting_services(frame) as made:
        record = made.sessions.act(act, find_session(made.sessions, named).id)
        table = made.sessions.table(record)
    frame.show(table)
    if frame.output == "text":
        frame.note(f"{record.id} is {table['status']}")


@command(
    epilog="""\b
Examples:
  llmspell session complete june.ipynb
  llmspell session complete 3f2a"""
)
@session_argument()
@pass_frame
def complete(frame: Frame, session: str) -> None:
    """End a session: it takes no more runs and artifacts."""
    _act(frame, "complete", session)


@command(
    epilog="""\b
Examples:
  llmspell session suspend june.ipynb
  llmspell session suspend 3f2a"""
)
@session_argument()
@pass_frame
def suspend(frame: Frame, session: str) -> None:
    """Let a session rest, until it is resumed."""
    _act(frame, "suspend", session)


@command(
    epilog="""\b
Examples:
  llmspell session resume june.ipynb
  llmspell session resume 3f2a"""
)
@session_argument()
@pass_frame
def resume(frame: Frame, session: str) -> None:
    """Go on with a session that rests or has expired."""
    _act(frame, "resume", session)
