"""The contract of every client of a kernel, wherever the kernel is."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from llmspell_kernel.client.call import Call, Message, ReadLine
from llmspell_kernel.client.execution import Execution, ExecutionError, gathered
from llmspell_kernel.client.headers import request_header
from llmspell_kernel.errors import ClientError
from llmspell_kernel.interpreter import Script

__all__ = ["Call", "Client", "Execution", "ExecutionError", "Message", "ReadLine", "Script"]

Channel = Literal["shell", "control"]

ANSWER_SECONDS = 60.0
"""Requests that run no code of the user's wait this long by default; behind a long cell that may be short."""

_GRACE_SECONDS = 2.0
"""Code that was interrupted has this long to end before its caller goes on."""

T = TypeVar("T")


class Client(ABC):
    """Talks to one kernel. Any thread may call anything; what waits ends when the kernel dies.

    The kernel works on the requests of its shell channel one after the other, whoever sent them; those of
    the control channel overtake them. Calls of the shell channel end with their idle status, those of the
    control channel with the reply. `close` once, or use it in a `with` statement.
    """

    def __init__(self) -> None:
        self.session = os.urandom(8).hex()
        self._numbers = count(1)
        self._calls: dict[str, Call[Any]] = {}
        self._listeners: list[Callable[[Message], None]] = []
        self._failure: ClientError | None = None
        self._state = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Code

    def execute(
        self,
        code: str,
        *,
        silent: bool = False,
        store_history: bool = True,
        user_expressions: dict[str, str] | None = None,
        stop_on_error: bool = True,
        read_line: ReadLine | None = None,
        script: Script | None = None,
        on_message: Callable[[Message], None] | None = None,
        timeout: float | None = None,
    ) -> Execution:
        """Runs code and waits for its end. Failing code is no exception: see `Execution.error`.

        Args:
            code: a cell, or the text of a script.
            silent: nothing is shown or counted.
            store_history: `In`, `Out` and the input history remember it.
            user_expressions: expressions by name, to be evaluated after the code.
            stop_on_error: if the code fails, requests that wait behind it are aborted.
            read_line: reads input that the code asks for, on this thread; without it the code gets an error.
            script: the code is a script with this name and these arguments.
            on_message: gets each iopub message as it comes, on this thread.
            timeout: seconds until the code is interrupted.

        Whatever is raised while the code runs, also by Ctrl-C, interrupts it.

        Raises:
            KernelTimeoutError: after `timeout`.
            KernelDiedError: the kernel has died.
            ClientError: the client is closed.
            TypeError, ValueError: `code` is no string, or none that can be sent.
        """
        call = self.execute_stream(
            code,
            silent=silent,
            store_history=store_history,
            user_expressions=user_expressions,
            stop_on_error=stop_on_error,
            read_line=read_line,
            script=script,
        )
        try:
            if on_message is not None:
                for message in call.stream(timeout):
                    on_message(message)
            return call.result(timeout)
        except BaseException:  # a time-out, Ctrl-C, an error of on_message: nobody waits any more
            call.interrupt()
            with suppress(ClientError):  # so that what is sent next is not aborted with it
                call.result(_GRACE_SECONDS)
            raise

    def execute_stream(
        self,
        code: str,
        *,
        silent: bool = False,
        store_history: bool = True,
        user_expressions: dict[str, str] | None = None,
        stop_on_error: bool = True,
        read_line: ReadLine | None = None,
        script: Script | None = None,
    ) -> Call[Execution]:
        """Sends code; the call gives its messages as they come, and then its `Execution`.

        Raises:
            KernelDiedError: the kernel has died.
            ClientError: the client is closed.
            TypeError, ValueError: `code` is no string, or none that can be sent.
        """
        content = {
            "code": _checked_code(code),
            "silent": silent,
            "store_history": store_history,
            "user_expressions": user_expressions or {},
            "allow_stdin": read_line is not None,
            "stop_on_error": stop_on_error,
        }
        metadata = {} if script is None else {"llmspell": {"script": script.as_metadata()}}
        return self._start("execute_request", content, gathered, metadata=metadata, read_line=read_line)

    # Questions

    def complete(self, code: str, cursor: int | None = None, *, timeout: float = ANSWER_SECONDS) -> Message:
        """Candidates at the cursor (in code points; by default the end): content of complete_reply.

        Raises:
            KernelTimeoutError, KernelDiedError, ClientError: as `request`.
        """
        where = len(code) if cursor is None else cursor
        return self.request(
            "complete_request", {"code": _checked_code(code), "cursor_pos": where}, timeout=timeout
        )

    def inspect(
        self, code: str, cursor: int | None = None, detail: int = 0, *, timeout: float = ANSWER_SECONDS
    ) -> Message:
        """Help on the name at the cursor: content of inspect_reply.

        Raises:
            KernelTimeoutError, KernelDiedError, ClientError: as `request`.
        """
        where = len(code) if cursor is None else cursor
        content = {"code": _checked_code(code), "cursor_pos": where, "detail_level": detail}
        return self.request("inspect_request", content, timeout=timeout)

    def is_complete(self, code: str, *, timeout: float = ANSWER_SECONDS) -> Message:
        """Whether Enter should run the code: content of is_complete_reply.

        Raises:
            KernelTimeoutError, KernelDiedError, ClientError: as `request`.
        """
        return self.request("is_complete_request", {"code": _checked_code(code)}, timeout=timeout)

    def history(
        self,
        kind: Literal["tail", "range", "search"] = "tail",
        *,
        timeout: float = ANSWER_SECONDS,
        **options: Any,
    ) -> Message:
        """Earlier input: content of history_reply; `options` as in history_request (`n`, `pattern` ...).

        Raises:
            KernelTimeoutError, KernelDiedError, ClientError: as `request`.
        """
        content = {"hist_access_type": kind, "output": False, "raw": True, **options}
        if kind == "tail":
            content.setdefault("n", 100)
        return self.request("history_request", content, timeout=timeout)

    def kernel_info(self, *, timeout: float = ANSWER_SECONDS) -> Message:
        """Who the kernel is: content of kernel_info_reply.

        Raises:
            KernelTimeoutError, KernelDiedError, ClientError: as `request`.
        """
        return self.request("kernel_info_request", {}, timeout=timeout)

    def tool(
        self,
        command: str,
        *,
        timeout: float | None = None,
        read_line: ReadLine | None = None,
        **fields: Any,
    ) -> Message:
        """Asks for tools: content of tool_reply, which may tell of an error.

        Args:
            command: `list` (`category`), `info` (`name`, `show_schema`), `invoke` (`name`, `params`),
                `search` (`query`, `category`), `test` (`name`, `verbose`).
            timeout: seconds that it may take; the kernel ends a tool's call then, and otherwise this client.
            read_line: answers what the user is asked, on this thread; without it calls that the user must
                approve are refused.
            fields: of the command.

        What makes no sense, also a `timeout` that is no number above 0, is told in the answer
        (`validation_error`).

        Raises:
            KernelTimeoutError, KernelDiedError, ClientError: as `request`.
        """
        content = {"command": command, "allow_stdin": read_line is not None, **fields}
        if timeout is not None:
            content["timeout"] = timeout
        call = self.start("tool_request", content, read_line=read_line)
        try:
            return call.result(_patience(timeout))
        except BaseException:  # nobody waits any more
            call.interrupt()
            raise

    def request(
        self,
        msg_type: str,
        content: dict[str, Any] | None = None,
        *,
        channel: Channel = "shell",
        timeout: float | None = ANSWER_SECONDS,
    ) -> Message:
        """Sends any request and waits for its end; the content of its reply, which may tell of an error.

        Raises:
            KernelTimeoutError: no end within `timeout` seconds.
            KernelDiedError: the kernel has died.
            ClientError: the client is closed.
        """
        return self.start(msg_type, content, channel=channel).result(timeout)

    # Anything

    def start(
        self,
        msg_type: str,
        content: dict[str, Any] | None = None,
        *,
        metadata: dict[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        channel: Channel = "shell",
        read_line: ReadLine | None = None,
    ) -> Call[Message]:
        """Sends any message; the call's result is the content of the reply.

        A message that is no request (`comm_msg`) ends with its idle status, and its result is empty.

        Raises:
            KernelDiedError: the kernel has died.
            ClientError: the client is closed.
        """
        return self._start(
            msg_type,
            content or {},
            _content_of_reply,
            metadata=metadata,
            buffers=buffers,
            channel=channel,
            read_line=read_line,
        )

    def listen(self, listener: Callable[[Message], None]) -> Callable[[], None]:
        """From now on `listener` gets each iopub message that belongs to no call of this client under way.

        That is what other clients caused, and what timers, threads and comms send after their cell has
        ended. It is called on a thread of the client's, must be quick, and must not wait for this client.
        Answers a function that ends it.
        """
        self._listeners = [*self._listeners, listener]

        def stop() -> None:
            self._listeners = [each for each in self._listeners if each is not listener]

        return stop

    @abstractmethod
    def interrupt(self) -> None:
        """Ends what the kernel is running, whoever asked for it. Does not wait."""

    @abstractmethod
    def shutdown(self, *, restart: bool = False, timeout: float = 10.0) -> None:
        """Ends the kernel: its process or, embedded, its thread; then this client is closed.

        With `restart`, whoever manages the kernel's process is told that it starts it anew.

        Raises:
            KernelTimeoutError: it has not gone within `timeout` seconds.
        """

    @abstractmethod
    def close(self) -> None:
        """Frees what the client holds; calls under way end with ClientError. May be repeated.

        A connected kernel goes on; an embedded one, which nobody else can reach, ends.
        """

    @property
    @abstractmethod
    def is_alive(self) -> bool:
        """Whether the kernel can be asked something: it has not died and the client is open."""

    # For implementations

    @abstractmethod
    def _send(self, message: Message, channel: str) -> None:
        """Sends a request. Any thread; does not wait for the kernel."""

    @abstractmethod
    def answer(self, question: Message, value: str) -> None:
        """Answers an input_request; calls do this."""

    def _start(
        self,
        msg_type: str,
        content: dict[str, Any],
        finish: Callable[[Call[T]], T],
        *,
        metadata: dict[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        channel: Channel = "shell",
        read_line: ReadLine | None = None,
    ) -> Call[T]:
        message = self._message(msg_type, content, metadata, buffers)
        call = Call(self, message, finish, read_line, needs_idle=channel == "shell")
        with self._state:
            if self._failure is not None:
                raise self._failure
            self._calls[call.msg_id] = call
        self._send(message, channel)
        return call

    def _message(
        self,
        msg_type: str,
        content: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        parent: Message | None = None,
    ) -> Message:
        msg_id = f"{self.session}_{next(self._numbers)}"
        header = request_header(msg_type, msg_id, self.session)
        return {
            "header": header,
            "msg_id": msg_id,
            "msg_type": msg_type,
            "parent_header": {} if parent is None else parent["header"],
            "metadata": metadata or {},
            "content": content,
            "buffers": list(buffers),
        }

    def _received(self, message: Message) -> None:
        """Hands a message, whose channel is known, to whom it may concern."""
        msg_id = message["parent_header"].get("msg_id")
        call = self._calls.get(msg_id)
        if call is not None:
            if call.deliver(message):
                self._calls.pop(msg_id, None)
        elif message["channel"] == "iopub":
            for listener in self._listeners:
                listener(message)

    def _end_calls(self, error: ClientError) -> None:
        """The kernel can be asked nothing any more, and this is why; the latest reason counts."""
        with self._state:
            self._failure = error
            calls, self._calls = self._calls, {}
        for call in calls.values():
            call.fail(error)


def _checked_code(code: object) -> str:
    """The code, if messages can carry it: surrogate escapes stand for bytes, other surrogates for nothing.

    Raises:
        TypeError: it is no string.
        ValueError: it has other surrogates.
    """
    if not isinstance(code, str):
        advice = "; decode it first, as in code.decode()" if isinstance(code, bytes | bytearray) else ""
        raise TypeError(f"code is a string, not {type(code).__name__}{advice}")
    if not code.isascii():
        try:
            code.encode(errors="surrogateescape")
        except UnicodeEncodeError as error:
            line = code.count("\n", 0, error.start) + 1
            raise ValueError(
                f"code has half of a surrogate pair ({code[error.start]!a}) in line {line}, which no text in "
                "UTF-8 has; give the character itself"
            ) from None
    return code


def _patience(timeout: object) -> float | None:
    """Seconds to wait for a kernel that is told `timeout`; one that makes no sense it answers at once."""
    if timeout is None:
        return None
    if isinstance(timeout, int | float) and timeout > 0:
        return timeout + _GRACE_SECONDS
    return ANSWER_SECONDS


def _content_of_reply(call: Call[Message]) -> Message:
    return {} if call.reply is None else call.reply["content"]
