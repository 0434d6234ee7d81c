"""`llmspell state get`."""

from __future__ import annotations

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.state.common import key_argument, no_such_key, opened, scope_option, shown


@command(
    epilog="""\b
Examples:
  llmspell state get theme
  llmspell state get visits --scope user:alice --output json"""
)
@key_argument()
@scope_option()
@pass_frame
def get(frame: Frame, key: str, scope: str) -> None:
    """Show one value, alone, for scripts: text as it is, all else as JSON.

    Exit status 1 if there is none.
    """
    from msgspec import msgpack

    from llmspell_kernel.library.state.documents import plain

    with opened(frame) as state:
        data = state.get_packed(scope, key)
        if data is None:
            raise no_such_key(state, scope, key)
        value = msgpack.decode(data)
        frame.show(plain(value), lambda: shown(value))
