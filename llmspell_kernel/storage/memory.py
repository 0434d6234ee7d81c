"""The backend that forgets: a dictionary."""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_right, insort
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, islice
from typing import ClassVar

from llmspell_kernel.errors import ConflictError, StorageError
from llmspell_kernel.storage.contract import (
    PAGE,
    TIDY_EVERY,
    Entry,
    Storage,
    StorageInfo,
    check_key,
    check_text,
)


class _Namespace:
    """Entries by key, and the keys in the order of their bytes."""

    __slots__ = ("entries", "order")

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.order: list[tuple[bytes, str]] = []


class MemoryStorage(Storage):
    """Keeps everything in this process; it ends with `close`."""

    backend: ClassVar[str] = "memory"

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._namespaces: dict[str, _Namespace] = {}
        self._closed = False
        self._expiring = count()
        self._undo: list[tuple[str, str, Entry | None]] | None = None
        self._within: int | None = None

    def get(self, namespace: str, key: str) -> Entry | None:
        """See the contract."""
        check_key(namespace, key)
        with self._lock:
            self._check_open()
            return self._live(namespace, key)

    def set(
        self,
        namespace: str,
        key: str,
        value: bytes,
        *,
        expires_in: float | None = None,
        expected: int | None = None,
    ) -> int:
        """See the contract."""
        check_key(namespace, key)
        with self._lock:
            self._check_open()
            before = self._checked(namespace, key, expected)
            version = 1 if before is None else before.version + 1
            expires_at = None if expires_in is None else time.time() + expires_in
            self._put(namespace, key, Entry(key, bytes(value), version, expires_at))
            if expires_in is not None and self._undo is None and next(self._expiring) % TIDY_EVERY == 0:
                self.purge()
            return version

    def delete(self, namespace: str, key: str, *, expected: int | None = None) -> bool:
        """See the contract."""
        check_key(namespace, key)
        with self._lock:
            self._check_open()
            before = self._checked(namespace, key, expected)
            if before is not None:
                self._put(namespace, key, None)
            return before is not None

    def scan(self, namespace: str, prefix: str = "", *, after: str = "", limit: int = PAGE) -> list[Entry]:
        """See the contract."""
        with self._lock:
            self._check_open()
            return list(islice(self._from(namespace, prefix, after), max(limit, 0)))

    def keys(self, namespace: str, prefix: str = "", *, after: str = "", limit: int = PAGE) -> list[str]:
        """See the contract."""
        return [entry.key for entry in self.scan(namespace, prefix, after=after, limit=limit)]

    def count(self, namespace: str, prefix: str = "") -> int:
        """See the contract."""
        with self._lock:
            self._check_open()
            return sum(1 for _ in self._from(namespace, prefix, ""))

    def namespaces(self) -> list[str]:
        """See the contract."""
        with self._lock:
            self._check_open()
            return sorted(name for name in self._namespaces if next(self._from(name, "", ""), None))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See the contract. Other threads wait until it has ended."""
        with self._lock:
            self._check_open()
            outer = self._undo
            self._undo, self._within = [], threading.get_ident()
            try:
                yield
            except BaseException:
                undo, self._undo = self._undo, None
                for namespace, key, entry in reversed(undo):
                    self._put(namespace, key, entry)
                raise
            else:
                if outer is not None:
                    outer += self._undo
            finally:
                self._undo = outer
                if outer is None:
                    self._within = None

    @property
    def in_transaction(self) -> bool:
        """See the contract."""
        return self._within == threading.get_ident()

    @property
    def identity(self) -> str:
        """See the contract."""
        return f"the memory of process {os.getpid()}"

    def info(self) -> StorageInfo:
        """See the contract."""
        with self._lock:
            names = self.namespaces()
            size = sum(
                len(key) + len(entry.value)
                for space in self._namespaces.values()
                for key, entry in space.entries.items()
            )
            return StorageInfo(
                self.backend, "this process", 0, size, {name: self.count(name) for name in names}, {}
            )

    def validate(self) -> list[str]:
        """See the contract."""
        self._check_open()
        return []

    def purge(self) -> int:
        """See the contract."""
        now = time.time()
        with self._lock:
            self._check_open()
            gone = [
                (name, key)
                for name, space in self._namespaces.items()
                for key, entry in space.entries.items()
                if entry.expires_at is not None and entry.expires_at <= now
            ]
            for name, key in gone:
                self._put(name, key, None)
            return len(gone)

    def close(self) -> None:
        """See the contract."""
        with self._lock:
            self._closed = True
            self._namespaces.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError("the store is closed; open it again")

    def _live(self, namespace: str, key: str) -> Entry | None:
        space = self._namespaces.get(namespace)
        entry = None if space is None else space.entries.get(key)
        if entry is None or (entry.expires_at is not None and entry.expires_at <= time.time()):
            return None
        return entry

    def _checked(self, namespace: str, key: str, expected: int | None) -> Entry | None:
        entry = self._live(namespace, key)
        found = 0 if entry is None else entry.version
        if expected is not None and expected != found:
            raise ConflictError.of(namespace, key, expected, found)
        return entry

    def _put(self, namespace: str, key: str, entry: Entry | None) -> None:
        space = self._namespaces.setdefault(namespace, _Namespace())
        before = space.entries.get(key)
        if self._undo is not None:
            self._undo.append((namespace, key, before))
        if entry is not None:
            if before is None:
                insort(space.order, (key.encode(), key))
            space.entries[key] = entry
        elif before is not None:
            del space.entries[key]
            del space.order[bisect_right(space.order, (key.encode(), key)) - 1]

    def _from(self, namespace: str, prefix: str, after: str) -> Iterator[Entry]:
        check_text("prefix", prefix)
        check_text("key", after)
        space = self._namespaces.get(namespace)
        if space is None:
            return
        now, start = time.time(), prefix.encode()
        first = max(
            bisect_right(space.order, (after.encode(), after)), bisect_right(space.order, (start, ""))
        )
        for key_bytes, key in space.order[first:]:
            if not key_bytes.startswith(start):
                return
            entry = space.entries[key]
            if entry.expires_at is None or entry.expires_at > now:
                yield entry
