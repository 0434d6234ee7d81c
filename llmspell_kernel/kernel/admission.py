"""Which requests a kernel serves: no more clients, and no more requests of each, than its settings allow."""

from __future__ import annotations

import os
import time
from typing import Any

import zmq

from llmspell_kernel.errors import RateLimitError, RefusedError, TooManyClientsError

_MINUTE = 60.0
_FREE = frozenset({"kernel_info_request"})
"""What everybody may ask, for clients do not even connect without."""

_Connection = tuple[int, int]
"""The descriptor of a client's connection, and the inode that tells it from a later one of that number."""


class Admission:
    """The clients of the shell channel, each a connection to it. Used on the thread that reads the channel.

    A client takes a place with its first request, and leaves it when its connection ends. Each has requests
    for a minute to spend, and they come back evenly.
    """

    def __init__(self, max_clients: int, rate_limit: int) -> None:
        """`max_clients` at once, `rate_limit` requests a minute of each; 0 for any number."""
        self._max_clients, self._rate_limit = max_clients, rate_limit
        self._connections: dict[bytes, _Connection | None] = {}
        self._places: dict[bytes, _Connection | None] = {}
        self._budgets: dict[bytes, tuple[float, float]] = {}

    def receive(self, socket: zmq.Socket[bytes]) -> list[bytes]:
        """The next message; remembers which connection it came by.

        Raises:
            zmq.Again: there is none.
        """
        frames: Any = socket.recv_multipart(zmq.NOBLOCK, copy=False)
        client = frames[0].bytes
        self._connections[client] = _connection(frames[-1])
        return [client, *(frame.bytes for frame in frames[1:])]

    def refusal(self, client: bytes, msg_type: str) -> RefusedError | None:
        """Why a message of this client is not served; None if it is."""
        connection = self._connections.pop(client, None)
        if msg_type in _FREE:
            return None
        if self._max_clients:
            if client not in self._places and len(self._places) >= self._max_clients:
                self._forget_the_gone()
            if client not in self._places and len(self._places) >= self._max_clients:
                return TooManyClientsError.of(self._max_clients)
            self._places[client] = connection
        return self._spend(client) if self._rate_limit else None

    def _spend(self, client: bytes) -> RateLimitError | None:
        now = time.monotonic()
        most = float(self._rate_limit)
        left, since = self._budgets.get(client, (most, now))
        left = min(most, left + (now - since) * most / _MINUTE)
        if left < 1:
            self._budgets[client] = (left, now)
            return RateLimitError.of(self._rate_limit, (1 - left) * _MINUTE / most)
        if len(self._budgets) > 1000:
            self._budgets = {
                name: (rest, then) for name, (rest, then) in self._budgets.items() if now - then < _MINUTE
            }
        self._budgets[client] = (left - 1, now)
        return None

    def _forget_the_gone(self) -> None:
        for client, connection in list(self._places.items()):
            if connection is not None and not _is_open(connection):
                del self._places[client]


def _connection(frame: Any) -> _Connection | None:
    """Where a frame came from; None where ZeroMQ does not say."""
    try:
        descriptor = int(frame.get(zmq.SRCFD))
        return descriptor, os.fstat(descriptor).st_ino
    except (zmq.ZMQError, OSError):
        return None


def _is_open(connection: _Connection) -> bool:
    descriptor, inode = connection
    try:
        return os.fstat(descriptor).st_ino == inode
    except OSError:
        return False
