"""All that a store has, in one file that any backend can read again: for backups, and to move.

The file is a zip with two members. `entries.jsonl` has an object a line: `namespace`, `key`, `value`
(Base64) and, where it has one, `expires_at`; or `namespace`, `key` and `deleted`. `manifest.json` says what
the file is, how many entries it has, and the SHA-256 of `entries.jsonl`; it is written last, so a file that
was cut off has none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import shutil
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Annotated, Any, Literal, NamedTuple

import msgspec

from llmspell_kernel.errors import StorageError
from llmspell_kernel.storage.contract import PAGE, Entry, Storage

FORMAT = "llmspell-archive"
VERSION = 1
"""Of the format; files of a later version are refused."""

ENTRIES, MANIFEST = "entries.jsonl", "manifest.json"
LONGEST_LINE = 1 << 30
LONGEST_MANIFEST = 1 << 20
_IN_MEMORY = 1 << 24
_BLOCK = 1 << 20


class Manifest(msgspec.Struct, frozen=True):
    """What an archive says of itself.

    Attributes:
        id: its name.
        created_at: seconds since the epoch.
        kind: `full` for everything; `incremental` for what has changed since `base`.
        base: the id of the archive before; empty for a full one.
        backend: of the store it was made of.
        store: which one that was, see `Storage.identity`.
        schema_version: of that store's tables.
        entries: how many it has of each namespace.
        deleted: how many entries it says are gone.
        size_bytes: of `entries.jsonl`.
        sha256: of `entries.jsonl`.
        note: why it was made.
    """

    id: str
    created_at: float
    kind: Literal["full", "incremental"]
    backend: str
    entries: dict[str, int]
    deleted: int
    size_bytes: int
    sha256: str
    base: str = ""
    schema_version: int = 0
    note: str = ""
    store: str = ""
    format: str = FORMAT
    version: Annotated[int, msgspec.Meta(ge=1)] = VERSION


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of `entries.jsonl`."""

    namespace: str
    key: str
    value: str | None = None
    expires_at: float | None = None
    deleted: bool = False


class Item(NamedTuple):
    """An entry of an archive; `value` is None where it says that the entry is gone."""

    namespace: str
    key: str
    value: bytes | None
    expires_at: float | None

    @property
    def digest(self) -> bytes:
        """What tells one content from another."""
        shown = hashlib.blake2b(self.value or b"", digest_size=16)
        shown.update(repr(self.expires_at).encode())
        return shown.digest()


class Header(NamedTuple):
    """What is known of an archive before it is written; see `Manifest`."""

    id: str
    kind: Literal["full", "incremental"] = "full"
    base: str = ""
    note: str = ""


_encode_line = msgspec.json.Encoder().encode
_decode_line = msgspec.json.Decoder(Line).decode


def items_of(storage: Storage) -> Iterator[Item]:
    """Everything in a store. Within a transaction of its own: nothing changes meanwhile."""
    with storage.transaction():
        for namespace in storage.namespaces():
            for entry in entries_of(storage, namespace):
                yield Item(namespace, entry.key, entry.value, entry.expires_at)


def entries_of(storage: Storage, namespace: str) -> Iterator[Entry]:
    """The entries of a namespace, in order."""
    after = ""
    while True:
        page = storage.scan(namespace, after=after)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].key


def write_archive(
    storage: Storage,
    file: IO[bytes],
    header: Header,
    *,
    items: Iterable[Item] | None = None,
    level: int = 6,
) -> Manifest:
    """Writes what a store has, or `items` of it, to a file, and answers its manifest.

    `level` is that of the compression, 0 for none. The file must be able to seek. It is complete when this
    returns; closing and keeping it is the caller's.
    """
    method = zipfile.ZIP_DEFLATED if level else zipfile.ZIP_STORED
    folder = os.path.dirname(name) if isinstance(name := getattr(file, "name", None), str) else None
    with (
        tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=folder) as lines,
        zipfile.ZipFile(file, "w", method, compresslevel=level or None) as archive,
    ):
        # Compressing takes longer than reading, and while the store is read other writers may have to wait.
        found = _write_lines(lines, items_of(storage) if items is None else items)
        lines.seek(0)
        with archive.open(_member(ENTRIES, method), "w", force_zip64=True) as out:
            shutil.copyfileobj(lines, out, _BLOCK)
        manifest = Manifest(
            id=header.id,
            created_at=time.time(),
            kind=header.kind,
            base=header.base,
            note=header.note,
            backend=storage.backend,
            store=storage.identity,
            schema_version=storage.info().schema_version,
            entries=found.entries,
            deleted=found.deleted,
            size_bytes=found.size_bytes,
            sha256=found.sha256,
        )
        text = json.dumps(msgspec.to_builtins(manifest), indent=2)
        archive.writestr(_member(MANIFEST, method), text.encode())
    return manifest


