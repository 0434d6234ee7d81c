"""`[tools.media]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Media(Struct, frozen=True, forbid_unknown_fields=True):
    """The tools image-processor, audio-processor and video-processor."""

    max_file_size: Annotated[int, Meta(ge=1, description="Bytes of a file that is read.")] = 524_288_000
    max_pixels: Annotated[
        int, Meta(ge=1, description="Pixels of a picture that is read or made, width times height.")
    ] = 50_000_000
    max_duration_seconds: Annotated[float, Meta(gt=0, description="Length of audio that is converted.")] = (
        7200.0
    )
