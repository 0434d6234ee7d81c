"""One thread's connection to the file."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from llmspell_kernel.errors import StorageError
from llmspell_kernel.storage.sql import Row
from llmspell_kernel.storage.sqlite.problems import is_busy, storage_error

PATIENCE_SECONDS = 30.0
"""How long one waits for other writers."""

_TURN_SECONDS = 0.1
"""How long one waits within SQLite, where nothing can interrupt it."""

_PAUSE_SECONDS = 0.002

_SETTINGS = (
    # What has been committed is on the disk.
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",
    # The log does not keep the size of the largest transaction there ever was.
    "PRAGMA journal_size_limit = 16777216",
    # A file may come from anywhere: its schema must not run anything.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)

_COMMIT = "COMMIT"

_INHERITED: list[sqlite3.Connection] = []
"""Connections of a parent process. To close one here would be to meddle with the parent's."""


class Connection:
    """A connection that waits for other writers, and knows whether it is in a transaction.

    Its thread alone uses it; any thread may ask for its end.

    Attributes:
        depth: how many transactions are one within the other.
        failure: what has ended the transaction that is under way.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file, which must exist.

        Raises:
            StorageError: it cannot be opened.
        """
        self.path = path
        self.depth = 0
        self.failure: StorageError | None = None
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._began = 0.0
        self._file: tuple[int, int] | None = None
        try:
            self._raw = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=_TURN_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=64,
            )
        except sqlite3.Error as error:
            raise storage_error(path, error) from error
        try:
            for setting in _SETTINGS:
                self.run(setting)
            self._file = self._found()
        except BaseException:
            self._raw.close()
            raise

    def __del__(self) -> None:
        raw = getattr(self, "_raw", None)
        if raw is None:
            return
        if self._pid == os.getpid():
            raw.close()
        else:
            _INHERITED.append(raw)

    @property
    def is_inherited(self) -> bool:
        """Whether it is of a process that this one has been forked from."""
        return self._pid != os.getpid()

    def forked_error(self) -> StorageError:
        """For a transaction that is the parent's."""
        return StorageError(f"the store {self.path}: a transaction does not go on in a forked process")

    def check_file(self) -> None:
        """Notices that what is written here would go to a file that nobody finds anymore.

        Raises:
            StorageError: the file has been removed, or replaced by another one.
        """
        if self._found() != self._file:
            raise StorageError(
                f"the store {self.path}: the file has been removed or replaced while it was open: start this "
                "program again to use what is there now"
            )

    def run(self, statement: str, values: Mapping[str, object] | None = None) -> list[Row]:
        """The rows of a statement.

        Raises:
            StorageError: it could not be run. If it was part of a transaction, that has ended.
        """
        with self._lock:
            if self.failure is not None:
                raise self.failure
            bound = {} if values is None else {**values, "now": self._began if self.depth else time.time()}
            try:
                if self._raw.in_transaction and not self.depth:
                    # An interrupt has ended the transaction, and then its end too.
                    self._raw.execute("ROLLBACK")
                return self._raw.execute(statement, bound).fetchall()
            except sqlite3.Error as error:
                if is_busy(error) and (not self.depth or statement == _COMMIT):
                    return self._insist(statement, bound)
                raise self._failed(error) from error

    def begin(self) -> None:
        """Begins a transaction as the only writer.

        Raises:
            StorageError: it could not become that.
        """
        with self._lock:
            self.run("BEGIN IMMEDIATE")
            self._began = time.time()
            self.depth = 1

    def commit(self) -> None:
        """Ends the transaction; it lasts.

        Raises:
            StorageError: it does not, and nothing of it is there.
        """
        if self.is_inherited:
            raise self.forked_error()
        self.run(_COMMIT)
        self.depth = 0

    def roll_back(self) -> None:
        """Ends the transaction, if one is under way, as if it had never been."""
        try:
            self._roll_back()
        except KeyboardInterrupt:
            # Others would wait for us.
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        with self._lock:
            self.depth, self.failure = 0, None
            if not self.is_inherited and self._raw.in_transaction:
                try:
                    self._raw.execute("ROLLBACK")
                except sqlite3.Error as error:
                    raise storage_error(self.path, error) from error

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A transaction within the one that is under way."""
        name = f"within_{self.depth}"
        self.run(f"SAVEPOINT {name}")
        self.depth += 1
        try:
            yield
            self.run(f"RELEASE {name}")
        except BaseException:
            with suppress(StorageError):  # all of it has ended
                self.run(f"ROLLBACK TO {name}")
            raise
        finally:
            self.depth -= 1

    def close_if_idle(self) -> None:
        """Closes it, unless its thread is using it."""
        if not self.is_inherited and self._lock.acquire(blocking=False):
            try:
                if not self.depth:
                    self._raw.close()
            finally:
                self._lock.release()

    def _found(self) -> tuple[int, int] | None:
        """What tells the file under our path from any other."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _insist(self, statement: str, values: Mapping[str, object]) -> list[Row]:
        """Tries again until no other connection is in the way; an interrupt ends it."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._raw.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                if not is_busy(error) or time.monotonic() > until:
                    raise self._failed(error) from error
            # SQLite has waited already, but not in each case.
            time.sleep(_PAUSE_SECONDS)

    def _failed(self, error: sqlite3.Error) -> StorageError:
        failure = storage_error(self.path, error)
        # SQLite may have rolled back, and what came next would be no part of any transaction.
        if self.depth:
            self.failure = failure
        return failure
