"""`llmspell state set`."""

from __future__ import annotations

import json
from typing import Any

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.state.common import key_argument, opened, scope_option


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

    from llmspell_kernel.library.state.documents import exact

    wanted = msgpack.encode(value if text else exact(_json_or_text(value)))
    with opened(frame) as state:
        state.set_packed(scope, key, wanted, expires_in=ttl)
    frame.note(f"wrote {key} in the scope {scope}")


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
