"""`[hooks.builtin]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field


class LoggingHook(Struct, frozen=True, forbid_unknown_fields=True):
    """Writes down what happens."""

    enabled: Annotated[bool, Meta(description="Whether it is on from the start.")] = False
    points: Annotated[list[str], Meta(description="Patterns of hook points.")] = field(
        default_factory=lambda: ["*"]
    )
    level: Annotated[
        Literal["debug", "info", "warning"], Meta(description="The level of the lines in the log.")
    ] = "info"
    output: Annotated[
        Literal["log", "stderr"],
        Meta(description="`log` is the kernel's log (the logger llmspell.hooks), `stderr` that of the cell."),
    ] = "log"
    include_data: Annotated[
        bool, Meta(description="Whether lines have the data too; they may be secret.")
    ] = False


class MetricsHook(Struct, frozen=True, forbid_unknown_fields=True):
    """Counts what happens, and how long tools and cells take."""

    enabled: Annotated[bool, Meta(description="Whether it is on from the start.")] = False
    points: Annotated[list[str], Meta(description="Patterns of hook points.")] = field(
        default_factory=lambda: ["*"]
    )


class DebuggingHook(Struct, frozen=True, forbid_unknown_fields=True):
    """Keeps what hooks were told last, to be looked at."""

    enabled: Annotated[bool, Meta(description="Whether it is on from the start.")] = False
    points: Annotated[list[str], Meta(description="Patterns of hook points.")] = field(
        default_factory=lambda: ["*"]
    )
    size: Annotated[int, Meta(ge=1, description="How many are kept.")] = 100


class CachingHook(Struct, frozen=True, forbid_unknown_fields=True):
    """Answers a tool call that was made before with what it came to then."""

    enabled: Annotated[bool, Meta(description="Whether it is on from the start.")] = False
    tools: Annotated[
        list[str],
        Meta(
            description="Patterns of the tools whose results are kept. A kept result is answered without the "
            "tool being called: those by default look at nothing but what they are given, and change nothing."
        ),
    ] = field(
        default_factory=lambda: [
            "calculator",
            "citation-formatter",
            "data-validator",
            "graph-builder",
            "text-manipulator",
        ]
    )
    except_tools: Annotated[list[str], Meta(description="Patterns of tools of these that are left out.")] = (
        field(default_factory=list)
    )
    levels: Annotated[
        list[str], Meta(description="Security levels of such tools: safe, restricted, privileged.")
    ] = field(default_factory=lambda: ["safe"])
    ttl_seconds: Annotated[float, Meta(gt=0, description="Seconds that a result is kept.")] = 300.0
    max_entries: Annotated[int, Meta(ge=1, description="Results that are kept; the oldest goes.")] = 1000


class RateLimitHook(Struct, frozen=True, forbid_unknown_fields=True):
    """Refuses what happens too often."""

    enabled: Annotated[bool, Meta(description="Whether it is on from the start.")] = False
    points: Annotated[list[str], Meta(description="Patterns of hook points; those before something.")] = (
        field(default_factory=lambda: ["BeforeToolExecution"])
    )
    per_minute: Annotated[int, Meta(ge=1, description="How often it may be in a minute.")] = 60
    per_component: Annotated[
        bool, Meta(description="Whether each tool is counted by itself, or all together.")
    ] = True


class RetryHook(Struct, frozen=True, forbid_unknown_fields=True):
    """Calls tools that have failed again."""

    enabled: Annotated[bool, Meta(description="Whether it is on from the start.")] = False
    tools: Annotated[list[str], Meta(description="Patterns of tools.")] = field(default_factory=lambda: ["*"])
    errors: Annotated[list[str], Meta(description="Kinds of failures that may pass.")] = field(
        default_factory=lambda: ["execution_error", "timeout"]
    )
    max_attempts: Annotated[int, Meta(ge=1, le=10, description="Calls in all.")] = 3
    delay_ms: Annotated[float, Meta(ge=0, description="Milliseconds before the second call.")] = 500.0
    backoff: Annotated[float, Meta(ge=1, description="How much longer each further wait is.")] = 2.0


class CostTrackingHook(Struct, frozen=True, forbid_unknown_fields=True):
    """Adds up what tools cost, and refuses more than a budget."""

    enabled: Annotated[bool, Meta(description="Whether it is on from the start.")] = False
    costs: Annotated[list[str], Meta(description="What a call costs, by pattern: `http-requester=0.01`.")] = (
        field(default_factory=list)
    )
    budget: Annotated[float, Meta(ge=0, description="What may be spent; 0 for any amount.")] = 0.0


class SecurityHook(Struct, frozen=True, forbid_unknown_fields=True):
    """Refuses tools and parameters."""

    enabled: Annotated[bool, Meta(description="Whether it is on from the start.")] = False
    allowed_tools: Annotated[list[str], Meta(description="Patterns of tools that may be called.")] = field(
        default_factory=lambda: ["*"]
    )
    blocked_tools: Annotated[list[str], Meta(description="Patterns of tools that may not.")] = field(
        default_factory=list
    )
    blocked_levels: Annotated[
        list[str], Meta(description="Security levels of tools that may not: safe, restricted, privileged.")
    ] = field(default_factory=list)
    blocked_texts: Annotated[
        list[str], Meta(description="Patterns of texts that no parameter may be, such as `*password*`.")
    ] = field(default_factory=list)


class BuiltinHooks(Struct, frozen=True, forbid_unknown_fields=True):
    """The hooks that come with the program."""

    logging: Annotated[LoggingHook, Meta(description="Writes down what happens.")] = field(
        default_factory=LoggingHook
    )
    metrics: Annotated[
        MetricsHook, Meta(description="Counts what happens, and how long tools and cells take.")
    ] = field(default_factory=MetricsHook)
    debugging: Annotated[
        DebuggingHook, Meta(description="Keeps what hooks were told last, to be looked at.")
    ] = field(default_factory=DebuggingHook)
    caching: Annotated[
        CachingHook,
        Meta(description="Answers a tool call that was made before with what it came to then."),
    ] = field(default_factory=CachingHook)
    rate_limit: Annotated[RateLimitHook, Meta(description="Refuses what happens too often.")] = field(
        default_factory=RateLimitHook
    )
    retry: Annotated[RetryHook, Meta(description="Calls tools that have failed again.")] = field(
        default_factory=RetryHook
    )
    cost_tracking: Annotated[
        CostTrackingHook, Meta(description="Adds up what tools cost, and refuses more than a budget.")
    ] = field(default_factory=CostTrackingHook)
    security: Annotated[SecurityHook, Meta(description="Refuses tools and parameters.")] = field(
        default_factory=SecurityHook
    )
