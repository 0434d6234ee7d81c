"""The iopub channel without a detour: any thread sends on the socket itself, under a lock.

ipykernel hands each message to a thread of its own, which costs two thread switches a message. ZeroMQ
lets a socket be used by several threads as long as a full memory barrier, such as a lock, lies between
the uses. The thread is still there: it waits for subscriptions, which ipykernel answers with
`iopub_welcome`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import zmq
from ipykernel.iostream import IOPubThread

from llmspell_kernel.kernel.session import send_frames

SEND_HIGH_WATER_MARK = 100_000
"""Messages kept for a subscriber that does not read; more are dropped (ZeroMQ's default is 1,000)."""

_HEARD_SECONDS = 1.0
"""ZeroMQ tries to connect ten times a second."""

_lock = threading.RLock()  # a process has one iopub socket; sockets take no attributes of ours


class SharedSocket(zmq.Socket[bytes]):
    """A socket whose every use is under one lock."""

    def send_multipart(self, *args: Any, **kwargs: Any) -> Any:
        """As zmq.Socket's."""
        with _lock:
            return super().send_multipart(*args, **kwargs)

    def recv_multipart(self, *args: Any, **kwargs: Any) -> Any:
        """As zmq.Socket's."""
        with _lock:
            return super().recv_multipart(*args, **kwargs)

    def get(self, option: int) -> Any:
        """As zmq.Socket's."""
        with _lock:
            return super().get(option)

    getsockopt = get

    def send_now(self, frames: Sequence[Any]) -> bool:
        """Sends a message; true if a subscription is waiting to be read.

        Sending may consume the wake-up for a subscription that came in meanwhile, so the caller has to look.
        """
        with _lock:
            send_frames(self, frames)
            return bool(int(super().get(zmq.EVENTS)) & zmq.POLLIN)


class IOPub(IOPubThread):
    """ipykernel's iopub thread, whose senders need not wait for it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._topics: Counter[bytes] = Counter()
        self._is_heard = threading.Event()
        super().__init__(*arguments, **options)

    @property
    def subscribers(self) -> int:
        """How many clients are connected: those that subscribe to all messages, as Jupyter's do."""
        return max(self._topics.values(), default=0)

    def wait_until_heard(self) -> None:
        """Returns when the first client listens, or after `_HEARD_SECONDS`; then never waits again.

        A client's sockets connect one by one. One that was quick to send its first cell would miss what that
        shows, and wait for its end for ever.
        """
        if not self._is_heard.is_set():
            self._is_heard.wait(_HEARD_SECONDS)
            self._is_heard.set()

    def _handle_subscription(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            if frame[:1] in (b"\0", b"\1"):
                self._topics[frame[1:]] += 1 if frame[0] else -1
                self._is_heard.set()
        super()._handle_subscription(frames)

    def send_multipart(self, frames: Sequence[Any], **_options: Any) -> None:
        """Sends now, on the caller's thread; after the channel has closed, drops the message."""
        socket = self.socket
        if socket is None or socket.closed:
            return
        try:
            waiting = socket.send_now(frames)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.ENOTSOCK, zmq.ETERM):
                raise
            return
        if waiting:
            self.schedule(self._read_subscriptions)

    def _read_subscriptions(self) -> None:
        stream = self._xpub_stream
        if not stream.closed():
            stream._handle_events(stream.socket, 0)
