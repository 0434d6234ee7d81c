"""`[events]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field


class Filtering(Struct, frozen=True, forbid_unknown_fields=True):
    """Which events there are; `*` in a pattern stands for any text."""

    include_types: Annotated[
        list[str], Meta(description="Patterns of types; an event must match one of them.")
    ] = field(default_factory=lambda: ["*"])
    exclude_types: Annotated[list[str], Meta(description="Patterns of types that are left out.")] = field(
        default_factory=list
    )
    include_components: Annotated[
        list[str],
        Meta(
            description="Patterns of sources, such as `tool` or `tool:calculator`; an event must come from "
            "one of them."
        ),
    ] = field(default_factory=lambda: ["*"])
    exclude_components: Annotated[list[str], Meta(description="Patterns of sources that are left out.")] = (
        field(default_factory=list)
    )


class Export(Struct, frozen=True, forbid_unknown_fields=True):
    """Where events are written, as a line of JSON each."""

    stdout: Annotated[bool, Meta(description="Whether they are written to the output of what runs.")] = False
    file: Annotated[str, Meta(description="A file that they are added to; none if empty.")] = ""
    pretty_json: Annotated[bool, Meta(description="Several indented lines for each event.")] = False


class Events(Struct, frozen=True, forbid_unknown_fields=True):
    """What components tell each other."""

    enabled: Annotated[bool, Meta(description="Whether there is a bus; otherwise `Event` is nil.")] = True
    backend: Annotated[
        Literal["auto", "memory", "postgres"],
        Meta(
            description="How far the bus reaches: `memory` within one process, `postgres` to all that use "
            "the same database and tenant; `auto` is `postgres` where State is kept there."
        ),
    ] = "auto"
    buffer_size: Annotated[
        int,
        Meta(ge=1, description="Events that the history and each subscription keep; older ones go."),
    ] = 10_000
    buffer_size_bytes: Annotated[
        int,
        Meta(
            ge=1,
            description="What the events of the history, and of each subscription, may take together; older "
            "ones go.",
        ),
    ] = 50_000_000
    max_event_size_bytes: Annotated[
        int, Meta(ge=1, description="What the data of one event may take; larger ones are refused.")
    ] = 10_000_000
    emit_timing_events: Annotated[
        bool, Meta(description="Whether tools and cells tell how long they took.")
    ] = True
    emit_state_events: Annotated[bool, Meta(description="Whether each write of `State` is an event.")] = False
    max_events_per_second: Annotated[int, Meta(ge=0, description="More are refused; 0 for any number.")] = 0
    filtering: Annotated[Filtering, Meta(description="Which events there are.")] = field(
        default_factory=Filtering
    )
    export: Annotated[Export, Meta(description="Where events are written.")] = field(default_factory=Export)
