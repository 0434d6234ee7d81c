"""Which hosts and addresses there are, and which of them belong to nobody's public service.

The tables are those of IANA's special-purpose registries, written down here, since those in `ipaddress`
differ from one Python to the next.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

METADATA_HOSTS = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "metadata.azure.internal",
        "metadata.azure.com",
        "metadata.platformequinix.com",
        "metadata.packet.net",
        "metadata.tencentyun.com",
        "instance-data",
        "instance-data.ec2.internal",
        "kubernetes.default.svc",
    }
)
"""Names of services that hand a cloud's credentials to whoever asks from within."""

METADATA_ADDRESSES = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # AWS, Google, Azure, DigitalOcean, OpenStack
            "169.254.170.2",  # AWS containers
            "169.254.170.23",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",  # Google
            "100.100.100.200",  # Alibaba
            "168.63.129.16",  # Azure's host
            "192.0.0.192",  # Oracle
        ),
    )
)
"""Addresses of the same."""

_SPECIAL_4 = (
    ("0.0.0.0/8", "an unspecified address"),
    ("10.0.0.0/8", "a private address"),
    ("100.64.0.0/10", "an address that a provider shares among its customers"),
    ("127.0.0.0/8", "a loopback address"),
    ("169.254.0.0/16", "a link-local address"),
    ("172.16.0.0/12", "a private address"),
    ("192.0.0.0/24", "a reserved address"),
    ("192.0.2.0/24", "a reserved address"),
    ("192.88.99.0/24", "a reserved address"),
    ("192.168.0.0/16", "a private address"),
    ("198.18.0.0/15", "a reserved address"),
    ("198.51.100.0/24", "a reserved address"),
    ("203.0.113.0/24", "a reserved address"),
    ("224.0.0.0/4", "a multicast address"),
    ("240.0.0.0/4", "a reserved address"),
)

_SPECIAL_6 = (
    ("::/128", "an unspecified address"),
    ("::1/128", "a loopback address"),
    ("fc00::/7", "a private address"),
    ("fe80::/10", "a link-local address"),
    ("fec0::/10", "a private address"),
    ("ff00::/8", "a multicast address"),
    ("2001::/23", "a reserved address"),
    ("2001:db8::/32", "a reserved address"),
    ("3fff::/20", "a reserved address"),
)

_PUBLIC_6 = IPv6Network("2000::/3")

_CARRIERS = (
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # IPv4-translated
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("64:ff9b:1::/48"), 0),  # NAT64 of the local network
    (IPv6Network("2002::/16"), 80),  # 6to4
    (IPv6Network("::/96"), 0),  # IPv4-compatible
)
"""IPv6 networks whose addresses stand for an IPv4 one: which, and how many bits follow that."""

_NUMBER = r"(?:0[xX][0-9a-fA-F]*|[0-9]+)"
_NUMERIC_HOST = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{0,3}}\Z")

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")


class HostError(ValueError):
    """It is no host; the message says why."""


def host_name(host: str) -> str:
    """The one way to write this host: lower case, without a dot at its end, in ASCII, numbers as an address.

    Raises:
        HostError: it is none.
    """
    bare = host.strip("[]") if host.startswith("[") else host
    literal = literal_address(bare)
    if literal is not None:
        return written(literal)
    try:
        name = bare.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise HostError(f"{host!r} is no name of a host") from None
    name = name.removesuffix(".")
    # What IDNA makes of digits in other scripts is looked at once more.
    literal = literal_address(name)
    if literal is not None:
        return written(literal)
    if not name or len(name) > 253 or not all(map(_LABEL.match, name.split("."))):
        raise HostError(f"{host!r} is no name of a host")
    return name


def literal_address(host: str) -> Address | None:
    """The address that a host's text is, however it is spelled: 127.1, 0x7f000001, 017700000001, ::1%lo."""
    if ":" in host:
        with suppress(ValueError):
            return IPv6Address(host.partition("%")[0])
        return None
    text = host.removesuffix(".")
    if _NUMERIC_HOST.match(text):
        # The C library's own reading of it, since that is what a connection would use.
        with suppress(OSError):
            return IPv4Address(socket.inet_aton(text))
    return None


def written(address: Address) -> str:
    """An address as text; one that stands for an IPv4 address shows it, as ::ffff:10.0.0.1.

    Python's own text does so from 3.13 on only.
    """
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(address) if mapped is None else f"::ffff:{mapped}"


def carried(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    for network, shift in _CARRIERS:
        if address in network and int(address) > 1:
            return IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return address


def special(address: Address) -> str:
    """What an address is in words, if it is not one of the public Internet; empty if it is."""
    real = carried(address)
    if real in METADATA_ADDRESSES:
        return "an address of a metadata service"
    for network, words in _networks(real.version):
        if real in network:
            return words
    if isinstance(real, IPv6Address) and real not in _PUBLIC_6:
        return "a reserved address"
    return ""


@cache
def _networks(version: int) -> tuple[tuple[IPv4Network | IPv6Network, str], ...]:
    table = _SPECIAL_4 if version == 4 else _SPECIAL_6
    return tuple((ip_network(network), words) for network, words in table)


def matching(name: str, addresses: Iterable[Address], patterns: Iterable[str]) -> str:
    """The first pattern that a host fits: a name with `*`, an address, or a network as 10.0.0.0/8.

    Addresses and networks are compared with the `addresses` of the host, a name with its `name`. A pattern
    `*.example.org` also stands for example.org itself.
    """
    found = [carried(each) for each in addresses]
    for pattern in patterns:
        network = _network(pattern)
        if network is not None:
            if any(each in network for each in found):
                return pattern
        else:
            wanted = pattern.lower().removesuffix(".")
            if fnmatchcase(name, wanted) or (wanted.startswith("*.") and name == wanted[2:]):
                return pattern
    return ""


def _network(pattern: str) -> IPv4Network | IPv6Network | None:
    with suppress(ValueError):
        return ip_network(pattern.strip("[]"), strict=False)
    return None
