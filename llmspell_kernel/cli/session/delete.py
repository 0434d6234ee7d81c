"""`llmspell session delete`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.services import confirm
from llmspell_kernel.cli.session.common import find_session, lasting_services, session_argument
from llmspell_kernel.cli.session.list import STATUSES


@command(
    epilog="""\b
Examples:
  llmspell session delete 3f2a 77b0
  llmspell session delete --all --status completed --yes"""
)
@session_argument("named", metavar="[SESSION]...", required=False, many=True)
@click.option("--all", "every", is_flag=True, help="All sessions, or all of a status.")
@click.option("--status", type=click.Choice(STATUSES), help="With --all: only these.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_frame
def delete(frame: Frame, named: tuple[str, ...], every: bool, status: str | None, yes: bool) -> None:
    """Remove sessions with their artifacts and what is known of their runs. Asks before --all."""
    if bool(named) == every:
        raise click.UsageError("say which sessions to delete, or --all.")
    if status and not every:
        raise click.UsageError("--status is for --all.")
    with lasting_services(frame) as made:
        sessions = made.sessions
        if every:
            found = [each.id for each in sessions.search(status=status or "")]
            if found:
                what = f"{status} sessions" if status else "sessions"
                confirm(f"remove {len(found):,} {what} with all they have", yes=yes)
        else:
            found = list(dict.fromkeys(find_session(sessions, each).id for each in named))
        for session_id in found:
            sessions.delete(session_id)
    frame.show({"deleted": found}, f"{len(found):,} session{'' if len(found) == 1 else 's'} deleted")
