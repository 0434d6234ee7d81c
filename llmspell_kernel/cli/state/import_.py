"""`llmspell state import`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.services import confirm
from llmspell_kernel.cli.state.common import opened, scope_option
from llmspell_kernel.cli.state.export import FORMATS, form_of
from llmspell_kernel.errors import ScriptError, UsageError

_SHOWN = 5


@command(
    name="import",
    epilog="""\b
Examples:
  llmspell state import state.json --merge
  llmspell state import state.json --yes
  llmspell state import alice.toml --scope user:alice""",
)
@click.argument("file", type=click.Path(path_type=Path), shell_complete=completing.files)
@click.option("-f", "--format", "form", type=FORMATS, help="By default as FILE is called, else JSON.")
@click.option("--merge", is_flag=True, help="Keep what the scopes have beside the values of the file.")
@scope_option(None, "Only this scope; all by default.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before values are removed.")
@pass_frame
def import_(frame: Frame, file: Path, form: str | None, merge: bool, scope: str | None, yes: bool) -> None:
    """Write the values of a FILE that `llmspell state export` has made, - for standard input: all or none.

    The scopes that the file has become what it says: what else they have is removed, after a question,
    unless --merge keeps it. Other scopes stay.
    """
    from llmspell_kernel.library.state.documents import beside, from_text, write

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
        gone = {} if merge else beside(state, found, scope)
        if gone:
            confirm(f"remove what {file} has not: {_named(gone)}", yes=yes)
        done = write(state, found, merge=merge, scope=scope)
    text = f"{done.imported:,} value{'' if done.imported == 1 else 's'} imported"
    if done.removed:
        text += f"; removed: {_named(done.removed)}"
    frame.show(done._asdict(), text)


def _named(keys: dict[str, list[str]]) -> str:
    """Keys by scope, for people: the first of many."""
    return "; ".join(f"{_first(names)} in the scope {scope}" for scope, names in keys.items())


def _first(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN:,} more"
