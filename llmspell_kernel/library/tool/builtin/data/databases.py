"""The tool that asks databases."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from msgspec import Meta, Struct

from llmspell_kernel.errors import NotAllowedError, ParameterError
from llmspell_kernel.library.tool.builtin.support import LONGEST
from llmspell_kernel.library.tool.contract import Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

Kind = Literal["read", "dml", "ddl"]

_READS = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN", "SHOW", "PRAGMA"})
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"})
_SHAPES = frozenset({"CREATE", "ALTER", "DROP", "TRUNCATE", "COMMENT", "REINDEX", "ANALYZE"})

_COMMENTS = re.compile(r"\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/", re.DOTALL)

_URL = re.compile(r"postgres(?:ql)?://", re.IGNORECASE)


class Question(NamedTuple):
    """A statement, and what it may do.

    Attributes:
        kind: what it is, as far as its first word tells; the database itself is told what it may be.
        trusted: whether the settings name the database, not the script.
    """

    statement: str
    parameters: Sequence[Any] | Mapping[str, Any]
    kind: Kind
    rows: int
    seconds: float
    bytes: int
    trusted: bool


class Found(NamedTuple):
    """What came of a statement."""

    columns: list[str]
    rows: list[list[Any]]
    affected: int
    truncated: bool


class DatabaseConnector(Tool):
    """Asks SQLite and PostgreSQL databases, and tells what tables they have.

    Statements take their values as `parameters`. They may only read, unless the settings allow more.
    """

    name, category, level = "database-connector", "data", "restricted"
    runs = "thread"
    example = {
        "operation": "query",
        "database": ":memory:",
        "query": "SELECT 6 * ? AS answer",
        "parameters": [7],
    }

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[Literal["query", "schema"], Meta(description="What to do.")]
        database: Annotated[
            str,
            Meta(
                description="Which: a name of the settings (tools.database.connections), `sqlite` or "
                "`postgresql` for what the environment names, a file, `:memory:`, or postgresql://..."
            ),
        ] = ""
        query: Annotated[str, Meta(description="One SQL statement.")] = ""
        parameters: Annotated[
            list[Any] | dict[str, Any],
            Meta(
                description="Its values: a list for ? (SQLite) or $1 (PostgreSQL), a table for :name "
                "(SQLite) or %(name)s (PostgreSQL)."
            ),
        ] = []
        query_type: Annotated[
            Literal[
                "SELECT",
                "INSERT",
                "UPDATE",
                "DELETE",
                "CREATE",
                "ALTER",
                "DROP",
                "TRUNCATE",
                "MERGE",
                "REPLACE",
            ],
            Meta(description="What the statement is; SELECT for all that only read."),
        ] = "SELECT"
        table: Annotated[str, Meta(description="The only table of which `schema` tells.")] = ""
        max_rows: Annotated[
            Annotated[int, Meta(ge=1)] | None,
            Meta(description="Rows of the answer; not more than tools.database.max_rows."),
        ] = None

    @classmethod
    def acts(cls, given: Any) -> bool:
        """With a statement that does more than read."""
        return given.operation == "query" and first_word(given.query) not in _READS

    @classmethod
    def limit(cls, given: Any) -> float:
        """What tools.database.timeout_seconds says counts."""
        return LONGEST

    @operation("query", needs=("query",))
    def query(self, given: Parameters, tools: Surroundings) -> object:
        """Runs a statement: {results, columns, row_count, rows_affected, truncated, execution_time_ms}."""
        kind = kind_of(self.name, given.query)
        wanted = _kind(given.query_type)
        if kind != wanted:
            raise ParameterError(
                self.name,
                [
                    f"query_type is {given.query_type}, but the statement begins with "
                    f"{first_word(given.query)}"
                ],
            )
        self._check_allowed(kind, tools)
        began = time.perf_counter()
        found = self._ask(given, tools, given.query, given.parameters, kind)
        names = _unique(found.columns)
        return {
            "results": [dict(zip(names, row, strict=True)) for row in found.rows],
            "columns": names,
            "row_count": len(found.rows),
            "rows_affected": found.affected,
            "truncated": found.truncated,
            "execution_time_ms": round((time.perf_counter() - began) * 1000, 3),
        }

    @operation("schema")
    def schema(self, given: Parameters, tools: Surroundings) -> object:
        """Tells the tables: {tables[{name, type, columns[{name, type, nullable ...}]}], count}."""
        if _address(self.name, given.database, tools)[0] == "sqlite":
            from llmspell_kernel.library.tool.builtin.data.database_sqlite import SCHEMA
        else:
            from llmspell_kernel.library.tool.builtin.data.database_postgres import SCHEMA
        found = self._ask(given, tools, SCHEMA, [given.table, given.table], "read")
        tables: dict[tuple[str, str], dict[str, Any]] = {}
        for schema, table, kind, column, type_, nullable, default, key in found.rows:
            entry = tables.setdefault(
                (schema, table), {"name": table, "schema": schema, "type": kind, "columns": []}
            )
            entry["columns"].append(
                {
                    "name": column,
                    "type": type_,
                    "nullable": bool(nullable),
                    "default": default,
                    "primary_key": bool(key),
                }
            )
        return {"tables": list(tables.values()), "count": len(tables), "truncated": found.truncated}

    def _ask(
        self,
        given: Parameters,
        tools: Surroundings,
        statement: str,
        parameters: Sequence[Any] | Mapping[str, Any],
        kind: Kind,
    ) -> Found:
        system, where, trusted = _address(self.name, given.database, tools)
        settings = tools.settings.tools
        most = settings.database.max_rows
        question = Question(
            statement,
            parameters,
            kind,
            most if given.operation == "schema" else min(given.max_rows or most, most),
            min(settings.database.timeout_seconds, tools.seconds_left),
            settings.max_output_size,
            trusted,
        )
        ask: Callable[[str, str, Question, Surroundings], Found]
        if system == "sqlite":
            from llmspell_kernel.library.tool.builtin.data.database_sqlite import ask
        else:
            from llmspell_kernel.library.tool.builtin.data.database_postgres import ask
        return ask(self.name, where, question, tools)

    def _check_allowed(self, kind: Kind, tools: Surroundings) -> None:
        settings = tools.settings.tools.database
        allowed = {
            "read": True,
            "dml": settings.allow_dml or _yes("DATABASE_ALLOW_DML"),
            "ddl": settings.allow_ddl or _yes("DATABASE_ALLOW_DDL"),
        }
        if not allowed[kind]:
            tools.audit("database.query", kind=kind, allowed=False)
            what = "write rows" if kind == "dml" else "make or drop tables"
            raise NotAllowedError(
                f"{self.name} must not {what}: that needs the setting tools.database.allow_{kind}, or "
                f"DATABASE_ALLOW_{kind.upper()} in the environment"
            )


def first_word(statement: str) -> str:
    """The keyword that a statement begins with, in capitals."""
    start = 0
    while found := _COMMENTS.match(statement, start):
        start = found.end()
    found = re.compile(r"[A-Za-z_]+|.?", re.DOTALL).match(statement, start)
    return found[0].upper() if found else ""


def kind_of(tool: str, statement: str) -> Kind:
    """What a statement does, by its first word.

    Raises:
        ParameterError: it is none that this tool runs.
    """
    word = first_word(statement)
    if word not in _READS | _WRITES | _SHAPES:
        raise ParameterError(
            tool,
            [f"a statement that begins with {word or 'nothing'} is not run here; SELECT, INSERT ... are"],
        )
    return _kind(word)


def _kind(word: str) -> Kind:
    return "dml" if word in _WRITES else "ddl" if word in _SHAPES else "read"


def _address(tool: str, name: str, tools: Surroundings) -> tuple[str, str, bool]:
    """Which system, where, and whether the settings say so."""
    environ = os.environ
    postgres = environ.get("DATABASE_POSTGRESQL_URL", "")
    anything, file = environ.get("DATABASE_URL", ""), environ.get("DATABASE_SQLITE_PATH", "")
    configured = tools.settings.tools.database.connections.named
    if name in configured:
        return (*_system(tool, configured[name]), True)
    if name.lower() in ("postgresql", "postgres"):
        found = postgres or (anything if _URL.match(anything) else "")
    elif name.lower() == "sqlite":
        found = file or (anything if anything.startswith("sqlite:") else "")
    elif name:
        return (*_system(tool, name), False)
    else:
        found = anything or postgres or file
    if not found:
        known = ", ".join(configured) or "none"
        raise ParameterError(
            tool,
            [
                f"there is no database {name!r}: give a file or a URL, set DATABASE_URL, or name it in "
                f"tools.database.connections (there: {known})"
            ],
        )
    return (*_system(tool, found), True)


def _system(tool: str, where: str) -> tuple[str, str]:
    if _URL.match(where):
        return "postgresql", where
    path = where.removeprefix("sqlite:")
    if path == where and "://" in where:
        system = where.partition(":")[0]
        raise ParameterError(tool, [f"database: {system!r} is not spoken here, only sqlite and postgresql"])
    # sqlite:///relative and sqlite:////absolute, as SQLAlchemy writes them.
    return "sqlite", path[3:] if path.startswith("///") else path


def _unique(columns: Sequence[str]) -> list[str]:
    found: list[str] = []
    for column in columns:
        name, number = column, 2
        while name in found:
            name, number = f"{column}_{number}", number + 1
        found.append(name)
    return found


def _yes(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() in ("1", "true", "yes", "on")
