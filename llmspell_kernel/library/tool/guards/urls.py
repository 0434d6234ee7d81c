"""URLs, as the network guard reads and shows them."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote_plus, urlsplit, urlunsplit

from llmspell_kernel.library.tool.guards.addresses import HostError, host_name

SCHEMES = {"http": 80, "https": 443}
"""What is spoken, and on which port if none is named."""

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")

_SECRET = re.compile(r"key|token|secret|passw|auth|signature|\bsig\b|credential", re.IGNORECASE)


class UrlError(ValueError):
    """It is no URL that can be asked for; the message says why."""


class Target(NamedTuple):
    """Where a URL leads. The host is as `host_name` writes it."""

    scheme: str
    host: str
    port: int


def target_of(url: str) -> Target:
    """Where a URL leads.

    Raises:
        UrlError: it is none, or not one of HTTP.
    """
    if _FORBIDDEN.search(url):
        raise UrlError("it has spaces, control characters or backslashes in it")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UrlError(str(error)) from None
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES:
        raise UrlError(
            f"its scheme is {scheme!r}, not http or https" if scheme else "it does not begin with http://"
        )
    if not host:
        raise UrlError("it names no host")
    try:
        return Target(scheme, host_name(host), SCHEMES[scheme] if port is None else port)
    except HostError as error:
        raise UrlError(str(error)) from None


def shown_url(url: str) -> str:
    """The URL without the password in it, and without the values of what is called a key or a token."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return re.sub(r"//[^/]*@", "//", url)
    return urlunsplit(SplitResult(parts.scheme, host, parts.path, _shown_query(parts.query), parts.fragment))


def is_secret(name: str) -> bool:
    """Whether a parameter or header of this name is likely to hold a secret."""
    return bool(_SECRET.search(name)) or name.lower() in ("cookie", "set-cookie")


def _shown_query(query: str) -> str:
    if not _SECRET.search(query):
        return query
    pairs = parse_qsl(query, keep_blank_values=True)
    return "&".join(
        f"{quote_plus(name)}={'***' if is_secret(name) else quote_plus(value)}" for name, value in pairs
    )
