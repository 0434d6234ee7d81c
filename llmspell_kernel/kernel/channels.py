"""The five sockets of a kernel: bound, encrypted if asked, and closed in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq
from ipykernel.control import ControlThread
from ipykernel.heartbeat import Heartbeat

from llmspell_kernel.kernel.iopub import SEND_HIGH_WATER_MARK, IOPub, SharedSocket

_LINGER_MS = 1000
_IPC_TRIES = 1000


@dataclass(frozen=True, slots=True)
class Address:
    """Where the channels are bound, and with which keys.

    Attributes:
        transport: `tcp` or `ipc`.
        ip: an address, or for `ipc` the stem of the socket files.
        curve_publickey, curve_secretkey: Z85 keys of CurveZMQ; None for no encryption.
    """

    transport: str
    ip: str
    curve_publickey: bytes | None = None
    curve_secretkey: bytes | None = None

    def endpoint(self, port: int) -> str:
        """The ZeroMQ endpoint of a port."""
        separator = ":" if self.transport == "tcp" else "-"
        return f"{self.transport}://{self.ip}{separator}{port}"


class Channels:
    """Shell, control, stdin, iopub and heartbeat of one kernel.

    Attributes:
        ports: port by channel name (`shell`, `control`, `stdin`, `iopub`, `hb`).
        control_thread, iopub_thread: ipykernel's threads for these two.
    """

    def __init__(
        self, address: Address, ports: Mapping[str, int], session: Any, *, max_message_bytes: int = 0
    ) -> None:
        """Binds everything; a port of 0 becomes a free one.

        A client that sends a frame longer than `max_message_bytes` is disconnected; 0 for any length.

        Raises:
            zmq.ZMQError: an address or port that cannot be bound.
        """
        self._address = address
        self._max_message_bytes = max_message_bytes
        self._context: zmq.Context[Any] = zmq.Context()
        self.ports: dict[str, int] = {}
        self.shell = self._router("shell", ports)
        self.stdin = self._router("stdin", ports)
        self.control = self._router("control", ports)
        iopub = self._context.socket(zmq.XPUB, socket_class=SharedSocket)
        iopub.sndhwm = SEND_HIGH_WATER_MARK
        # Each client's coming and going is told, not only the first's and the last's: all get the welcome.
        iopub.setsockopt(zmq.XPUB_VERBOSER, 1)
        self._bind(iopub, "iopub", ports)
        # A context of its own, and so another thread: the heart must beat while Python is busy.
        self.heartbeat = Heartbeat(
            zmq.Context(),
            (address.transport, address.ip, ports["hb"]),
            curve_publickey=address.curve_publickey,
            curve_secretkey=address.curve_secretkey,
        )
        self.ports["hb"] = self.heartbeat.port
        self.iopub_thread = IOPub(iopub, pipe=False, session=session)
        self.control_thread = ControlThread(daemon=True)

    def start(self) -> None:
        """Starts the heartbeat and the thread that answers subscriptions."""
        self.heartbeat.start()
        self.iopub_thread.start()

    def _router(self, name: str, ports: Mapping[str, int]) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        # A client that reconnects under its old identity takes it over.
        socket.router_handover = 1
        if self._max_message_bytes:
            socket.maxmsgsize = self._max_message_bytes
        self._bind(socket, name, ports)
        return socket

    def _bind(self, socket: zmq.Socket[bytes], name: str, ports: Mapping[str, int]) -> None:
        address = self._address
        socket.linger = _LINGER_MS
        if address.curve_secretkey is not None:
            socket.curve_secretkey = address.curve_secretkey
            socket.curve_publickey = address.curve_publickey or b""
            socket.curve_server = True
        port = ports[name]
        if port > 0:
            socket.bind(address.endpoint(port))
        elif address.transport == "tcp":
            port = socket.bind_to_random_port(f"tcp://{address.ip}")
        else:
            port = self._free_ipc_port()
            socket.bind(address.endpoint(port))
        self.ports[name] = port

    def _free_ipc_port(self) -> int:
        for port in range(1, _IPC_TRIES):
            if not Path(f"{self._address.ip}-{port}").exists():
                return port
        raise zmq.ZMQError(zmq.EADDRINUSE)

    def close(self) -> None:
        """Ends the threads, then the sockets; what was sent still leaves, for a second at most."""
        self.heartbeat.context.term()
        self.iopub_thread.stop()
        self.iopub_thread.close()
        if self.control_thread.is_alive():
            self.control_thread.stop()
            self.control_thread.join()
        for socket in (self.shell, self.control, self.stdin):
            socket.close()
        self._context.term()
