"""`llmspell state delete`."""

from __future__ import annotations

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.state.common import key_argument, no_such_key, opened, scope_option


@command(
    epilog="""\b
Examples:
  llmspell state delete theme
  llmspell state delete theme --scope user:alice""",
)
@key_argument()
@scope_option()
@pass_frame
def delete(frame: Frame, key: str, scope: str) -> None:
    """Remove one value.

    Exit status 1 if there is none.
    """
    with opened(frame) as state:
        if not state.delete(scope, key):
            raise no_such_key(state, scope, key)
    frame.show({"deleted": 1, "scope": scope, "key": key})
    frame.note(f"deleted {key} in the scope {scope}")
