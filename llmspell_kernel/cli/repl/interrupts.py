"""Ctrl-C while code runs."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmspell_kernel.client.call import Call

HINT = "it does not stop: it is inside a C function or compiled code; Ctrl-C once more stops waiting for it"
_ENOUGH = 3


class Interrupts:
    """What Ctrl-C means between the prompts: it ends the code, and the third one ends waiting for it.

    For the main thread. The signal's handler may come at any moment, also while a call's lock is held, so
    another thread does what is to be done.
    """

    def __init__(self, say: Callable[[str], None], noticed: Callable[[], None]) -> None:
        """`say` shows a hint, `noticed` hears of each Ctrl-C; both are called on another thread."""
        self._say = say
        self._noticed = noticed
        self._wanted: queue.SimpleQueue[tuple[Call[Any], int]] = queue.SimpleQueue()
        self._call: Call[Any] | None = None
        self._count = 0
        self._is_reading = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def during(self, call: Call[Any]) -> Iterator[None]:
        """Within it Ctrl-C ends the call; KeyboardInterrupt comes out of it only if that takes too many."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="llmspell-repl-interrupts", daemon=True)
            self._thread.start()
        self._call, self._count = call, 0
        before = signal.signal(signal.SIGINT, self._handle)
        try:
            yield
        finally:
            self._call = None
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Within it Ctrl-C raises KeyboardInterrupt: the user is asked for input."""
        self._is_reading = True
        try:
            yield
        finally:
            self._is_reading = False

    @property
    def is_enough(self) -> bool:
        """Whether the user does not want to wait any longer."""
        return self._count >= _ENOUGH

    def _handle(self, *_: object) -> None:
        call = self._call
        if call is None or self._is_reading:
            raise KeyboardInterrupt
        self._count += 1
        if self.is_enough:
            raise KeyboardInterrupt
        self._wanted.put((call, self._count))

    def _serve(self) -> None:
        while True:
            call, count = self._wanted.get()
            self._noticed()
            call.interrupt()
            if count == _ENOUGH - 1 and not call.done:
                self._say(HINT)
