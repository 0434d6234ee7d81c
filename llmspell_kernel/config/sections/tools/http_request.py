"""`[tools.http_request]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field


class DefaultHeaders(Struct, frozen=True, forbid_unknown_fields=True):
    """Headers of each request that does not set them."""

    named: Annotated[
        dict[str, Annotated[str, Meta(extra={"secret": True})]],
        Meta(description="Each by its name.", extra={"rest": True}),
    ] = field(default_factory=dict)


class HttpRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Which hosts tools reach, and how much they exchange with them; for every tool that connects."""

    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(description="The only hosts that are reached: names with `*`, addresses, networks."),
    ] = ("*",)
    blocked_hosts: Annotated[
        tuple[str, ...], Meta(description="Hosts that are not reached, though they be allowed.")
    ] = ()
    timeout_seconds: Annotated[
        float, Meta(gt=0, description="Seconds that a request may take, answer included.")
    ] = 30.0
    max_redirects: Annotated[int, Meta(ge=0, le=50, description="Redirects that are followed.")] = 10
    max_request_size: Annotated[int, Meta(ge=0, description="Bytes that a request may send.")] = 10_000_000
    max_response_size: Annotated[
        int, Meta(ge=0, description="Bytes of an answer, also after it has been unpacked.")
    ] = 10_000_000
    user_agent: Annotated[str, Meta(description="What the tools call themselves.")] = "LLMSpell/1.0"
    default_headers: Annotated[
        DefaultHeaders, Meta(description="Headers of each request that does not set them.")
    ] = field(default_factory=DefaultHeaders)
