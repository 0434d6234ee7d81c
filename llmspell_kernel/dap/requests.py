"""The requests of one client that wait to be answered."""

from __future__ import annotations

import threading
from collections import deque

_LIMIT = 1000
_GOODBYES = ("disconnect", "terminate")


def _field(request: object, name: str) -> object:
    return request.get(name) if isinstance(request, dict) else None


class RequestQueue:
    """Requests in order. One thread puts them, another takes them; `end` belongs to the first."""

    def __init__(self) -> None:
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()
        self._ended = False

    def put(self, request: object) -> None:
        """Adds a request; waits while too many are there already."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < _LIMIT or self._ended)
            self._waiting.append(request)
            self._changed.notify_all()

    def withdraw(self, number: object) -> object | None:
        """Takes out the request with this `seq`, if it still waits."""
        with self._changed:
            for request in self._waiting:
                if _field(request, "seq") == number:
                    self._waiting.remove(request)
                    return request
        return None

    def take(self) -> object | None:
        """The next request, when there is one; None when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended)
            request = self._waiting.popleft() if self._waiting else None
            self._changed.notify_all()
            return request

    def end(self) -> bool:
        """The client has gone: only its goodbye will still be taken. Answers whether it said one."""
        with self._changed:
            self._ended = True
            left = [each for each in self._waiting if _field(each, "command") in _GOODBYES]
            self._waiting = deque(left)
            self._changed.notify_all()
            return bool(left)
