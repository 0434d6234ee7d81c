"""Ending a Lua function that takes too long, a hook's or a tool's, and nothing but it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from llmspell_kernel.errors import LuaCallError, ScriptError
from llmspell_kernel.lua.interrupts import CellTimeLimit

if TYPE_CHECKING:
    from llmspell_kernel.lua.interpreter import LuaInterpreter

T = TypeVar("T")

_NEVER = float("inf")
_LONG = 3600.0


class Watchdog:
    """Calls back when what is limited has taken too long.

    One thread for all limits, which sleeps until the first of them is reached; so that setting one costs next
    to nothing. Limits are set by one thread, one within the other.
    """

    def __init__(self) -> None:
        self._limits: list[tuple[float, Callable[[], object]]] = []
        self._lock = threading.RLock()  # taken itself: an interrupt in the condition's own code would keep it
        self._changed = threading.Condition(self._lock)
        self._wakes_at = _NEVER
        self._thread: threading.Thread | None = None

    @contextmanager
    def limit(self, seconds: float, on_timeout: Callable[[], object]) -> Iterator[None]:
        """Calls `on_timeout` once, on another thread, if what is within takes longer; never later."""
        ends = time.monotonic() + seconds
        with self._lock:
            self._limits.append((ends, on_timeout))
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="llmspell-limits", daemon=True)
                self._thread.start()
            elif ends < self._wakes_at:
                self._changed.notify()
        try:
            yield
        finally:
            with self._lock:
                self._limits.pop()

    def _watch(self) -> None:
        with self._lock:
            while True:
                now = time.monotonic()
                for place, (ends, on_timeout) in enumerate(self._limits):
                    if ends <= now:
                        self._limits[place] = _NEVER, on_timeout
                        on_timeout()
                # It is not told when a limit has gone: it sleeps on, and sets none that has come since later.
                first = min((ends for ends, _ in self._limits), default=_NEVER)
                self._wakes_at = min(first, now + _LONG)
                self._changed.wait(max(self._wakes_at - time.monotonic(), 0.0))


class LimitedCalls:
    """Calls Lua functions that have a time limit each, in one Lua state; on its thread."""

    def __init__(self, lua: LuaInterpreter) -> None:
        self._lua = lua
        self._watchdog = Watchdog()

    def call(self, seconds: float, body: Callable[[], T], late: Callable[[float], ScriptError]) -> T:
        """What `body` answers, which calls a function of the user's within a running cell.

        A debugger's client may stop it for any time.

        Args:
            seconds: that it may take.
            body: what is called.
            late: makes the error for one that took longer; the cell goes on.

        Raises:
            ScriptError: `late`'s.
            LuaCallError: the function failed.
            KeyboardInterrupt: the cell has been asked to end.
        """
        if seconds <= 0 or self._lua.is_debugged:
            return self._plain(body)
        interrupts, waits = self._lua.state.interrupts, self._lua.waits
        reason = CellTimeLimit(seconds)

        def end() -> None:
            if interrupts.end_cell(reason)[0]:
                self._lua.signal_children(by_force=False)
                waits.wake()

        try:
            try:
                with self._watchdog.limit(seconds, end):
                    answer = self._plain(body)
            finally:
                is_late = interrupts.withdraw(reason)
        except CellTimeLimit as error:
            if error is not reason:
                raise
        if is_late:  # also where nothing could interrupt it
            raise late(seconds)
        return answer

    @staticmethod
    def _plain(body: Callable[[], T]) -> T:
        try:
            return body()
        except LuaCallError as error:
            if isinstance(error.value, BaseException):  # a Python call of the function's was ended
                raise error.value from None
            raise
