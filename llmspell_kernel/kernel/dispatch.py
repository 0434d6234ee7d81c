"""Shell messages, handled one after the other on the main thread, as they come off the socket.

ipykernel's own dispatch serves subshells and coroutines; Lua has one thread, so here a request is simply a call. What a
bad message gets: a line in the log, and nothing else happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

import zmq
from ipykernel.kernelbase import Kernel

Message = dict[str, Any]
Handler = Callable[[Any, list[bytes], Message], Any]

_BATCH_SECONDS = 0.05
"""Requests that are already waiting are handled without going back to the event loop, this long at most."""


class ShellDispatch(Kernel):
    """A kernel whose shell channel runs on the main thread, without subshells."""

    _abort_wanted = False

    def start(self) -> None:
        """Registers the handlers of the channels."""
        super().start()
        self.shell_stream.on_recv(self._on_shell, copy=True)

    # Receiving

    def _on_shell(self, frames: list[bytes]) -> None:
        """A message has arrived: handles it and those waiting behind it."""
        self._dispatch(frames)
        end = time.monotonic() + _BATCH_SECONDS
        while time.monotonic() < end or self._abort_wanted:
            if self._abort_wanted:
                self._abort_waiting()
            waiting = self._receive()
            if waiting is None:
                return
            self._dispatch(waiting)

    def _receive(self) -> list[bytes] | None:
        try:
            frames: list[bytes] = self.shell_stream.socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None
        return frames

    def _abort_queues(self, subshell_id: str | None = None) -> None:
        """A cell has failed, and its request wants those that wait behind it aborted."""
        self._abort_wanted = True

    def _abort_waiting(self) -> None:
        self._abort_wanted = False
        end = time.monotonic() + self.stop_on_error_timeout
        while True:
            waiting = self._receive()
            if waiting is not None:
                self._dispatch(waiting, aborting=True)
                continue
            left = end - time.monotonic()
            if left <= 0 or not self.shell_stream.socket.poll(left * 1000):
                return

    def _dispatch(self, frames: list[bytes], *, aborting: bool = False) -> None:
        """Handles one message; with `aborting`, execute requests are only answered `aborted`."""
        parsed = self._parse(frames)
        if parsed is None:
            return
        idents, message = parsed
        msg_type = message["msg_type"]
        handler: Handler | None = self.shell_handlers.get(msg_type)
        if handler is None:
            self.log.warning("Ignored a shell message of unknown type %r", msg_type)
            return
        self.set_parent(idents, message, channel="shell")
        self._publish_status("busy", "shell")
        try:
            if aborting and msg_type == "execute_request":
                self._send_abort_reply(self.shell_stream, message, idents)
            else:
                self._handle(handler, idents, message)
        finally:
            self.finish_request()
            self._publish_status("idle", "shell")

    def _parse(self, frames: list[bytes]) -> tuple[list[bytes], Message] | None:
        try:
            idents, parts = self.session.feed_identities(frames, copy=True)
            message: Message = self.session.deserialize(parts, content=True, copy=True)
            if not (isinstance(message["content"], dict) and isinstance(message["msg_type"], str)):
                raise TypeError("content must be an object and msg_type a string")
            str(message["header"]["msg_id"])
        except Exception as error:  # noqa: BLE001 - the border to the wire: anything may arrive
            self.log.warning(
                "Ignored a bad message on the shell channel: %s: %s", type(error).__name__, error
            )
            return None
        return idents, message

    def _handle(self, handler: Handler, idents: list[bytes], message: Message) -> None:
        try:
            result = handler(self.shell_stream, idents, message)
            if result is not None:
                _drive(result)
        except Exception as error:  # the message loop's border: a failing handler must not end the kernel
            self.log.exception("Could not handle %s", message["msg_type"])
            self._reply_error(idents, message, error)
        except KeyboardInterrupt as error:
            self._reply_error(idents, message, error)

    def _reply_error(self, idents: list[bytes], message: Message, error: BaseException) -> None:
        """Answers a request whose handling failed, so that its client does not wait for ever."""
        base, is_request, _ = message["msg_type"].rpartition("_request")
        if is_request:
            content = {
                "status": "error",
                "ename": type(error).__name__,
                "evalue": str(error),
                "traceback": [],
            }
            self.session.send(self.shell_stream, f"{base}_reply", content, message, ident=idents)

    def finish_request(self) -> None:
        """Called when a request has been handled, before `idle` is published."""


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
