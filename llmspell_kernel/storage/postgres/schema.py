"""Bringing a database's schema up to date, and checking that it guards its tenants."""

from __future__ import annotations

from typing import Any

import psycopg

from llmspell_kernel.errors import StorageError
from llmspell_kernel.storage.migrations import after, latest

Connection = psycopg.Connection[tuple[Any, ...]]

SCHEMA = "llmspell"

ROLE = "llmspell_app"
"""Whom every statement but a migration is run as."""

_LOCK = 0x6C6C7370
"""The number of the advisory lock that a migration holds."""

_MIGRATION_TABLE = """
CREATE TABLE IF NOT EXISTS migration (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
)"""

_MIGRATION_EXISTS = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'migration'"

_UNGUARDED = """
SELECT c.relname FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE n.nspname = 'llmspell' AND c.relkind IN ('r', 'p')
AND NOT (c.relrowsecurity AND c.relforcerowsecurity
    AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))
ORDER BY c.relname"""

_BROKEN_INDEXES = """
SELECT c.relname FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'llmspell' AND NOT (i.indisvalid AND i.indisready)
ORDER BY c.relname"""


def migrate(connection: Connection, location: str) -> None:
    """Makes the schema what this program knows; the connection's user must own it, or be able to make it.

    Raises:
        StorageError: it is of a later version.
        psycopg.Error: the user may not, or the server could not.
    """
    if _version(connection, location) == latest("postgres"):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        # Another process may have been faster.
        version = _version(connection, location)
        if version == latest("postgres"):
            return
        if not version:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute(f"SET LOCAL search_path = {SCHEMA}")
        connection.execute(_MIGRATION_TABLE)
        for migration in after("postgres", version):
            for statement in migration.statements:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO migration (version, name) VALUES (%s, %s)", [migration.version, migration.name]
            )


def act_as_role(connection: Connection, tenant_id: str, timeout_seconds: float) -> None:
    """Makes it a connection of a tenant: from here on it can do nothing else.

    Raises:
        psycopg.Error: the user is no member of the role.
    """
    connection.execute(
        "SELECT set_config('role', %s, false), set_config('search_path', %s, false),"
        " set_config('app.current_tenant_id', %s, false), set_config('statement_timeout', %s, false),"
        # What has been confirmed is on the server's disk.
        " CASE current_setting('synchronous_commit') WHEN 'off'"
        " THEN set_config('synchronous_commit', 'on', false) END",
        [ROLE, SCHEMA, tenant_id, f"{max(round(timeout_seconds * 1000), 1)}ms"],
    )


def problems(connection: Connection) -> list[str]:
    """Why this database would not keep tenants apart or its values for ever; a sentence each."""
    found = []
    powers = connection.execute(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if powers is None or powers[0]:
        found.append(
            f"the role {ROLE} passes row-level security by: ALTER ROLE {ROLE} NOSUPERUSER NOBYPASSRLS"
        )
    found += [
        f"the table {SCHEMA}.{name} does not keep tenants apart: it needs a policy, and ALTER TABLE "
        f"{SCHEMA}.{name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
        for (name,) in connection.execute(_UNGUARDED)
    ]
    found += [
        f"the index {SCHEMA}.{name} is not valid: REINDEX it"
        for (name,) in connection.execute(_BROKEN_INDEXES)
    ]
    for setting in ("fsync", "full_page_writes"):
        row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
        if row is None or row[0] != "on":
            found.append(f"the server's setting {setting} is off: a power failure may damage the database")
    return found


def _version(connection: Connection, location: str) -> int:
    """The schema's version; 0 where there is none.

    Raises:
        StorageError: it is of a later version.
    """
    # A query of the catalogue sees what another process has just made; to_regclass looks into a cache.
    if not connection.execute(_MIGRATION_EXISTS, [SCHEMA]).fetchone():
        return 0
    row = connection.execute(f"SELECT coalesce(max(version), 0) FROM {SCHEMA}.migration").fetchone()
    version = int(row[0]) if row else 0
    if version > latest("postgres"):
        raise StorageError(
            f"the store {location}: its schema has version {version}, and this llmspell-kernel knows up to "
            f"{latest('postgres')}: install the version that made it, or a later one"
        )
    return version
