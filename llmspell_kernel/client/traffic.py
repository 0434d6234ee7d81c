"""The sockets of a connected client, and the one thread that uses them."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import zmq

from llmspell_kernel.client.connection import Connection
from llmspell_kernel.client.wire import Message, Wire, WireError

_BEAT_SECONDS = 1.0
_PATIENCE_SECONDS = 6.0
"""A heart that has been silent for so long after a beat was asked for has stopped."""
_DISCONNECTED_PATIENCE_SECONDS = 1.0
"""The same after its connection has broken, as it does when a process ends."""

_KINDS = {
    "shell": zmq.DEALER,
    "control": zmq.DEALER,
    "stdin": zmq.DEALER,
    "iopub": zmq.SUB,
    "hb": zmq.DEALER,
}


class Traffic:
    """Carries messages between a client and a kernel, and notices when the kernel has died.

    `send` and `stop` may be called by any thread. The callbacks are called on the traffic's own thread, a
    daemon; they must be quick and must not raise.

    Args:
        received: gets each message, with its channel.
        refused: a message was no proper one.
        ticked: about once a second.
        revived: the connection broke, but somebody answers there again.
        ended: once, at the end; with why, if the kernel has died.
    """

    def __init__(
        self,
        connection: Connection,
        identity: bytes,
        *,
        received: Callable[[Message], None],
        refused: Callable[[WireError], None],
        ticked: Callable[[], None],
        revived: Callable[[], None],
        ended: Callable[[str], None],
    ) -> None:
        self._wire = Wire(connection.key, connection.signature_scheme)
        self._received = received
        self._refused = refused
        self._ticked = ticked
        self._revived = revived
        self._ended = ended
        self._outgoing: deque[tuple[str, list[bytes]]] = deque()
        self._stopping = False
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._context: zmq.Context[Any] = zmq.Context()
        self._sockets = {name: self._connect(connection, name, identity) for name in _KINDS}
        self._monitor = self._sockets["hb"].get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._process = _process_descriptor(connection)
        self.sees_process = self._process is not None
        """Whether it is known that the kernel's process was there at the beginning."""
        self._asked_at: float | None = None
        self._disconnected = False
        self.has_beaten = False
        """Whether the kernel's heart has answered at least once."""
        self._thread = threading.Thread(target=self._run, name="llmspell-client", daemon=True)
        self._thread.start()

    def _connect(self, connection: Connection, name: str, identity: bytes) -> zmq.Socket[bytes]:
        made: zmq.Socket[bytes] = self._context.socket(_KINDS[name])
        made.linger = 0
        made.sndhwm = made.rcvhwm = 0  # nothing is dropped, however slowly a program reads
        if connection.curve_publickey and connection.curve_secretkey:
            made.curve_serverkey = made.curve_publickey = connection.curve_publickey
            made.curve_secretkey = connection.curve_secretkey
        if name == "iopub":
            made.setsockopt(zmq.SUBSCRIBE, b"")
        elif name != "hb":
            made.setsockopt(zmq.IDENTITY, identity)  # the kernel asks for input by the shell's identity
        if ":" in connection.ip:
            made.ipv6 = True
        made.connect(connection.endpoint(name))
        return made

    def send(self, message: Message, channel: str) -> None:
        """Has a message leave."""
        self._outgoing.append((channel, self._wire.pack(message)))
        self._wake()

    def stop(self) -> None:
        """Has the thread send what is waiting, close the sockets and end. Does not wait."""
        self._stopping = True
        self._wake()

    def join(self, seconds: float) -> None:
        """Waits until that has happened."""
        if threading.current_thread() is not self._thread:
            self._thread.join(seconds)

    def _wake(self) -> None:
        with suppress(BlockingIOError, OSError):  # it has been woken often enough, or has ended
            self._writer.send(b"x")

    # The thread

    def _run(self) -> None:
        poller = zmq.Poller()
        names = {made: name for name, made in self._sockets.items()}
        iopub = self._sockets["iopub"]
        for each in (*self._sockets.values(), self._monitor, self._reader):
            poller.register(each, zmq.POLLIN)
        if self._process is not None:
            poller.register(self._process, zmq.POLLIN)
        reason = ""
        next_tick = time.monotonic()
        while not self._stopping and not reason:
            left = max(0.0, next_tick - time.monotonic())
            # iopub first: what is printed before a question explains it.
            for ready, _ in sorted(poller.poll(int(left * 1000) + 1), key=lambda each: each[0] is not iopub):
                if ready in names:
                    self._read(names[ready])
                elif ready is self._monitor:
                    self._note_disconnected()
                elif ready == self._process:
                    reason = "its process has ended"
            self._send_waiting()
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + self._beat()
                reason = reason or self._silent()
                self._ticked()
        self._close(reason)

    def _read(self, name: str) -> None:
        """Takes all that has arrived on a channel."""
        source = self._sockets[name]
        with suppress(zmq.Again):
            while True:
                frames = source.recv_multipart(zmq.NOBLOCK)
                if name == "hb":
                    self._note_beat()
                else:
                    self._take(frames, name)

    def _take(self, frames: Sequence[bytes], channel: str) -> None:
        try:
            message = self._wire.unpack(frames)
        except WireError as error:
            self._refused(error)
            return
        message["channel"] = channel
        self._received(message)

    def _send_waiting(self) -> None:
        with suppress(BlockingIOError):
            self._reader.recv(4096)
        while self._outgoing:
            channel, frames = self._outgoing.popleft()
            self._sockets[channel].send_multipart(frames)

    # The heart

    def _note_beat(self) -> None:
        revived, self._disconnected = self._disconnected, False
        self._asked_at, self.has_beaten = None, True
        if revived:
            self._revived()

    def _note_disconnected(self) -> None:
        with suppress(zmq.Again):
            while True:
                self._monitor.recv_multipart(zmq.NOBLOCK)
                if self.has_beaten and not self._disconnected:
                    self._disconnected = True
                    self._asked_at = time.monotonic()  # from here on it has less time

    def _beat(self) -> float:
        """Asks for a beat, if none is owed; answers in how many seconds to look again."""
        if self._asked_at is None:
            self._asked_at = time.monotonic()
            self._sockets["hb"].send_multipart([b"", b"beat"])
        return _BEAT_SECONDS if self.has_beaten and not self._disconnected else _BEAT_SECONDS / 4

    def _silent(self) -> str:
        """Why the kernel counts as dead; empty if it does not. One that has never beaten is not dead yet."""
        if self._asked_at is None or not self.has_beaten:
            return ""
        silence = time.monotonic() - self._asked_at
        if self._disconnected and silence > _DISCONNECTED_PATIENCE_SECONDS:
            return "its connection broke, and nobody answers there any more"
        return f"its heartbeat has stopped for {silence:.0f} s" if silence > _PATIENCE_SECONDS else ""

    def _close(self, reason: str) -> None:
        with suppress(zmq.ZMQError):
            self._send_waiting()
        self._ended(reason)
        self._sockets["hb"].disable_monitor()
        self._monitor.close()
        for each in self._sockets.values():
            # What was sent just before must leave: an interrupt, a shutdown.
            each.close(linger=0 if reason else 500)
        self._context.term()
        for end in (self._reader, self._writer):
            end.close()
        if self._process is not None:
            os.close(self._process)


def _process_descriptor(connection: Connection) -> int | None:
    """What becomes readable when the kernel's process ends; None where that is not to be had."""
    pid, started = connection.extra.get("llmspell_pid"), connection.extra.get("llmspell_process_started")
    if not (connection.is_local and isinstance(pid, int) and hasattr(os, "pidfd_open")):
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None  # it has gone, or it is the number of a process in another container
    if not _started_at(pid, started) or select.select([descriptor], [], [], 0)[0]:
        os.close(descriptor)
        return None
    return descriptor


def _started_at(pid: int, started: object) -> bool:
    """Whether a process is as old as the connection file says, and so is the one that wrote it."""
    if not isinstance(started, int | float):
        return False
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        with open("/proc/stat", "rb") as file:
            boot = next(int(line.split()[1]) for line in file if line.startswith(b"btime"))
    except (OSError, ValueError, IndexError, StopIteration):
        return False
    return abs(boot + ticks / os.sysconf("SC_CLK_TCK") - started) < 2.0
