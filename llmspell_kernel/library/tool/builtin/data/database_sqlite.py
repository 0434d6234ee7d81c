"""SQLite, for the tool that asks databases."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from llmspell_kernel.errors import NotAllowedError, ParameterError
from llmspell_kernel.library.tool.builtin.data.databases import Found, Question
from llmspell_kernel.library.tool.contract import ToolFailedError

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

SCHEMA = """
SELECT 'main', t.name, t.type, c.name, c.type, NOT c."notnull", c.dflt_value, c.pk
FROM sqlite_schema AS t JOIN pragma_table_xinfo(t.name) AS c
WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND (? = '' OR t.name = ?)
ORDER BY t.name, c.cid
"""
"""Each column of each table: schema, table, kind, column, type, nullable, default, key."""

_opening = threading.Lock()
"""So that a descriptor that is new is the one of the connection just made."""

_STEPS = 5000
"""Steps of SQLite's machine between two looks at the clock; well below a millisecond."""

_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
_ROWS = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}
_SHAPES = {
    sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_TRIGGER,
    sqlite3.SQLITE_CREATE_VIEW,
    sqlite3.SQLITE_CREATE_TEMP_INDEX,
    sqlite3.SQLITE_CREATE_TEMP_TABLE,
    sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
    sqlite3.SQLITE_CREATE_TEMP_VIEW,
    sqlite3.SQLITE_DROP_INDEX,
    sqlite3.SQLITE_DROP_TABLE,
    sqlite3.SQLITE_DROP_TRIGGER,
    sqlite3.SQLITE_DROP_VIEW,
    sqlite3.SQLITE_DROP_TEMP_INDEX,
    sqlite3.SQLITE_DROP_TEMP_TABLE,
    sqlite3.SQLITE_DROP_TEMP_TRIGGER,
    sqlite3.SQLITE_DROP_TEMP_VIEW,
    sqlite3.SQLITE_ALTER_TABLE,
    sqlite3.SQLITE_REINDEX,
    sqlite3.SQLITE_ANALYZE,
}
_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})
"""Functions that reach out of the database, where they exist."""

_ABOUT = frozenset(
    {
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo",
        "foreign_key_list", "foreign_key_check", "integrity_check", "quick_check",
    }
)  # fmt: skip
"""Pragmas that tell something of what they name; the others set what they are given."""

_PRAGMAS = _ABOUT | {
    "database_list", "collation_list", "compile_options", "encoding", "page_count", "page_size",
    "schema_version", "user_version",
}  # fmt: skip


def ask(tool: str, where: str, question: Question, tools: Surroundings) -> Found:
    """Runs a statement on the database in a file.

    Raises:
        ToolFailedError: it has failed, or took too long.
        NotAllowedError: it does more than it may, or the file must not be used.
    """
    until = time.monotonic() + question.seconds
    refused: list[str] = []
    late: list[bool] = []

    def over() -> int:
        if time.monotonic() >= until or tools.cancelled.is_set():
            late.append(True)
            return 1
        return 0

    def authorised(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if _may(question, action, first, second):
            return sqlite3.SQLITE_OK
        refused.append(f"{first or second or f'action {action}'}")
        return sqlite3.SQLITE_DENY

    try:
        with closing(_opened(where, question, tools)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, question.bytes)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            connection.set_progress_handler(over, _STEPS)
            if question.statement is not SCHEMA:
                connection.set_authorizer(authorised)
            tools.audit("database.query", database=where, kind=question.kind)
            cursor = connection.execute(question.statement, question.parameters)
            found = _found(cursor, question)
            if question.kind != "read":
                # What the rules are about has been done; committing it is this module's own act.
                connection.set_authorizer(None)
                connection.commit()
            return found
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.Warning) as error:
        raise ParameterError(tool, [f"the statement and its parameters do not fit: {error}"]) from error
    except sqlite3.Error as error:
        if late:
            _ = tools.seconds_left  # raises if the call is over, not only the statement
            raise ToolFailedError(
                f"the statement took longer than {question.seconds:g} s (tools.database.timeout_seconds)",
                kind="timeout",
            ) from error
        if refused or "not authorized" in str(error):
            raise NotAllowedError(
                f"{tool} must not do that to a database ({', '.join(refused[:3])}): statements may only "
                f"{'read' if question.kind == 'read' else 'do what their query_type says'}"
            ) from error
        raise ToolFailedError(f"{error}", kind="database") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise ParameterError(tool, [f"the statement and its parameters do not fit: {error}"]) from error


def _opened(where: str, question: Question, tools: Surroundings) -> sqlite3.Connection:
    if where == ":memory:":
        return sqlite3.connect(":memory:", timeout=question.seconds)
    write = question.kind != "read"
    path, wanted = tools.files.identity(where, write=write, create=question.kind == "ddl")
    url = f"file:{quote(str(path))}?mode={'rw' if write else 'ro'}"
    with _opening:
        before = _descriptors(wanted)
        # Another process may hold the file for as long as the statement may take.
        connection = sqlite3.connect(url, uri=True, timeout=question.seconds)
        # SQLite opens by name only, so what it has opened is looked at.
        if not _descriptors(wanted) - before:
            connection.close()
            raise NotAllowedError(
                f"{tools.tool} may not use {where!r}: another file has been put in its place; try again"
            )
    return connection


def _descriptors(wanted: tuple[int, int]) -> set[int]:
    """Those of this process that are open for this device and number."""
    found = set()
    for each in os.listdir("/dev/fd"):
        with suppress(OSError):
            status = os.fstat(int(each))
            if (status.st_dev, status.st_ino) == wanted:
                found.add(int(each))
    return found


def _may(question: Question, action: int, first: str | None, second: str | None) -> bool:
    if action in _READS:
        return True
    if action == sqlite3.SQLITE_FUNCTION:
        return (second or "").lower() not in _FUNCTIONS
    if action == sqlite3.SQLITE_PRAGMA:
        name = (first or "").lower()
        return name in _ABOUT or (name in _PRAGMAS and second is None)
    if action == sqlite3.SQLITE_TRANSACTION:
        # Python begins one before it writes; a script cannot, by the first word of its statement.
        return question.kind != "read"
    if action in _ROWS:
        # Making a table writes rows into the tables that list tables.
        return question.kind == "dml" or (question.kind == "ddl" and (first or "").startswith("sqlite_"))
    return action in _SHAPES and question.kind == "ddl"


def _found(cursor: sqlite3.Cursor, question: Question) -> Found:
    columns = [each[0] for each in cursor.description or ()]
    rows: list[list[Any]] = []
    size, truncated = 0, False
    for row in cursor:
        if len(rows) >= question.rows:
            truncated = True
            break
        size += sum(len(each) if isinstance(each, str | bytes) else 8 for each in row)
        if size > question.bytes:
            truncated = True
            break
        rows.append(list(row))
    if truncated and question.kind != "read":
        for _ in cursor:  # a statement that returns what it writes is written when all is read
            pass
    return Found(columns, rows, max(cursor.rowcount, 0), truncated)
