"""`llmspell artifact list`."""

from __future__ import annotations

from llmspell_kernel.cli.artifact.common import show_artifacts
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.session.common import find_session, lasting_services, session_argument


@command(
    name="list",
    epilog="""\b
Examples:
  llmspell artifact list
  llmspell artifact list june.ipynb""",
)
@session_argument(required=False)
@pass_frame
def list_(frame: Frame, session: str | None) -> None:
    """List the artifacts of a SESSION, or of all sessions. With --quiet only SESSION/NUMBER."""
    with lasting_services(frame) as made:
        if session is None:
            found = made.artifacts.query()
        else:
            found = made.artifacts.of_session(find_session(made.sessions, session).id)
    show_artifacts(frame, found, with_session=session is None)
