"""What the other services know of hooks."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol


class Decision(NamedTuple):
    """What the hooks at a point have decided together.

    Attributes:
        action: `continue` (with `data`, which hooks may have modified); `replace` (the answer is `value`,
            nothing is done); `redirect` (do it with `target` instead: another tool's name ...);
            `retry` (do it again after `delay` seconds, at most `attempts` times); `skip` (nothing is done).
        data: as it was given, or modified.
    """

    action: Literal["continue", "replace", "redirect", "retry", "skip"]
    data: dict[str, Any]
    value: Any = None
    target: str = ""
    delay: float = 0.0
    attempts: int = 0


class HookPoints(Protocol):
    """Where services stop to ask. Any thread."""

    def wants(self, point: str) -> bool:
        """Whether anything is registered there: a look into a dictionary, so ask before making `data`."""

    def run(self, point: str, data: dict[str, Any]) -> Decision:
        """Calls the hooks of this point, the highest priority first.

        Raises:
            CancelledError: one of them has cancelled it.
        """
