"""The contract of every backend.

A store keeps values (bytes) under keys (text) in namespaces (text), each with a version that grows by one
with every write. Keys are compared by their UTF-8 bytes. Whatever a method has returned from is kept: it
survives the end of the process at any later moment, except in `memory`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any, ClassVar, NamedTuple

from llmspell_kernel.errors import StorageKeyError

MAX_KEY_BYTES = 1000
"""Of a namespace and of a key."""

LAST_KEY = "\U0010ffff" * (MAX_KEY_BYTES // 4 + 1)
"""Comes after every key."""

PAGE = 1000
"""Entries that one scan returns by default."""


TIDY_EVERY = 100
"""Who writes what expires also purges: with the first such write, and with each one so many later."""


class Entry(NamedTuple):
    """One value as it is stored.

    Attributes:
        key: its key, within the namespace.
        value: the bytes.
        version: 1 for a new key; each write adds one.
        expires_at: when it ends, in seconds since the epoch; None for never.
    """

    key: str
    value: bytes
    version: int
    expires_at: float | None = None


class StorageInfo(NamedTuple):
    """What a store is.

    Attributes:
        backend: `memory`, `sqlite` or `postgres`.
        location: a path or an address, without passwords.
        schema_version: of its tables; 0 where there are none.
        size_bytes: what it takes.
        entries: how many values each namespace has.
        details: facts of this backend, by name.
    """

    backend: str
    location: str
    schema_version: int
    size_bytes: int
    entries: dict[str, int]
    details: dict[str, Any]


class Storage(ABC):
    """One store. Any thread may call anything; several processes may use the same store, but for `memory`.

    An entry that has expired is as if it were not there. All methods raise `StorageError` if the store cannot
    be reached or written (a full disk, a lost connection, a file that is no store); then nothing has changed.
    Only where a connection ends between a write and its confirmation nobody knows, and the error says so.
    """

    backend: ClassVar[str]

    @property
    @abstractmethod
    def identity(self) -> str:
        """What tells the content of this store from that of others, for people: where it is, and whose."""

    @abstractmethod
    def get(self, namespace: str, key: str) -> Entry | None:
        """The entry; None if there is none."""

    @abstractmethod
    def set(
        self,
        namespace: str,
        key: str,
        value: bytes,
        *,
        expires_in: float | None = None,
        expected: int | None = None,
    ) -> int:
        """Writes an entry and answers its new version.

        Args:
            namespace: the namespace.
            key: the key.
            value: the bytes.
            expires_in: seconds until it ends; None for never.
            expected: the version that must be there now, 0 for none at all; None for any.

        Raises:
            ConflictError: another version is there.
            StorageKeyError: no store can keep such a key, see `check_key`.
        """

    @abstractmethod
    def delete(self, namespace: str, key: str, *, expected: int | None = None) -> bool:
        """Removes an entry; whether it was there.

        Raises:
            ConflictError: another version is there.
        """

    @abstractmethod
    def scan(self, namespace: str, prefix: str = "", *, after: str = "", limit: int = PAGE) -> list[Entry]:
        """Up to `limit` entries whose keys begin with `prefix` and come after `after`, in order."""

    @abstractmethod
    def keys(self, namespace: str, prefix: str = "", *, after: str = "", limit: int = PAGE) -> list[str]:
        """The keys that `scan` would have returned, without reading the values."""

    @abstractmethod
    def count(self, namespace: str, prefix: str = "") -> int:
        """How many keys begin with `prefix`."""

    @abstractmethod
    def namespaces(self) -> list[str]:
        """Those that have entries, in order."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """What this thread does in the `with` statement happens as a whole, or, if it raises, not at all.

        Others see nothing of it before its end, and what it has read does not change until then. One within
        another is part of it; if it raises, only what it has done itself is undone.

        Raises:
            ConflictError: at its end, if another writer was faster; nothing has changed: do it again.
        """

    @property
    @abstractmethod
    def in_transaction(self) -> bool:
        """Whether this thread is in one: others may wait for its end, so it must not wait for them."""

    @abstractmethod
    def info(self) -> StorageInfo:
        """What this store is."""

    @abstractmethod
    def validate(self) -> list[str]:
        """What is wrong with the store, a sentence each; empty for a sound one."""

    @abstractmethod
    def purge(self) -> int:
        """Removes what has expired, and answers how many entries it was."""

    @abstractmethod
    def close(self) -> None:
        """Frees what the store holds; may be repeated. Later calls raise `StorageError`."""


def check_key(namespace: str, key: str) -> None:
    """Refuses what not every backend can keep.

    Raises:
        StorageKeyError: the namespace or the key is empty, too long, or has a NUL or half of a surrogate
            pair.
    """
    # What is short and plain, as nearly all are, takes no more than this.
    if (
        0 < len(namespace) <= MAX_KEY_BYTES
        and 0 < len(key) <= MAX_KEY_BYTES
        and namespace.isascii()
        and key.isascii()
        and "\0" not in key
        and "\0" not in namespace
    ):
        return
    check_name("namespace", namespace)
    check_name("key", key)


def check_name(kind: str, text: str) -> None:
    """Refuses a text, which is said to be a `kind`, that is no namespace, key or tenant.

    Raises:
        StorageKeyError: it is empty, too long, or has a NUL or half of a surrogate pair.
    """
    if not text:
        raise StorageKeyError(f"the {kind} is empty; name one")
    size = check_text(kind, text)
    if size > MAX_KEY_BYTES:
        raise StorageKeyError(
            f"the {kind} {text[:40]!r}... has {size:,} bytes; {MAX_KEY_BYTES:,} are the limit"
        )


def check_text(kind: str, text: str) -> int:
    """Refuses text of which no key can consist; answers its size in bytes.

    Raises:
        StorageKeyError: it has a NUL or half of a surrogate pair.
    """
    if "\0" in text:
        raise StorageKeyError(f"the {kind} {text!r} has a NUL character; leave it out")
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise StorageKeyError(
            f"the {kind} {text!r} has half of a surrogate pair; use whole characters"
        ) from None
