"""`llmspell state set`."""

from __future__ import annotations

from typing import Any

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.state.common import key_argument, opened, scope_option
from llmspell_kernel.errors import ScriptError, UsageError


@command(
    name="set",
    context_settings={"ignore_unknown_options": True},  # a value may be negative
    epilog="""\b
Examples:
  llmspell state set theme dark
  llmspell state set visits '{"total": 3}' --scope user:alice
  llmspell state set code --text 007
  llmspell state set token abc --ttl 3600""",
)
@key_argument()
@click.argument("value")
@scope_option()
@click.option("--text", is_flag=True, help="VALUE is text, also if it looks like JSON.")
@click.option(
    "--ttl", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Until it is gone."
)
@pass_frame
def set_(frame: Frame, key: str, value: str, scope: str, text: bool, ttl: float | None) -> None:
    """Write one value: what is JSON as that, all else as text."""
    from msgspec import msgpack

    wanted, note = (value, "") if text else _json_or_text(value)
    with opened(frame) as state:
        state.set_packed(scope, key, msgpack.encode(wanted), expires_in=ttl)
    frame.show({"scope": scope, "key": key})
    frame.note(f"wrote {key} in the scope {scope}{note}")


def _json_or_text(value: str) -> tuple[Any, str]:
    """The value, and what is to be said of it.

    Raises:
        UsageError: it is JSON, but cannot be kept as it is.
    """
    from llmspell_kernel.library.state.documents import exact, from_json

    try:
        return exact(from_json(value)), ""
    except ScriptError as error:
        raise UsageError(f"{error}; --text keeps it as text") from None
    except (ValueError, RecursionError) as error:
        looks_like_json = value.lstrip()[:1] in ("{", "[")
        return value, f", as text: it is no JSON ({error})" if looks_like_json else ""
