"""`[security]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Security(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may talk to a kernel, and how much. Keys count where the kernel writes its own connection file."""

    hmac_key: Annotated[
        str,
        Meta(
            description="The key that signs messages; a new random one for each kernel if empty.",
            extra={"secret": True},
        ),
    ] = ""
    encryption: Annotated[
        bool,
        Meta(
            description="Encrypt the channels (CurveZMQ) with new keys, which the connection file tells to "
            "clients."
        ),
    ] = False
    max_message_size_mb: Annotated[
        float,
        Meta(
            ge=0,
            description="Megabytes of one part of a message; a client that sends more is cut off; 0 for no "
            "limit.",
        ),
    ] = 0.0
    rate_limit_per_minute: Annotated[
        int,
        Meta(ge=0, description="Requests a minute of each client; more are refused; 0 for any number."),
    ] = 0
