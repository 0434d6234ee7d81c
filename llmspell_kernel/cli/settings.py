"""The settings of a command line, and `--dry-run`, which shows them instead of starting something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from llmspell_kernel.cli.frame import Frame

if TYPE_CHECKING:
    from llmspell_kernel.config.documents import Key
    from llmspell_kernel.config.layers import Origin, Values
    from llmspell_kernel.config.loading import Loaded

_DRY_RUN = "llmspell.dry_run"


def loaded(frame: Frame, flags: Mapping[str, Any] | None = None, defaults: Values | None = None) -> Loaded:
    """What is in effect: everything that is discovered or named, with a command's own `flags` on top.

    `flags` are settings by dotted key; all else comes over `defaults`. Variables that look like settings and
    are none are noted on stderr.

    Raises:
        SettingsError: something cannot be read or does not fit.
    """
    from llmspell_kernel.config.loading import load

    found = load(frame.config, frame.profile, flags, defaults=defaults)
    frame.log("settings come from %s", ", then ".join(found.sources) or "nowhere but the defaults")
    for name in found.unknown_variables:
        frame.note(f"note: {name} is no setting{_nearest(name)}; it is ignored")
    return found


def _nearest(name: str) -> str:
    import difflib

    from llmspell_kernel.config import schema
    from llmspell_kernel.config.environment import variable_of

    close = difflib.get_close_matches(name, [variable_of(node.key) for node in schema.leaves()], 1)
    return f" (did you mean {close[0]}?)" if close else ""


def dry_run_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command that starts something the option `--dry-run`; it asks `is_dry_run`."""
    return click.option(
        "--dry-run",
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="Start nothing; show the settings that would be in effect, and where each comes from.",
    )(command)


def _remember(ctx: click.Context, option: click.Parameter, value: bool) -> None:
    del option
    ctx.meta[_DRY_RUN] = value


def dry_run_wanted() -> bool:
    """Whether `--dry-run` was given."""
    return bool(click.get_current_context().meta.get(_DRY_RUN))


def is_dry_run(frame: Frame, flags: Mapping[str, Any] | None = None, defaults: Values | None = None) -> bool:
    """Whether `--dry-run` was given; if so, the settings were shown: nothing is left to do.

    Raises:
        SettingsError: something cannot be read or does not fit.
    """
    if not dry_run_wanted():
        return False
    show_settings(frame, loaded(frame, flags, defaults), with_origins=True)
    return True


def show_settings(frame: Frame, found: Loaded, section: Key = (), *, with_origins: bool) -> None:
    """Writes settings as TOML or JSON, without secrets.

    With `with_origins`, TOML has a comment behind each line, and JSON is a list of `key`, `value`, `origin`,
    `name` and `line`.
    """
    from llmspell_kernel.config.documents import flat
    from llmspell_kernel.config.writing import toml_text

    table = found.shown(section)
    if not isinstance(table, dict):
        section, table = section[:-1], {section[-1]: table}

    def note(key: Key) -> str:
        return str(found.origin(key)) if with_origins else ""

    if with_origins:
        data: Any = [_row(key, value, found.origin(key)) for key, value in flat(table, section)]
    else:
        data = table
    frame.show(data, lambda: toml_text(table, note, section))


def _row(key: Key, value: Any, origin: Origin) -> dict[str, Any]:
    return {
        "key": ".".join(key),
        "value": value,
        "origin": origin.kind,
        "name": origin.name or None,
        "line": origin.line or None,
    }