class _Written(NamedTuple):
    """What has become of entries as lines; see `Manifest`."""

    entries: dict[str, int]
    deleted: int
    size_bytes: int
    sha256: str


def _write_lines(file: IO[bytes], items: Iterable[Item]) -> _Written:
    digest, size, deleted = hashlib.sha256(), 0, 0
    counts: dict[str, int] = {}
    for item in items:
        line = _line(item)
        digest.update(line)
        size += len(line)
        file.write(line)
        if item.value is None:
            deleted += 1
        else:
            counts[item.namespace] = counts.get(item.namespace, 0) + 1
    return _Written(counts, deleted, size, digest.hexdigest())


def _member(name: str, method: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, time.gmtime()[:6])
    member.compress_type = method
    member.external_attr = 0o600 << 16
    return member


def _line(item: Item) -> bytes:
    if item.value is None:
        return _encode_line(Line(item.namespace, item.key, deleted=True)) + b"\n"
    value = base64.b64encode(item.value).decode()
    return _encode_line(Line(item.namespace, item.key, value, item.expires_at)) + b"\n"


def read_manifest(file: IO[bytes], name: str) -> Manifest:
    """What an archive says of itself; `name` is what messages call it.

    Raises:
        StorageError: it is no archive, damaged, or of a later version.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _manifest(archive, name)
    except _DAMAGE as error:
        raise _damaged(name, error) from error


def _manifest(archive: zipfile.ZipFile, name: str) -> Manifest:
    if MANIFEST not in archive.namelist() or ENTRIES not in archive.namelist():
        raise StorageError(f"{name} is no archive of a store: it has no {MANIFEST}")
    with archive.open(MANIFEST) as member:
        text = member.read(LONGEST_MANIFEST)
    try:
        found: Any = msgspec.json.decode(text)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise StorageError(f"{name} is no archive of a store: its {MANIFEST} is of another format")
        if isinstance(found.get("version"), int) and found["version"] > VERSION:
            raise StorageError(
                f"{name} is of version {found['version']}, and this program reads up to {VERSION}; "
                "use a newer one"
            )
        return msgspec.convert(found, Manifest)
    except msgspec.MsgspecError as error:
        raise StorageError(f"the {MANIFEST} of {name} cannot be read: {error}") from None


def read_archive(file: IO[bytes], name: str) -> Iterator[Item]:
    """The entries of an archive, in order.

    What is wrong with it may be found only at its end: first run through it with `check_archive`.

    Raises:
        StorageError: it is no archive, damaged, or of a later version.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _manifest(archive, name)
            digest, counts, deleted, size = hashlib.sha256(), dict[str, int](), 0, 0
            with archive.open(ENTRIES) as lines:
                while line := lines.readline(min(LONGEST_LINE, manifest.size_bytes - size + 1)):
                    digest.update(line)
                    size += len(line)
                    if size > manifest.size_bytes:
                        break
                    item = _item(line, name)
                    yield item
                    if item.value is None:
                        deleted += 1
                    else:
                        counts[item.namespace] = counts.get(item.namespace, 0) + 1
            if digest.hexdigest() != manifest.sha256 or size != manifest.size_bytes:
                raise StorageError(f"{name} is damaged: its manifest has another checksum of its entries")
            if (counts, deleted) != (manifest.entries, manifest.deleted):
                raise StorageError(f"{name} is damaged: it has other entries than its manifest says")
    except _DAMAGE as error:
        raise _damaged(name, error) from error


def check_archive(file: IO[bytes], name: str) -> Manifest:
    """Reads all of an archive and computes its checksum anew; its manifest if it is sound.

    Raises:
        StorageError: it is no archive, damaged, or of a later version.
    """
    for _ in read_archive(file, name):
        pass
    file.seek(0)
    return read_manifest(file, name)


def _item(line: bytes, name: str) -> Item:
    try:
        found = _decode_line(line)
        if found.deleted:
            return Item(found.namespace, found.key, None, None)
        if found.value is None:
            raise StorageError(f"{name} is damaged: {found.key!r} has no value")
        value = base64.b64decode(found.value, validate=True)
        return Item(found.namespace, found.key, value, found.expires_at)
    except (msgspec.MsgspecError, binascii.Error) as error:
        raise StorageError(f"{name} is damaged: an entry cannot be read ({error})") from None


_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)
"""What `zipfile` raises for a file that is cut off, changed or something else: the last three for members
that are encrypted, or compressed in ways that it does not know."""


def _damaged(name: str, error: Exception) -> StorageError:
    if isinstance(error, OSError):
        return StorageError(f"{name} cannot be read: {error.strerror or error}")
    return StorageError(f"{name} is no archive of a store, or it is damaged: {error}")
