"""HTTP over connections that the network guard makes."""

from __future__ import annotations

import ssl
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from llmspell_kernel.library.tool.contract import ToolFailedError
from llmspell_kernel.library.tool.guards.network import SLICE
from llmspell_kernel.library.tool.guards.urls import shown_url

if TYPE_CHECKING:
    import socket

    from llmspell_kernel.library.tool.guards.network import NetworkGuard
    from llmspell_kernel.library.tool.surroundings import Surroundings

_ENCODINGS = ("gzip", "x-gzip", "deflate")


class TooLargeError(ToolFailedError):
    """An answer is bigger than it may be."""


class GuardedTransport(httpx.BaseTransport):
    """Sends each request over a connection that was checked; bodies arrive unpacked and limited in size.

    A request ends after its seconds, whatever the other side does to keep it going, and with the call.
    """

    def __init__(
        self, guard: NetworkGuard, surroundings: Surroundings, *, seconds: float, max_bytes: int
    ) -> None:
        self._guard, self._surroundings = guard, surroundings
        self._max_bytes = max_bytes
        self._clock = _Clock(surroundings, seconds)
        settings = surroundings.settings.tools
        self._max_request = settings.http_request.max_request_size
        network = settings.network
        context = tls_context(network.verify_ssl, network.ca_file)
        backend = _Backend(guard, self._clock, network.proxy)
        self._proxied = bool(network.proxy)
        self._pool: httpcore.ConnectionPool
        if network.proxy:
            proxy = httpx.Proxy(network.proxy)
            self._pool = httpcore.HTTPProxy(
                str(proxy.url), proxy_auth=proxy.raw_auth, ssl_context=context, network_backend=backend
            )
        else:
            self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends it; called by the client for each request and each redirect."""
        url = str(request.url)
        target = self._guard.check_url(url)
        if self._proxied:
            self._guard.addresses(target.host, target.port)
        body = request.read()
        if len(body) > self._max_request:
            raise TooLargeError(
                f"a request of {len(body)} bytes is bigger than {self._max_request} "
                "(the setting tools.http_request.max_request_size)"
            )
        self._surroundings.audit("network.request", method=request.method, url=shown_url(url))
        self._clock.start()
        request.headers["Accept-Encoding"] = "gzip, deflate"
        with _told_by_httpx():
            answer = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=body,
                )
            )
        headers = httpx.Headers(answer.headers)
        encoding = headers.get("Content-Encoding", "").strip().lower()
        stream = _Body(answer.stream, encoding, self._max_bytes, shown_url(url))
        if encoding:
            # The body comes out as it was before it was packed.
            del headers["Content-Encoding"]
            headers.pop("Content-Length", None)
        return httpx.Response(answer.status, headers=headers, stream=stream, extensions=answer.extensions)

    def close(self) -> None:
        """Closes its connections."""
        self._pool.close()


@cache
def tls_context(verify: bool, ca_file: str) -> ssl.SSLContext:
    """How servers prove who they are."""
    if verify and ca_file:
        return ssl.create_default_context(cafile=ca_file)
    return httpx.create_ssl_context(verify=verify, trust_env=False)


class _Clock:
    """When the present request must have ended."""

    def __init__(self, surroundings: Surroundings, seconds: float) -> None:
        self._surroundings, self._seconds = surroundings, seconds
        self._until = float("inf")

    def start(self) -> None:
        self._until = time.monotonic() + self._seconds

    def slice(self) -> float:
        """Seconds to wait before this is asked again."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout(f"no complete answer within {self._seconds:g} s")
        return max(0.001, min(left, SLICE, self._surroundings.seconds_left))


class _Backend(httpcore.NetworkBackend):
    def __init__(self, guard: NetworkGuard, clock: _Clock, proxy: str) -> None:
        self._guard, self._clock = guard, clock
        # A proxy is the administrator's choice, wherever it is.
        self._also = (httpx.URL(proxy).host,) if proxy else ()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._guard.connect(host, port, self._also), self._clock)


