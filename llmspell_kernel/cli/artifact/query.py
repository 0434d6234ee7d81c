"""`llmspell artifact query`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.artifact.common import show_artifacts
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.session.common import find_session, lasting_services, session_option


@command(
    epilog="""\b
Examples:
  llmspell artifact query --type tool_result --tag csv
  llmspell artifact query --name '*.png' --min-size 100000
  llmspell artifact query --after 2026-06-01 --output json"""
)
@session_option("Only those of this session.")
@click.option("--type", "artifact_type", metavar="TYPE", default="", help="Such as tool_result.")
@click.option("--name", "name_pattern", metavar="PATTERN", default="", help="A name with * and ?.")
@click.option(
    "--tag", "tags", metavar="TAG", multiple=True, help="Only those with this tag; may be repeated."
)
@click.option("--after", metavar="TIME", help="Stored at this time or later, such as 2026-06-01.")
@click.option("--before", metavar="TIME", help="Stored at this time or earlier.")
@click.option("--min-size", type=click.IntRange(0), metavar="BYTES", help="At least so big.")
@click.option("--max-size", type=click.IntRange(0), metavar="BYTES", help="At most so big.")
@click.option("--limit", type=click.IntRange(0), metavar="N", help="The newest N.")
@pass_frame
def query(
    frame: Frame,
    session: str | None,
    artifact_type: str,
    name_pattern: str,
    tags: tuple[str, ...],
    after: str | None,
    before: str | None,
    min_size: int | None,
    max_size: int | None,
    limit: int | None,
) -> None:
    """List the artifacts that fit in every way, the newest first. With --quiet only SESSION/NUMBER."""
    from llmspell_kernel.library.session.records import seconds_of

    with lasting_services(frame) as made:
        found = made.artifacts.query(
            session_id=find_session(made.sessions, session).id if session else "",
            artifact_type=artifact_type,
            name_pattern=name_pattern,
            tags=tags,
            created_after=seconds_of(after, "--after"),
            created_before=seconds_of(before, "--before"),
            min_size=min_size,
            max_size=max_size,
            limit=limit,
        )
    show_artifacts(frame, found, with_session=session is None)
