"""How other threads have the Lua thread do something, whatever it is doing."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Any

from llmspell_kernel.errors import DebuggerError, NoAnswerError

ANSWER_SECONDS = 5.0
"""How long a controller waits for an answer."""

Convert = Callable[..., Any]
"""Makes the answer of what the Lua function has returned; on the Lua thread."""


@dataclass(slots=True)
class Command:
    """A Lua function to be called on the Lua thread, and who waits for what it answers.

    Attributes:
        prepare: gives the Lua function and its arguments; called on the Lua thread.
        convert: makes the answer of the results.
        deadline: time.monotonic() after which nobody waits any more; code that still runs for it then is
            ended.
        cancelled: whether it has been given up before.
    """

    prepare: Callable[[], Sequence[Any]]
    convert: Convert
    deadline: float
    cancelled: bool = False
    future: Future[Any] = field(default_factory=Future)


class Mailbox:
    """Commands for the Lua thread, in order.

    `post` may be called by any thread, `answer_to` by any but the Lua thread; the rest is the Lua thread's.
    A command whose controller has gone is not begun.
    """

    def __init__(self) -> None:
        self._waiting: deque[Command] = deque()
        self._changed = threading.Condition()
        self._current: Command | None = None

    # Controllers

    def post(
        self,
        prepare: Callable[[], Sequence[Any]],
        convert: Convert,
        seconds: float = ANSWER_SECONDS,
    ) -> Future[Any]:
        """Leaves a command; its future gets the answer or the error."""
        command = Command(prepare, convert, time.monotonic() + seconds)
        with self._changed:
            self._waiting.append(command)
            self._changed.notify()
        return command.future

    @staticmethod
    def answer_to(future: Future[Any], seconds: float = ANSWER_SECONDS) -> Any:
        """Waits for a command's answer.

        Raises:
            NoAnswerError: it did not come in time; a command that has not begun is withdrawn.
            DebuggerError: what the command came to.
        """
        try:
            return future.result(seconds + 1)
        except (TimeoutError, CancelledError):
            future.cancel()
            raise NoAnswerError(
                f"Lua did not answer within {seconds:g} s: it is inside one long call (a C function, a "
                "request, a sleep); try again when that has returned, or interrupt the cell"
            ) from None

    def cancel(self) -> None:
        """The command that is being carried out shall end: its time is over. Any thread."""
        current = self._current
        if current is not None:
            current.deadline = 0.0
            current.cancelled = True

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def has_expired(self) -> bool:
        """Whether the command that is being carried out has used up its time. Any thread."""
        current = self._current
        return current is not None and time.monotonic() > current.deadline

    # The Lua thread

    def take(self, seconds: float) -> Sequence[Any] | None:
        """The function and arguments of the next command; None if none comes within `seconds`."""
        end = time.monotonic() + seconds
        while True:
            with self._changed:
                if not self._waiting:
                    self._changed.wait(max(0.0, end - time.monotonic()))
                if not self._waiting:
                    return None
                command = self._waiting.popleft()
            if not command.future.set_running_or_notify_cancel():
                continue
            self._current = command
            try:
                return command.prepare()
            except Exception as error:  # noqa: BLE001 - the border to the controller: it gets every failure
                self._fail(error)

    def answer(self, ok: bool, *results: Any) -> None:
        """What the function of the command taken last has returned or raised."""
        command = self._current
        if command is None:
            return
        if not ok:
            problem = results[0] if results else None
            expired = self.has_expired()
            self._fail(_as_error(problem, expired=expired, cancelled=command.cancelled))
            return
        try:
            value = command.convert(*results)
        except Exception as error:  # noqa: BLE001 - the border to the controller: it gets every failure
            self._fail(error)
            return
        self._current = None
        command.future.set_result(value)

    def abandon(self) -> None:
        """What was carried out has ended without an answer, and with it the code."""
        self._fail(DebuggerError("the code has ended, and this with it"))

    def _fail(self, error: BaseException) -> None:
        command, self._current = self._current, None
        if command is not None:
            with contextlib.suppress(CancelledError):
                command.future.set_exception(error)


def _as_error(problem: Any, *, expired: bool, cancelled: bool) -> BaseException:
    if cancelled:
        return DebuggerError("it was interrupted")
    if expired:
        return DebuggerError("it did not end in time and was stopped")
    if isinstance(problem, bytes):
        return DebuggerError(problem.decode(errors="backslashreplace"))
    if isinstance(problem, BaseException):
        return DebuggerError(f"it was ended: {type(problem).__name__}: {problem}")
    return DebuggerError(f"it failed with a value that is no message: {problem!r}")
