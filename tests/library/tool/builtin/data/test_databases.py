"""The tool that asks databases: SQLite files and a real PostgreSQL server."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.errors import NotAllowedError, ParameterError, ToolTimeoutError
from llmspell_kernel.library.tool.builtin.data.databases import DatabaseConnector, first_word
from llmspell_kernel.library.tool.contract import ToolFailedError
from tests.library.tool.web import World, call, world
from tests.postgres import PostgresServer


@pytest.fixture(autouse=True)
def no_databases_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "POSTGRESQL_URL", "SQLITE_PATH", "ALLOW_DML", "ALLOW_DDL"):
        monkeypatch.delenv(f"DATABASE_{name}", raising=False)


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL)")
        connection.executemany("INSERT INTO item (name, price) VALUES (?, ?)", [("tea", 2.5), ("cake", None)])
        connection.execute("CREATE VIEW cheap AS SELECT * FROM item WHERE price < 3")
        connection.commit()
    return str(path)


def around(tmp_path: Path, **database: Any) -> World:
    seconds = database.pop("seconds", 10.0)
    return world(
        "database-connector",
        {"database": database, "file_operations": {"allowed_paths": [str(tmp_path)]}},
        seconds=seconds,
    )


def query(world_: World, database: str, statement: str, parameters: Any = (), **more: Any) -> Any:
    given = parameters if isinstance(parameters, dict) else list(parameters)
    params = {"operation": "query", "database": database, "query": statement, "parameters": given, **more}
    return call(DatabaseConnector, params, world_)


def test_rows_are_tables_by_the_names_of_columns(tmp_path: Path, database: str) -> None:
    there = around(tmp_path)
    found = query(there, database, "SELECT * FROM item WHERE price > ? OR price IS NULL ORDER BY id", [1])
    assert found["results"] == [
        {"id": 1, "name": "tea", "price": 2.5},
        {"id": 2, "name": "cake", "price": None},
    ]
    assert (found["row_count"], found["rows_affected"], found["truncated"]) == (2, 0, False)
    assert found["execution_time_ms"] > 0
    named = query(there, f"sqlite:{database}", "SELECT name FROM item WHERE id = :id", {"id": 2})
    assert named["results"] == [{"name": "cake"}]
    same = query(there, database, "SELECT 1 AS a, 2 AS a, x'00ff' AS b")
    assert same["results"] == [{"a": 1, "a_2": 2, "b": b"\x00\xff"}]
    assert [act for act, _ in there.acts].count("database.query") == 3


def test_the_schema_has_tables_and_views_with_their_columns(tmp_path: Path, database: str) -> None:
    found = call(DatabaseConnector, {"operation": "schema", "database": database}, around(tmp_path))
    assert [(each["name"], each["type"]) for each in found["tables"]] == [
        ("cheap", "view"),
        ("item", "table"),
    ]
    assert found["tables"][1]["columns"][0] == {
        "name": "id",
        "type": "INTEGER",
        "nullable": True,
        "default": None,
        "primary_key": True,
    }
    one = call(
        DatabaseConnector, {"operation": "schema", "database": database, "table": "item"}, around(tmp_path)
    )
    assert one["count"] == 1


def test_writing_needs_a_setting_or_a_variable(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = ("INSERT INTO item (name) VALUES (?)", ["pie"])
    with pytest.raises(NotAllowedError, match=r"tools\.database\.allow_dml"):
        query(around(tmp_path), database, *insert, query_type="INSERT")
    found = query(around(tmp_path, allow_dml=True), database, *insert, query_type="INSERT")
    assert found["rows_affected"] == 1
    monkeypatch.setenv("DATABASE_ALLOW_DDL", "true")
    query(around(tmp_path), database, "CREATE TABLE other (a)", query_type="CREATE")
    assert query(around(tmp_path), database, "SELECT count(*) AS n FROM item")["results"] == [{"n": 3}]
    assert query(around(tmp_path), database, "SELECT count(*) AS n FROM other")["results"] == [{"n": 0}]


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("WITH x AS (SELECT 1) INSERT INTO item (name) SELECT 'a' FROM x", NotAllowedError),
        ("DELETE FROM item", ParameterError),
        ("/* SELECT */ DROP TABLE item", ParameterError),
        ("ATTACH DATABASE '/etc/passwd' AS x", ParameterError),
        ("VACUUM INTO '/tmp/stolen.db'", ParameterError),
        ("BEGIN", ParameterError),
        ("PRAGMA journal_mode = DELETE", NotAllowedError),
        ("PRAGMA user_version = 7", NotAllowedError),
        ("PRAGMA writable_schema(1)", NotAllowedError),
        ("SELECT load_extension('/tmp/evil.so')", NotAllowedError),
        ("SELECT 1; DELETE FROM item", ParameterError),
        ("SELECT zeroblob(1000000000)", ToolFailedError),
        ("SELEC 1", ParameterError),
        ("", ParameterError),
    ],
)
def test_a_statement_that_reads_can_do_nothing_else(
    tmp_path: Path, database: str, statement: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        query(around(tmp_path), database, statement)
    assert query(around(tmp_path), database, "SELECT count(*) AS n FROM item")["results"] == [{"n": 2}]


def test_a_statement_that_may_write_rows_can_do_no_more(tmp_path: Path, database: str) -> None:
    may_write = around(tmp_path, allow_dml=True)
    for statement in (
        "INSERT INTO item (name) VALUES (load_extension('x'))",
        "UPDATE sqlite_schema SET sql = 'x'",
        "DELETE FROM sqlite_schema",
    ):
        with pytest.raises((NotAllowedError, ToolFailedError)):
            query(may_write, database, statement, query_type=first_word(statement))
    may_shape = around(tmp_path, allow_ddl=True)
    with pytest.raises(NotAllowedError):
        query(may_shape, database, "CREATE VIRTUAL TABLE t USING fts5(a)", query_type="CREATE")


def test_rows_and_time_are_limited(tmp_path: Path, database: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    found = query(around(tmp_path, max_rows=5), database, endless + "SELECT i FROM n")
    assert (found["row_count"], found["truncated"]) == (5, True)
    assert query(around(tmp_path), database, "SELECT 1 UNION SELECT 2", max_rows=1)["row_count"] == 1
    with pytest.raises(ToolFailedError, match="took longer than"):
        query(around(tmp_path, timeout_seconds=0.1), database, endless + "SELECT max(i) FROM n")
    cancelled = around(tmp_path)
    threading.Timer(0.1, cancelled.surroundings.cancelled.set).start()
    began = time.monotonic()
    with pytest.raises(ToolTimeoutError):
        query(cancelled, database, endless + "SELECT max(i) FROM n")
    assert time.monotonic() - began < 5


def test_files_and_names_of_databases(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAllowedError):
        query(around(tmp_path / "elsewhere"), database, "SELECT 1")
    with pytest.raises(ParameterError, match="'mysql' is not spoken") as failed:
        query(around(tmp_path), "mysql://ann:hush@db.example/x", "SELECT 1")
    assert "hush" not in str(failed.value)
    with pytest.raises(ParameterError, match=r"tools\.database\.connections"):
        query(around(tmp_path), "", "SELECT 1")
    configured = around(tmp_path, connections={"named": {"shop": f"sqlite:///{database}"}})
    assert query(configured, "shop", "SELECT 1 AS a")["results"] == [{"a": 1}]
    monkeypatch.setenv("DATABASE_SQLITE_PATH", database)
    assert query(around(tmp_path), "sqlite", "SELECT 1 AS a")["results"] == [{"a": 1}]
    assert query(around(tmp_path), "", "SELECT 1 AS a")["results"] == [{"a": 1}]
    assert query(around(tmp_path), ":memory:", "SELECT sqrt(16) AS a")["results"] == [{"a": 4.0}]
    (tmp_path / "text.db").write_text("no database at all, but long enough to look like one")
    with pytest.raises(ToolFailedError, match="not a database"):
        query(around(tmp_path), str(tmp_path / "text.db"), "SELECT * FROM sqlite_schema")
    with pytest.raises(ParameterError, match="do not fit"):
        query(around(tmp_path), database, "SELECT ?", [{}])


@pytest.fixture
def server_url(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.new_database()
    name = url.rpartition("/")[2]
    postgres_server.execute(
        "CREATE TABLE item (id serial PRIMARY KEY, name text NOT NULL, price numeric, tags text[], "
        "more jsonb)",
        name,
    )
    postgres_server.execute("INSERT INTO item (name, price) VALUES ('tea', 2.5), ('cake', NULL)", name)
    yield url


def test_postgresql_answers_with_plain_values(tmp_path: Path, server_url: str) -> None:
    there = around(tmp_path)
    found = query(there, server_url, "SELECT id, name, price FROM item WHERE id >= $1 ORDER BY id", [1])
    assert found["results"] == [
        {"id": 1, "name": "tea", "price": 2.5},
        {"id": 2, "name": "cake", "price": None},
    ]
    values = query(
        there,
        server_url,
        "SELECT 12345678901234567890.5::numeric AS n, '2024-02-29'::date AS d, ARRAY[1, 2] AS a, "
        """'{"k": [1, null]}'::jsonb AS j, '\\x00ff'::bytea AS b, '10.0.0.1'::inet AS i, true AS t""",
    )["results"][0]
    assert values == {
        "n": "12345678901234567890.5",
        "d": "2024-02-29",
        "a": [1, 2],
        "j": {"k": [1, None]},
        "b": b"\x00\xff",
        "i": "10.0.0.1",
        "t": True,
    }
    named = query(there, server_url, "SELECT name FROM item WHERE name = %(name)s", {"name": "tea"})
    assert named["results"] == [{"name": "tea"}]
    assert ("network.connect", "127.0.0.1") in [(act, facts.get("address")) for act, facts in there.acts]
    schema = call(DatabaseConnector, {"operation": "schema", "database": server_url}, there)
    assert [column["name"] for column in schema["tables"][0]["columns"]] == [
        "id",
        "name",
        "price",
        "tags",
        "more",
    ]
    assert schema["tables"][0]["columns"][0]["primary_key"]


def test_postgresql_only_reads_unless_it_may_more(tmp_path: Path, server_url: str) -> None:
    for statement in (
        "WITH x AS (DELETE FROM item RETURNING *) SELECT * FROM x",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT 1; DELETE FROM item",
        "SELECT * INTO other FROM item",
        "EXPLAIN ANALYZE DELETE FROM item",
    ):
        with pytest.raises((NotAllowedError, ToolFailedError)):
            query(around(tmp_path), server_url, statement)
    assert query(around(tmp_path), server_url, "SELECT count(*) AS n FROM item")["results"] == [{"n": 2}]


@pytest.mark.parametrize(
    "statement", ["COPY item TO PROGRAM 'id'", "SET ROLE x", "DO $$ BEGIN END $$", "CALL f()", "COMMIT"]
)
def test_statements_that_are_no_queries_are_not_sent(tmp_path: Path, statement: str) -> None:
    with pytest.raises(ParameterError, match="begins with"):
        query(around(tmp_path, allow_dml=True, allow_ddl=True), "postgresql://nobody.invalid/x", statement)


def test_postgresql_writes_what_it_may(tmp_path: Path, server_url: str) -> None:
    there = around(tmp_path, allow_dml=True, allow_ddl=True)
    found = query(
        there, server_url, "INSERT INTO item (name) VALUES ($1) RETURNING id", ["pie"], query_type="INSERT"
    )
    assert (found["rows_affected"], found["results"]) == (1, [{"id": 3}])
    query(there, server_url, "CREATE TABLE other (a int)", query_type="CREATE")
    assert query(there, server_url, "SELECT count(*) AS n FROM other")["results"] == [{"n": 0}]
    assert query(there, server_url, "SELECT count(*) AS n FROM item")["results"] == [{"n": 3}]
    with pytest.raises(ToolFailedError, match="duplicate key"):
        query(there, server_url, "INSERT INTO item (id, name) VALUES (1, 'x')", query_type="INSERT")
    with pytest.raises(ToolFailedError):
        query(
            there, server_url, "INSERT INTO item (name) VALUES ('a'); DELETE FROM item", query_type="INSERT"
        )


def test_postgresql_statements_end_in_time(tmp_path: Path, server_url: str) -> None:
    with pytest.raises(ToolFailedError, match="took longer than"):
        query(around(tmp_path, timeout_seconds=0.2), server_url, "SELECT pg_sleep(30)")
    rows = query(around(tmp_path, max_rows=3), server_url, "SELECT generate_series(1, 1000000) AS i")
    assert (rows["row_count"], rows["truncated"]) == (3, True)
    cancelled = around(tmp_path)
    threading.Timer(0.3, cancelled.surroundings.cancelled.set).start()
    began = time.monotonic()
    with pytest.raises(ToolTimeoutError):
        query(cancelled, server_url, "SELECT pg_sleep(30)")
    assert time.monotonic() - began < 5


def test_a_server_is_reached_through_the_guard(tmp_path: Path, server_url: str) -> None:
    there = world("database-connector", private=())
    with pytest.raises(NotAllowedError, match=r"tools\.network\.allow_private"):
        query(there, server_url, "SELECT 1")
    for extra in ("?sslkey=/etc/passwd", "?options=-c%20role%3Dx", "?service=x"):
        with pytest.raises((ParameterError, NotAllowedError, ToolFailedError)):
            query(around(tmp_path), server_url + extra, "SELECT 1")
    with pytest.raises(ParameterError, match="one host"):
        query(around(tmp_path), "postgresql://127.0.0.1,10.0.0.1/x", "SELECT 1")
    with pytest.raises(ParameterError, match="one host"):
        query(around(tmp_path), "postgresql://%2Ftmp/x", "SELECT 1")
    # A server that the settings name is the administrator's choice.
    configured = world(
        "database-connector", {"database": {"connections": {"named": {"shop": server_url}}}}, private=()
    )
    assert query(configured, "shop", "SELECT 1 AS a")["results"] == [{"a": 1}]
    with pytest.raises(ToolFailedError) as failed:
        wrong = server_url.replace("postgres@", "postgres:secret@").rpartition(":")[0] + ":1/x"
        query(around(tmp_path), wrong, "SELECT 1")
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize("statement", ["SELECT * FROM item", "INSERT INTO item (name) VALUES ('evil')"])
def test_another_database_put_in_the_place_of_the_checked_one(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    outside.mkdir()
    (inside / "door").mkdir(parents=True)
    for each in (outside, inside / "door"):
        (each / "shop.db").write_bytes(Path(database).read_bytes())
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def late(*given: Any, **more: Any) -> sqlite3.Connection:
        (inside / "door").rename(inside / "moved")
        (inside / "door").symlink_to(outside)
        return connect(*given, **more)

    monkeypatch.setattr(sqlite3, "connect", late)
    kind = {"query_type": "INSERT"} if statement.startswith("INSERT") else {}
    with pytest.raises(NotAllowedError, match="another file has been put in its place"):
        query(around(inside, allow_dml=True), str(inside / "door" / "shop.db"), statement, **kind)
    assert (outside / "shop.db").read_bytes() == Path(database).read_bytes()
