"""`llmspell storage migrate execute`."""

from __future__ import annotations

from pathlib import Path

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.services import services
from llmspell_kernel.cli.storage.common import entries


@command(
    epilog="""\b
Examples:
  llmspell storage migrate execute --plan plan.toml --dry-run
  llmspell storage migrate execute --plan plan.toml"""
)
@click.option(
    "--plan",
    "file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="What `llmspell storage migrate plan` has written.",
    shell_complete=completing.files,
)
@click.option("--dry-run", is_flag=True, help="Say what would be moved.")
@pass_frame
def execute(frame: Frame, file: Path, dry_run: bool) -> None:
    """Move what a plan says: all or nothing. What was moved is compared; the source keeps it."""
    from llmspell_kernel.errors import UsageError
    from llmspell_kernel.storage.moving import move, read_plan

    try:
        made = read_plan(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from None
    with services(frame) as each:
        source, target = each.store(made.source), each.store(made.target)
        where = f"from {source.info().location} to {target.info().location}"
        if dry_run:
            counts = {name: source.count(name) for name in made.namespaces}
            frame.show(
                {"dry_run": True, "namespaces": counts},
                "\n".join([*(f"{name}: {entries(count)}" for name, count in counts.items()), where]),
            )
            return
        done = move(source, target, made)
    frame.show(
        {"dry_run": False, **done._asdict()},
        f"{entries(done.written)} written, {done.unchanged:,} unchanged, {done.deleted:,} removed: {where}",
    )
