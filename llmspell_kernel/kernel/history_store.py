"""The SQL of the input history: one SQLite connection, one session, used from one thread."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

IN_MEMORY = ":memory:"
BUSY_SECONDS = 5.0
"""How long to wait for another process that is writing."""

OUTPUT_LIMIT = 65_536
"""Characters of a result that are kept; the history is for finding code again, not for storing data."""

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS sessions (
        session INTEGER PRIMARY KEY AUTOINCREMENT, language TEXT NOT NULL, started TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS cells (
        id INTEGER PRIMARY KEY, session INTEGER NOT NULL, line INTEGER NOT NULL,
        input TEXT NOT NULL, output TEXT)""",
    "CREATE INDEX IF NOT EXISTS cells_by_session ON cells (session, line)",
)
_OURS = "session IN (SELECT session FROM sessions WHERE language = :language)"

_PATTERN_LIMIT = 50_000
"""Bytes; SQLite calls longer ones too complex."""

Cell = tuple[int, str, str | None]
"""Line number, input, output."""

StoredCell = tuple[int, int, str, str | None]
"""Session, line number, input, output."""


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """Which file a path led to when it was opened; another process may have put a new one there since."""

    device: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> FileIdentity | None:
        """None when there is no such file."""
        try:
            status = path.stat()
        except OSError:
            return None
        return cls(status.st_dev, status.st_ino)


class HistoryStore:
    """The cells of all sessions in one file, and the one session that this connection adds to.

    Opening allocates the session number inside SQLite, so that any number of processes get different
    ones. The constructor and every method raise `sqlite3.Error`, or `OSError` for a directory that
    cannot be made; after an error of `add` nothing of that call is stored.
    """

    def __init__(self, location: Path | None, language: str, *, session: int | None = None) -> None:
        """Open `location`, or keep the cells in memory when it is None.

        Args:
            location: the file; made together with its directories, readable by its owner only.
            language: `tail` and `search` see the sessions of this language.
            session: the number to go on under, instead of a new one.
        """
        self.identity: FileIdentity | None = None
        if location is not None:
            _make_private(location)
            self.identity = FileIdentity.of(location)
        self._language = language
        self._connection = sqlite3.connect(
            IN_MEMORY if location is None else location, timeout=BUSY_SECONDS, isolation_level=None
        )
        try:
            if location is not None:
                _use_write_ahead_log(self._connection)
            with self._transaction():
                for statement in _SCHEMA:
                    self._connection.execute(statement)
                started = datetime.now(UTC).isoformat(timespec="seconds")
                allocated = self._connection.execute(
                    "INSERT INTO sessions (session, language, started) VALUES (?, ?, ?)",
                    (session, language, started),
                ).lastrowid
        except BaseException:
            self._connection.close()
            raise
        assert allocated is not None
        self.session: int = allocated

    def add(self, cells: Iterable[Cell]) -> None:
        """Store cells of this session, in order, all or none."""
        rows = [
            (self.session, line, _storable(source), None if output is None else _storable(_cut(output)))
            for line, source, output in cells
        ]
        with self._transaction():
            self._connection.executemany(
                "INSERT INTO cells (session, line, input, output) VALUES (?, ?, ?, ?)", rows
            )

    def tail(self, count: int) -> list[StoredCell]:
        """The last `count` cells of all sessions, oldest first."""
        return self._last(_OURS, count)

    def search(self, pattern: str, count: int, *, unique: bool) -> list[StoredCell]:
        """The last `count` cells whose whole input matches the glob, oldest first.

        A negative `count` stands for all; with `unique`, of equal inputs the latest.
        """
        pattern = _storable(pattern)
        if len(pattern.encode()) > _PATTERN_LIMIT:
            return []
        matching = f"{_OURS} AND input GLOB :pattern"
        if unique:
            matching = f"id IN (SELECT max(id) FROM cells WHERE {matching} GROUP BY input)"
        return self._last(matching, count, pattern=pattern)

    def range(self, session: int, start: int, stop: int | None) -> list[StoredCell]:
        """Lines `start` up to and without `stop` of a session; negative ones count from its end."""
        if session <= 0:
            session += self.session
        if start < 0 or (stop is not None and stop < 0):
            (last,) = self._connection.execute(
                "SELECT coalesce(max(line), 0) FROM cells WHERE session = ?", (session,)
            ).fetchone()
            start = start + last + 1 if start < 0 else start
            stop = stop + last + 1 if stop is not None and stop < 0 else stop
        return self._connection.execute(
            """SELECT session, line, input, output FROM cells
               WHERE session = :session AND line >= :start AND (:stop IS NULL OR line < :stop)
               ORDER BY line, id""",
            {"session": session, "start": start, "stop": stop},
        ).fetchall()

    def close(self) -> None:
        """Free the connection; what was added is on disk."""
        self._connection.close()

    def _last(self, condition: str, count: int, pattern: str = "") -> list[StoredCell]:
        rows = self._connection.execute(
            f"SELECT session, line, input, output FROM cells WHERE {condition} ORDER BY id DESC LIMIT :count",
            {"language": self._language, "count": count, "pattern": pattern},
        ).fetchall()
        rows.reverse()
        return rows

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def is_busy(problem: BaseException) -> bool:
    """Whether another process holds the file just now, so that trying again later helps."""
    return _code(problem) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_corrupt(problem: BaseException) -> bool:
    """Whether the file's content is not (or no longer) a database."""
    return _code(problem) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def move_aside(location: Path, identity: FileIdentity | None) -> Path | None:
    """Rename a corrupt file to `<name>.corrupt-<date>` and drop its log files.

    Returns:
        The new path; None if `location` is another file by now, or cannot be renamed.
    """
    if identity is None or FileIdentity.of(location) != identity:
        return None
    aside = location.with_name(f"{location.name}.corrupt-{datetime.now():%Y%m%d-%H%M%S}")
    try:
        location.rename(aside)
        for suffix in ("-wal", "-shm"):
            location.with_name(location.name + suffix).unlink(missing_ok=True)
    except OSError:
        return None
    return aside


def _code(problem: BaseException) -> int:
    """SQLite's primary result code; 0 for what did not come from SQLite."""
    return getattr(problem, "sqlite_errorcode", 0) & 0xFF


def _make_private(location: Path) -> None:
    """Code can hold secrets, so the file is its owner's; SQLite gives its log files the same mode."""
    location.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # what is wrong with the file, SQLite says better
        os.close(os.open(location, os.O_RDWR | os.O_CREAT, 0o600))


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to WAL; where that takes a lock SQLite does not wait for, so this waits itself."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as problem:
            if not is_busy(problem) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA synchronous = NORMAL")


def _storable(text: str) -> str:
    """JSON can carry lone surrogates, UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _cut(text: str) -> str:
    return text if len(text) <= OUTPUT_LIMIT else text[: OUTPUT_LIMIT - 1] + "…"
