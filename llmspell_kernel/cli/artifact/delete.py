"""`llmspell artifact delete`."""

from __future__ import annotations

from llmspell_kernel.cli.artifact.common import artifact_arguments, find_artifact
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.session.common import lasting_services


@command(
    epilog="""\b
Examples:
  llmspell artifact delete june.ipynb report
  llmspell artifact delete 3f2a/2""",
)
@artifact_arguments
@pass_frame
def delete(frame: Frame, session: str, artifact: str | None) -> None:
    """Remove an artifact; ARTIFACT is its number, or a name, of which the last version goes."""
    from llmspell_kernel.library.artifact.service import ArtifactId

    with lasting_services(frame) as made:
        record = find_artifact(made, session, artifact)
        made.artifacts.delete(record.session_id, ArtifactId(record.session_id, record.sequence))
    frame.show({"deleted": record.id})
    if frame.output == "text":
        frame.note(f"deleted {record.name} v{record.version}")
