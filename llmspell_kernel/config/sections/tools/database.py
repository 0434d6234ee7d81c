"""`[tools.database]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field


class Databases(Struct, frozen=True, forbid_unknown_fields=True):
    """Databases by the names that calls use: `sqlite:PATH` or `postgresql://user:password@host/database`."""

    named: Annotated[
        dict[str, Annotated[str, Meta(extra={"secret": True})]],
        Meta(description="Each by its name.", extra={"rest": True}),
    ] = field(default_factory=dict)


class Database(Struct, frozen=True, forbid_unknown_fields=True):
    """The tool database-connector."""

    allow_dml: Annotated[
        bool,
        Meta(description="Whether rows may be written; also what DATABASE_ALLOW_DML says."),
    ] = False
    allow_ddl: Annotated[
        bool,
        Meta(description="Whether tables may be made and dropped; also what DATABASE_ALLOW_DDL says."),
    ] = False
    max_rows: Annotated[int, Meta(ge=1, description="Rows of an answer.")] = 1000
    timeout_seconds: Annotated[float, Meta(gt=0, description="Seconds that a statement may take.")] = 30.0
    connections: Annotated[Databases, Meta(description="Databases by the names that calls use.")] = field(
        default_factory=Databases
    )
