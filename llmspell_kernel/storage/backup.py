"""Backups of a store: a folder of dated archives.

A backup is a file `ID.zip`, see `archive`. It is there as a whole or not at all, and it is on the disk when
`create` returns. An incremental one needs the one before it, and so on up to a full one: its chain.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from llmspell_kernel.errors import NoSuchThingError, StorageError
from llmspell_kernel.storage.archive import (
    Header,
    Item,
    Manifest,
    check_archive,
    items_of,
    read_archive,
    read_manifest,
    write_archive,
)
from llmspell_kernel.storage.contract import Storage
from llmspell_kernel.storage.restoring import Restored, restore

SUFFIX = ".zip"
_UNFINISHED = ".backup-"
_LONGEST_BACKUP = 86_400
_ID = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{6}")


class Backup(NamedTuple):
    """A file of the folder.

    Attributes:
        id: its name.
        path: where it is.
        size_bytes: of the file.
        manifest: what it says of itself; None if it cannot be read.
        problem: why it cannot be read; empty if it can.
    """

    id: str
    path: Path
    size_bytes: int
    manifest: Manifest | None
    problem: str = ""

    @property
    def created_at(self) -> float:
        """Seconds since the epoch; of a file that cannot be read, when it was written."""
        return self.manifest.created_at if self.manifest is not None else self.path.stat().st_mtime

    @property
    def base(self) -> str:
        """The backup that this one needs; empty for none."""
        return "" if self.manifest is None else self.manifest.base


class Cleaned(NamedTuple):
    """What `cleanup` has removed, or would have, and what it has left."""

    removed: list[Backup]
    kept: list[Backup]


class Backups:
    """The backups of one store."""

    def __init__(
        self, storage: Storage, folder: Path, *, level: int = 3, max_backups: int = 0, max_age: float = 0
    ) -> None:
        """Limits of 0 are none; `level` is that of the compression."""
        self._storage = storage
        self.folder = folder
        self._level = level
        self._max_backups = max_backups
        self._max_age = max_age

    def create(self, *, incremental: bool = False, note: str = "", path: Path | None = None) -> Backup:
        """Backs up everything, or what has changed since the last backup, if there is one that can be read.

        With `path` the file is written there, and not to the folder.

        Raises:
            StorageError: the store cannot be read, or the file not written; then there is none.
        """
        chain = self._last_chain() if incremental else []
        kind: Literal["full", "incremental"] = "incremental" if chain else "full"
        header = Header(_new_id(), kind, chain[-1].id if chain else "", note)
        items = self._changes(chain) if chain else None
        try:
            if path is None:
                path = self.folder / f"{header.id}{SUFFIX}"
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with whole_file(path) as file:
                write_archive(self._storage, file, header, items=items, level=self._level)
        except OSError as error:
            raise StorageError(f"no backup was made: {path}: {error.strerror or error}") from error
        return self._read(path)

    def _last_chain(self) -> list[Backup]:
        """The chain of the newest backup that is sound, the full one first."""
        for backup in self.all():
            if backup.manifest is not None:
                with contextlib.suppress(StorageError):
                    return self._checked_chain(backup)
        return []

    def _changes(self, chain: list[Backup]) -> Iterator[Item]:
        """What is in the store and not in a chain, and what is in the chain and no more in the store."""
        before: dict[tuple[str, str], bytes] = {}
        for archive in _read(chain):
            for item in archive:
                if item.value is None:
                    before.pop((item.namespace, item.key), None)
                else:
                    before[item.namespace, item.key] = item.digest
        for item in items_of(self._storage):
            if before.pop((item.namespace, item.key), None) != item.digest:
                yield item
        for namespace, key in before:
            yield Item(namespace, key, None, None)

    def all(self) -> list[Backup]:
        """The newest first; those that cannot be read say why."""
        try:
            paths = [
                path for path in self.folder.iterdir() if _ID.fullmatch(path.stem) and path.suffix == SUFFIX
            ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"the folder of backups {self.folder}: {error.strerror or error}") from error
        return [self._read(path) for path in sorted(paths, reverse=True)]

    def _read(self, path: Path) -> Backup:
        problem, manifest = "", None
        try:
            with path.open("rb") as file:
                manifest = read_manifest(file, path.name)
            size = path.stat().st_size
        except (StorageError, OSError) as error:
            problem, size = str(error), path.stat().st_size if path.exists() else 0
        return Backup(path.stem, path, size, manifest, problem)

    def find(self, name: str) -> Backup:
        """A backup by its id, the only one whose id begins so, `latest`, or the path of a file.

        Raises:
            NoSuchThingError: there is none, or several.
        """
        if os.sep in name or name.endswith(SUFFIX):
            path = Path(name).expanduser()
            if not path.is_file():
                raise NoSuchThingError(f"no backup {name}: there is no such file")
            return self._read(path)
        found = [each for each in self.all() if each.id.startswith(name) or name == "latest"]
        exact = [each for each in found if each.id == name] or (found[:1] if name == "latest" else found)
        if name and len(exact) == 1:
            return exact[0]
        if exact and name:
            raise NoSuchThingError(f"{len(exact)} backups begin with {name!r}: give more of the id")
        where = f"`llmspell backup list` shows those in {self.folder}"
        raise NoSuchThingError(f"no backup {name!r}; {where}")

    def validate(self, name: str) -> Manifest:
        """Computes the checksums of a backup and its chain anew; the manifest if all are sound.

        Raises:
            StorageError: what is wrong.
        """
        backup = self._checked_chain(self.find(name))[-1]
        assert backup.manifest is not None
        return backup.manifest

    def _checked_chain(self, backup: Backup) -> list[Backup]:
        chain = self._chain(backup)
        for each in chain:
            with each.path.open("rb") as file:
                check_archive(file, each.path.name)
        return chain

    def _chain(self, backup: Backup) -> list[Backup]:
        """A backup and those it needs, the full one first.

        Raises:
            StorageError: one is not there or cannot be read.
        """
        chain: list[Backup] = []
        while True:
            if backup.manifest is None:
                raise StorageError(backup.problem)
            chain.insert(0, backup)
            base = backup.base
            if not base:
                return chain
            path = backup.path.parent / f"{base}{SUFFIX}"
            if not _ID.fullmatch(base) or not path.is_file() or any(each.id == base for each in chain):
                raise StorageError(f"{backup.path.name} needs the backup {base}, which is not beside it")
            backup = self._read(path)

    def restore(self, name: str, *, safety: bool = True) -> tuple[Restored, Backup | None]:
        """Makes the store what it was, all of it or nothing; before, what is there is backed up.

        Raises:
            StorageError: the backup is damaged, or the store cannot be written; nothing has changed.
        """
        chain = self._checked_chain(self.find(name))
        saved = self.create(note=f"before the restore of {chain[-1].id}") if safety else None
        return restore(self._storage, _read(chain), replace=True), saved

    def delete(self, name: str) -> Backup:
        """Removes a backup.

        Raises:
            StorageError: others need it, or it cannot be removed.
        """
        backup = self.find(name)
        needed = [each.id for each in self.all() if each.base == backup.id]
        if needed:
            raise StorageError(f"the backup {backup.id} is needed by {', '.join(needed)}: delete those first")
        _remove(backup)
        return backup

    def cleanup(self, *, dry_run: bool = False) -> Cleaned:
        """Removes what is beyond the limits, but for what a backup that stays needs. The newest one stays."""
        backups = self.all()
        oldest = time.time() - self._max_age if self._max_age else 0
        kept = [
            each
            for index, each in enumerate(backups)
            if index == 0
            or ((not self._max_backups or index < self._max_backups) and each.created_at >= oldest)
        ]
        needed: set[str] = set()
        for backup in backups:  # the newest first: what needs one comes before it
            if backup in kept or backup.id in needed:
                needed |= {backup.id, backup.base}
        removed = [each for each in backups if each.id not in needed]
        if not dry_run:
            for backup in removed:
                _remove(backup)
            self._remove_unfinished()
        return Cleaned(removed, [each for each in backups if each.id in needed])

    def _remove_unfinished(self) -> None:
        """Removes what processes that were killed have left of a backup."""
        for path in self.folder.glob(f"{_UNFINISHED}*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - _LONGEST_BACKUP:
                    path.unlink()


def _read(chain: list[Backup]) -> Iterator[Iterator[Item]]:
    """The entries of each backup of a chain."""
    for backup in chain:
        with backup.path.open("rb") as file:
            yield read_archive(file, backup.path.name)


def _remove(backup: Backup) -> None:
    try:
        backup.path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{backup.path} cannot be removed: {error.strerror or error}") from error


def _new_id() -> str:
    """In the order of time; no other process makes the same."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(3)}"


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[tempfile._TemporaryFileWrapper[bytes]]:
    """A file to write that gets its name when it is complete and on the disk; it goes if something fails."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_UNFINISHED, delete=False) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(file.name)
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
