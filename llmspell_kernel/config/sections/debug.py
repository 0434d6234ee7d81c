"""`[debug]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

DebugLevel = Literal["trace", "debug", "info", "warn", "error", "off"]


class DebugBuffer(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept for `Debug.getCapturedEntries`."""

    enabled: Annotated[bool, Meta(description="Whether messages are kept.")] = True
    max_entries: Annotated[int, Meta(ge=1, description="How many; the oldest go.")] = 10_000


class DebugOutput(Struct, frozen=True, forbid_unknown_fields=True):
    """Where messages go."""

    format: Annotated[
        Literal["text", "json"], Meta(description="How a message is written: as text or as a line of JSON.")
    ] = "text"
    buffer: Annotated[DebugBuffer, Meta(description="What is kept for `Debug.getCapturedEntries`.")] = field(
        default_factory=DebugBuffer
    )


class ModuleFilters(Struct, frozen=True, forbid_unknown_fields=True):
    """Modules whose messages are written, by patterns such as `net.*`."""

    enabled: Annotated[list[str], Meta(description="These are, whatever else says otherwise.")] = field(
        default_factory=list
    )
    disabled: Annotated[list[str], Meta(description="These are not.")] = field(default_factory=list)


class StackTraces(Struct, frozen=True, forbid_unknown_fields=True):
    """`Debug.stackTrace`."""

    max_depth: Annotated[int, Meta(ge=1, description="Frames that are told.")] = 50


class Debug(Struct, frozen=True, forbid_unknown_fields=True):
    """The messages of `Debug`."""

    enabled: Annotated[bool, Meta(description="Whether messages are written to stderr.")] = True
    level: Annotated[DebugLevel, Meta(description="The least that is written.")] = "info"
    output: Annotated[DebugOutput, Meta(description="Where messages go.")] = field(
        default_factory=DebugOutput
    )
    module_filters: Annotated[
        ModuleFilters, Meta(description="Modules whose messages are written, by patterns such as `net.*`.")
    ] = field(default_factory=ModuleFilters)
    stack_trace: Annotated[StackTraces, Meta(description="`Debug.stackTrace`.")] = field(
        default_factory=StackTraces
    )
