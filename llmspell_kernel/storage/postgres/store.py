"""The backend on a PostgreSQL server."""

from __future__ import annotations

import logging
import os
import re
import select
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, ClassVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from llmspell_kernel.errors import StorageError
from llmspell_kernel.storage.contract import StorageInfo, check_name
from llmspell_kernel.storage.migrations import latest
from llmspell_kernel.storage.postgres.problems import (
    lost_while_writing,
    none_free,
    storage_error,
    unreachable,
)
from llmspell_kernel.storage.postgres.schema import Connection, act_as_role, migrate, problems
from llmspell_kernel.storage.sql import Row, SqlStorage

# What it says of lost connections, our errors say too.
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())

_INHERITED: list[object] = []
"""Pools of a parent process. To close one here would be to end the parent's connections."""

_SIZE = (
    "SELECT coalesce(sum(octet_length(namespace) + octet_length(key) + octet_length(value)), 0) FROM entry"
)


class _Transaction:
    """What a thread has under way.

    Attributes:
        connection: which is in it.
        depth: how many others are within it.
        failure: what has ended it.
        pid: the process that began it.
    """

    __slots__ = ("connection", "depth", "failure", "pid")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.depth = 0
        self.failure: StorageError | None = None
        self.pid = os.getpid()


class PostgresStorage(SqlStorage):
    """Keeps the values of one tenant in a database, through a pool of connections.

    What was written is on the server's disk before the method returns. Transactions are serializable: instead
    of waiting for each other, all but the first end with `ConflictError`. A read whose connection is lost is
    done again with another one; where a write's is lost before the server has confirmed it, the error says
    that it is not known whether it is there. A process that was forked may go on using the store.
    """

    backend: ClassVar[str] = "postgres"

    def __init__(
        self, url: str, *, tenant_id: str = "default", pool_size: int = 20, timeout_seconds: float = 5.0
    ) -> None:
        """Connects, and brings the schema up to date.

        Args:
            url: `postgresql://user:password@host:port/database`, or what else libpq understands.
            tenant_id: whose values they are.
            pool_size: how many connections there are at most.
            timeout_seconds: for a connection, and for a statement.

        Raises:
            StorageError: the server cannot be reached, or the database not be used.
            StorageKeyError: there can be no such tenant.
        """
        super().__init__()
        check_name("tenant", tenant_id)
        try:
            parts = conninfo_to_dict(url)
        except psycopg.Error:
            # The error itself may show the password.
            raise StorageError(
                "the setting storage.postgres.url cannot be read; it looks like "
                "postgresql://user:password@host:port/database"
            ) from None
        self.location = _shown(parts)
        self.tenant_id = tenant_id
        self._pool_size = pool_size
        self._timeout = timeout_seconds
        # A server that has gone without a word is noticed.
        self._conninfo = make_conninfo(
            url,
            connect_timeout=max(round(timeout_seconds), 2),
            keepalives_idle=30,
            application_name=parts.get("application_name") or "llmspell",
        )
        self._closed = False
        self._threads = threading.local()
        self._prepare()
        self._pid = os.getpid()
        self._pool = self._new_pool()

    def connect(self) -> Connection:
        """A connection of its own, as the tenant's, for whoever must listen; in autocommit.

        Raises:
            StorageError: it could not be made.
        """
        if self._closed:
            raise self._closed_error()
        try:
            connection = psycopg.connect(self._conninfo, autocommit=True)
        except psycopg.Error as error:
            raise unreachable(self.location, error) from error
        try:
            self._configure(connection)
        except psycopg.Error as error:
            connection.close()
            raise storage_error(self.location, error) from error
        return connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See the contract. Others do not wait for its end."""
        if getattr(self._threads, "transaction", None) is not None:
            with self._savepoint(self._threads.transaction):
                yield
            return
        transaction = _Transaction(self._take())
        self._threads.transaction = transaction
        try:
            self._run("BEGIN ISOLATION LEVEL SERIALIZABLE", {})
            yield
            # COMMIT would not complain about what has failed.
            if transaction.failure is not None:
                raise transaction.failure
            self._run("COMMIT", {})
        finally:
            self._threads.transaction = None
            if transaction.pid == os.getpid():
                self._give_back(transaction.connection)

    @contextmanager
    def _savepoint(self, transaction: _Transaction) -> Iterator[None]:
        name = f"within_{transaction.depth}"
        self._run(f"SAVEPOINT {name}", {})
        transaction.depth += 1
        try:
            yield
            self._run(f"RELEASE {name}", {})
        except BaseException:
            with suppress(StorageError):  # all of it has ended
                self._run(f"ROLLBACK TO {name}", {})
            raise
        finally:
            transaction.depth -= 1

    @property
    def identity(self) -> str:
        """See the contract."""
        return f"{self.location}, tenant {self.tenant_id}"

    def info(self) -> StorageInfo:
        """See the contract. The size is that of the tenant's values."""
        details = {
            "tenant_id": self.tenant_id,
            "server_version": self._run("SHOW server_version", {})[0][0],
            "user": self._run("SELECT session_user", {})[0][0],
            "role": self._run("SELECT current_user", {})[0][0],
        }
        version = self._run("SELECT max(version) FROM migration", {})[0][0]
        size = int(self._run(_SIZE, {})[0][0])
        return StorageInfo(self.backend, self.location, version, size, self._counts(), details)

    def validate(self) -> list[str]:
        """See the contract."""
        found = []
        version = self._run("SELECT max(version) FROM migration", {})[0][0]
        if version != latest("postgres"):
            found.append(f"the schema has version {version} where {latest('postgres')} is expected")
        with self.connect() as connection:
            try:
                found += problems(connection)
            except psycopg.Error as error:
                raise storage_error(self.location, error) from error
        return found

    def close(self) -> None:
        """See the contract. What a thread is doing at that moment is done to its end."""
        if not self._closed:
            self._closed = True
            if self._pid == os.getpid():
                self._pool.close()

    def _run(self, statement: str, values: Mapping[str, object]) -> list[Row]:
        transaction: _Transaction | None = getattr(self._threads, "transaction", None)
        if transaction is not None:
            return self._run_within(transaction, statement, values)
        for may_repeat in (statement.startswith("SELECT"), False):
            connection = self._take()
            try:
                return _rows(connection, statement, values)
            except psycopg.Error as error:
                if not connection.broken:
                    raise storage_error(self.location, error) from error
                if not may_repeat:
                    if statement.startswith("SELECT"):
                        raise unreachable(self.location, error) from error
                    raise lost_while_writing(self.location, error) from error
            finally:
                self._give_back(connection)
        raise AssertionError("unreachable")

    @property
    def in_transaction(self) -> bool:
        """See the contract."""
        return getattr(self._threads, "transaction", None) is not None

    def _run_within(
        self, transaction: _Transaction, statement: str, values: Mapping[str, object]
    ) -> list[Row]:
        if transaction.failure is not None:
            raise transaction.failure
        if transaction.pid != os.getpid():
            raise StorageError(f"the store {self.location}: a transaction does not go on in a forked process")
        try:
            return _rows(transaction.connection, statement, values)
        except psycopg.Error as error:
            if transaction.connection.broken and statement == "COMMIT":
                transaction.failure = lost_while_writing(self.location, error)
            else:
                transaction.failure = storage_error(self.location, error)
            raise transaction.failure from error

    def _take(self) -> Connection:
        """A connection that works, from the pool."""
        if self._closed:
            raise self._closed_error()
        if self._pid != os.getpid():
            _INHERITED.append(self._pool)
            self._pid, self._pool, self._threads = os.getpid(), self._new_pool(), threading.local()
        while True:
            try:
                connection = self._pool.getconn()
            except PoolTimeout as error:
                raise none_free(self.location, self._timeout, self._pool_size) from error
            except PoolClosed:
                raise self._closed_error() from None
            if not _has_news(connection):
                return connection
            # The server says nothing unasked but that it ends: nothing has been sent yet, so take another.
            connection.close()
            self._pool.putconn(connection)

    def _give_back(self, connection: Connection) -> None:
        if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")
        if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
            connection.close()
        self._pool.putconn(connection)

    def _new_pool(self) -> ConnectionPool[Connection]:
        return ConnectionPool(
            self._conninfo,
            kwargs={"autocommit": True},
            configure=self._configure,
            min_size=1,
            max_size=self._pool_size,
            timeout=self._timeout,
            # After this long the next one to ask tries anew.
            reconnect_timeout=self._timeout,
            num_workers=1,
            name="llmspell",
            open=True,
        )

    def _configure(self, connection: Connection) -> None:
        act_as_role(connection, self.tenant_id, self._timeout)

    def _prepare(self) -> None:
        """Makes the schema what this program knows, and sees to it that tenants are kept apart."""
        try:
            connection = psycopg.connect(self._conninfo, autocommit=True)
        except psycopg.Error as error:
            raise unreachable(self.location, error) from error
        with connection:
            try:
                migrate(connection, self.location)
                self._configure(connection)
                row = connection.execute(
                    "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
                ).fetchone()
            except psycopg.Error as error:
                raise storage_error(self.location, error) from error
        if row is None or row[0]:
            raise StorageError(
                f"the store {self.location}: the role llmspell_app would see every tenant's values: "
                "ALTER ROLE llmspell_app NOSUPERUSER NOBYPASSRLS"
            )

    def _closed_error(self) -> StorageError:
        return StorageError(f"the store {self.location} is closed; open it again")


@cache
def _in_psycopg(statement: str) -> str:
    """A statement of `sql` in PostgreSQL's dialect and psycopg's notation."""
    tenants = statement.replace("ON CONFLICT (namespace, key)", "ON CONFLICT (tenant_id, namespace, key)")
    timed = tenants.replace(":now", "extract(epoch FROM now())::float8")
    return re.sub(r"(?<!:):(\w+)", r"%(\1)s", timed)


def _rows(connection: Connection, statement: str, values: Mapping[str, object]) -> list[Row]:
    cursor = connection.execute(_in_psycopg(statement), values, prepare=True, binary=True)
    return cursor.fetchall() if cursor.description else []


def _has_news(connection: Connection) -> bool:
    """Whether the server has sent something, or nothing more will come."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _shown(parts: Mapping[str, Any]) -> str:
    """An address without what must not be shown."""
    user, host = parts.get("user"), parts.get("host") or "localhost"
    port, database = parts.get("port"), parts.get("dbname") or ""
    return f"postgresql://{f'{user}@' if user else ''}{host}{f':{port}' if port else ''}/{database}"
