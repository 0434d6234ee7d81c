"""Parameters that several tools of the network take."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from llmspell_kernel.library.tool.builtin.support import LONGEST

Timeout = Annotated[float, Meta(gt=0, le=LONGEST, description="Seconds that one attempt may take.")]
OptionalTimeout = Annotated[
    Annotated[float, Meta(gt=0, le=LONGEST)] | None,
    Meta(description="Seconds that it may take; if not given, tools.http_request.timeout_seconds."),
]
Headers = Annotated[dict[str, Any], Meta(description="Headers to send, by name.")]


def longest(timeout: float | None, repetitions: int) -> float:
    """Seconds that a call may take; 0 for what the settings say."""
    if timeout is None and not repetitions:
        return 0.0
    return min(LONGEST, ((timeout or 30.0) + 10.0) * (repetitions + 1))
