"""`[hooks]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Hooks(Struct, frozen=True, forbid_unknown_fields=True):
    """Functions that are called at points of what happens."""

    enabled: Annotated[bool, Meta(description="Whether hooks are called; otherwise `Hook` is nil.")] = True
    timeout_ms: Annotated[
        float, Meta(ge=0, description="Milliseconds that one call may take; 0 for no limit.")
    ] = 5000.0
    circuit_breaker_threshold: Annotated[
        int,
        Meta(ge=0, description="Failures in a row after which a hook rests for a while; 0 for never."),
    ] = 5
