"""Connections to allowed hosts."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NoReturn

from llmspell_kernel.errors import MissingExtraError, NotAllowedError, ToolTimeoutError
from llmspell_kernel.library.tool.contract import ToolFailedError
from llmspell_kernel.library.tool.guards.addresses import (
    METADATA_ADDRESSES,
    METADATA_HOSTS,
    Address,
    HostError,
    carried,
    host_name,
    literal_address,
    matching,
    special,
    written,
)
from llmspell_kernel.library.tool.guards.urls import Target, UrlError, shown_url, target_of

if TYPE_CHECKING:
    import httpx

    from llmspell_kernel.library.tool.surroundings import Surroundings

Resolver = Callable[[str, int], Sequence[str]]
"""The addresses of a host's name; raises OSError if there are none."""

SLICE = 0.05
"""Seconds after which a wait looks whether anybody still waits for it."""

_READERS = frozenset({"web-scraper", "webpage-monitor", "sitemap-crawler", "url-analyzer"})


class UnreachableError(ToolFailedError):
    """A host has no address, or nobody answers there."""


def system_addresses(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))


class NetworkGuard:
    """Connections to allowed hosts, for one call of a tool.

    A name is resolved once, each of its addresses is checked, and the connection goes to one of these: what
    the name stands for a moment later does not matter. Redirects are checked like any other URL.
    """

    def __init__(self, surroundings: Surroundings, resolve: Resolver = system_addresses) -> None:
        self._surroundings = surroundings
        self._resolve = resolve
        tools = surroundings.settings.tools
        self._http, self._network, self._search = tools.http_request, tools.network, tools.web_search

    def check_url(self, url: str) -> Target:
        """Where the URL leads, if its scheme, host and port are allowed as far as one sees without DNS.

        Raises:
            NotAllowedError: they are not; names the rule and the setting.
        """
        try:
            target = target_of(url)
        except UrlError as error:
            self._refuse(shown_url(url), "url", str(error), "give a URL such as https://example.org/path")
        if target.port in self._network.blocked_ports:
            self._refuse(
                f"{target.host}:{target.port}", "port", f"port {target.port} is not for HTTP",
                "see the setting tools.network.blocked_ports",
            )  # fmt: skip
        literal = literal_address(target.host)
        self._check_name(target.host, literal)
        if literal is not None:
            self._check_address(target.host, literal, ())
        return target

    def address(self, host: str, port: int, also: Sequence[str] = ()) -> str:
        """The first address of a host, checked like all of them; connect to it rather than to the name.

        Raises:
            NotAllowedError: the host or one of its addresses is not allowed.
            UnreachableError: it has none.
        """
        return self.addresses(host, port, also)[0]

    def addresses(self, host: str, port: int, also: Sequence[str] = ()) -> list[str]:
        """All addresses of a host, checked. In `also` are hosts that a setting of the tool itself allows.

        Raises:
            NotAllowedError: the host or one of its addresses is not allowed.
            UnreachableError: it has none.
        """
        try:
            name = host_name(host)
        except HostError as error:
            self._refuse(host, "url", str(error), "give a name or an address")
        literal = literal_address(name)
        self._check_name(name, literal)
        if literal is not None:
            found: list[Address] = [literal]
        else:
            found = [ip_address(each.partition("%")[0]) for each in self._resolved(name, port)]
        for each in found:
            self._check_address(name, each, also)
        return [written(each) for each in found]

    def connect(self, host: str, port: int, also: Sequence[str] = ()) -> socket.socket:
        """A TCP connection to a host, whose waits end with the call: see `ending`.

        Raises:
            NotAllowedError: the host or one of its addresses is not allowed.
            UnreachableError: nobody answers there.
        """
        until = time.monotonic() + min(self._network.timeout_seconds, self._surroundings.seconds_left)
        problem: OSError | None = None
        for address in self.addresses(host, port, also):
            self._surroundings.audit("network.connect", host=host, address=address, port=port)
            try:
                return self._dial(address, port, until)
            except OSError as error:
                problem = problem or error
        reason = (problem.strerror or str(problem)) if problem else "it has no address"
        raise UnreachableError(f"{host}:{port} cannot be reached: {reason}", host=host, port=port)

    def client(
        self, *, seconds: float | None = None, max_bytes: int | None = None, **options: Any
    ) -> httpx.Client:
        """An HTTP client that connects through this guard.

        Args:
            seconds: that each request may take in all; by default what the settings say.
            max_bytes: of an answer, also unpacked; by default what the settings say.
            options: for `httpx.Client`. Redirects are not followed unless they say so; if they are, each is
                checked.

        Raises:
            MissingExtraError: httpx is not installed.
            NotAllowedError: tools may not use the network.
        """
        try:
            import httpx

            from llmspell_kernel.library.tool.guards.transport import GuardedTransport
        except ImportError:
            raise MissingExtraError.of(self._surroundings.tool, "httpx", "tools") from None
        self._check_access("any host")
        transport = GuardedTransport(
            self,
            self._surroundings,
            seconds=self._http.timeout_seconds if seconds is None else seconds,
            max_bytes=self._http.max_response_size if max_bytes is None else max_bytes,
        )
        # What an environment says of proxies and passwords is for programs, not for scripts.
        return httpx.Client(transport=transport, trust_env=False, timeout=None, **options)

    @contextmanager
    def ending(self, fileno: int) -> Iterator[None]:
        """A connection's own waits end when the call's time is over, or nobody waits for it any more.

        For libraries that wait on sockets themselves.
        """
        over = threading.Event()
        copy = socket.socket(fileno=os.dup(fileno))

        def watch() -> None:
            while not over.wait(SLICE):
                if self._surroundings.cancelled.is_set() or time.monotonic() > self._surroundings.deadline:
                    with suppress(OSError):
                        copy.shutdown(socket.SHUT_RDWR)
                    break

        thread = threading.Thread(target=watch, name="llmspell-connection", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            copy.close()

    def _resolved(self, name: str, port: int) -> Sequence[str]:
        """The addresses of a name; the resolver cannot be ended, so it is left behind if time is over."""
        answer: list[Sequence[str] | OSError | UnicodeError] = []

        def ask() -> None:
            try:
                answer.append(self._resolve(name, port))
            except (OSError, UnicodeError) as error:
                answer.append(error)

        thread = threading.Thread(target=ask, name="llmspell-resolver", daemon=True)
        thread.start()
        until = time.monotonic() + self._network.timeout_seconds
        while thread.is_alive():
            left = min(until - time.monotonic(), self._surroundings.seconds_left)
            if left <= 0:
                raise UnreachableError(f"no answer about the address of {name} in time", host=name)
            thread.join(min(left, SLICE))
        found = answer[0] if answer else ()
        if isinstance(found, Exception):
            reason = getattr(found, "strerror", None) or str(found)
            raise UnreachableError(f"{name} has no address: {reason}", host=name)
        if not found:
            raise UnreachableError(f"{name} has no address", host=name)
        return found

    def _dial(self, address: str, port: int, until: float) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            state = opened.connect_ex((address, port))
            poll = select.poll()
            poll.register(opened, select.POLLOUT)
            while state == errno.EINPROGRESS:
                left = min(until - time.monotonic(), self._surroundings.seconds_left)
                if left <= 0:
                    raise TimeoutError(errno.ETIMEDOUT, "nobody answers in time")
                if poll.poll(min(left, SLICE) * 1000):
                    state = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if state:
                raise OSError(state, os.strerror(state))
            opened.settimeout(min(self._http.timeout_seconds, self._surroundings.seconds_left))
        except (OSError, ToolTimeoutError):
            opened.close()
            raise
        return opened

    def _check_access(self, host: str) -> None:
        if not self._surroundings.settings.runtime.security.allow_network_access:
            self._refuse(
                host, "access", "tools may not use the network",
                "the setting runtime.security.allow_network_access is false",
            )  # fmt: skip

    def _check_name(self, name: str, literal: Address | None) -> None:
        """What can be said of a host before its addresses are known."""
        self._check_access(name)
        if literal is not None:
            return
        if name in METADATA_HOSTS and name not in self._network.allow_private:
            self._refuse(
                name, "metadata", "it hands out a cloud's credentials",
                "if you mean it, name it in tools.network.allow_private",
            )  # fmt: skip
        for setting, allowed, blocked in self._lists():
            self._check_lists(name, None, setting, allowed, blocked)

    def _check_address(self, name: str, address: Address, also: Sequence[str]) -> None:
        for setting, allowed, blocked in self._lists():
            self._check_lists(name, address, setting, allowed, blocked)
        what = special(address)
        if not what:
            return
        exceptions, shown = (*self._network.allow_private, *also), written(address)
        if carried(address) in METADATA_ADDRESSES:
            named = any(
                each == name or literal_address(each) in (address, carried(address)) for each in exceptions
            )
            if not named:
                self._refuse(
                    name, "metadata", f"{shown} is {what}",
                    f'if you mean it, name "{carried(address)}" in tools.network.allow_private',
                )  # fmt: skip
        elif not matching(name, [address], exceptions):
            self._refuse(
                name, "private", f"{shown} is {what}" if name != shown else f"it is {what}",
                f'if you mean it, add "{name}" to the setting tools.network.allow_private',
            )  # fmt: skip

    def _lists(self) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
        """The lists that hold for this tool: what its setting's name ends with, allowed, blocked."""
        yield "tools.http_request.*_hosts", self._http.allowed_hosts, self._http.blocked_hosts
        if self._surroundings.tool in _READERS:
            yield "tools.web_search.*_domains", self._search.allowed_domains, self._search.blocked_domains

    def _check_lists(
        self,
        name: str,
        address: Address | None,
        setting: str,
        allowed: Sequence[str],
        blocked: Sequence[str],
    ) -> None:
        found = [address] if address is not None else []
        if pattern := matching(name, found, blocked):
            where = setting.replace("*", "blocked")
            self._refuse(name, "blocked", f"{pattern!r} is blocked", f"see the setting {where}")
        # Whether a network that is allowed has the host in it is known when its addresses are.
        networks = address is None and any("/" in each or literal_address(each) for each in allowed)
        if not networks and not matching(name, found, allowed):
            where = setting.replace("*", "allowed")
            self._refuse(name, "not allowed", "it is not on the list", f"see the setting {where}")

    def _refuse(self, host: str, rule: str, reason: str, advice: str) -> NoReturn:
        self._surroundings.audit("network.connect", host=host, allowed=False, rule=rule)
        raise NotAllowedError(f"{self._surroundings.tool} must not connect to {host}: {reason} ({advice})")
