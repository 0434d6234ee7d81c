"""`[tools]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Tools(Struct, frozen=True, forbid_unknown_fields=True):
    """What tools may do."""

    enabled: Annotated[bool, Meta(description="Whether there are any; otherwise `Tool` is nil.")] = True
