"""Scripts that a client sends, and what is called while one waits for its timers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from llmspell_kernel.errors import BadRequestError
from llmspell_kernel.interpreter import Script
from llmspell_kernel.kernel.timers import Inbox

if TYPE_CHECKING:
    from llmspell_kernel.runtime import Runtime

Message = dict[str, Any]
Callback = Callable[[], object]

_log = logging.getLogger("llmspell.scripts")


class BetweenRequests(Protocol):
    """What calls between requests, on the interpreter's thread; see `Carrier`."""

    def call_soon(self, callback: Callback) -> None:
        """Any thread."""

    def call_later(self, seconds: float, callback: Callback) -> Callable[[], None]:
        """On that thread; answers what cancels it."""


class _Waiting:
    """A callback that waits for its time."""

    def __init__(self, seconds: float, callback: Callback) -> None:
        self.due = time.monotonic() + seconds
        self.callback = callback
        self.cancel: Callable[[], None] = lambda: None


class ScriptCalls:
    """Calls while a request still runs what would else be called after it.

    On the interpreter's thread, but for `call_soon`.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._inbox: Inbox[Callback] = Inbox()
        self._waiting: set[_Waiting] = set()

    def call_soon(self, callback: Callback) -> None:
        """Any thread."""
        self._inbox.put(callback)
        self._runtime.waits.wake()

    def call_later(self, seconds: float, callback: Callback) -> Callable[[], None]:
        """Answers what cancels it, also when it was handed over."""
        waiting = _Waiting(seconds, callback)
        self._waiting.add(waiting)

        def ring() -> None:
            self._waiting.discard(waiting)
            callback()

        def cancel() -> None:
            self._waiting.discard(waiting)
            waiting.cancel()

        waiting.cancel = self._inbox.call_later(seconds, ring)
        return cancel

    def serve(self, until: Callable[[bool], bool]) -> None:
        """Calls what is due, and waits for what will be, until `until(is_due)` answers true.

        Raises:
            KeyboardInterrupt: the script has been asked to end.
        """
        runtime, inbox = self._runtime, self._inbox
        while True:
            runtime.expect(True)  # an interrupt ends the wait; one that came before is for `until` to see
            if until(inbox.is_due):
                return
            if runtime.waits.until(lambda: inbox.is_due, inbox.seconds_left):
                self._call(inbox.next())

    def _call(self, callback: Callback) -> None:
        try:
            callback()
        except Exception:  # noqa: BLE001 - the border to callbacks: one that fails must not end the kernel
            _log.exception("Could not call back")

    def hand_over(self, others: BetweenRequests) -> None:
        """What was not called is called by others, between requests."""
        for callback in self._inbox.waiting():
            others.call_soon(callback)
        now = time.monotonic()
        for waiting in self._waiting:
            waiting.cancel = others.call_later(max(0.0, waiting.due - now), waiting.callback)


def script_of(message: Message) -> Script | None:
    """The script that an execute_request says its code is.

    Raises:
        BadRequestError: it says so, but not properly.
    """
    metadata = message["metadata"]
    if not metadata or not (own := metadata.get("llmspell")):
        return None
    told = own.get("script") if isinstance(own, dict) else own
    if told is None:
        return None
    if isinstance(told, dict):
        name, arguments, directory = told.get("name"), told.get("arguments", []), told.get("directory")
        if (
            isinstance(name, str)
            and isinstance(arguments, list)
            and all(isinstance(each, str) for each in arguments)
            and isinstance(directory, str | None)
        ):
            is_cell, waits = (told.get(each) is True for each in ("is_cell", "waits"))
            return Script(name, tuple(arguments), directory, is_cell, waits)
    raise BadRequestError(
        "metadata.llmspell.script needs a name (string), arguments (list of strings) and a directory (string "
        f"or null); it is {told!r}"
    )
