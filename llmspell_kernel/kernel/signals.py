"""SIGINT while Lua runs.

A signal reaches Python only when the main thread runs Python, which a busy Lua loop never does. Python's
wake-up descriptor is written from the C signal handler at once, whatever the main thread does: a thread
that reads it tells the interpreter. The Python handler raises KeyboardInterrupt only where the gate is
open.

A signal that arrives just before the main thread blocks, or on another thread, does not end the wait: Python
has noted it, and nobody is there to look. So the thread goes on asking until the handler has run.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from types import FrameType

from llmspell_kernel.interpreter import SignalGate

_ENDS = (signal.SIGTERM, signal.SIGHUP)
_PATIENCE_SECONDS = 0.05
"""How long the main thread may take to notice a signal before it is sent one more."""


class InterruptSignals:
    """Turns SIGINT into interrupts of the running cell, for the life of the process.

    Made on the main thread. `on_interrupt` is called once a signal, on a thread of its own or, where
    that is late, on the main thread.
    """

    def __init__(
        self,
        gate: SignalGate,
        on_interrupt: Callable[[], None],
        when_idle: Callable[[], None],
        may_end: Callable[[], bool] = lambda: True,
    ) -> None:
        """`when_idle` is called on the main thread for a SIGINT that finds the gate shut.

        Where the gate is open, `may_end` says, after `on_interrupt` was called, whether to raise.
        """
        self._gate = gate
        self._may_end = may_end
        self._on_interrupt = on_interrupt
        self._when_idle = when_idle
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._reading = threading.RLock()  # the signal handler may find its own thread reading
        self._unhandled = False  # a signal that the Python handler has not seen
        self._asked_again = False  # a signal of our own is on its way
        self._main = threading.get_ident()
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, self._handle)
        self._on_end: Callable[[int], None] = lambda signum: None
        self._thread = threading.Thread(target=self._watch, name="llmspell-signals", daemon=True)
        self._thread.start()

    def _handle(self, _signum: int, _frame: FrameType | None) -> None:
        # Before the exception is raised: the cell may catch it and block again, and nobody would wake it.
        # With the gate shut: what the cell calls next must know of it before it blocks.
        # The other thread may be telling just now, and wait for what this one holds: then it asks again.
        if not self._reading.acquire(blocking=False):
            return
        try:
            self._tell()
            unhandled, self._unhandled = self._unhandled, False
        finally:
            self._reading.release()
        if not unhandled:
            return  # forgotten, or one of our own that came too late
        if not self._gate.open:
            self._when_idle()
        elif self._may_end():
            raise KeyboardInterrupt

    def take_end(self, on_end: Callable[[int], None]) -> None:
        """SIGTERM and SIGHUP are told to `on_end` from now on, on any thread; they end nothing themselves."""
        self._on_end = on_end
        for each in _ENDS:
            if signal.getsignal(each) != signal.SIG_IGN:  # as after nohup
                signal.signal(each, lambda *_: None)

    def forget(self) -> None:
        """Forgets signals that nobody has been told of yet: they were meant for a cell that has ended."""
        with self._reading:
            self._read()
            self._unhandled = False

    def _watch(self) -> None:
        while True:
            patience = _PATIENCE_SECONDS if self._unhandled else None
            if select.select([self._reader], [], [], patience)[0]:
                self._tell()
            else:
                self._ask_again()

    def _tell(self) -> None:
        with self._reading:
            for _ in range(self._read()):
                self._unhandled = True
                self._on_interrupt()

    def _ask_again(self) -> None:
        with self._reading:
            # Only one at a time: two that wait to be delivered would become one, and be counted wrong.
            if self._unhandled and not self._asked_again:
                self._asked_again = True
                signal.pthread_kill(self._main, signal.SIGINT)

    def _read(self) -> int:
        """How many signals have come from outside."""
        try:
            signals = os.read(self._reader, 64)
        except BlockingIOError:
            return 0
        for each in _ENDS:
            if each in signals:
                self._on_end(each)
        count = signals.count(signal.SIGINT)
        if count and self._asked_again:
            self._asked_again = False
            count -= 1
        return count
