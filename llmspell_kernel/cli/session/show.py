"""`llmspell session show`."""

from __future__ import annotations

from typing import Any

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.session.common import find_session, lasting_services, session_argument

_INDENT = "    "


@command(
    epilog="""\b
Examples:
  llmspell session show 3f2a
  llmspell session show june.ipynb --runs
  llmspell session show 3f2a --output json | jq .runs"""
)
@session_argument()
@click.option("--runs", "with_runs", is_flag=True, help="Also what ran in it, and what that has shown.")
@pass_frame
def show(frame: Frame, session: str, with_runs: bool) -> None:
    """Show a session: what is known of it, its artifacts, and what ran in it."""
    with lasting_services(frame) as made:
        record = find_session(made.sessions, session)
        table = made.sessions.table(record)
        runs = [run.as_table() for run in made.sessions.runs.of(record.id)]
        artifacts = [each.as_table() for each in made.artifacts.of_session(record.id)]
    data = table | {"artifacts": artifacts, "runs": runs}
    frame.show(data, lambda: "\n".join(_lines(table, artifacts, runs if with_runs else [])))


def _lines(table: dict[str, Any], artifacts: list[dict[str, Any]], runs: list[dict[str, Any]]) -> list[str]:
    lines = []
    for name, value in table.items():
        if value not in ("", [], {}):
            said = ", ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(f"{name.replace('_', ' ')}: {said}")
    for each in artifacts:
        lines.append(
            f"artifact {each['sequence']}: {each['name']} v{each['version']}, {each['size']:,} bytes"
        )
    for run in runs:
        head = run.get("script") or f"cell {run.get('number', '')}".strip()
        lines.append(f"\nrun {run['sequence']}: {head}, {run['started_at']}, {run['duration_ms']:g} ms")
        lines += [f"{_INDENT}{line}" for line in run["code"].splitlines()]
        for kind in ("stdout", "stderr", "result", "error"):
            lines += [f"{kind + ':':<8}{line}" for line in run.get(kind, "").splitlines()]
    return lines
