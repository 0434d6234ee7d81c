"""PostgreSQL, for the tool that asks databases."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import NotAllowedError, ParameterError
from llmspell_kernel.library.tool.builtin.data.databases import Found, Question
from llmspell_kernel.library.tool.builtin.support import needed
from llmspell_kernel.library.tool.contract import ToolFailedError

if TYPE_CHECKING:
    import psycopg

    from llmspell_kernel.library.tool.surroundings import Surroundings

SCHEMA = """
SELECT n.nspname, c.relname,
       CASE WHEN c.relkind IN ('r', 'p') THEN 'table' WHEN c.relkind = 'f' THEN 'foreign table'
            ELSE 'view' END,
       a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid), coalesce(a.attnum = ANY (i.indkey), false)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'
  AND has_table_privilege(c.oid, 'SELECT') AND ($1::text = '' OR c.relname = $2::text)
ORDER BY 1, 2, a.attnum
"""
"""Each column of each table: schema, table, kind, column, type, nullable, default, key."""

_TAKEN = frozenset(
    {"host", "port", "user", "password", "dbname", "sslmode", "channel_binding", "target_session_attrs"}
)
"""What an address may say; all else could name files, or other hosts."""

_FILES = frozenset({"sslrootcert", "sslcert", "sslkey", "sslcrl"})
"""What the address in a setting may say besides."""


def ask(tool: str, where: str, question: Question, tools: Surroundings) -> Found:
    """Runs a statement on a server, in a transaction that can only read unless it may do more.

    Raises:
        ToolFailedError: it has failed, or took too long.
        NotAllowedError: the server must not be connected to.
    """
    with needed(tool, "psycopg"):
        import psycopg
    arguments = _arguments(tool, where, question, tools)
    tools.audit("database.query", database=arguments["host"].partition(",")[0], kind=question.kind)
    try:
        with psycopg.connect(**arguments) as connection, tools.network.ending(connection.fileno()):
            connection.read_only = question.kind == "read"
            # After a first statement, nothing can make the transaction one that writes.
            connection.execute("SELECT 1", prepare=False)
            return _run(connection, question)
    except psycopg.errors.QueryCanceled as error:
        raise ToolFailedError(
            f"the statement took longer than {question.seconds:g} s (tools.database.timeout_seconds)",
            kind="timeout",
        ) from error
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise NotAllowedError(f"{tool} must not write with a statement that reads: {error}") from error
    except psycopg.Error as error:
        _ = tools.seconds_left  # raises if the connection was ended with the call
        raise ToolFailedError(
            " ".join(str(error).split()), kind="database", sqlstate=error.sqlstate or ""
        ) from error


def _arguments(tool: str, where: str, question: Question, tools: Surroundings) -> dict[str, Any]:
    """How to connect: to the addresses that were checked, with nothing that the address does not say."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        said = {name: str(value) for name, value in conninfo_to_dict(where).items() if value is not None}
    except psycopg.Error:
        raise ParameterError(
            tool, ["the database's address must be like postgresql://user:password@host:5432/name"]
        ) from None
    taken = _TAKEN | _FILES if question.trusted else _TAKEN
    if strange := sorted(set(said) - taken):
        raise ParameterError(tool, [f"the database's address must not say {', '.join(strange)}"])
    host, port = said.pop("host", "localhost"), said.pop("port", "5432")
    if "," in host or host.startswith(("/", "@")) or not port.isdecimal():
        raise ParameterError(tool, [f"the database's address must name one host and port, not {host}:{port}"])
    addresses = tools.network.addresses(host, int(port), (host,) if question.trusted else ())
    for address in addresses:
        tools.audit("network.connect", host=host, address=address, port=int(port))
    seconds = max(1, math.ceil(min(tools.settings.tools.network.timeout_seconds, tools.seconds_left)))
    return {
        **said,
        # libpq checks certificates against the name, and connects to the address.
        "host": ",".join([host] * len(addresses)),
        "hostaddr": ",".join(addresses),
        "port": ",".join([port] * len(addresses)),
        "connect_timeout": max(2, seconds),
        "options": f"-c statement_timeout={max(1, round(question.seconds * 1000))} "
        f"-c lock_timeout={max(1, round(question.seconds * 1000))}",
        "application_name": "llmspell",
        "passfile": "/dev/null",
        "gssencmode": "disable",
    }


def _run(connection: psycopg.Connection[Any], question: Question) -> Found:
    import psycopg

    parameters = question.parameters
    named = isinstance(parameters, Mapping) and bool(parameters)
    cursor: psycopg.Cursor[Any] = connection.cursor() if named else psycopg.RawCursor(connection)
    values = parameters if named else list(parameters)
    if question.kind == "read":
        # One row after the other, by the protocol that takes one statement only.
        rows: list[list[Any]] = []
        truncated = False
        size = 0
        for row in cursor.stream(question.statement, values):
            plain = [_plain(each) for each in row]
            size += sum(len(each) if isinstance(each, str | bytes) else 8 for each in plain)
            if len(rows) >= question.rows or size > question.bytes:
                truncated = True
                break
            rows.append(plain)
        return Found(_columns(cursor), rows, 0, truncated)
    # Prepared, so that it is one statement.
    cursor.execute(question.statement, values, prepare=True)
    found = cursor.fetchmany(question.rows + 1) if cursor.description else []
    rows = [[_plain(each) for each in row] for row in found[: question.rows]]
    return Found(_columns(cursor), rows, max(cursor.rowcount, 0), len(found) > question.rows)


def _columns(cursor: psycopg.Cursor[Any]) -> list[str]:
    return [each.name for each in cursor.description or ()]


def _plain(value: Any) -> Any:
    """A value as scripts know them; numbers stay exact, as a text if need be."""
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    if isinstance(value, Decimal):
        if value.is_finite() and value == value.to_integral_value() and abs(value) < 2**53:
            return int(value)
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    return str(value)
