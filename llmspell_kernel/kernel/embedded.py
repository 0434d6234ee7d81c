"""A kernel without sockets, on a thread of its own: messages come and go as objects."""

from __future__ import annotations

import itertools
import json
import logging
import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import orjson

from llmspell_kernel.interpreter import SignalGate
from llmspell_kernel.kernel import comms
from llmspell_kernel.kernel.dates import now
from llmspell_kernel.kernel.history import History
from llmspell_kernel.kernel.live_settings import output_limit_setting
from llmspell_kernel.kernel.requests import PROTOCOL_VERSION, Channel, Message, Requests
from llmspell_kernel.kernel.streams import CellOutput
from llmspell_kernel.kernel.timers import Inbox
from llmspell_kernel.runtime import RuntimeSettings

_log = logging.getLogger("llmspell.embedded")
_END_OF_INPUT = "\x04"
_numbers = itertools.count(1)

_PLAIN = frozenset({"status", "stream", "execute_input", "input_request", "clear_output"})
"""Messages that are made of strings, numbers and booleans only."""


class EmbeddedKernel:
    """The same answers and messages as a kernel of its own process.

    Any thread may call the methods without an underscore, but for those of `Carrier`. The thread is a daemon:
    it does not keep the process alive.

    Args:
        deliver: gets each message of the kernel, with its channel; called on several threads of the kernel's,
            must be quick and must not raise.
        ended: called once, on the kernel's thread, when it ends.
    """

    def __init__(
        self,
        settings: RuntimeSettings,
        deliver: Callable[[Message], None],
        ended: Callable[[], None],
        *,
        output_limit: int,
        history: str | None,
    ) -> None:
        self._settings = settings
        self._deliver = deliver
        self._ended = ended
        self._output_limit = output_limit
        self._history = history
        self._session = os.urandom(8).hex()
        self._message_numbers = itertools.count(1)
        self._inbox: Inbox[Message | Callable[[], object] | None] = Inbox()
        self._backlog: deque[tuple[Any, bool]] = deque()
        self._control: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._control_thread: threading.Thread | None = None
        self._stopping = False
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._starting = threading.Lock()
        self._question = ""
        self._value: str | None = None
        self._requests: Requests | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"llmspell-kernel-{next(_numbers)}", daemon=True
        )

    def start(self) -> None:
        """Returns when it can be asked something.

        Raises:
            LanguageUnavailableError: no such language here.
        """
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def is_alive(self) -> bool:
        """Whether it answers, now or when it has done what it is doing."""
        return self._thread.is_alive() and not self._stopping

    def submit(self, message: Message, channel: str) -> None:
        """Has a request answered."""
        message = {**message, "content": _copied(message["content"])}
        if channel != "control":
            self._inbox.put(message)
            return
        with self._starting:
            if self._control_thread is None:
                self._control_thread = threading.Thread(
                    target=self._serve_control, name=f"{self._thread.name}-control", daemon=True
                )
                self._control_thread.start()
        self._control.put(message)

    def answer(self, question: str, value: str) -> None:
        """Answers the input_request with this msg_id; too late is no error."""
        requests = self._requests
        if question == self._question and requests is not None:
            self._value = value
            requests.runtime.waits.wake()

    def interrupt(self) -> None:
        """Ends the running cell."""
        if (requests := self._requests) is not None:
            requests.runtime.interrupt()

    def stop(self) -> None:
        """Has the thread end soon, also out of a running cell. Does not wait."""
        self._stopping = True
        self._inbox.put(None)
        self.interrupt()

    def join(self, seconds: float) -> bool:
        """Waits until the thread has ended; answers whether it has."""
        if threading.current_thread() is not self._thread:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    # The thread

    def _run(self) -> None:
        try:
            requests = self._make()
        except BaseException as error:  # noqa: BLE001 - the border of the thread: `start` raises it
            self._failure = error
            self._ready.set()
            return
        self._requests = requests
        self._ready.set()
        try:
            while not self._stopping:
                self._handle_next(requests)
        finally:
            self._stopping = True
            self._control.put(None)
            requests.close()
            requests.output.close()
            self._requests = None
            self._ended()

    def _make(self) -> Requests:
        output = CellOutput(self._publish_stream, SignalGate(), self._output_limit)
        requests = Requests(self, output, self._settings, History(self._history, self._language), _log)
        comms.install(requests.comms, process=False)
        output.gate = requests.runtime.gate
        output.before_tick = requests.runtime.release_output
        requests.runtime.offer_settings(lambda: [output_limit_setting(output)])
        requests.register("interrupt_request", self._interrupted, channel="control")
        for channel in ("shell", "control"):
            requests.register("shutdown_request", self._shut_down, channel=channel)
        return requests

    @property
    def _language(self) -> str:
        return self._settings.lua.language

    def _handle_next(self, requests: Requests) -> None:
        item, aborting = self._backlog.popleft() if self._backlog else (self._inbox.next(), False)
        if isinstance(item, dict):
            self._handle(requests, item, aborting)
        elif item is not None:
            self._call(requests, item)

    def _handle(self, requests: Requests, message: Message, aborting: bool) -> None:
        """Answers one message; with `aborting`, an execute request is only answered `aborted`."""
        requests.begin(message)
        if self._stopping:  # it may have come a moment before there was something to interrupt
            requests.runtime.interrupt()
        self._send("iopub", "status", {"execution_state": "busy"}, message)
        try:
            if aborting and message["msg_type"] == "execute_request":
                self._reply(message, {"status": "aborted"}, {"status": "aborted"})
                return
            reply = requests.answer(message)
            if reply.aborts:
                self._backlog.extend((each, True) for each in self._inbox.waiting())
            if reply.content is not None:
                self._reply(message, reply.content, reply.metadata)
        finally:
            requests.finish()
            self._send("iopub", "status", {"execution_state": "idle"}, message)
            requests.forget_request()

    def _call(self, requests: Requests, callback: Callable[[], object]) -> None:
        requests.runtime.expect(True)
        try:
            if not self._stopping:
                callback()
        except Exception:  # noqa: BLE001 - the border to callbacks: one that fails must not end the kernel
            _log.exception("Could not call back")
        finally:
            requests.runtime.expect(False)

    # The control channel

    def _serve_control(self) -> None:
        while (message := self._control.get()) is not None and (requests := self._requests) is not None:
            self._send("iopub", "status", {"execution_state": "busy"}, message)
            reply = requests.answer(message, "control")
            if reply.content is not None:
                self._reply(message, reply.content, reply.metadata, channel="control")
            self._send("iopub", "status", {"execution_state": "idle"}, message)
            if message["msg_type"] == "shutdown_request":
                self.stop()

    def _interrupted(self, _message: Message) -> Message:
        self.interrupt()
        return {"status": "ok"}

    def _shut_down(self, message: Message) -> Message:
        if threading.current_thread() is self._thread:
            self._stopping = True
        return {"status": "ok", "restart": bool(message["content"].get("restart", False))}

    # Carrying messages

    def publish(
        self, msg_type: str, content: Message, *, parent: Any, metadata: Any = None, buffers: Any = None
    ) -> None:
        """See `Carrier`, as for all under this heading."""
        self._send("iopub", msg_type, content, parent, metadata, buffers)

    def _publish_stream(self, msg_type: str, content: Message, parent: Any) -> None:
        self._send("iopub", msg_type, content, parent)

    def ask(self, prompt: str, *, password: bool, parent: Message) -> str:
        """Waits for `answer`."""
        assert self._requests is not None
        self._value = None
        content = {"prompt": prompt, "password": password}
        self._question = self._next_id()
        self._send("stdin", "input_request", content, parent, msg_id=self._question)
        try:
            self._requests.runtime.waits.until(lambda: self._value is not None)
        finally:
            self._question = ""
        value: str = self._value or ""
        if value == _END_OF_INPUT:
            raise EOFError
        return value

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Through the inbox."""
        self._inbox.put(callback)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Callable[[], None]:
        """Through the inbox."""
        return self._inbox.call_later(seconds, callback)

    def wake(self) -> None:
        """Only what waits through the runtime's `waits` can be interrupted here."""
        if self._requests is not None:
            self._requests.runtime.waits.wake()

    # Messages

    def _reply(
        self, request: Message, content: Message, metadata: Message, channel: Channel = "shell"
    ) -> None:
        msg_type = request["msg_type"].removesuffix("_request") + "_reply"
        self._send(channel, msg_type, content, request, metadata)

    def _next_id(self) -> str:
        return f"{self._session}_{next(self._message_numbers)}"

    def _send(
        self,
        channel: str,
        msg_type: str,
        content: Message,
        parent: Any,
        metadata: Any = None,
        buffers: Any = None,
        *,
        msg_id: str = "",
    ) -> None:
        msg_id = msg_id or self._next_id()
        self._deliver(
            {
                "header": {
                    "msg_id": msg_id,
                    "msg_type": msg_type,
                    "username": "kernel",
                    "session": self._session,
                    "date": now(),
                    "version": PROTOCOL_VERSION,
                },
                "msg_id": msg_id,
                "msg_type": msg_type,
                "parent_header": parent["header"] if parent else {},
                "metadata": _copied(metadata) if metadata else {},
                "content": content if msg_type in _PLAIN else _copied(content),
                "buffers": [bytes(each) for each in buffers] if buffers else [],
                "channel": channel,
            }
        )


def _copied(content: Any) -> Any:
    """What JSON makes of it, as for a message that travels: neither side sees what the other changes later.

    Raises:
        TypeError: JSON cannot say it.
    """
    try:
        return orjson.loads(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS))
    except TypeError:  # among others, lone surrogates
        return json.loads(json.dumps(content, default=str))
