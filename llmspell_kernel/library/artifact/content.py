"""Content by its hash: each stored once, compressed where it helps."""

from __future__ import annotations

import hashlib
import zlib
from typing import NamedTuple

from llmspell_kernel.errors import StorageError
from llmspell_kernel.storage.contract import Storage

CONTENT, REFERENCES = "artifact_content", "artifact_reference"
"""Namespaces, both by hash: a byte that tells the form and the content; how many artifacts have it."""

_PLAIN, _ZLIB = b"\0", b"\1"
_LEVEL = 3


class Kept(NamedTuple):
    """What became of content that was stored.

    Attributes:
        hash: SHA-256 in hexadecimal.
        is_compressed: whether the store has it compressed.
        size: bytes that it takes there.
    """

    hash: str
    is_compressed: bool
    size: int


class Contents:
    """Counts who refers to each content. Writes belong within a transaction of the store."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def add(self, content: bytes, threshold: int) -> Kept:
        """Stores it, or counts it once more; from `threshold` bytes on it is compressed if that helps."""
        digest = hashlib.sha256(content).hexdigest()
        counted = self._store.get(REFERENCES, digest)
        if counted is not None and (there := self._store.get(CONTENT, digest)) is not None:
            self._count(digest, int(counted.value) + 1, counted.version)
            return Kept(digest, there.value[:1] == _ZLIB, len(there.value) - 1)
        packed = zlib.compress(content, _LEVEL) if len(content) >= threshold else content
        helps = len(packed) < len(content)
        value = _ZLIB + packed if helps else _PLAIN + content
        self._store.set(CONTENT, digest, value)
        self._count(digest, 1, 0 if counted is None else counted.version)
        return Kept(digest, helps, len(value) - 1)

    def read(self, digest: str) -> bytes:
        """The content.

        Raises:
            StorageError: it is not there, or not what it was.
        """
        entry = self._store.get(CONTENT, digest)
        if entry is None:
            raise StorageError(f"the content {digest} is missing in the store; restore it from a backup")
        try:
            form, rest = entry.value[:1], entry.value[1:]
            content = zlib.decompress(rest) if form == _ZLIB else rest
        except zlib.error:
            content = b""
        if hashlib.sha256(content).hexdigest() != digest:
            raise StorageError(f"the content {digest} is damaged in the store; restore it from a backup")
        return content

    def remove(self, digest: str) -> None:
        """One artifact less has it; that of nobody is deleted."""
        entry = self._store.get(REFERENCES, digest)
        if entry is None:
            return
        if int(entry.value) > 1:
            self._count(digest, int(entry.value) - 1, entry.version)
        else:
            self._store.delete(REFERENCES, digest, expected=entry.version)
            self._store.delete(CONTENT, digest)

    def _count(self, digest: str, count: int, version: int) -> None:
        self._store.set(REFERENCES, digest, b"%d" % count, expected=version)
