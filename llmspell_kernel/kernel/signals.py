"""SIGINT while Lua runs.

A signal reaches Python only when the main thread runs Python, which a busy Lua loop never does. Python's
wake-up descriptor is written from the C signal handler at once, whatever the main thread does: a thread
that reads it tells the interpreter. The Python handler raises KeyboardInterrupt only where the gate is
open.
"""

from __future__ import annotations

import select
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

from llmspell_kernel.interpreter import SignalGate


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
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._reading = threading.RLock()  # the signal handler may find its own thread reading
        signal.signal(signal.SIGINT, self._handle)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._watch, name="llmspell-signals", daemon=True)
        self._thread.start()

    def _handle(self, _signum: int, _frame: FrameType | None) -> None:
        # Before the exception is raised: the cell may catch it and block again, and nobody would wake it.
        # With the gate shut: what the cell calls next must know of it before it blocks.
        self._tell()
        if not self._gate.open:
            self._when_idle()
        elif self._may_end():
            raise KeyboardInterrupt

    def forget(self) -> None:
        """Forgets signals that nobody has been told of yet: they were meant for a cell that has ended."""
        with self._reading:
            self._read()

    def _watch(self) -> None:
        while True:
            select.select([self._reader], [], [])
            self._tell()

    def _tell(self) -> None:
        with self._reading:
            for _ in range(self._read().count(signal.SIGINT)):
                self._on_interrupt()

    def _read(self) -> bytes:
        try:
            return self._reader.recv(64)
        except BlockingIOError:
            return b""