class _Stream(httpcore.NetworkStream):
    """A socket whose waits end in time: each is made of short ones."""

    def __init__(self, opened: socket.socket, clock: _Clock) -> None:
        self._socket, self._clock = opened, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            self._socket.settimeout(self._clock.slice())
            try:
                return self._socket.recv(max_bytes)
            except TimeoutError:
                continue
            except OSError as error:
                raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        while buffer:
            self._socket.settimeout(self._clock.slice())
            try:
                buffer = buffer[self._socket.send(buffer) :]
            except TimeoutError:
                continue
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            wrapped = ssl_context.wrap_socket(
                self._socket, server_hostname=server_hostname, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as error:
            self.close()
            raise httpcore.ConnectError(str(error)) from error
        secured = _Stream(wrapped, self._clock)
        try:
            secured._handshake(wrapped)
        except BaseException:
            secured.close()
            raise
        return secured

    def _handshake(self, wrapped: ssl.SSLSocket) -> None:
        while True:
            wrapped.settimeout(self._clock.slice())
            try:
                return wrapped.do_handshake()
            except TimeoutError:
                continue
            except OSError as error:
                raise httpcore.ConnectError(str(error)) from error

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return _is_readable(self._socket)
        if info == "server_addr":
            return self._socket.getpeername()
        return None


def _is_readable(opened: socket.socket) -> bool:
    """Whether an idle connection has been closed by the other side, or talks out of turn."""
    import select

    poll = select.poll()
    try:
        poll.register(opened, select.POLLIN)
    except ValueError:
        return True
    return bool(poll.poll(0))


class _Body(httpx.SyncByteStream):
    """A body as it comes, unpacked, up to a limit."""

    def __init__(self, stream: Any, encoding: str, limit: int, url: str) -> None:
        self._stream, self._encoding, self._limit, self._url = stream, encoding, limit, url
        self._raw = self._whole = 0

    def __iter__(self) -> Iterator[bytes]:
        if self._encoding in ("", "identity"):
            unpacked = None
        elif self._encoding in _ENCODINGS:
            unpacked = _Unpacking(self._encoding)
        else:
            raise httpx.DecodingError(f"an answer is packed in a way nobody asked for: {self._encoding!r}")
        with _told_by_httpx():
            for chunk in self._stream:
                self._raw += len(chunk)
                self._check(self._raw)
                if unpacked is None:
                    yield chunk
                    continue
                for piece in unpacked.feed(chunk):
                    self._whole += len(piece)
                    self._check(self._whole)
                    yield piece

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise TooLargeError(
                f"the answer of {self._url} is bigger than {self._limit} bytes",
                max_bytes=self._limit,
            )

    def close(self) -> None:
        self._stream.close()


class _Unpacking:
    """Unpacks in pieces, so that a bomb never is in memory as a whole."""

    PIECE = 65536

    def __init__(self, encoding: str) -> None:
        self._raw_deflate = encoding == "deflate"
        self._new()

    def _new(self) -> None:
        self._unpacker = zlib.decompressobj(wbits=47)
        self._first = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        full = False
        while data or full:
            try:
                piece = self._unpacker.decompress(data, self.PIECE)
            except zlib.error as error:
                if not (self._first and self._raw_deflate):
                    raise httpx.DecodingError(f"an answer cannot be unpacked: {error}") from error
                # Some servers send "deflate" without the header that belongs to it.
                self._unpacker = zlib.decompressobj(wbits=-15)
                self._first = False
                continue
            self._first = False
            if piece:
                yield piece
            # A full piece may have left more behind, though all data has been taken.
            full = len(piece) == self.PIECE
            if self._unpacker.eof:
                data, full = self._unpacker.unused_data, False
                self._new()
            else:
                data = self._unpacker.unconsumed_tail


_TRANSLATED: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.TimeoutException, httpx.ReadTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.NetworkError, httpx.ReadError),
    (httpcore.ProxyError, httpx.ProxyError),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.ProtocolError, httpx.RemoteProtocolError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
)


@contextmanager
def _told_by_httpx() -> Iterator[None]:
    """What goes wrong below is told by the errors that clients of httpx expect."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProxyError) as error:
        raise _translated(error) from error
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        raise _translated(error) from error


def _translated(error: Exception) -> httpx.TransportError:
    for kind, other in _TRANSLATED:
        if isinstance(error, kind):
            return other(str(error))
    return httpx.TransportError(str(error))
