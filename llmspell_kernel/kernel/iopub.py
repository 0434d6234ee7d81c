"""The iopub channel without a detour: any thread sends on the socket itself, under a lock.

ipykernel hands each message to a thread of its own, which costs two thread switches a message. ZeroMQ lets a socket be used
by several threads as long as a full memory barrier, such as a lock, lies between the uses. The thread is still there:
it waits for subscriptions, which ipykernel answers with `iopub_welcome`.
"""

from __future__ import annotations

import threading
from typing import Any

import zmq
from ipykernel.iostream import IOPubThread

SEND_HIGH_WATER_MARK = 100_000
"""Messages kept for a subscriber that does not read; ZeroMQ drops what comes on top (its default is 1,000)."""


class SharedSocket(zmq.Socket[bytes]):
    """A socket whose every use is under one lock."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # ZMQ sockets turn attributes into socket options; these two are ours.
        object.__setattr__(self, "_use", threading.RLock())

    def send_multipart(self, *args: Any, **kwargs: Any) -> Any:
        """As zmq.Socket's."""
        with self._use:
            return super().send_multipart(*args, **kwargs)

    def recv_multipart(self, *args: Any, **kwargs: Any) -> Any:
        """As zmq.Socket's."""
        with self._use:
            return super().recv_multipart(*args, **kwargs)

    def get(self, option: int) -> Any:
        """As zmq.Socket's."""
        with self._use:
            return super().get(option)

    getsockopt = get


class IOPub(IOPubThread):
    """ipykernel's iopub thread, whose senders need not wait for it."""

    def send_multipart(self, *args: Any, **kwargs: Any) -> None:
        """Sends now, on the caller's thread."""
        socket = self.socket
        if socket is None:
            return
        self._really_send(*args, **kwargs)
        # Sending may have consumed the wake-up for a subscription that came in meanwhile.
        if socket.get(zmq.EVENTS) & zmq.POLLIN:
            self.schedule(self._wake_listener)

    def _wake_listener(self) -> None:
        self._xpub_stream.flush(zmq.POLLIN)
