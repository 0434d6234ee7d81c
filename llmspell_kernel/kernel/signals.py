"""SIGINT while Lua runs.

A signal reaches Python only when the main thread runs Python, which a busy Lua loop never does. Python's
wake-up descriptor is written from the C signal handler at once, whatever the main thread does: a thread
that reads it tells the interpreter. Only then does it signal the main thread once more, whose Python handler
raises KeyboardInterrupt where the gate is open: to end what Python or the operating system blocks in.

The handler itself tells nobody. It runs between any two steps of the main thread, which may just then hold
the very lock that telling takes, and would wait for itself for ever.

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

    Made on the main thread. `on_interrupt` is called once a signal, always on the same thread of its own; it
    answers whether there is somebody who ends by it.
    """

    def __init__(
        self,
        gate: SignalGate,
        on_interrupt: Callable[[], bool],
        when_idle: Callable[[], None],
        ending: Callable[[], bool] = lambda: False,
    ) -> None:
        """`when_idle` is called on the main thread for a SIGINT by which nobody ends, if the gate is shut.

        `ending` says whether what the main thread is doing has been asked to end. A SIGINT that somebody ends
        by raises only then: whom it was meant for may be gone when the main thread hears of it.
        """
        self._gate = gate
        gate.settle = self._settle
        self._ending = ending
        self._on_interrupt = on_interrupt
        self._when_idle = when_idle
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._reading = threading.Lock()
        self._unhandled = False  # a signal that was told of, and that the Python handler has not seen
        self._taken = False  # somebody ends by it
        self._asked = False  # a signal of our own is on its way
        self._main = threading.get_ident()
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, self._handle)
        self._on_end: Callable[[int], None] = lambda signum: None
        self._thread = threading.Thread(target=self._watch, name="llmspell-signals", daemon=True)
        self._thread.start()

    def _handle(self, _signum: int, _frame: FrameType | None) -> None:
        # Only what was told of: the cell may catch the exception and block again, and nobody would wake it.
        unhandled, self._unhandled = self._unhandled, False
        if not unhandled:
            self._gate.heard = True
            return  # the other thread tells of it first, and asks; or it was forgotten
        if self._gate.open:
            if self._ending() or not self._taken:
                raise KeyboardInterrupt
        elif not self._taken:  # else it is noticed by what the cell calls next, before it blocks
            self._when_idle()

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
            self._unhandled = self._gate.heard = False

    def _settle(self) -> None:
        self._gate.heard = False
        if self._tell():
            if self._taken:
                self._unhandled = False  # who has asked sees that it is to end
            else:
                self._ask()

    def _watch(self) -> None:
        while True:
            patience = _PATIENCE_SECONDS if self._unhandled else None
            if not select.select([self._reader], [], [], patience)[0] or self._tell():
                self._ask()

    def _tell(self) -> bool:
        """Tells of each signal that has come from outside; answers whether there was one."""
        with self._reading:
            count = self._read()
            for _ in range(count):
                self._taken = self._on_interrupt()
                self._unhandled = True
            return count > 0

    def _ask(self) -> None:
        """Has the handler run on the main thread, unless it already has."""
        with self._reading:
            # Only one at a time: two that wait to be delivered would become one, and be counted wrong.
            if self._unhandled and not self._asked:
                self._asked = True
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
        if count and self._asked:
            self._asked = False
            count -= 1
        return count
