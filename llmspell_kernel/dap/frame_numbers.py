"""Numbers of frames for JupyterLab, which takes a frame with another number for another frame."""

from __future__ import annotations

_FIRST = 2**30
"""Far from the numbers that the core gives."""


class FrameNumbers:
    """What JupyterLab calls the frames of stopped code.

    It goes back to the innermost frame when the chosen one has another number than before, so numbers stay.
    But it empties its list of variables after each statement in its console, and fills it again only if the
    innermost frame comes with another number: then they are renewed.
    """

    def __init__(self) -> None:
        self._next = _FIRST
        self._given: dict[tuple[int, int], int] = {}  # thread and depth -> number
        self._ours: dict[int, int] = {}
        self._innermost: set[int] = set()

    def forget(self) -> None:
        """The code has gone on: its frames are no more."""
        self._given, self._ours, self._innermost = {}, {}, set()

    def to_client(self, frame: int, thread: int, depth: int) -> int:
        """The number of a thread's frame within `depth` others; `frame` is the core's."""
        number = self._given.get((thread, depth))
        if number is None:
            number, self._next = self._next, self._next + 1
            self._given[thread, depth] = number
            if depth == 0:
                self._innermost.add(number)
        self._ours[number] = frame
        return number

    def to_ours(self, number: int) -> int:
        """The core's number; those from before `renew_after` are good too."""
        return self._ours.get(number, number)

    def renew_after(self, number: int | None) -> None:
        """If this is an innermost frame, all get other numbers."""
        if number in self._innermost:
            self._given = {}
