"""`llmspell storage migrate plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.storage.common import BACKENDS, entries, opened

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.storage import Backend


@command(
    epilog="""\b
Examples:
  llmspell storage migrate plan --from sqlite --to postgres
  llmspell storage migrate plan --from sqlite --to postgres --components state,sessions -o plan.toml"""
)
@click.option("--from", "source", required=True, type=BACKENDS, help="The store that has it.")
@click.option("--to", "target", required=True, type=BACKENDS, help="The store that gets it.")
@click.option(
    "--components",
    metavar="NAMES",
    default="",
    help="state, sessions, artifacts, or namespaces, with commas between them; by default all.",
)
@click.option("--replace", is_flag=True, help="What the target has besides in these is to be removed.")
@click.option(
    "-o",
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the plan there; by default it is shown.",
    shell_complete=completing.files,
)
@pass_frame
def plan(
    frame: Frame, source: Backend, target: Backend, components: str, replace: bool, file: Path | None
) -> None:
    """Write down what would be moved, as TOML. Nothing is moved yet."""
    import msgspec

    from llmspell_kernel.errors import UsageError
    from llmspell_kernel.storage.moving import make_plan, written_plan

    names = [name.strip() for name in components.split(",") if name.strip()]
    with opened(frame, source) as store:
        made = make_plan(store, target, names, replace=replace)
    text = written_plan(made)
    if file is None:
        frame.show(msgspec.to_builtins(made), text.rstrip())
        return
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from None
    count = entries(sum(made.namespaces.values()))
    frame.show(msgspec.to_builtins(made), f"{file}: {count} from {made.source} to {made.target}")
