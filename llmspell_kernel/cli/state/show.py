"""`llmspell state show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.state.common import key_argument, no_such_key, opened, scope_option, shown

if TYPE_CHECKING:
    from llmspell_kernel.library.state.service import State


@command(
    epilog="""\b
Examples:
  llmspell state show
  llmspell state show --scope user:alice --output pretty
  llmspell state show theme"""
)
@key_argument(required=False)
@scope_option(None, "Only this scope; all by default.")
@pass_frame
def show(frame: Frame, key: str | None, scope: str | None) -> None:
    """Show keys with their values: all, those of a scope, or one KEY (in `global`, if no scope is named).

    As JSON: scopes by name, with values by key; for one KEY its value, version, size and when it ends.
    """
    from llmspell_kernel.cli.output import Table
    from llmspell_kernel.library.state.documents import plain

    with opened(frame) as state:
        if key is not None:
            _show_one(frame, state, scope or "global", key)
            return
        found = {each: state.all(each) for each in ([scope] if scope is not None else state.scopes())}
    rows = [(place, name, shown(value)) for place, values in found.items() for name, value in values.items()]
    frame.show(
        {place: {name: plain(value) for name, value in values.items()} for place, values in found.items()},
        Table(["scope", "key", "value"], rows, empty="There are no values."),
    )


def _show_one(frame: Frame, state: State, scope: str, key: str) -> None:
    from llmspell_kernel.cli.output import Table, fact
    from llmspell_kernel.library.state.backups import date
    from llmspell_kernel.library.state.documents import plain

    facts, value = state.facts(scope, key), state.get(scope, key)
    if facts is None:
        raise no_such_key(state, scope, key)
    ends = None if facts.expires_at is None else date(facts.expires_at)
    data = {**facts._asdict(), "expires_at": ends}
    rows = [fact(name, each) for name, each in data.items() if each is not None]
    frame.show({**data, "value": plain(value)}, Table(["", ""], [*rows, ("value", shown(value))]))
