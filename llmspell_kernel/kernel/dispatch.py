"""Shell messages, handled one after the other on the main thread, as they come off the socket.

ipykernel's own dispatch serves subshells and coroutines; Lua has one thread, so here a request is simply
a call. What a bad message gets: a line in the log, and nothing else happens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import zmq
from ipykernel.kernelbase import Kernel

from llmspell_kernel.errors import RefusedError
from llmspell_kernel.kernel.admission import Admission
from llmspell_kernel.kernel.requests import Requests, error_content

Message = dict[str, Any]
Handler = Callable[[Any, list[bytes], Message], Any]

_BATCH_SECONDS = 0.05
"""Requests that are already waiting are handled without going back to the event loop, this long at most."""


class ShellDispatch(Kernel):
    """A kernel whose shell channel is read on the main thread, without subshells.

    `shell_socket` and `requests` must be set before `start`; the base class's `shell_stream` stays None.
    """

    shell_socket: zmq.Socket[bytes]
    requests: Requests
    last_request = 0.0
    """When a request was handled last, by the monotonic clock."""
    admission: Admission | None = None
    """Who is served; everybody if there is none."""
    profile_dir = None

    def __init__(self, **kwargs: Any) -> None:
        self._to_abort: list[list[bytes]] = []
        self._topics: dict[str, bytes] = {}
        super().__init__(**kwargs)

    def start(self) -> None:
        """Starts reading the channels."""
        super().start()
        self.last_request = time.monotonic()
        self._loop = asyncio.get_event_loop()
        self._loop.add_reader(int(self.shell_socket.fd), self._on_shell)
        self._loop.call_soon(self._on_shell)

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Has the main thread call it between requests. Any thread."""
        self._loop.call_soon_threadsafe(callback)

    # Receiving

    def _on_shell(self) -> None:
        """Messages may have arrived: handles all that wait.

        The descriptor of a ZeroMQ socket tells only that something has changed, and any use of the socket
        may take that news away: so this reads until there is nothing more, or comes back by itself.
        """
        end = time.monotonic() + _BATCH_SECONDS
        while (frames := self._receive()) is not None:
            self._dispatch(frames)
            waiting, self._to_abort = self._to_abort, []
            for each in waiting:
                self._dispatch(each, aborting=True)
            if time.monotonic() > end:
                self._loop.call_soon(self._on_shell)
                return

    def _receive(self) -> list[bytes] | None:
        try:
            if self.admission is not None:
                return self.admission.receive(self.shell_socket)
            frames: list[bytes] = self.shell_socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None
        return frames

    def _abort_queues(self, subshell_id: str | None = None) -> None:
        """A cell has failed, and its request wants those that wait behind it aborted.

        To be called before the reply is sent: what a client sends after it has seen that is not aborted.
        """
        end = time.monotonic() + self.stop_on_error_timeout
        while True:
            waiting = self._receive()
            if waiting is not None:
                self._to_abort.append(waiting)
                continue
            left = end - time.monotonic()
            if left <= 0 or not self.shell_socket.poll(left * 1000):
                return

    def _dispatch(self, frames: list[bytes], *, aborting: bool = False) -> None:
        """Handles one message; with `aborting`, execute requests are only answered `aborted`."""
        parsed = self._parse(frames)
        if parsed is None:
            return
        idents, message = parsed
        if message["msg_type"] == "execute_request":
            self.iopub_thread.wait_until_heard()
        self.set_parent(idents, message, channel="shell")
        self.begin_request(message)
        self._publish_status("busy", "shell", message)
        refused = self.admission and self.admission.refusal(idents[0], message["msg_type"])
        try:
            if refused:
                self._refuse(idents, message, refused)
            elif aborting and message["msg_type"] == "execute_request":
                self._send_abort_reply(self.shell_socket, message, idents)
            elif (handler := self.shell_handlers.get(message["msg_type"])) is not None:
                self._handle(handler, idents, message)
            else:
                self._answer(idents, message)
        finally:
            self.requests.finish()
            self._publish_status("idle", "shell", message)
            self.requests.forget_request()
            self.last_request = time.monotonic()

    def _refuse(self, idents: list[bytes], message: Message, reason: RefusedError) -> None:
        self.log.info("Refused %s: %s", message["msg_type"], reason)
        if message["msg_type"] == "execute_request":
            content = error_content(reason)
            shown = {name: content[name] for name in ("ename", "evalue", "traceback")}
            self.session.send(self.iopub_socket, "error", shown, parent=message, ident=self._topic("error"))
        self._reply_error(self.shell_socket, idents, message, reason)

    def _answer(self, idents: list[bytes], message: Message) -> None:
        reply = self.requests.answer(message)
        if reply.aborts:
            self._abort_queues()
        if reply.content is not None:
            self.session.send(
                self.shell_socket,
                _reply_type(message),
                reply.content,
                message,
                ident=idents,
                metadata=reply.metadata,
            )

    def _parse(self, frames: list[bytes]) -> tuple[list[bytes], Message] | None:
        try:
            idents, parts = self.session.feed_identities(frames, copy=True)
            message: Message = self.session.deserialize(parts, content=True, copy=True)
            if not (isinstance(message["content"], dict) and isinstance(message["msg_type"], str)):
                raise TypeError("content must be an object and msg_type a string")
            str(message["header"]["msg_id"])
        except Exception as error:  # noqa: BLE001 - the border to the wire: anything may arrive
            self.log.warning("Ignored a bad message: %s: %s", type(error).__name__, error)
            return None
        return idents, message

    def _handle(self, handler: Handler, idents: list[bytes], message: Message) -> None:
        """Has a handler of ipykernel's do it."""
        try:
            result = handler(self.shell_socket, idents, message)
            if result is not None:
                _drive(result)
        except Exception as error:  # the message loop's border: a failing handler must not end the kernel
            self.log.exception("Could not handle %s", message["msg_type"])
            self._reply_error(self.shell_socket, idents, message, error)
        except KeyboardInterrupt as error:
            self._reply_error(self.shell_socket, idents, message, error)

    def _reply_error(self, stream: Any, idents: list[bytes], message: Message, error: BaseException) -> None:
        if message["msg_type"].endswith("_request"):
            self.session.send(stream, _reply_type(message), error_content(error), message, ident=idents)

    async def process_control(self, msg: list[zmq.Frame]) -> None:
        """Handles a control message, on the control thread."""
        parsed = self._parse([frame.bytes for frame in msg])
        if parsed is None:
            return
        idents, message = parsed
        self.set_parent(idents, message, channel="control")
        shown = not (message["msg_type"] == "status_request" and message["content"].get("silent"))
        if shown:
            self._publish_status("busy", "control", message)
        handler: Handler | None = self.control_handlers.get(message["msg_type"])
        try:
            if handler is not None:
                await handler(self.control_stream, idents, message)
            else:
                self._answer_control(idents, message)
        except Exception as error:  # the message loop's border, as for shell
            self.log.exception("Could not handle %s", message["msg_type"])
            self._reply_error(self.control_stream, idents, message, error)
        if shown:
            self._publish_status("idle", "control", message)

    def _answer_control(self, idents: list[bytes], message: Message) -> None:
        content = self.requests.answer(message, "control").content
        if content is not None:
            self.session.send(self.control_stream, _reply_type(message), content, message, ident=idents)

    def _publish_status(self, status: str, channel: str, parent: Message | None = None) -> None:
        self.session.send(
            self.iopub_socket,
            "status",
            {"execution_state": status},
            parent=self.get_parent(channel) if parent is None else parent,
            ident=self._topic("status"),
        )

    def _topic(self, topic: str) -> bytes:
        known = self._topics.get(topic)
        if known is None:
            known = self._topics[topic] = f"kernel.{self.ident}.{topic}".encode()
        return known

    def begin_request(self, message: Message) -> None:
        """Called before `busy` is published."""
        self.requests.begin(message)


def _reply_type(message: Message) -> str:
    base: str = message["msg_type"].removesuffix("_request")
    return f"{base}_reply"


def _drive(handling: Coroutine[Any, Any, Any]) -> None:
    """Runs a handler's coroutine. None of them waits: cells run one at a time, on this thread.

    Raises:
        RuntimeError: it waits after all.
    """
    try:
        handling.send(None)
    except StopIteration:
        return
    handling.close()
    raise RuntimeError("a handler of the shell channel must not wait")
