"""The end of a kernel that nobody uses and nobody manages."""

from __future__ import annotations

import time
from collections.abc import Callable


class IdleEnd:
    """Calls `end` when there was no request for some seconds. Used on the main thread."""

    def __init__(
        self,
        seconds: float,
        last: Callable[[], float],
        call_later: Callable[[float, Callable[[], object]], object],
        end: Callable[[], None],
    ) -> None:
        """Begins to wait.

        Args:
            seconds: without a request.
            last: when a request was handled last, by the monotonic clock.
            call_later: calls between requests.
            end: called once.
        """
        self._seconds = seconds
        self._last = last
        self._call_later = call_later
        self._end = end
        self._wait(seconds)

    def _wait(self, seconds: float) -> None:
        self._call_later(seconds, self._look)

    def _look(self) -> None:
        left = self._last() + self._seconds - time.monotonic()
        if left > 0:
            self._wait(left)
        else:
            self._end()
