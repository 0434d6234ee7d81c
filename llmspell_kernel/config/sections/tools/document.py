"""`[tools.document]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """The tool pdf-processor."""

    max_file_size: Annotated[int, Meta(ge=1, description="Bytes of a document that is read.")] = 104_857_600
    max_pages: Annotated[int, Meta(ge=1, description="Pages that are read at once.")] = 1000
