"""A DAP client for tests, over a socket or over a kernel's control channel.

Every message is validated, both ways, and every wait has an end.
"""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import zmq

from tests.kernels import KernelSession

from .schema import Message, check_answer, check_event, check_request

Found = TypeVar("Found")

SECONDS = 60.0
"""How long anything may take unless a test says otherwise."""


class Route(Protocol):
    """How messages travel. Made by a test's thread and used on it."""

    def send(self, message: Message) -> None:
        """Hand a message to the adapter's side."""

    def pump(self, seconds: float) -> list[Message]:
        """The DAP messages that have arrived, after waiting so long for anything; may be none.

        Raises:
            ConnectionError: nothing will ever come again.
        """

    def close(self) -> None:
        """End the connection, without a word to the other side."""


class SocketRoute:
    """Messages as DAP frames them on a socket."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, SECONDS)
        self._arrived = b""

    def send(self, message: Message) -> None:
        body = json.dumps(message).encode()
        self.socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def pump(self, seconds: float) -> list[Message]:
        if not select.select([self.socket], [], [], seconds)[0]:
            return []
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the adapter has closed the connection")
        self._arrived += data
        return self._complete()

    def _complete(self) -> list[Message]:
        messages: list[Message] = []
        while True:
            head, blank, rest = self._arrived.partition(b"\r\n\r\n")
            if not blank:
                return messages
            name, _, length = head.partition(b":")
            assert name == b"Content-Length", head
            if len(rest) < int(length):
                return messages
            messages.append(json.loads(rest[: int(length)]))
            self._arrived = rest[int(length) :]

    def close(self) -> None:
        self.socket.close()


class KernelRoute:
    """Messages as `debug_request`, `debug_reply` and `debug_event` of a kernel.

    Attributes:
        others: what else arrived, by channel: output, replies to execute requests.
    """

    def __init__(self, kernel: KernelSession) -> None:
        self.kernel = kernel
        self.others: list[tuple[str, Message]] = []
        self._poller = zmq.Poller()
        self._channels = {}
        for name in ("control", "iopub", "shell"):
            channel = getattr(kernel.client, f"{name}_channel")
            self._poller.register(channel.socket, zmq.POLLIN)
            self._channels[channel.socket] = (name, channel)

    def send(self, message: Message) -> None:
        client = self.kernel.client
        client.control_channel.send(client.session.msg("debug_request", message))

    def pump(self, seconds: float) -> list[Message]:
        messages = []
        for ready, _ in self._poller.poll(int(seconds * 1000)):
            name, channel = self._channels[ready]
            message = channel.get_msg(timeout=1)
            if message["msg_type"] in ("debug_reply", "debug_event"):
                messages.append(message["content"])
            else:
                self.others.append((name, message))
        return messages

    def close(self) -> None:
        """The kernel is not ours to end, and it has no connections to close."""


class RequestFailedError(Exception):
    """The adapter answered `success: false`; the text is its message."""


class DapClient:
    """Requests and events of one client.

    Attributes:
        log: everything received, in order.
        events: the events that nobody has waited for yet, in order.
    """

    def __init__(self, route: Route) -> None:
        self.route = route
        self.log: list[Message] = []
        self.events: list[Message] = []
        self._answers: dict[int, Message] = {}
        self._commands: dict[int, str] = {}
        self._last_seq = 0

    def send(self, command: str, arguments: object = None, *, checked: bool = True) -> int:
        """Send a request, give its number. `checked=False` sends what is wrong on purpose."""
        self._last_seq += 1
        message: Message = {"seq": self._last_seq, "type": "request", "command": command}
        if arguments is not None:
            message["arguments"] = arguments
        if checked:
            check_request(message)
        self._commands[self._last_seq] = command
        self.route.send(message)
        return self._last_seq

    def answer_to(self, seq: int, seconds: float = SECONDS) -> Message:
        """The response to a request that was sent, whole."""
        what = f"the response to {self._commands[seq]} (request {seq})"
        return self.wait_for(lambda: self._answers.pop(seq, None), what, seconds)

    def ask(self, command: str, arguments: object = None, *, checked: bool = True) -> Message:
        """Send a request and wait for its response, whole."""
        return self.answer_to(self.send(command, arguments, checked=checked))

    def request(self, command: str, **arguments: Any) -> Message:
        """The body of the response to a request.

        Raises:
            RequestFailedError: the adapter refused.
        """
        return body_of(self.ask(command, arguments or None))

    def refusal(self, command: str, arguments: object = None) -> str:
        """The message with which the adapter refuses a request, which may be anything."""
        answer = self.ask(command, arguments, checked=False)
        assert not answer["success"], f"{command} was not refused: {answer}"
        return str(answer["message"])

    def wait_event(
        self,
        name: str,
        where: Callable[[Message], bool] = lambda body: True,
        seconds: float = SECONDS,
    ) -> Message:
        """The body of the next event of that name that nobody has taken; it is taken now."""
        return self.wait_for(lambda: self._take_event(name, where), f"the event {name}", seconds)

    def _take_event(self, name: str, where: Callable[[Message], bool]) -> Message | None:
        for index, event in enumerate(self.events):
            if event["event"] == name and where(event.get("body") or {}):
                del self.events[index]
                return event.get("body") or {}
        return None

    def wait_for(self, find: Callable[[], Found | None], what: str, seconds: float = SECONDS) -> Found:
        """What `find` finds once enough messages have arrived.

        Raises:
            TimeoutError: it finds nothing in time.
            ConnectionError: it finds nothing, and the other side is gone.
        """
        deadline = time.monotonic() + seconds
        while True:
            found = find()
            if found is not None:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{what} did not come in {seconds:g} s; received so far: {self._recent()}")
            try:
                messages = self.route.pump(left)
            except ConnectionError as error:
                raise ConnectionError(f"{error}, without {what}; received: {self._recent()}") from error
            for message in messages:
                self._file(message)

    def _recent(self) -> str:
        return "\n".join(["", *(json.dumps(message)[:400] for message in self.log[-12:])])

    def _file(self, message: Message) -> None:
        self.log.append(message)
        if message.get("type") == "event":
            check_event(message)
            self.events.append(message)
            return
        assert message.get("type") == "response", f"neither event nor response: {message}"
        seq = message.get("request_seq")
        assert isinstance(seq, int) and seq in self._commands, f"a response to nothing: {message}"
        check_answer(message, self._commands[seq])
        self._answers[seq] = message

    def close(self) -> None:
        """Vanish: no disconnect."""
        self.route.close()


def body_of(answer: Message) -> Message:
    """The body of a response.

    Raises:
        RequestFailedError: it says that the request failed.
    """
    if not answer["success"]:
        raise RequestFailedError(answer["message"])
    body = answer.get("body") or {}
    assert isinstance(body, dict)
    return body
