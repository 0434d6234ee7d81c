"""What the commands of `llmspell artifact` share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from llmspell_kernel.cli.frame import Frame
from llmspell_kernel.cli.session.common import find_session, session_argument, short
from llmspell_kernel.errors import UsageError

if TYPE_CHECKING:
    from llmspell_kernel.library.artifact.service import ArtifactRecord
    from llmspell_kernel.library.services import Services


def artifact_arguments(function: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments SESSION ARTIFACT, or both as one: SESSION/NUMBER, as other commands write it."""
    artifact = click.argument("artifact", required=False)
    return session_argument(metavar="SESSION[/NUMBER]")(artifact(function))


def find_artifact(services: Services, session: str, artifact: str | None) -> ArtifactRecord:
    """An artifact of a session by its number, or the last version of a name.

    Raises:
        UsageError: no session is called so, or no artifact is named.
        NoSuchThingError: the session has none such.
    """
    from llmspell_kernel.library.artifact.service import ArtifactId

    if artifact is None:
        session, slash, artifact = session.rpartition("/")
        if not slash or not artifact.isdigit():
            raise UsageError(
                "no artifact is named: say SESSION ARTIFACT or SESSION/NUMBER; "
                "`llmspell artifact list` shows those that there are"
            )
    session_id = find_session(services.sessions, session).id
    if artifact.isdigit():
        return services.artifacts.find(session_id, ArtifactId(session_id, int(artifact)))
    return services.artifacts.latest(session_id, artifact)


def show_artifacts(frame: Frame, found: Sequence[ArtifactRecord], *, with_session: bool) -> None:
    """A table of artifacts; with --quiet only where they are."""
    from llmspell_kernel.cli.output import Table, size

    rows: list[dict[str, Any]] = [each.as_table() for each in found]
    if frame.quiet and frame.output == "text":
        frame.show(rows, "\n".join(f"{row['session_id']}/{row['sequence']}" for row in rows))
        return
    headings = ["no", "type", "version", "size", "stored", "name"]
    cells = [
        [
            row["sequence"],
            row["artifact_type"],
            row["version"],
            size(row["size"]),
            row["created_at"][:16].replace("T", " "),
            row["name"],
        ]
        for row in rows
    ]
    right: tuple[int, ...] = (0, 2, 3)
    if with_session:
        headings.insert(0, "session")
        cells = [[short(row["session_id"]), *cell] for row, cell in zip(rows, cells, strict=True)]
        right = (1, 3, 4)
    frame.show(rows, Table(headings, cells, right=right, empty="There are no such artifacts."))
