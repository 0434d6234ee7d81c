"""What SQLite's errors mean, and what to do about them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from llmspell_kernel.errors import StorageError

_PRIMARY = 0xFF
"""The bits of an error code that its extended forms share."""

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

_ELSEWHERE = "choose another path (storage.sqlite.database_path)"

_MEANINGS = {
    sqlite3.SQLITE_BUSY: "other processes have been writing to it all the time: try again",
    sqlite3.SQLITE_LOCKED: "other processes have been writing to it all the time: try again",
    sqlite3.SQLITE_FULL: "the disk is full: free some space",
    sqlite3.SQLITE_READONLY: f"it is read-only: make the file and its folder writable, or {_ELSEWHERE}",
    sqlite3.SQLITE_CANTOPEN: "it, or a file beside it, cannot be opened: make the folder and its files "
    f"writable, or {_ELSEWHERE}",
    sqlite3.SQLITE_NOTADB: f"it is no SQLite database: move the file away, or {_ELSEWHERE}",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: move it away and restore a backup",
    sqlite3.SQLITE_TOOBIG: "the value is too big for SQLite: split it",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written: see what the system says about it",
}


def is_busy(error: sqlite3.Error) -> bool:
    """Whether it is only that another connection is writing: nothing has changed, and it may work later."""
    return _code(error) in _BUSY


def storage_error(path: Path, error: sqlite3.Error) -> StorageError:
    """What to raise for it."""
    meaning = _MEANINGS.get(_code(error))
    said = f"{meaning} ({error})" if meaning else str(error)
    return StorageError(f"the store {path}: {said}")


def _code(error: sqlite3.Error) -> int:
    # Errors of the module itself, such as a closed connection, have no code.
    return getattr(error, "sqlite_errorcode", -1) & _PRIMARY
