"""`[tools.archive]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Archive(Struct, frozen=True, forbid_unknown_fields=True):
    """How much the tool archive-handler takes out of archives and puts into them."""

    max_file_size: Annotated[int, Meta(ge=1, description="Bytes of one file in an archive, unpacked.")] = (
        100_000_000
    )
    max_total_size: Annotated[int, Meta(ge=1, description="Bytes of all files in an archive, unpacked.")] = (
        1_000_000_000
    )
    max_files: Annotated[int, Meta(ge=1, description="Files and folders in an archive.")] = 10_000
    max_ratio: Annotated[
        int,
        Meta(
            ge=1,
            description="How many times the size of an archive its content may have, from 10 MB on; what "
            "has more is a bomb.",
        ),
    ] = 250
