"""A running kernel and what its cells did, for tests that speak the protocol through jupyter_client."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

Message = dict[str, Any]


@dataclass
class Execution:
    """What one execute request led to: its reply and its messages on iopub, in order."""

    reply: Message
    messages: list[Message] = field(default_factory=list)

    @property
    def status(self) -> str:
        """`ok`, `error` or `aborted`."""
        return str(self.reply["content"]["status"])

    @property
    def stdout(self) -> str:
        """All text on stdout."""
        return self._stream("stdout")

    @property
    def stderr(self) -> str:
        """All text on stderr."""
        return self._stream("stderr")

    @property
    def result(self) -> str | None:
        """The result as plain text, or none when the cell has none."""
        data = [message["content"]["data"]["text/plain"] for message in self.of_type("execute_result")]
        return data[-1] if data else None

    @property
    def displayed(self) -> list[dict[str, Any]]:
        """The MIME bundles of display_data messages."""
        return [message["content"]["data"] for message in self.of_type("display_data")]

    @property
    def error(self) -> dict[str, Any] | None:
        """The content of the error message (ename, evalue, traceback), or none."""
        errors = [message["content"] for message in self.of_type("error")]
        return errors[-1] if errors else None

    def of_type(self, msg_type: str) -> list[Message]:
        """The messages on iopub of one type."""
        return [message for message in self.messages if message["msg_type"] == msg_type]

    def _stream(self, name: str) -> str:
        return "".join(
            message["content"]["text"]
            for message in self.of_type("stream")
            if message["content"]["name"] == name
        )


@dataclass
class KernelSession:
    """A kernel process and a client connected to it."""

    manager: KernelManager
    client: BlockingKernelClient

    def execute(
        self, code: str, *, answers: Sequence[str] | None = None, timeout: float = 60, **options: Any
    ) -> Execution:
        """Run a cell to its reply and its idle status; `answers` are given to the input requests.

        Without `answers` the request says that no input is allowed. `options` go to `client.execute`.

        Raises:
            TimeoutError: no reply or no idle status within `timeout` seconds.
        """
        msg_id = self.client.execute(code, allow_stdin=answers is not None, **options)
        return self.collect(msg_id, answers=answers or (), timeout=timeout)

    def collect(self, msg_id: str, *, answers: Sequence[str] = (), timeout: float = 60) -> Execution:
        """The reply and the messages of a request that was sent earlier."""
        waiting = list(answers)
        reply: Message | None = None
        messages: list[Message] = []
        for channel, message in self._arriving(time.monotonic() + timeout):
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            if channel == "stdin":
                assert waiting, f"input request with no answer left: {message['content']}"
                self.client.input(waiting.pop(0))
            elif channel == "shell":
                reply = message
            else:
                messages.append(message)
            if reply is not None and any(_is_idle(message) for message in messages):
                return Execution(reply, messages)
        raise TimeoutError(f"request {msg_id} not finished in {timeout} s; reply {reply}, iopub {messages}")

    def wait_busy(self, msg_id: str, *, timeout: float = 60) -> None:
        """Wait until the kernel says that it has begun with a request; earlier messages are dropped."""
        self._wait_for("status", msg_id, timeout)

    def wait_output(self, msg_id: str, *, timeout: float = 60) -> None:
        """Wait until a request has written something, so that its code runs; earlier messages are dropped."""
        self._wait_for("stream", msg_id, timeout)

    def _wait_for(self, msg_type: str, msg_id: str, timeout: float) -> None:
        for _, message in self._arriving(time.monotonic() + timeout, "iopub"):
            if message["msg_type"] == msg_type and message["parent_header"].get("msg_id") == msg_id:
                return
        raise TimeoutError(f"no {msg_type} of request {msg_id} in {timeout} s")

    def collect_all(self, msg_ids: Sequence[str], *, timeout: float = 60) -> list[Execution]:
        """What several requests that wait in the queue led to, in the order of `msg_ids`."""
        replies: dict[str, Message] = {}
        messages: dict[str, list[Message]] = {msg_id: [] for msg_id in msg_ids}
        idle = 0
        for channel, message in self._arriving(time.monotonic() + timeout):
            msg_id = message["parent_header"].get("msg_id")
            if msg_id not in messages:
                continue
            if channel == "shell":
                replies[msg_id] = message
            elif channel == "iopub":
                messages[msg_id].append(message)
                idle += _is_idle(message)
            if len(replies) == idle == len(messages):
                return [Execution(replies[msg_id], messages[msg_id]) for msg_id in msg_ids]
        raise TimeoutError(f"{len(replies)} replies to {len(messages)} requests in {timeout} s")

    def request(self, msg_id: str, *, timeout: float = 60) -> dict[str, Any]:
        """The content of the reply to a shell or control request that is no execute request."""
        for channel, message in self._arriving(time.monotonic() + timeout, "shell", "control"):
            if message["parent_header"].get("msg_id") == msg_id:
                assert channel in ("shell", "control")
                content: dict[str, Any] = message["content"]
                return content
        raise TimeoutError(f"no reply to request {msg_id} in {timeout} s")

    def end(self) -> None:
        """Close the channels and end the process, by force if it does not go by itself."""
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel()
        self.manager.cleanup_resources()

    def _arriving(self, deadline: float, *names: str) -> Iterator[tuple[str, Message]]:
        """Channel name and message, of the named channels, as they come until the deadline."""
        channels = {
            name: getattr(self.client, f"{name}_channel") for name in names or ("iopub", "shell", "stdin")
        }
        poller = zmq.Poller()
        by_socket = {}
        for name, channel in channels.items():
            poller.register(channel.socket, zmq.POLLIN)
            by_socket[channel.socket] = name
        while (left := deadline - time.monotonic()) > 0:
            for socket, _ in poller.poll(int(left * 1000) + 1):
                name = by_socket[socket]
                yield name, channels[name].get_msg(timeout=1)


def wait_ready(client: BlockingKernelClient, seconds: float = 60) -> None:
    """Wait until a kernel answers.

    A client without a manager takes a kernel for dead if a heartbeat is late, as on a busy machine it may be.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            client.wait_for_ready(timeout=max(1.0, deadline - time.monotonic()))
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def start_kernel(name: str, *arguments: str) -> KernelSession:
    """Start the kernel of that kernelspec, with more `arguments`, and wait until it answers."""
    manager = KernelManager(kernel_name=name)
    manager.start_kernel(extra_arguments=list(arguments))
    client = manager.blocking_client()
    session = KernelSession(manager, client)
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
    except BaseException:
        session.end()
        raise
    return session


def _is_idle(message: Message) -> bool:
    return bool(message["msg_type"] == "status" and message["content"]["execution_state"] == "idle")
