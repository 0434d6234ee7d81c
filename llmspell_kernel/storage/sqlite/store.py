"""The backend that keeps everything in one file."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal
from weakref import WeakSet

from llmspell_kernel.errors import StorageError
from llmspell_kernel.storage.contract import StorageInfo
from llmspell_kernel.storage.migrations import after, latest
from llmspell_kernel.storage.sql import Row, SqlStorage
from llmspell_kernel.storage.sqlite.connection import Connection

APPLICATION_ID = 0x6C6C7370
"""In the file's header: `llsp`. `file` and others tell our files by it."""

_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")

_OPENING = threading.Lock()
"""SQLite's locks belong to a process: a file must not be opened and closed beside it."""


class SqliteStorage(SqlStorage):
    """Keeps everything in one file, by a connection for each thread.

    A value that was written is on the disk before the method returns. Writers wait for each other, readers
    for nobody. A process that was forked may go on using it.
    """

    backend: ClassVar[str] = "sqlite"

    def __init__(self, path: Path, journal_mode: Literal["WAL", "DELETE"] = "WAL") -> None:
        """Opens the file, makes it if there is none, and brings its schema up to date.

        Raises:
            StorageError: it cannot be opened, or is not ours.
        """
        super().__init__()
        self.path = path
        self._closed = False
        self._pid = os.getpid()
        self._threads = threading.local()
        self._connections: WeakSet[Connection] = WeakSet()
        self._lock = threading.Lock()
        with _OPENING:
            _make_file(path)
            self._prepare(self._connection(), journal_mode)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See the contract. Other writers wait until it has ended."""
        connection = self._connection()
        if connection.depth:
            with connection.savepoint():
                yield
            return
        try:
            connection.begin()
            yield
            connection.commit()
        finally:
            connection.roll_back()
            self._close_late(connection)

    @property
    def identity(self) -> str:
        """See the contract."""
        return str(self.path.resolve())

    def info(self) -> StorageInfo:
        """See the contract."""
        pages, page_size, version = (
            self._pragma(name) for name in ("page_count", "page_size", "user_version")
        )
        details = {
            "sqlite_version": sqlite3.sqlite_version,
            "journal_mode": self._pragma("journal_mode"),
            "synchronous": _SYNCHRONOUS[self._pragma("synchronous")],
            "free_bytes": self._pragma("freelist_count") * page_size,
        }
        return StorageInfo(self.backend, str(self.path), version, pages * page_size, self._counts(), details)

    def validate(self) -> list[str]:
        """See the contract. Reads the whole file."""
        try:
            said = [str(row[0]) for row in self._run("PRAGMA integrity_check(20)", {})]
        except StorageError as error:
            return [str(error)]
        return [] if said == ["ok"] else [f"{self.path}: {line}" for line in said]

    def close(self) -> None:
        """See the contract. What a thread is doing at that moment is done to its end."""
        self._closed = True
        if self._pid != os.getpid():
            return
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.close_if_idle()

    def _run(self, statement: str, values: Mapping[str, object]) -> list[Row]:
        connection = self._connection()
        rows = connection.run(statement, values)
        if self._closed:
            self._close_late(connection)
        return rows

    @property
    def in_transaction(self) -> bool:
        """See the contract."""
        connection: Connection | None = getattr(self._threads, "connection", None)
        return connection is not None and not connection.is_inherited and connection.depth > 0

    def _connection(self) -> Connection:
        """This thread's, in this process."""
        connection: Connection | None = getattr(self._threads, "connection", None)
        if self._closed and not (connection and connection.depth):
            raise StorageError(f"the store {self.path} is closed; open it again")
        if connection is None or connection.is_inherited:
            if connection is not None and connection.depth:
                raise connection.forked_error()
            if self._pid != os.getpid():
                # Another thread may have held the lock when this process was forked.
                self._pid, self._lock, self._connections = os.getpid(), threading.Lock(), WeakSet()
            connection = self._threads.connection = Connection(self.path)
            with self._lock:
                self._connections.add(connection)
        elif not connection.depth:
            connection.check_file()
        return connection

    def _close_late(self, connection: Connection) -> None:
        if self._closed:
            connection.close_if_idle()

    def _pragma(self, name: str) -> Any:
        """What the file or the connection says."""
        return self._run(f"PRAGMA {name}", {})[0][0]

    def _prepare(self, connection: Connection, journal_mode: str) -> None:
        """Makes the schema what this program knows."""
        version = self._checked_version(connection)
        connection.run(f"PRAGMA journal_mode = {journal_mode}")
        if version == latest("sqlite"):
            return
        try:
            connection.begin()
            # Another process may have been faster.
            version = self._checked_version(connection)
            for migration in after("sqlite", version):
                for statement in migration.statements:
                    connection.run(statement)
            connection.run(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.run(f"PRAGMA user_version = {latest('sqlite')}")
            connection.commit()
        finally:
            connection.roll_back()

    def _checked_version(self, connection: Connection) -> int:
        """The file's version.

        Raises:
            StorageError: it is another program's file, or of a later version.
        """
        owner = connection.run("PRAGMA application_id")[0][0]
        version = int(connection.run("PRAGMA user_version")[0][0])
        is_new = not (owner or version or connection.run("SELECT 1 FROM sqlite_schema LIMIT 1"))
        if owner != APPLICATION_ID and not is_new:
            raise StorageError(
                f"the store {self.path}: it is a database of another program: choose another path "
                "(storage.sqlite.database_path)"
            )
        if version > latest("sqlite"):
            raise StorageError(
                f"the store {self.path}: its schema has version {version}, and this llmspell-kernel knows up "
                f"to {latest('sqlite')}: install the version that made it, or a later one"
            )
        return version


def _make_file(path: Path) -> None:
    """An empty file that only its owner may read, in a folder of the same kind, unless they are there."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            kind = "a folder: name a file in it" if path.is_dir() else "no ordinary file: name another one"
            raise StorageError(f"the store {path}: it is {kind} (storage.sqlite.database_path)")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except (OSError, ValueError) as error:  # a ValueError for a NUL in the path
        said = error.strerror if isinstance(error, OSError) else error
        raise StorageError(
            f"the store {path}: it cannot be made: {said}; choose another path (storage.sqlite.database_path)"
        ) from error
