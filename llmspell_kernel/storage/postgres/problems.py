"""What PostgreSQL's errors mean, and what to do about them."""

from __future__ import annotations

import psycopg
from psycopg import errors

from llmspell_kernel.errors import ConflictError, StorageError

_MEANINGS: tuple[tuple[type[psycopg.Error] | tuple[type[psycopg.Error], ...], str], ...] = (
    (
        errors.QueryCanceled,
        "it took longer than storage.postgres.timeout_seconds allows; another transaction may be in the way",
    ),
    (errors.DiskFull, "the server's disk is full: free some space there"),
    (errors.InsufficientResources, "the server is short of something"),
    (errors.ReadOnlySqlTransaction, "the server is read-only, as a standby is: name the primary one"),
    (
        errors.InsufficientPrivilege,
        "the user may not do this: the database's owner must open the store once, which brings its schema up "
        "to date, and `GRANT llmspell_app` to others",
    ),
)


def storage_error(location: str, error: psycopg.Error) -> StorageError:
    """What to raise for it."""
    if isinstance(error, (errors.SerializationFailure, errors.DeadlockDetected)):
        return ConflictError(
            f"the store {location}: another writer was faster; nothing has changed: do it again"
        )
    said = _one_line(error)
    for kinds, meaning in _MEANINGS:
        if isinstance(error, kinds):
            return StorageError(f"the store {location}: {meaning} ({said})")
    return StorageError(f"the store {location}: {said}")


def unreachable(location: str, error: Exception) -> StorageError:
    """For a connection that could not be made."""
    return StorageError(
        f"the store {location}: no connection to the server ({_one_line(error)}); see that it runs, and what "
        "storage.postgres.url says"
    )


def none_free(location: str, seconds: float, pool_size: int) -> StorageError:
    """For a pool that had none in time."""
    return StorageError(
        f"the store {location}: no connection for {seconds:g} s (storage.postgres.timeout_seconds): all "
        f"{pool_size} are in use (storage.postgres.pool_size), or the server cannot be reached"
    )


def lost_while_writing(location: str, error: psycopg.Error) -> StorageError:
    """For a connection that ended between a write and its confirmation."""
    return StorageError(
        f"the store {location}: the connection ended before the server confirmed what was being written "
        f"({_one_line(error)}); whether it is there is not known: read it again"
    )


def _one_line(error: Exception) -> str:
    said = (isinstance(error, psycopg.Error) and error.diag.message_primary) or str(error)
    return "; ".join(line.strip() for line in said.splitlines() if line.strip()) or type(error).__name__
