"""A kernel of another process, over its sockets."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from llmspell_kernel.client.call import Call
from llmspell_kernel.client.connection import Connection
from llmspell_kernel.client.contract import Client, Message
from llmspell_kernel.client.discovery import listens, resolve
from llmspell_kernel.client.traffic import Traffic
from llmspell_kernel.client.wire import Wire, WireError
from llmspell_kernel.errors import (
    ClientError,
    ConnectionFileError,
    KernelDiedError,
    KernelTimeoutError,
    UnknownKeyError,
)

CONNECT_SECONDS = 15.0
_ASK_SECONDS = 0.5
"""While connecting, kernel_info is asked for so often: the kernel may be starting."""
_LOOK_SECONDS = 0.05
_WRITING_SECONDS = 0.5
"""A connection file that was changed so recently, and makes no sense, may not be complete yet."""
_LOOSE_SECONDS = 5.0
"""A request of which only the reply or only the idle status has come is over after this."""


def connect(
    where: Connection | Mapping[str, Any] | Path | str,
    *,
    key: str | None = None,
    timeout: float = CONNECT_SECONDS,
) -> ConnectedClient:
    """A client of a running kernel that has answered and whose messages arrive.

    Args:
        where: a connection, the content of a connection file, the file's path, or what
            `discovery.resolve` takes (a path, an id, a name, tcp://host:port).
        key: of the kernel at `tcp://host:port`; by default the one in the file that was found for it.
        timeout: seconds for the kernel to answer.

    Raises:
        ConnectionFileError: the connection file is missing, or a field in it is missing or makes no sense.
        NoSuchKernelError: no kernel is called so.
        KernelDiedError: nobody listens there.
        KernelTimeoutError: it does not answer in time, or not with this key.
    """
    if isinstance(where, Connection):
        connection = where
    elif isinstance(where, Path):
        connection = _read(where)
    elif isinstance(where, str):
        connection = _resolved(where, key)
    else:
        connection = Connection.of(dict(where))
    Wire(connection.key, connection.signature_scheme)  # complains of a scheme before anybody waits
    deadline = time.monotonic() + timeout
    _wait_for_listener(connection, deadline)
    client = ConnectedClient(connection)
    try:
        client.wait_ready(max(0.1, deadline - time.monotonic()))
    except BaseException:
        client.close()
        raise
    return client


def _resolved(where: str, key: str | None) -> Connection:
    """As `resolve`, for programs."""
    try:
        return resolve(where, key=key)
    except UnknownKeyError as error:
        raise UnknownKeyError(error.where, error.ports, "or give it as key=...") from None


def _read(file: Path) -> Connection:
    """What a connection file says, also if it is just being written.

    Raises:
        ConnectionFileError: nothing that leads to a kernel.
    """
    deadline = time.monotonic() + _WRITING_SECONDS
    while True:
        try:
            return Connection.read(file)
        except ConnectionFileError:
            if time.monotonic() > deadline or not _younger(file, _WRITING_SECONDS):
                raise
        time.sleep(_LOOK_SECONDS)


def _wait_for_listener(connection: Connection, deadline: float) -> None:
    """Waits for somebody to listen, if the connection file is so new that the kernel may be starting.

    Raises:
        KernelDiedError: nobody does.
    """
    while not listens(connection):
        if time.monotonic() > deadline or not _is_new(connection):
            place = connection.file or connection.endpoint("shell")
            raise KernelDiedError(f"no kernel runs at {place} any more: nobody listens there; start it anew")
        time.sleep(_LOOK_SECONDS)


def _is_new(connection: Connection) -> bool:
    if "llmspell_pid" in connection.extra:
        return False  # the kernel itself has written it, when it listened already
    return connection.file is not None and _younger(connection.file, CONNECT_SECONDS)


def _younger(file: Path, seconds: float) -> bool:
    try:
        return file.is_file() and time.time() - file.stat().st_mtime < seconds
    except OSError:
        return False


class ConnectedClient(Client):
    """A client over ZeroMQ, with one thread for all its channels; see `Client`.

    The kernel counts as dead when its process has ended (where that can be seen), when its connection breaks
    and nobody answers there, or when its heartbeat stops. What it started anew in the same place answers is
    the same kernel to this client; calls under way end with KernelDiedError then.
    """

    def __init__(self, connection: Connection) -> None:
        """Opens the sockets; `wait_ready` must follow."""
        super().__init__()
        self.connection = connection
        self._is_ready = False
        self._subscribed = threading.Event()
        self._changed = threading.Event()
        self._refusal: WireError | None = None
        self._loose: dict[str, float] = {}
        here = weakref.ref(self)  # the thread must not keep alive whom it works for
        self._traffic = Traffic(
            connection,
            self.session.encode(),
            received=_weakly(here, ConnectedClient._take),
            refused=_weakly(here, ConnectedClient._refuse),
            ticked=_weakly(here, ConnectedClient._tick),
            revived=_weakly(here, ConnectedClient._forget_calls),
            ended=_weakly(here, ConnectedClient._end),
        )
        self._finalizer = weakref.finalize(self, self._traffic.stop)

    def wait_ready(self, timeout: float) -> None:
        """Returns when the kernel has answered and its iopub messages arrive.

        Raises:
            KernelTimeoutError: it has not after `timeout` seconds, or it signs with another key.
            KernelDiedError: it has died meanwhile.
        """
        deadline = time.monotonic() + timeout
        asked: list[Call[Message]] = []
        while time.monotonic() < deadline and self._refusal is None:
            # On control, which is served while a cell runs.
            asked.append(self.start("kernel_info_request", channel="control"))
            with suppress(KernelTimeoutError):
                asked[-1].result(min(_ASK_SECONDS, max(0.01, deadline - time.monotonic())))
                if self._subscribed.wait(_LOOK_SECONDS):
                    break
            if self._subscribed.is_set() and any(call.done for call in asked):
                break
        else:
            raise KernelTimeoutError(self._why_not_ready(timeout))
        self._is_ready = True
        for call in asked:
            self._calls.pop(call.msg_id, None)

    def _why_not_ready(self, timeout: float) -> str:
        place = self.connection.file or self.connection.endpoint("shell")
        if self._refusal is not None:
            return (
                f"the kernel at {place} signs with another key ({self._refusal}): the key there is of an "
                "earlier kernel or was changed; take the connection file that the kernel wrote"
            )
        if self._traffic.sees_process and not self._traffic.has_beaten:
            return (
                f"the kernel at {place} has not answered in {timeout:.1f} s: its process is there, but does "
                "nothing: it is stopped, or stuck; `llmspell kernel stop --force` ends it"
            )
        if self._traffic.has_beaten:
            return (
                f"the kernel at {place} is alive but has not answered in {timeout:.1f} s: the key there may "
                "not be the kernel's, which ignores what is signed with another, or its control channel is "
                "blocked"
            )
        return f"nothing at {place} has answered in {timeout:.1f} s: what listens there may be no kernel"

    @property
    def is_alive(self) -> bool:
        """Whether the kernel can be asked something."""
        return self._failure is None

    def interrupt(self) -> None:
        """Sends an interrupt_request."""
        self._traffic.send(self._message("interrupt_request", {}), "control")

    def shutdown(self, *, restart: bool = False, timeout: float = 10.0) -> None:
        """Ends the kernel and closes this client; with `restart`, only asks for it.

        Raises:
            KernelTimeoutError: it has not gone within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        try:
            with suppress(KernelDiedError):
                self.start("shutdown_request", {"restart": restart}, channel="control").result(timeout)
            while not restart and listens(self.connection):
                if time.monotonic() > deadline:
                    raise KernelTimeoutError(
                        f"the kernel has not ended {timeout:.3g} s after it was asked to; it may be stuck: "
                        "`llmspell kernel stop --force` ends its process"
                    )
                time.sleep(_LOOK_SECONDS)
        finally:
            self.close()

    def close(self) -> None:
        """Closes the sockets; the kernel goes on."""
        self._end_calls(ClientError("this client was closed; connect again"))
        self._traffic.stop()
        self._traffic.join(1.0)
        self._finalizer.detach()

    def _send(self, message: Message, channel: str) -> None:
        self._traffic.send(message, channel)

    def answer(self, question: Message, value: str) -> None:
        """Answers an input_request."""
        self._traffic.send(self._message("input_reply", {"value": value}, parent=question), "stdin")

    # On the traffic's thread

    def _take(self, message: Message) -> None:
        if message["channel"] == "iopub":
            self._subscribed.set()
            if message["msg_type"] == "iopub_welcome":
                return
        self._received(message)

    def _forget_calls(self) -> None:
        """The kernel has most likely been started anew, and knows nothing of earlier requests."""
        calls = [self._calls.pop(msg_id) for msg_id in list(self._calls)]
        for call in calls:
            call.fail(KernelDiedError("the connection broke: the kernel was started anew; ask again"))

    def _refuse(self, error: WireError) -> None:
        if not self._is_ready:
            self._refusal = error
            for call in list(self._calls.values()):
                call.fail(KernelTimeoutError(str(error)))

    def _tick(self) -> None:
        now = time.monotonic()
        loose = [(msg_id, call) for msg_id, call in list(self._calls.items()) if call.is_half_done]
        self._loose = {msg_id: self._loose.get(msg_id, now) for msg_id, _ in loose}
        for msg_id, call in loose:
            if now - self._loose[msg_id] > _LOOSE_SECONDS:
                self._calls.pop(msg_id, None)
                call.settle()

    def _end(self, reason: str) -> None:
        if reason and self._failure is None:
            place = self.connection.file or self.connection.endpoint("shell")
            self._end_calls(KernelDiedError(f"the kernel at {place} has died: {reason}"))


def _weakly(here: weakref.ref[ConnectedClient], method: Callable[..., None]) -> Callable[..., None]:
    def call(*args: Any) -> None:
        client = here()
        if client is not None:
            method(client, *args)

    return call
