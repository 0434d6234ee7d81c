"""Bringing a store to what archives say."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from llmspell_kernel.storage.archive import Item
from llmspell_kernel.storage.contract import PAGE, Storage

_CLOCKS_DIFFER = 1.0
"""Seconds by which the end of an entry may move on its way from a store to another."""


class Restored(NamedTuple):
    """What was done: how many entries were written, removed, and left because they were the same."""

    written: int
    deleted: int
    unchanged: int


def restore(storage: Storage, archives: Iterable[Iterable[Item]], *, replace: bool) -> Restored:
    """Writes the entries of archives, the oldest first: all or nothing. Check the archives before.

    With `replace`, what none of them has is removed, so the store is then what they say; otherwise they are
    merged into what is there, and win. What has expired meanwhile is left out.

    Raises:
        StorageError: an archive is damaged, or the store cannot be written; nothing has changed.
    """
    writing = _Writing(storage)
    with storage.transaction():
        for archive in archives:
            for item in archive:
                writing.take(item)
        if replace:
            writing.remove_others()
    return Restored(writing.written, writing.deleted, writing.unchanged)


class _Writing:
    """One run of `restore`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._now = time.time()
        self._there: dict[str, set[str]] = {}
        self.written = self.deleted = self.unchanged = 0

    def take(self, item: Item) -> None:
        there = self._there.setdefault(item.namespace, set())
        left = None if item.expires_at is None else item.expires_at - self._now
        if item.value is None or (left is not None and left <= 0):
            there.discard(item.key)
            self.deleted += self._storage.delete(item.namespace, item.key)
            return
        there.add(item.key)
        entry = self._storage.get(item.namespace, item.key)
        if entry is not None and entry.value == item.value and _close(entry.expires_at, item.expires_at):
            self.unchanged += 1
            return
        self._storage.set(item.namespace, item.key, item.value, expires_in=left)
        self.written += 1

    def remove_others(self) -> None:
        for namespace in self._storage.namespaces():
            there = self._there.get(namespace, set())
            after = ""
            while page := self._storage.keys(namespace, after=after):
                after = page[-1]
                for key in page:
                    if key not in there:
                        self.deleted += self._storage.delete(namespace, key)
                if len(page) < PAGE:
                    break


def _close(one: float | None, other: float | None) -> bool:
    """Whether two times are the same: a store counts from its own clock, and from when it begins to write."""
    if one is None or other is None:
        return one is other
    return abs(one - other) < _CLOCKS_DIFFER
