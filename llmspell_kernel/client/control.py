"""A kernel's control channel and heartbeat: what answers while a cell runs."""

from __future__ import annotations

import os
import time
from itertools import count
from typing import Any, Self

import zmq

from llmspell_kernel.client.connection import Connection
from llmspell_kernel.client.headers import request_header
from llmspell_kernel.client.wire import Wire, WireError
from llmspell_kernel.errors import KernelTimeoutError

Content = dict[str, Any]


class ControlChannel:
    """Asks one kernel, one question after the other. Belongs to one thread; use it in a `with` statement.

    Attributes:
        control, heartbeat: the sockets, for those who wait for several kernels at once.
    """

    def __init__(self, connection: Connection, context: zmq.Context[Any] | None = None) -> None:
        """Connects; that succeeds whether a kernel is there or not.

        Raises:
            ConnectionFileError: its signature scheme is unknown.
        """
        self._wire = Wire(connection.key, connection.signature_scheme)
        self._owned = zmq.Context() if context is None else None
        self._context: zmq.Context[Any] = self._owned or context or zmq.Context.instance()
        self._session = os.urandom(8).hex()
        self._numbers = count(1)
        self.control = self._connected(zmq.DEALER, connection, "control")
        self.heartbeat = self._connected(zmq.REQ, connection, "hb")

    def _connected(self, kind: int, connection: Connection, channel: str) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        socket.linger = 0
        if connection.curve_publickey and connection.curve_secretkey:
            socket.curve_serverkey = socket.curve_publickey = connection.curve_publickey
            socket.curve_secretkey = connection.curve_secretkey
        socket.connect(connection.endpoint(channel))
        return socket

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the sockets; what was not taken up yet is dropped."""
        self.control.close()
        self.heartbeat.close()
        if self._owned is not None:
            self._owned.term()

    def send(self, msg_type: str, content: Content) -> str:
        """Sends a request; answers its id. Does not wait."""
        msg_id = f"{self._session}_{next(self._numbers)}"
        header = request_header(msg_type, msg_id, self._session)
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self.control.send_multipart(self._wire.pack(message))
        return msg_id

    def receive(self, msg_id: str) -> Content | None:
        """The content of the reply to that request if it is there; what else is there is dropped."""
        while True:
            try:
                message = self._wire.unpack(self.control.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return None
            except WireError:
                continue
            if message["parent_header"].get("msg_id") == msg_id and isinstance(message["content"], dict):
                return dict(message["content"])

    def ask(self, msg_type: str, content: Content, seconds: float) -> Content:
        """The content of the reply.

        Raises:
            KernelTimeoutError: there is none within that time.
        """
        msg_id = self.send(msg_type, content)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self.control.poll(int(left * 1000) + 1) and (reply := self.receive(msg_id)) is not None:
                return reply
        raise KernelTimeoutError(
            f"the kernel does not answer the {msg_type.removesuffix('_request')} request within "
            f"{seconds:.3g} s; `llmspell kernel status` says more, and `llmspell kernel stop --force` ends it"
        )


def ask(connection: Connection, msg_type: str, content: Content, seconds: float) -> Content:
    """Asks a kernel one question on its control channel; the content of its reply.

    Raises:
        KernelTimeoutError: there is none within that time.
        ConnectionFileError: its signature scheme is unknown.
    """
    with ControlChannel(connection) as channel:
        return channel.ask(msg_type, content, seconds)
