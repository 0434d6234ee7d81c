"""Timers that call back between cells."""

from __future__ import annotations

import time
from collections.abc import Callable

from llmspell_kernel.interpreter import Frontend

Callback = Callable[[], bool]
"""Answers whether it went well; a repeating timer ends when it did not."""


class Timers:
    """The timers of one interpreter, by number; used on its thread.

    Callbacks run between cells: a cell that runs holds them up. A repeating timer that was held up calls
    once, not once for each time it missed, and keeps its beat.

    Attributes:
        latest: the number of the timer that was made last.
    """

    def __init__(self, frontend: Frontend) -> None:
        """Waits with `frontend.call_later`."""
        self._frontend = frontend
        self.latest = 0
        self._cancels: dict[int, Callable[[], None]] = {}

    def after(self, seconds: float, callback: Callback) -> int:
        """Calls back once; answers the timer's number."""
        number = self.latest = self.latest + 1

        def ring() -> None:
            del self._cancels[number]
            callback()

        self._cancels[number] = self._frontend.call_later(seconds, ring)
        return number

    def every(self, seconds: float, callback: Callback) -> int:
        """Calls back again and again, until it fails or is cancelled."""
        number = self.latest = self.latest + 1
        due = time.monotonic() + seconds

        def ring() -> None:
            nonlocal due
            went_well = callback()
            if number not in self._cancels:  # cancelled by the callback
                return
            if not went_well:
                del self._cancels[number]
                return
            now = time.monotonic()
            due += seconds * max(1, (now - due) // seconds + 1)
            self._cancels[number] = self._frontend.call_later(due - now, ring)

        self._cancels[number] = self._frontend.call_later(seconds, ring)
        return number

    def cancel(self, number: int) -> bool:
        """Ends a timer; answers whether it was still waiting."""
        cancel = self._cancels.pop(number, None)
        if cancel is not None:
            cancel()
        return cancel is not None

    def cancel_all(self) -> int:
        """Ends all timers; answers how many there were."""
        return sum([self.cancel(number) for number in list(self._cancels)])

    def waiting(self, since: int) -> list[int]:
        """The timers that were made after the one of that number, and will call again."""
        return [number for number in self._cancels if number > since]

    def is_waiting(self, number: int) -> bool:
        """Whether a timer will call again."""
        return number in self._cancels
