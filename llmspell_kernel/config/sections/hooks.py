"""`[hooks]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from llmspell_kernel.config.sections.builtin_hooks import BuiltinHooks


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """What is too much, for the hook points of performance; 0 for no limit."""

    cell_seconds: Annotated[
        float, Meta(ge=0, description="Seconds of a cell, for PerformanceThresholdExceeded.")
    ] = 10.0
    memory_mb: Annotated[float, Meta(ge=0, description="Megabytes of the process, for MemoryUsageHigh.")] = (
        1024.0
    )
    cpu_percent: Annotated[
        float,
        Meta(
            ge=0, description="Percent of one processor during a cell of a second or more, for CpuUsageHigh."
        ),
    ] = 90.0


class Hooks(Struct, frozen=True, forbid_unknown_fields=True):
    """Functions that are called at points of what happens."""

    enabled: Annotated[bool, Meta(description="Whether hooks are called; otherwise `Hook` is nil.")] = True
    rate_limit_per_minute: Annotated[
        int,
        Meta(ge=0, description="Calls of one hook in a minute; for more it is left out; 0 for any number."),
    ] = 0
    timeout_ms: Annotated[
        float, Meta(ge=0, description="Milliseconds that one call may take; 0 for no limit.")
    ] = 5000.0
    circuit_breaker_threshold: Annotated[
        float,
        Meta(
            ge=0,
            description="Failures in a row after which a hook rests for a while; below 1, the share of its "
            "calls that may fail; 0 for never.",
        ),
    ] = 5
    circuit_breaker_cooldown_ms: Annotated[
        float, Meta(ge=0, description="Milliseconds that such a hook rests before it is tried again.")
    ] = 30_000.0
    thresholds: Annotated[
        Thresholds, Meta(description="What is too much, for the hook points of performance.")
    ] = field(default_factory=Thresholds)
    builtin: Annotated[BuiltinHooks, Meta(description="The hooks that come with the program.")] = field(
        default_factory=BuiltinHooks
    )
