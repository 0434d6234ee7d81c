"""A Jupyter client reduced to framing and signing, so that the client is not what is measured."""

from __future__ import annotations

import hmac
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson
import zmq

Channel = Literal["shell", "control"]

DELIMITER = b"<IDS|MSG>"
DEFAULT_TIMEOUT = 60.0


class BenchmarkError(Exception):
    """A kernel did not do what a scenario needs of it."""


class SilentKernelError(BenchmarkError):
    """A kernel sent nothing for too long."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a kernel listens on loopback and the key it signs with."""

    shell_port: int
    iopub_port: int
    stdin_port: int
    control_port: int
    hb_port: int
    key: str

    @classmethod
    def allocate(cls) -> Connection:
        """Five ports that are free now, and a fresh key."""
        probes = [socket.socket() for _ in range(5)]
        try:
            for probe in probes:
                probe.bind(("127.0.0.1", 0))
            shell, iopub, stdin, control, hb = (probe.getsockname()[1] for probe in probes)
            return cls(shell, iopub, stdin, control, hb, key=os.urandom(16).hex())
        finally:
            for probe in probes:
                probe.close()

    def write(self, path: Path) -> None:
        """Write the connection file a kernel is started with; only its owner can read it."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(
                {
                    "transport": "tcp",
                    "ip": "127.0.0.1",
                    "shell_port": self.shell_port,
                    "iopub_port": self.iopub_port,
                    "stdin_port": self.stdin_port,
                    "control_port": self.control_port,
                    "hb_port": self.hb_port,
                    "key": self.key,
                    "signature_scheme": "hmac-sha256",
                },
                file,
            )


@dataclass(frozen=True, slots=True)
class Message:
    """A received message; `raw_content` stays undecoded until somebody asks for `content`."""

    msg_type: str
    parent_id: str
    raw_content: bytes

    @property
    def content(self) -> dict[str, Any]:
        """The decoded content."""
        decoded: dict[str, Any] = orjson.loads(self.raw_content)
        return decoded

    def require_ok(self, asked: str) -> dict[str, Any]:
        """The content of a reply whose status is ok.

        Raises:
            BenchmarkError: it is not; `asked` names the request.
        """
        content = self.content
        if content.get("status") != "ok":
            reason = f"{content.get('ename')}: {content.get('evalue')}" if "ename" in content else content
            raise BenchmarkError(f"{asked} came back {content.get('status')!r}: {reason}")
        return content

    @property
    def is_idle(self) -> bool:
        """Whether this is the status that ends a request."""
        return self.msg_type == "status" and self.content["execution_state"] == "idle"


@dataclass(slots=True)
class Execution:
    """What one execute_request brought: its reply and, in order, its IOPub messages up to idle."""

    reply: dict[str, Any]
    published: list[Message] = field(default_factory=list)

    def text(self, stream: str = "stdout") -> str:
        """Everything written to a stream, in order."""
        contents = (message.content for message in self.published if message.msg_type == "stream")
        return "".join(content["text"] for content in contents if content["name"] == stream)

    def result(self) -> str | None:
        """The text/plain form of the shown value, if one was shown."""
        for message in self.published:
            if message.msg_type == "execute_result":
                text: str = message.content["data"]["text/plain"]
                return text
        return None


class Client:
    """Shell, control and IOPub of one kernel. Signs what it sends, trusts what it receives.

    Every wait ends: after DEFAULT_TIMEOUT seconds without a message it raises SilentKernelError.
    Belongs to one thread.
    """

    def __init__(self, connection: Connection, name: str = "the kernel") -> None:
        self._name = name
        self._session = os.urandom(8).hex()
        self._sent = 0
        self._signer = hmac.new(connection.key.encode(), digestmod="sha256")
        self._context = zmq.Context()
        self._timeout = DEFAULT_TIMEOUT
        self.shell = self._connect(zmq.DEALER, connection.shell_port)
        self.control = self._connect(zmq.DEALER, connection.control_port)
        self.iopub = self._connect(zmq.SUB, connection.iopub_port)
        self.iopub.setsockopt(zmq.SUBSCRIBE, b"")

    def _connect(self, kind: int, port: int) -> zmq.Socket[bytes]:
        channel: zmq.Socket[bytes] = self._context.socket(kind)
        channel.linger = 0
        # A client that drops messages, or polls for the kernel's port only every 100 ms, would show up
        # in the figures as if the kernel did.
        channel.sndhwm = channel.rcvhwm = 0
        channel.setsockopt(zmq.RECONNECT_IVL, 1)
        channel.setsockopt(zmq.RCVTIMEO, int(self._timeout * 1000))
        channel.connect(f"tcp://127.0.0.1:{port}")
        return channel

    def limit_waits(self, seconds: float) -> None:
        """From now on give up after this many seconds without a message."""
        self._timeout = seconds
        for channel in (self.shell, self.control, self.iopub):
            channel.setsockopt(zmq.RCVTIMEO, int(seconds * 1000))

    def close(self) -> None:
        """Close the sockets; what was not sent is dropped."""
        self._context.destroy(linger=0)

    def send(self, msg_type: str, content: dict[str, Any], channel: Channel = "shell") -> str:
        """Send a request; returns its msg_id."""
        self._sent += 1
        msg_id = f"{self._session}_{self._sent}"
        header = {
            "msg_id": msg_id,
            "msg_type": msg_type,
            "username": "benchmark",
            "session": self._session,
            "date": "2000-01-01T00:00:00.000000Z",
            "version": "5.3",
        }
        parts = [orjson.dumps(header), b"{}", b"{}", orjson.dumps(content)]
        digest = self._signer.copy()
        for part in parts:
            digest.update(part)
        target = self.shell if channel == "shell" else self.control
        target.send_multipart([DELIMITER, digest.hexdigest().encode(), *parts])
        return msg_id

    def send_execute(self, code: str, *, silent: bool = False) -> str:
        """Send an execute_request that a failing predecessor does not abort; returns its msg_id."""
        content = {
            "code": code,
            "silent": silent,
            "store_history": not silent,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        return self.send("execute_request", content)

    def receive(self, channel: zmq.Socket[bytes]) -> Message:
        """The next message of a channel.

        Raises:
            SilentKernelError: none came within the timeout.
        """
        try:
            frames = channel.recv_multipart()
        except zmq.Again as error:
            raise SilentKernelError(f"{self._name} sent nothing for {self._timeout:g} s") from error
        start = frames.index(DELIMITER)
        header = orjson.loads(frames[start + 2])
        parent = orjson.loads(frames[start + 3])
        return Message(header["msg_type"], parent.get("msg_id", ""), frames[start + 5])

    def published(self, msg_id: str) -> Iterator[Message]:
        """The IOPub messages of one request, the last being its idle status."""
        while True:
            message = self.receive(self.iopub)
            if message.parent_id != msg_id:
                continue
            yield message
            if message.is_idle:
                return

    def wait_idle(self, msg_id: str) -> None:
        """Wait until a request has ended, whatever it published."""
        for _ in self.published(msg_id):
            pass

    def wait_reply(self, msg_id: str, channel: Channel = "shell") -> Message:
        """The reply to a request; replies to earlier ones are dropped."""
        source = self.shell if channel == "shell" else self.control
        while True:
            message = self.receive(source)
            if message.parent_id == msg_id:
                return message

    def execute(self, code: str) -> Execution:
        """Run code and wait for its reply and its idle status.

        Raises:
            BenchmarkError: the code failed, or the kernel fell silent.
        """
        msg_id = self.send_execute(code)
        published = list(self.published(msg_id))
        return Execution(self.wait_reply(msg_id).require_ok(repr(code)), published)

    def wait_ready(self) -> None:
        """Wait until the kernel answers and the subscription to its IOPub channel has arrived there.

        Raises:
            SilentKernelError: it did not within the timeout.
        """
        poller = zmq.Poller()
        poller.register(self.iopub, zmq.POLLIN)
        msg_id = self.send("kernel_info_request", {})
        self.wait_reply(msg_id)
        for _ in range(200):
            msg_id = self.send("kernel_info_request", {})
            self.wait_reply(msg_id)
            while poller.poll(50):
                message = self.receive(self.iopub)
                if message.parent_id == msg_id and message.is_idle:
                    return
        raise SilentKernelError(f"{self._name} answers on its shell channel but publishes nothing on IOPub")
