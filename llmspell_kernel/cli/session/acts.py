"""`llmspell session complete`, `suspend` and `resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell_kernel.cli.frame import Command, Frame, command, pass_frame
from llmspell_kernel.cli.session.common import find_session, lasting_services, session_argument

if TYPE_CHECKING:
    from llmspell_kernel.library.session.records import Act


def _acting(act: Act, does: str) -> Command:
    """The command that does this; `does` is its help."""

    @command(
        name=act,
        help=does,
        epilog=f"""\b
Examples:
  llmspell session {act} june.ipynb
  llmspell session {act} 3f2a""",
    )
    @session_argument()
    @pass_frame
    def run(frame: Frame, session: str) -> None:
        with lasting_services(frame) as made:
            record = made.sessions.act(act, find_session(made.sessions, session).id)
            table = made.sessions.table(record)
        frame.show(table)
        if frame.output == "text":
            frame.note(f"{record.id} is {table['status']}")

    return run


complete = _acting("complete", "End a session: it takes no more runs and artifacts.")
suspend = _acting("suspend", "Let a session rest, until it is resumed.")
resume = _acting("resume", "Go on with a session that rests or has expired.")
