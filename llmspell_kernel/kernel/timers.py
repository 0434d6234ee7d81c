"""What a thread without an event loop does between requests: what others post to it, and timers."""

from __future__ import annotations

import heapq
import queue
import time
from collections.abc import Callable
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """A queue whose reader has timers too. Any thread may call `put`, and only the reader the rest."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[T] = queue.SimpleQueue()
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()
        self._cancelled: set[int] = set()
        self.put = self._items.put

    def next(self) -> T | Callable[[], object]:
        """Waits for an item, or for a timer's callback that is due."""
        while True:
            left = self.seconds_left
            if left is not None and left <= 0:
                return heapq.heappop(self._timers)[2]
            try:
                return self._items.get(timeout=left)
            except queue.Empty:
                continue

    @property
    def seconds_left(self) -> float | None:
        """Until the next timer is due, 0 or less if it is; None if there is none."""
        while self._timers and self._timers[0][1] in self._cancelled:
            self._cancelled.discard(heapq.heappop(self._timers)[1])
        return self._timers[0][0] - time.monotonic() if self._timers else None

    @property
    def is_due(self) -> bool:
        """Whether `next` would answer at once."""
        left = self.seconds_left
        return not self._items.empty() or (left is not None and left <= 0)

    def waiting(self) -> list[T]:
        """Takes all items that are there already."""
        found: list[T] = []
        try:
            while True:
                found.append(self._items.get_nowait())
        except queue.Empty:
            return found

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Callable[[], None]:
        """Has `next` answer `callback` then; answers what cancels it."""
        number = next(self._numbers)
        heapq.heappush(self._timers, (time.monotonic() + seconds, number, callback))

        def cancel() -> None:
            if any(number == each for _, each, _ in self._timers):
                self._cancelled.add(number)

        return cancel
