"""`[tools.network]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Network(Struct, frozen=True, forbid_unknown_fields=True):
    """Connections of every tool. Whether there may be any says runtime.security.allow_network_access."""

    allow_private: Annotated[
        tuple[str, ...],
        Meta(
            description="Hosts, addresses and networks (`127.0.0.1`, `10.1.0.0/16`, `*.corp.example`) that "
            "are reached though they are not on the public Internet. Services that hand out a cloud's "
            "credentials must be named by their own address."
        ),
    ] = ()
    blocked_ports: Annotated[
        tuple[int, ...],
        Meta(description="Ports that no URL may lead to, since what listens there does not speak HTTP."),
    ] = (22, 23, 25, 110, 135, 139, 445, 1433, 3306, 3389, 5432, 5900, 6379, 8020, 9200, 11211, 27017)
    timeout_seconds: Annotated[float, Meta(gt=0, description="Seconds that one connection may take.")] = 10.0
    max_retries: Annotated[
        int,
        Meta(
            ge=0,
            le=10,
            description="How often tools that repeat failed requests do so, if a call does not say.",
        ),
    ] = 3
    verify_ssl: Annotated[bool, Meta(description="Whether servers must prove who they are.")] = True
    ca_file: Annotated[
        str, Meta(description="A file of certificates to trust, in place of the public ones.")
    ] = ""
    proxy: Annotated[
        str,
        Meta(
            description="The HTTP proxy of all requests: http://user:password@host:port. The environment's "
            "is not used. The proxy finds the addresses itself, after they have been checked here.",
            extra={"secret": True},
        ),
    ] = ""
