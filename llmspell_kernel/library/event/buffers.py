"""What is kept of events: so many of them, and so many bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_EACH = 64
"""Bytes that a value takes at least, with its place in a table."""


class Buffer(Generic[T]):
    """Keeps what came last, within limits. For one thread at a time.

    Attributes:
        dropped: what was pushed out, the oldest first.
        capacity: for how many there is room.
        size: bytes that they take together.
    """

    __slots__ = ("_kept", "capacity", "dropped", "max_size", "size")

    def __init__(self, capacity: int, max_size: int) -> None:
        """For so many, and so many bytes; the last one is kept, whatever it takes."""
        self.capacity = capacity
        self.max_size = max_size
        self.size = self.dropped = 0
        self._kept: deque[tuple[T, int]] = deque()

    def add(self, item: T, size: int) -> None:
        """Keeps something that takes so many bytes; the oldest go if there is no room."""
        kept = self._kept
        kept.append((item, size))
        self.size += size
        while len(kept) > self.capacity or (self.size > self.max_size and len(kept) > 1):
            self.take()
            self.dropped += 1

    def take(self) -> T:
        """The oldest, which is kept no longer.

        Raises:
            IndexError: there is none.
        """
        item, size = self._kept.popleft()
        self.size -= size
        return item

    def clear(self) -> None:
        """Keeps nothing any more."""
        self._kept.clear()
        self.size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[T]:
        return (item for item, _ in self._kept)

    def __getitem__(self, place: int) -> T:
        return self._kept[place][0]


def size_of(data: Any) -> int:
    """About the bytes that an exact value takes in memory."""
    size, left = 0, [data]
    while left:
        value = left.pop()
        size += _EACH
        if isinstance(value, str | bytes):
            size += len(value)
        elif isinstance(value, dict):
            left += value
            left += value.values()
        elif isinstance(value, list | tuple):
            left += value
    return size
