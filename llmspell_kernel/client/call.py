"""One request under way: its messages as they come, and what it came to."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from llmspell_kernel.errors import ClientError, KernelTimeoutError

Message = dict[str, Any]
"""A Jupyter message: header, parent_header, metadata, content, buffers, msg_type, channel."""

ReadLine = Callable[[str, bool], str | Awaitable[str]]
"""Gets the prompt and whether it is a password; answers a line without its newline, or raises EOFError."""

T = TypeVar("T")

END_OF_INPUT = "\x04"


class Sender(Protocol):
    """What a call asks of its client. Any thread; neither waits for the kernel."""

    def interrupt(self) -> None:
        """Ends what the kernel is running."""

    def answer(self, question: Message, value: str) -> None:
        """Answers an input_request."""


_LOOK_SECONDS = 0.1
"""A signal that comes just before a thread blocks wakes nobody: Python sees it when the thread runs again."""


def _seconds_until(deadline: float | None) -> float:
    """How long to wait before looking around."""
    return _LOOK_SECONDS if deadline is None else min(_LOOK_SECONDS, max(0.0, deadline - time.monotonic()))


class Call(Generic[T]):
    """A request that was sent. Any thread may use it, several at once.

    Iterating it, also with `async for`, gives its iopub messages in order, from the first to the idle
    status that ends it; each iteration sees all of them. `result()`, or awaiting it, gives what the request
    came to. Both raise KernelDiedError when the kernel dies, and ClientError when the client is closed.

    A task that is cancelled while it awaits the call interrupts the request.

    Input that the kernel asks for is read on the thread that waits for the call (when awaited: on a thread
    of its own, unless `read_line` is a coroutine function): with nobody waiting, the kernel waits too. If
    reading fails or is interrupted, so is the request.

    Attributes:
        msg_id: of the request.
        messages: those of iopub so far.
        reply: the reply, once it is there.
        duration: seconds from sending to the end, or until now.
    """

    def __init__(
        self,
        sender: Sender,
        request: Message,
        finish: Callable[[Call[T]], T],
        read_line: ReadLine | None = None,
        *,
        needs_idle: bool = True,
    ) -> None:
        """Clients make calls; `finish` makes the result of one that has ended without an error."""
        self.msg_id: str = request["msg_id"]
        self.msg_type: str = request["msg_type"]
        self.messages: list[Message] = []
        self.reply: Message | None = None
        self._sender = sender
        self._finish = finish
        self._read_line = read_line
        self._error: ClientError | None = None
        self._needs_reply = self.msg_type.endswith("_request")
        self._begun = self._interrupt_wanted = False
        self._idle = not needs_idle
        self._needs_idle = needs_idle
        self._started = time.perf_counter()
        self._ended: float | None = None
        self._questions: deque[Message] = deque()
        self._lock = threading.Lock()
        self._wakers: list[tuple[bool, Callable[[], object]]] = []

    def __repr__(self) -> str:
        return f"<{self.msg_type} {self.msg_id}: {'ended' if self.done else 'under way'}>"

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._ended is not None

    @property
    def duration(self) -> float:
        """Seconds from sending it to its end, or until now."""
        return (self._ended or time.perf_counter()) - self._started

    # Waiting

    def result(self, timeout: float | None = None) -> T:
        """Waits for the end, and answers what the request came to.

        Raises:
            KernelTimeoutError: it is still under way after `timeout` seconds; it goes on.
            KernelDiedError: the kernel has died.
            ClientError: the client was closed.
        """
        self._wait(None, None if timeout is None else time.monotonic() + timeout)
        return self._outcome()

    def __iter__(self) -> Iterator[Message]:
        return self.stream()

    def stream(self, timeout: float | None = None) -> Iterator[Message]:
        """As iterating the call, for at most `timeout` seconds.

        Raises:
            KernelTimeoutError, KernelDiedError, ClientError: as `result`.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        index = 0
        while True:
            self._wait(index, deadline)
            while index < len(self.messages):
                yield self.messages[index]
                index += 1
            if self.done:
                self._check()
                return

    def __await__(self) -> Generator[Any, None, T]:
        return self._result().__await__()

    async def _result(self) -> T:
        await self._wait_async(None)
        return self._outcome()

    async def __aiter__(self) -> AsyncIterator[Message]:
        index = 0
        while True:
            await self._wait_async(index)
            while index < len(self.messages):
                yield self.messages[index]
                index += 1
            if self.done:
                self._check()
                return

    def interrupt(self) -> None:
        """Ends the request as Ctrl-C would: now if it runs, else as soon as the kernel begins with it."""
        with self._lock:
            if self.done:
                return
            if not self._begun:
                self._interrupt_wanted = True
                return
        self._sender.interrupt()

    def _is_due(self, seen: int | None) -> bool:
        """Whether the call has ended or, if `seen` is given, has more messages than that."""
        return self.done or (seen is not None and len(self.messages) > seen)

    def _wait(self, seen: int | None, deadline: float | None) -> None:
        while True:
            if self._is_due(seen):  # messages first: a question comes after what explains it
                return
            while self._questions:
                self._answer()
            woken = threading.Lock()
            woken.acquire()
            if not self._register(seen, woken.release):
                continue
            while not woken.acquire(timeout=_seconds_until(deadline)):
                if deadline is not None and time.monotonic() >= deadline:
                    raise KernelTimeoutError.of(self.msg_type, self.duration)

    async def _wait_async(self, seen: int | None) -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        while True:
            if self._is_due(seen):
                return
            while self._questions:
                await self._answer_async()
            woken = asyncio.Event()

            def wake(woken: asyncio.Event = woken) -> None:
                with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                    loop.call_soon_threadsafe(woken.set)

            if not self._register(seen, wake):
                continue
            try:
                await woken.wait()
            except asyncio.CancelledError:  # nobody waits for it any more
                self.interrupt()
                raise

    def _register(self, seen: int | None, wake: Callable[[], object]) -> bool:
        """Has `wake` called once when there is something to do for who waits, unless there is already."""
        with self._lock:
            if self._questions or self._is_due(seen):
                return False
            self._wakers.append((seen is not None, wake))
            return True

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _outcome(self) -> T:
        self._check()
        return self._finish(self)

    # Input

    def _answer(self) -> None:
        with suppress(IndexError):  # somebody else who waits was faster
            question = self._questions.popleft()
            self._sender.answer(question, self._read(question))

    def _read(self, question: Message) -> str:
        try:
            line = self._ask(question)
            if not isinstance(line, str):
                raise TypeError("a read_line that is a coroutine function needs the call to be awaited")
        except EOFError:
            return END_OF_INPUT
        except BaseException:
            self.interrupt()
            raise
        return line

    async def _answer_async(self) -> None:
        import asyncio

        with suppress(IndexError):
            question = self._questions.popleft()
            try:
                if asyncio.iscoroutinefunction(self._read_line):
                    line = await self._ask(question)  # type: ignore[misc]
                else:
                    line = await asyncio.to_thread(self._ask, question)
            except EOFError:
                line = END_OF_INPUT
            except BaseException:
                self.interrupt()
                raise
            self._sender.answer(question, str(line))

    def _ask(self, question: Message) -> str | Awaitable[str]:
        if self._read_line is None:
            raise ClientError("the kernel asks for input although the request does not allow it")
        content = question["content"]
        return self._read_line(str(content.get("prompt", "")), bool(content.get("password", False)))

    # What the client has received

    def deliver(self, message: Message) -> bool:
        """Takes a message that answers this request; answers whether the call has ended. Never waits."""
        channel = message["channel"]
        with self._lock:
            if self._ended is not None:
                return True
            urgent = False
            if channel == "iopub":
                self.messages.append(message)
                if message["msg_type"] == "status":
                    self._note_status(message["content"].get("execution_state"))
            elif channel == "stdin":
                self._questions.append(message)
                urgent = True
            else:
                self.reply = message
            ended = self._idle and (self.reply is not None or not self._needs_reply)
            if ended:
                self._ended = time.perf_counter()
            interrupt_now = self._interrupt_wanted and self._begun and not ended
            if interrupt_now:
                self._interrupt_wanted = False
            woken = self._due(urgent or ended) if self._wakers else ()
        for wake in woken:
            wake()
        if interrupt_now:
            self._sender.interrupt()
        return ended

    def _note_status(self, state: Any) -> None:
        self._begun = self._begun or state == "busy"
        self._idle = self._idle or state == "idle"

    def fail(self, error: ClientError) -> None:
        """Ends the call with an error, unless it has ended. Never waits."""
        with self._lock:
            if self._ended is not None:
                return
            self._error = error
            self._ended = time.perf_counter()
            woken = self._due(True)
        for wake in woken:
            wake()

    def settle(self) -> None:
        """Ends a call that is half done: the other half has been lost. Without a reply it has failed."""
        if self.reply is None:
            self.fail(KernelTimeoutError(f"the kernel has ended the {self.msg_type} without a reply"))
            return
        with self._lock:
            self._ended = self._ended or time.perf_counter()
            woken = self._due(True)
        for wake in woken:
            wake()

    @property
    def is_half_done(self) -> bool:
        """Whether of reply and idle status just one has come."""
        return self._needs_idle and not self.done and (self._idle or self.reply is not None)

    def _due(self, urgent: bool) -> list[Callable[[], object]]:
        woken = [wake for each, wake in self._wakers if each or urgent]
        self._wakers = [] if urgent else [waker for waker in self._wakers if not waker[0]]
        return woken
