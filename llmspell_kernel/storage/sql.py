"""What the SQL backends have in common: the statements, and the contract over them.

The statements are those of SQLite and of PostgreSQL alike. Each is atomic by itself; a parameter is written
as `:name`, and `:now` is the time of the statement, in a transaction that of its begin.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import Any

from llmspell_kernel.errors import ConflictError, StorageError
from llmspell_kernel.storage.contract import (
    LAST_KEY,
    PAGE,
    TIDY_EVERY,
    Entry,
    Storage,
    check_key,
    check_text,
)

Row = tuple[Any, ...]

_LIVE = "(expires_at IS NULL OR expires_at > :now)"

_ONE = "namespace = :namespace AND key = :key AND " + _LIVE

_RANGE = "namespace = :namespace AND key >= :low AND key < :end AND " + _LIVE

GET = "SELECT version, expires_at, value FROM entry WHERE " + _ONE

VERSION = "SELECT version FROM entry WHERE " + _ONE

INSERT = (
    "INSERT INTO entry (namespace, key, version, expires_at, value)"
    " VALUES (:namespace, :key, 1, :now + :expires_in, :value)"
    " ON CONFLICT (namespace, key) DO UPDATE SET"
    " version = CASE WHEN entry.expires_at <= :now THEN 1 ELSE entry.version + 1 END,"
    " expires_at = excluded.expires_at, value = excluded.value"
)

SET = INSERT + " RETURNING version"

CREATE = INSERT + " WHERE entry.expires_at <= :now RETURNING version"

REPLACE = (
    "UPDATE entry SET version = version + 1, expires_at = :now + :expires_in, value = :value WHERE "
    + _ONE
    + " AND version = :expected RETURNING version"
)

DELETE = "DELETE FROM entry WHERE " + _ONE + " RETURNING version"

DELETE_EXPECTED = "DELETE FROM entry WHERE " + _ONE + " AND version = :expected RETURNING version"

SCAN = "SELECT key, value, version, expires_at FROM entry WHERE " + _RANGE + " ORDER BY key LIMIT :limit"

KEYS = "SELECT key FROM entry WHERE " + _RANGE + " ORDER BY key LIMIT :limit"

COUNT = "SELECT count(*) FROM entry WHERE " + _RANGE

NAMESPACES = "SELECT namespace, count(*) FROM entry WHERE " + _LIVE + " GROUP BY namespace ORDER BY namespace"

PURGE = "DELETE FROM entry WHERE expires_at <= :now RETURNING version"

_NO_VALUES: Mapping[str, object] = {}


class SqlStorage(Storage):
    """The contract but for what needs to know the dialect."""

    def __init__(self) -> None:
        self._expiring = count()

    @abstractmethod
    def _run(self, statement: str, values: Mapping[str, object]) -> list[Row]:
        """The rows of a statement, which is part of this thread's transaction, or one by itself.

        Raises:
            StorageError: it could not be run.
        """

    def get(self, namespace: str, key: str) -> Entry | None:
        """See the contract."""
        check_key(namespace, key)
        rows = self._run(GET, {"namespace": namespace, "key": key})
        if not rows:
            return None
        version, expires_at, value = rows[0]
        return Entry(key, value, version, expires_at)

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
        values = {
            "namespace": namespace,
            "key": key,
            "value": bytes(value),
            "expires_in": None if expires_in is None else float(expires_in),
            "expected": expected,
        }
        statement = SET if expected is None else CREATE if expected == 0 else REPLACE
        rows = self._run(statement, values)
        if not rows:
            raise ConflictError.of(namespace, key, expected or 0, self._version(namespace, key))
        if expires_in is not None:
            self._tidy()
        return int(rows[0][0])

    def delete(self, namespace: str, key: str, *, expected: int | None = None) -> bool:
        """See the contract."""
        check_key(namespace, key)
        values = {"namespace": namespace, "key": key, "expected": expected}
        if self._run(DELETE if expected is None else DELETE_EXPECTED, values):
            return True
        if expected is not None and (found := self._version(namespace, key)) != expected:
            raise ConflictError.of(namespace, key, expected, found)
        return False

    def scan(self, namespace: str, prefix: str = "", *, after: str = "", limit: int = PAGE) -> list[Entry]:
        """See the contract."""
        return [Entry(*row) for row in self._run(SCAN, _range(namespace, prefix, after, limit))]

    def keys(self, namespace: str, prefix: str = "", *, after: str = "", limit: int = PAGE) -> list[str]:
        """See the contract."""
        return [row[0] for row in self._run(KEYS, _range(namespace, prefix, after, limit))]

    def count(self, namespace: str, prefix: str = "") -> int:
        """See the contract."""
        return int(self._run(COUNT, _range(namespace, prefix, "", 0))[0][0])

    def namespaces(self) -> list[str]:
        """See the contract."""
        return [row[0] for row in self._run(NAMESPACES, _NO_VALUES)]

    def purge(self) -> int:
        """See the contract."""
        return len(self._run(PURGE, _NO_VALUES))

    def _counts(self) -> dict[str, int]:
        """How many entries each namespace has."""
        return dict(self._run(NAMESPACES, _NO_VALUES))

    def _tidy(self) -> None:
        """Purges now and then, but never as a part of a transaction: it is none of its business."""
        if not self.in_transaction and next(self._expiring) % TIDY_EVERY == 0:
            # What was asked for has been written.
            with suppress(StorageError):
                self.purge()

    def _version(self, namespace: str, key: str) -> int:
        rows = self._run(VERSION, {"namespace": namespace, "key": key})
        return int(rows[0][0]) if rows else 0


def _range(namespace: str, prefix: str, after: str, limit: int) -> dict[str, object]:
    """What keys are to be compared with: one bound on each side, which an index finds at once.

    Text compares in Python by its code points, which is the order of the UTF-8 bytes.
    """
    check_text("prefix", prefix)
    check_text("key", after)
    # No key has a NUL: the next one that is possible has an 0x01 more.
    low = max(prefix, after + "\x01") if after else prefix
    return {"namespace": namespace, "low": low, "end": _after_prefix(prefix), "limit": max(limit, 0)}


def _after_prefix(prefix: str) -> str:
    """The first text that comes after all that begin so."""
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return LAST_KEY
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)
