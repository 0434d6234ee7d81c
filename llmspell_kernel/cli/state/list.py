"""`llmspell state list`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.state.common import opened, scope_option


@command(
    name="list",
    epilog="""\b
Examples:
  llmspell state list
  llmspell state list --scope user:alice --prefix visits
  llmspell state list --output json""",
)
@scope_option(None, "Only this scope; all by default.")
@click.option("--prefix", metavar="TEXT", default="", help="Only keys that begin so; needs --scope.")
@pass_frame
def list_(frame: Frame, scope: str | None, prefix: str) -> None:
    """List the keys, with size, version and when they end. With --quiet only the keys."""
    from llmspell_kernel.cli.output import Table, size
    from llmspell_kernel.library.state.backups import date

    if prefix and scope is None:
        raise click.UsageError("--prefix is for the keys of one scope: give --scope too.")
    with opened(frame) as state:
        facts = list(state.all_facts(scope, prefix))
    rows = [
        {**each._asdict(), "expires_at": None if each.expires_at is None else date(each.expires_at)}
        for each in facts
    ]
    if frame.quiet and frame.output == "text":
        frame.show(rows, "\n".join(each.key for each in facts))
        return
    frame.show(
        rows,
        Table(
            ["scope", "key", "size", "version", "expires"],
            [
                (row["scope"], row["key"], size(row["size_bytes"]), row["version"], row["expires_at"])
                for row in rows
            ],
            right=(2, 3),
            empty="There are no values." if scope is None else f"There are no values in the scope {scope}.",
        ),
    )
