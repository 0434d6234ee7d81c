"""`llmspell state import`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.state.common import opened, scope_option
from llmspell_kernel.cli.state.export import FORMATS, form_of
from llmspell_kernel.errors import ScriptError, UsageError


@command(
    name="import",
    epilog="""\b
Examples:
  llmspell state import state.json --merge
  llmspell state import alice.toml --scope user:alice""",
)
@click.argument("file", type=click.Path(path_type=Path), shell_complete=completing.files)
@click.option("-f", "--format", "form", type=FORMATS, help="By default as FILE is called, else JSON.")
@click.option("--merge", is_flag=True, help="Keep what the scopes have beside the values of the file.")
@scope_option(None, "Only this scope; all by default.")
@pass_frame
def import_(frame: Frame, file: Path, form: str | None, merge: bool, scope: str | None) -> None:
    """Write the values of a FILE that `llmspell state export` has made, - for standard input: all or none.

    The scopes that the file has become what it says; others stay.
    """
    from llmspell_kernel.library.state.documents import from_text, write

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        found = from_text(text, "toml" if form_of(form, file) == "toml" else "json")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"cannot read {file}: it is no UTF-8 text") from None
    except ScriptError as error:
        raise UsageError(f"{file} is {error}") from None
    with opened(frame) as state:
        count = write(state, found, merge=merge, scope=scope)
    frame.show({"imported": count}, f"{count:,} value{'' if count == 1 else 's'} imported")
