"""`[storage]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Backend = Literal["memory", "sqlite", "postgres"]


class SqliteStorage(Struct, frozen=True, forbid_unknown_fields=True):
    """The store in a file."""

    database_path: Annotated[
        str,
        Meta(description="The file; if empty, storage.database_path, or llmspell.db in storage.base_dir."),
    ] = ""
    journal_mode: Annotated[
        Literal["WAL", "DELETE"],
        Meta(description="How SQLite keeps what it has not finished; DELETE is for network file systems."),
    ] = "WAL"


class PostgresStorage(Struct, frozen=True, forbid_unknown_fields=True):
    """The store on a PostgreSQL server."""

    url: Annotated[
        str,
        Meta(
            description="Where it is: postgresql://user:password@host:port/database.", extra={"secret": True}
        ),
    ] = ""
    tenant_id: Annotated[
        str, Meta(min_length=1, description="Whose data is seen; row-level security hides that of others.")
    ] = "default"
    pool_size: Annotated[int, Meta(ge=1, description="Connections that are kept open at most.")] = 20
    timeout_seconds: Annotated[
        float, Meta(gt=0, description="Seconds to wait for a connection, and for one statement.")
    ] = 5.0


class Storage(Struct, frozen=True, forbid_unknown_fields=True):
    """Where things last."""

    base_dir: Annotated[
        str, Meta(description="The folder of what is stored; if empty, llmspell in Jupyter's data folder.")
    ] = ""
    database_path: Annotated[str, Meta(description="The same as storage.sqlite.database_path.")] = ""
    sqlite: Annotated[SqliteStorage, Meta(description="The store in a file.")] = field(
        default_factory=SqliteStorage
    )
    postgres: Annotated[PostgresStorage, Meta(description="The store on a PostgreSQL server.")] = field(
        default_factory=PostgresStorage
    )
