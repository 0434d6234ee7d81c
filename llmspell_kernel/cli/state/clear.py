"""`llmspell state clear`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.services import confirm
from llmspell_kernel.cli.state.common import key_argument, no_such_key, opened, scope_option


@command(
    epilog="""\b
Examples:
  llmspell state clear theme
  llmspell state clear --scope user:alice --yes
  llmspell state clear --all"""
)
@key_argument(required=False)
@scope_option(None, "All values of this scope.")
@click.option("--all", "every", is_flag=True, help="All values of all scopes.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_frame
def clear(frame: Frame, key: str | None, scope: str | None, every: bool, yes: bool) -> None:
    """Remove values: one KEY, all of a scope, or all there are. Asks before more than one goes."""
    if every == (key is not None or scope is not None):
        raise click.UsageError("say what to remove: a KEY, --scope, or --all.")
    with opened(frame) as state:
        if key is not None:
            if not state.delete(scope or "global", key):
                raise no_such_key(state, scope or "global", key)
            frame.show({"deleted": 1, "scope": scope or "global", "key": key}, "1 value deleted")
            return
        scopes = state.scopes() if scope is None else [scope]
        confirm(f"remove all values of {'all scopes' if every else f'the scope {scope}'}", yes=yes)
        count = state.transaction(lambda: sum(map(state.clear, scopes)))
    frame.show({"deleted": count}, f"{count:,} value{'' if count == 1 else 's'} deleted")
