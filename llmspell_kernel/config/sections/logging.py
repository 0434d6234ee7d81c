"""`[logging]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Logging(Struct, frozen=True, forbid_unknown_fields=True):
    """What a kernel tells of itself."""

    level: Annotated[
        Literal["off", "error", "warning", "info", "debug"],
        Meta(description="How much: each level also has what the ones before it have."),
    ] = "warning"
    file: Annotated[str, Meta(description="Where it is written, behind what is there; stderr if empty.")] = ""
    format: Annotated[
        Literal["text", "json"], Meta(description="Lines to read, or a JSON object a line.")
    ] = "text"
