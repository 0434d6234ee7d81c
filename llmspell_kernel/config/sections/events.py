"""`[events]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Events(Struct, frozen=True, forbid_unknown_fields=True):
    """What components tell each other."""

    enabled: Annotated[bool, Meta(description="Whether there is a bus; otherwise `Event` is nil.")] = True
    buffer_size: Annotated[
        int,
        Meta(ge=1, description="Events that the history and each subscription keep; older ones go."),
    ] = 10_000
    emit_timing_events: Annotated[
        bool, Meta(description="Whether tools and cells tell how long they took.")
    ] = True
    emit_state_events: Annotated[bool, Meta(description="Whether each write of `State` is an event.")] = False
    max_events_per_second: Annotated[int, Meta(ge=0, description="More are refused; 0 for any number.")] = 0
