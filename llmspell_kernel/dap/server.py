"""The TCP server for editors: several may look, one steers."""

from __future__ import annotations

import codecs
import ipaddress
import logging
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from llmspell_kernel.dap.adapter import Adapter
from llmspell_kernel.dap.bodies import ExitedBody
from llmspell_kernel.dap.connection import Connection
from llmspell_kernel.dap.host import Host
from llmspell_kernel.dap.protocol import Message
from llmspell_kernel.dap.steering import Steering
from llmspell_kernel.errors import SecurityError, UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from llmspell_kernel.lua.debugger.debugger import Debugger
    from llmspell_kernel.lua.debugger.model import OutputCategory

CLIENT_LIMIT = 16
_PAUSE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class DapServer:
    """Listens for debug clients. Any thread may call the methods.

    The first client that attaches steers; the others look, and the next one steers when it goes. A client
    that vanishes takes its breakpoints with it, and code that it had stopped goes on.
    """

    def __init__(
        self,
        debugger: Debugger,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        *,
        steering: Steering | None = None,
        offers: Host | None = None,
    ) -> None:
        """Opens the port; `start` begins to answer.

        Args:
            debugger: what the clients steer or look at.
            host: the address to listen on.
            port: 0 for any that is free.
            token: what clients must show with attach or launch.
            steering: shared with other routes to the same debugger.
            offers: what the process offers.

        Raises:
            SecurityError: others than this machine could connect, and there is no token.
            UsageError: the address cannot be listened on.
        """
        self._debugger = debugger
        self._token = token or None
        self._steering = steering or Steering()
        self._offers = offers or Host()
        self._decoders = {
            name: codecs.getincrementaldecoder("utf-8")("backslashreplace") for name in ("stdout", "stderr")
        }
        self._connections: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._listener = _listen(host, port, open_to_others=self._token is not None)
        self._wake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, name="llmspell-dap", daemon=True)

    def start(self) -> tuple[str, int]:
        """Begins to answer clients; where: host and port."""
        self._thread.start()
        return self.address

    def __enter__(self) -> DapServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens: host and port."""
        host, port = self._listener.getsockname()[:2]
        return str(host), int(port)

    @property
    def clients(self) -> int:
        """How many clients are attached."""
        return len(self._attached())

    # What the program tells its clients

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        """Shows bytes that the program has written. One thread at a time."""
        text = self._decoders[stream].decode(data)
        if text:
            self.output(stream, text)

    def output(self, category: OutputCategory, text: str, path: str = "", line: int = 0) -> None:
        """Shows text in the clients' consoles; `path` and `line` say where it comes from."""
        for connection in self._attached():
            connection.adapter.session.output(category, text, path, line)

    def exited(self, status: int) -> None:
        """Tells the clients that the program has ended."""
        for connection in self._attached():
            connection.adapter.session.emit("exited", ExitedBody(exit_code=status))
            connection.adapter.session.emit("terminated")

    def close(self) -> None:
        """Stops listening, ends the clients' parts and hangs up; returns within seconds."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._waker.send(b".")
        if self._thread.ident is not None:
            self._thread.join()
        self._listener.close()
        for connection in list(self._connections):
            connection.close()
        self._wake.close()
        self._waker.close()

    def _attached(self) -> list[Connection]:
        with self._lock:
            return [each for each in self._connections if each.adapter.session.attached]

    # Accepting

    def _accept(self) -> None:
        while True:
            ready, _, _ = select.select([self._listener, self._wake], [], [])
            if self._wake in ready:
                return
            try:
                sock, _ = self._listener.accept()
            except OSError as error:  # no descriptors left, or the client has gone already
                _log.warning("the debugger's server could not take a client: %s", error)
                select.select([self._wake], [], [], _PAUSE_SECONDS)
                continue
            self._welcome(sock)

    def _welcome(self, sock: socket.socket) -> None:
        with self._lock:
            full = len(self._connections) >= CLIENT_LIMIT
        if full:
            _log.warning("the debugger's server has %d clients: another one is sent away", CLIENT_LIMIT)
            sock.close()
            return
        try:
            connection = Connection(sock, self._make_adapter, self._forget)
        except OSError:  # it has gone already
            sock.close()
            return
        with self._lock:
            self._connections.append(connection)
        connection.start()

    def _make_adapter(self, send: Callable[[Message], None]) -> Adapter:
        return Adapter(self._debugger, send, steering=self._steering, host=self._offers, token=self._token)

    def _forget(self, connection: Connection) -> None:
        with self._lock, suppress(ValueError):
            self._connections.remove(connection)


def _listen(host: str, port: int, *, open_to_others: bool) -> socket.socket:
    """A socket that listens; IPv4 where the host has both."""
    if not 0 <= port <= 65535:
        raise UsageError(f"{port} is no port: choose one from 1 to 65535, or 0 for any that is free")
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        if not open_to_others and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
            raise SecurityError(
                f"a debugger that listens on {host or address[0]} lets everybody who reaches this machine "
                "run code: give a token, or listen on 127.0.0.1"
            )
        return socket.create_server((str(address[0]), port), family=family)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
