"""`llmspell state export`."""

from __future__ import annotations

from pathlib import Path

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.state.common import opened, scope_option
from llmspell_kernel.errors import UsageError

FORMATS = click.Choice(["json", "toml"])


def form_of(form: str | None, file: Path) -> str:
    """The format that was named, or that the file's name says; JSON if neither."""
    return form or ("toml" if file.suffix == ".toml" else "json")


@command(
    epilog="""\b
Examples:
  llmspell state export state.json
  llmspell state export alice.toml --scope user:alice
  llmspell state export - | jq .scopes"""
)
@click.argument("file", type=click.Path(path_type=Path), shell_complete=completing.files)
@click.option("-f", "--format", "form", type=FORMATS, help="By default as FILE is called, else JSON.")
@scope_option(None, "Only this scope; all by default.")
@pass_frame
def export(frame: Frame, file: Path, form: str | None, scope: str | None) -> None:
    """Write the values to a FILE that people can read, - for standard output.

    Nothing is lost: what JSON and TOML have no word for is marked. For copies of everything that is stored
    there is `llmspell backup`.
    """
    from llmspell_kernel.library.state.documents import as_text, document

    with opened(frame) as state:
        found = document(state, scope)
    text = as_text(found, "toml" if form_of(form, file) == "toml" else "json")
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from None
    count = sum(len(keys) for keys in found["scopes"].values())
    frame.show({"file": str(file), "exported": count})
    frame.note(f"wrote {count:,} value{'' if count == 1 else 's'} to {file}")
