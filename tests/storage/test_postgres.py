"""The store on a server: whose values are seen, who may what, and what happens to connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg import errors

from llmspell_kernel.errors import ConflictError, StorageError, StorageKeyError
from llmspell_kernel.storage.contract import Entry
from llmspell_kernel.storage.migrations import latest, migrations
from llmspell_kernel.storage.postgres.store import PostgresStorage

from ..postgres import PostgresServer
from .programs import start

FORGED = ["a' OR '1'='1", "%", "_", "a%", "A", "a ", " a", 'a"', "a\\", "ä", "a; RESET ROLE", "b" * 200]
"""Tenants that would like to be another one."""


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> str:
    """The address of a database for this module."""
    return postgres_server.new_database()


@pytest.fixture
def ann(database: str) -> Iterator[PostgresStorage]:
    """A tenant's store."""
    yield from _emptied(PostgresStorage(database, tenant_id="ann"))


@pytest.fixture
def ben(database: str) -> Iterator[PostgresStorage]:
    """Another tenant's store in the same database."""
    yield from _emptied(PostgresStorage(database, tenant_id="ben"))


class TestTenants:
    def test_none_sees_what_another_has(self, ann: PostgresStorage, ben: PostgresStorage) -> None:
        ann.set("space", "key", b"ann's")
        assert ben.get("space", "key") is None
        assert ben.set("space", "key", b"ben's", expected=0) == 1
        ben.set("space", "other", b"ben's")
        assert ann.scan("space") == [Entry("key", b"ann's", 1)]
        assert ann.count("space") == 1
        assert ann.info().entries == {"space": 1}
        assert ann.info().size_bytes < ben.info().size_bytes

    def test_none_changes_what_another_has(self, ann: PostgresStorage, ben: PostgresStorage) -> None:
        with ann.transaction():  # in which nothing is tidied up
            ann.set("space", "key", b"ann's", expires_in=-1)
        ann.set("space", "kept", b"ann's")
        assert not ben.delete("space", "kept")
        with pytest.raises(ConflictError, match="nothing is there"):
            ben.set("space", "kept", b"x", expected=1)
        assert ben.purge() == 0
        assert ann.purge() == 1
        assert ann.keys("space") == ["kept"]

    @pytest.mark.parametrize("forged", FORGED)
    def test_a_name_is_a_name(self, database: str, ann: PostgresStorage, forged: str) -> None:
        ann.set("space", "key", b"ann's")
        with closing(PostgresStorage(database, tenant_id=forged)) as forger:
            assert forger.namespaces() == []
            forger.set("space", "key", b"forged")
            assert forger.info().details["tenant_id"] == forged
        assert ann.get("space", "key") == Entry("key", b"ann's", 1)

    @pytest.mark.parametrize("tenant", ["", "a\0b", "\ud800", "x" * 1001])
    def test_what_is_no_name_is_refused(self, database: str, tenant: str) -> None:
        with pytest.raises(StorageKeyError, match="tenant"):
            PostgresStorage(database, tenant_id=tenant)

    def test_every_connection_of_the_pool_is_the_tenants(self, database: str) -> None:
        with closing(PostgresStorage(database, tenant_id="ann", pool_size=4)) as store:
            gate = threading.Barrier(4)
            seen: list[tuple[str, str]] = []

            def look() -> None:
                with store.transaction():
                    gate.wait(10)
                    details = store.info().details
                    seen.append((details["role"], details["tenant_id"]))

            threads = [threading.Thread(target=look) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert seen == [("llmspell_app", "ann")] * 4


class TestSql:
    """What the role could do if somebody brought a statement of his own in."""

    @pytest.fixture
    def connection(
        self, ann: PostgresStorage, ben: PostgresStorage
    ) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        """Ann's connection, where Ben has something too."""
        ann.set("space", "key", b"ann's")
        ben.set("space", "key", b"ben's")
        with ann.connect() as connection:
            yield connection

    def test_reads_its_own(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        everything = "SELECT tenant_id, value FROM entry"
        assert connection.execute(everything).fetchall() == [("ann", b"ann's")]
        assert connection.execute(f"{everything} WHERE tenant_id = 'ben'").fetchall() == []
        leak = "SELECT 1 FROM entry WHERE 1 / (CASE tenant_id WHEN 'ben' THEN 0 ELSE 1 END) = 1"
        assert connection.execute(leak).fetchall() == [(1,)]

    def test_writes_its_own(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        assert connection.execute("UPDATE entry SET value = 'x' WHERE tenant_id = 'ben'").rowcount == 0
        assert connection.execute("DELETE FROM entry WHERE tenant_id = 'ben'").rowcount == 0
        for statement in (
            "INSERT INTO entry (tenant_id, namespace, key, version, value) VALUES ('ben', 's', 'k', 1, '')",
            "UPDATE entry SET tenant_id = 'ben'",
        ):
            with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
                connection.execute(statement)

    def test_without_a_tenant_there_is_nothing(
        self, connection: psycopg.Connection[tuple[object, ...]]
    ) -> None:
        for nobody in ("RESET app.current_tenant_id", "SET app.current_tenant_id = ''"):
            connection.execute(nobody)
            assert connection.execute("SELECT count(*) FROM entry").fetchone() == (0,)
            with pytest.raises((errors.InsufficientPrivilege, errors.IntegrityError)):
                connection.execute(
                    "INSERT INTO entry (namespace, key, version, value) VALUES ('s', 'k', 1, '')"
                )

    def test_guards_stay(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        for statement in (
            "ALTER TABLE entry DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE entry NO FORCE ROW LEVEL SECURITY",
            "DROP POLICY tenant ON entry",
            "DROP TABLE entry",
            "TRUNCATE entry",
            "CREATE TABLE llmspell.mine (a int)",
            "UPDATE migration SET version = 0",
            "ALTER ROLE llmspell_app BYPASSRLS",
            "CREATE ROLE other",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)
        connection.execute("SET row_security = off")
        with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("SELECT * FROM entry")


class TestRoles:
    @pytest.fixture
    def owner(self, postgres_server: PostgresServer) -> Iterator[str]:
        """The address of a database for its owner, who is no superuser."""
        name = postgres_server.new_database().rpartition("/")[2]
        PostgresStorage(postgres_server.url(name)).close()  # makes the role
        for statement in (
            "CREATE ROLE the_owner LOGIN",
            "CREATE ROLE a_guest LOGIN",
            "GRANT llmspell_app TO the_owner",
            "CREATE DATABASE owned OWNER the_owner",
        ):
            postgres_server.execute(statement)
        yield postgres_server.url("owned", "the_owner")
        for statement in ("DROP DATABASE owned", "DROP ROLE the_owner", "DROP ROLE a_guest"):
            postgres_server.execute(statement)

    def test_an_owner_is_bound_by_the_policies_too(self, owner: str) -> None:
        with closing(PostgresStorage(owner)) as store:
            store.set("space", "key", b"x")
            assert store.info().details["user"] == "the_owner"
            assert store.validate() == []
            with psycopg.connect(owner) as raw:
                assert raw.execute("SELECT count(*) FROM llmspell.entry").fetchone() == (0,)

    def test_others_need_the_role(self, postgres_server: PostgresServer, owner: str) -> None:
        PostgresStorage(owner).close()
        guest = owner.replace("the_owner", "a_guest")
        with pytest.raises(StorageError, match="`GRANT llmspell_app` to others"):
            PostgresStorage(guest)
        postgres_server.execute("GRANT llmspell_app TO a_guest")
        with closing(PostgresStorage(guest)) as store:
            store.set("space", "key", b"x")
        with psycopg.connect(guest) as raw, pytest.raises(errors.InsufficientPrivilege):
            raw.execute("ALTER TABLE llmspell.entry DISABLE ROW LEVEL SECURITY")

    def test_a_user_who_may_not_make_the_schema(self, postgres_server: PostgresServer, owner: str) -> None:
        guest = owner.replace("the_owner", "a_guest")
        with pytest.raises(StorageError, match="the database's owner must open the store once"):
            PostgresStorage(guest)

    def test_a_role_that_sees_everything_is_refused(
        self, postgres_server: PostgresServer, database: str, ann: PostgresStorage
    ) -> None:
        postgres_server.execute("ALTER ROLE llmspell_app BYPASSRLS")
        try:
            with pytest.raises(StorageError, match="ALTER ROLE llmspell_app NOSUPERUSER NOBYPASSRLS"):
                PostgresStorage(database)
            assert ["passes row-level security by" in problem for problem in ann.validate()] == [True]
        finally:
            postgres_server.execute("ALTER ROLE llmspell_app NOBYPASSRLS")
        assert ann.validate() == []

    def test_a_table_without_its_guard_is_found(self, postgres_server: PostgresServer) -> None:
        url = postgres_server.new_database()
        with closing(PostgresStorage(url)) as store:
            with psycopg.connect(url) as raw:
                raw.execute("ALTER TABLE llmspell.entry NO FORCE ROW LEVEL SECURITY")
            (problem,) = store.validate()
            assert problem.startswith("the table llmspell.entry does not keep tenants apart: it needs")


class TestMigrations:
    @pytest.mark.parametrize("version", [step.version for step in migrations("postgres")[:-1]])
    def test_each_earlier_version_is_brought_up_to_date(
        self, postgres_server: PostgresServer, version: int
    ) -> None:
        url = postgres_server.new_database()
        with psycopg.connect(url, autocommit=True) as raw:
            raw.execute("CREATE SCHEMA llmspell")
            raw.execute("SET search_path = llmspell")
            raw.execute(
                "CREATE TABLE migration (version INTEGER PRIMARY KEY, name TEXT, applied_at TIMESTAMPTZ)"
            )
            for migration in (step for step in migrations("postgres") if step.version <= version):
                for statement in migration.statements:
                    raw.execute(statement)
                raw.execute("INSERT INTO migration VALUES (%s, %s)", migration[:2])
            raw.execute(
                "INSERT INTO entry (tenant_id, namespace, key, version, value)"
                " VALUES ('default', 'space', 'key', 7, 'x')"
            )
        with closing(PostgresStorage(url)) as store:
            assert store.info().schema_version == latest("postgres")
            assert store.get("space", "key") == Entry("key", b"x", 7)
            assert store.validate() == []

    def test_a_later_version(self, postgres_server: PostgresServer) -> None:
        url = postgres_server.new_database()
        PostgresStorage(url).close()
        with psycopg.connect(url) as raw:
            raw.execute("INSERT INTO llmspell.migration (version, name) VALUES (99, 'future')")
        with pytest.raises(
            StorageError, match="its schema has version 99, and this llmspell-kernel knows up to"
        ):
            PostgresStorage(url)


class TestWriters:
    def test_a_transaction_that_was_overtaken_says_so(self, database: str, ann: PostgresStorage) -> None:
        ann.set("space", "key", b"1")
        with closing(PostgresStorage(database, tenant_id="ann")) as other:
            with (
                pytest.raises(ConflictError, match="another writer was faster; nothing has changed"),
                ann.transaction(),
            ):
                ann.get("space", "key")
                ann.set("space", "also", b"x")
                other.set("space", "key", b"2")
                ann.set("space", "key", b"3")
        assert ann.scan("space") == [Entry("key", b"2", 2)]

    def test_a_failure_that_was_swallowed_is_not_forgotten(self, database: str, ann: PostgresStorage) -> None:
        ann.set("space", "key", b"1")
        with closing(PostgresStorage(database, tenant_id="ann")) as other:
            with pytest.raises(ConflictError), ann.transaction():
                ann.get("space", "key")
                other.set("space", "key", b"2")
                for _ in range(2):
                    with pytest.raises(ConflictError):
                        ann.set("space", "key", b"3")
        assert ann.scan("space") == [Entry("key", b"2", 2)]

    def test_one_that_is_in_the_way_too_long(self, database: str, ann: PostgresStorage) -> None:
        with closing(PostgresStorage(database, tenant_id="ann", timeout_seconds=0.2)) as other:
            with ann.transaction():
                ann.set("space", "key", b"ann's")
                with pytest.raises(
                    StorageError, match=r"longer than storage\.postgres\.timeout_seconds allows"
                ):
                    other.set("space", "key", b"late")
            assert other.get("space", "key") == Entry("key", b"ann's", 1)

    def test_a_pool_that_is_empty_makes_one_wait(self, database: str) -> None:
        with closing(PostgresStorage(database, pool_size=1, timeout_seconds=0.2)) as store:
            gone = threading.Event()

            def late() -> None:
                with pytest.raises(StorageError, match=r"no connection for 0\.2 s .* all 1 are in use"):
                    store.get("space", "key")
                gone.set()

            thread = threading.Thread(target=late)
            with store.transaction():
                thread.start()
                assert gone.wait(10)
            thread.join()
            assert store.get("space", "key") is None


class TestConnections:
    def test_an_interrupt_ends_what_waits(
        self, database: str, ann: PostgresStorage, interrupt_soon: Callable[[], None]
    ) -> None:
        with closing(PostgresStorage(database, tenant_id="ann")) as other:
            with other.transaction():
                other.set("space", "key", b"theirs")
                interrupt_soon()
                with pytest.raises(KeyboardInterrupt):
                    ann.set("space", "key", b"mine")
            assert ann.get("space", "key") == Entry("key", b"theirs", 1)
            assert ann.set("space", "key", b"mine") == 2

    def test_one_that_the_server_has_ended_is_replaced(
        self, postgres_server: PostgresServer, ann: PostgresStorage
    ) -> None:
        ann.set("space", "key", b"x")
        _end_connections(postgres_server)
        assert ann.set("space", "key", b"x") == 2
        _end_connections(postgres_server)
        assert ann.get("space", "key") == Entry("key", b"x", 2)

    def test_one_that_ends_within_a_transaction_takes_it_along(
        self, postgres_server: PostgresServer, ann: PostgresStorage
    ) -> None:
        with pytest.raises(StorageError), ann.transaction():
            ann.set("space", "first", b"x")
            _end_connections(postgres_server)
            with pytest.raises(StorageError, match="terminating connection"):
                ann.set("space", "second", b"x")
            ann.keys("space")
        assert ann.keys("space") == []

    def test_one_that_ends_while_a_statement_waits(self, database: str, ann: PostgresStorage) -> None:
        """Whether the write was kept cannot be known, and is not claimed."""
        said: list[str] = []

        def write() -> None:
            try:
                ann.set("space", "key", b"x")
            except StorageError as error:
                said.append(str(error))

        with closing(PostgresStorage(database, tenant_id="ann")) as other:
            writer = threading.Thread(target=write)
            with other.transaction():
                other.set("space", "key", b"y")
                writer.start()
                with psycopg.connect(database, autocommit=True) as raw:
                    end = (
                        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                        " WHERE wait_event_type = 'Lock'"
                    )
                    while not raw.execute(end).fetchone():
                        pass
                writer.join()
        assert "whether it is there is not known: read it again" in said[0]


class TestAddresses:
    def test_passwords_are_never_shown(self, database: str) -> None:
        secret = "s3cr3t"
        address = database.replace("postgres@", f"postgres:{secret}@")
        with closing(PostgresStorage(address)) as store:
            assert store.location == database
            assert secret not in repr(store.info())
        for wrong in (
            f"postgresql://postgres:{secret}@127.0.0.1:1/db",
            f"postgresql://postgres:{secret}@[nonsense/db",
            f"postgresql://x:{secret}@%zz/?what={secret}",
            f"host={secret} password={secret} nonsense={secret}",
            address + "_not_there",
        ):
            with pytest.raises(StorageError) as caught:
                PostgresStorage(wrong, timeout_seconds=2)
            shown = str(caught.value).replace(f"host={secret}", "")
            assert secret not in shown, wrong

    def test_a_server_that_is_not_there(self) -> None:
        with pytest.raises(
            StorageError,
            match=r"no connection to the server \(.*refused.*\); see that it runs, and what storage",
        ):
            PostgresStorage("postgresql://postgres@127.0.0.1:1/db")

    def test_a_database_that_is_not_there(self, database: str) -> None:
        with pytest.raises(
            StorageError, match=r"no connection to the server \(.*test_\d+_not_there\" does not exist\); see"
        ):
            PostgresStorage(database + "_not_there")

    def test_one_machine_sees_what_another_writes_at_once(self, database: str) -> None:
        writer = start("write", database, 0)
        assert writer.stdout is not None
        with closing(PostgresStorage(database)) as store:
            for number in range(5):
                assert writer.stdout.readline() == f"single {number}\n"
                assert store.get("single", f"{number:08}") is not None
                assert writer.stdout.readline() == f"whole {number}\n"
                assert store.count("whole", f"{number:08}/") == 5
        writer.kill()
        writer.communicate()


def _emptied(store: PostgresStorage) -> Iterator[PostgresStorage]:
    with store.connect() as connection:
        connection.execute("DELETE FROM entry")
    yield store
    store.close()


def _end_connections(server: PostgresServer) -> None:
    """Ends all that are open, and waits until they have."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        mine = "application_name = 'llmspell'"
        connection.execute(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {mine}")
