"""The schema of the SQL stores, as numbered steps; a store's version is the number of its last step.

A step is a file here, `NNNN_name.sql` if SQLite and PostgreSQL understand it both, or `NNNN_name.sqlite.sql`
and `NNNN_name.postgres.sql`; a backend without a file knows no such step. To change the schema add a file
with the next number. What has been released is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

Dialect = Literal["sqlite", "postgres"]

_FILE = re.compile(r"(?P<number>\d{4})_(?P<name>\w+)(\.(?P<dialect>sqlite|postgres))?\.sql")


class Migration(NamedTuple):
    """One step.

    Attributes:
        version: what the schema's version is after it.
        name: what it is about.
        statements: the SQL, a statement each.
    """

    version: int
    name: str
    statements: tuple[str, ...]


@cache
def migrations(dialect: Dialect) -> Sequence[Migration]:
    """All steps of a dialect, in order."""
    numbers: set[int] = set()
    steps: list[Migration] = []
    for file in sorted(Path(__file__).parent.glob("*.sql")):
        match = _FILE.fullmatch(file.name)
        if match is None:
            raise ValueError(f"{file}: a migration is called NNNN_name.sql or NNNN_name.DIALECT.sql")
        numbers.add(int(match["number"]))
        if match["dialect"] in (None, dialect):
            steps.append(Migration(int(match["number"]), match["name"], _statements(file)))
    versions = [step.version for step in steps]
    if numbers != set(range(1, len(numbers) + 1)) or len(set(versions)) < len(versions):
        raise ValueError(f"migrations are numbered from 1, each number once, and these are {sorted(numbers)}")
    return tuple(steps)


def latest(dialect: Dialect) -> int:
    """The version that this program knows."""
    return migrations(dialect)[-1].version


def after(dialect: Dialect, version: int) -> Iterator[Migration]:
    """The steps that a store of this version lacks, in order."""
    return (step for step in migrations(dialect) if step.version > version)


def _statements(file: Path) -> tuple[str, ...]:
    """Those of a file: each ends with a semicolon at the end of a line, outside of `$$` quotes."""
    statements, lines, quoted = [], [], False
    for line in file.read_text("utf-8").splitlines():
        if not quoted and (not line.strip() or line.startswith("--")):
            continue
        lines.append(line)
        quoted ^= line.count("$$") % 2 == 1
        if line.endswith(";") and not quoted:
            statements.append("\n".join(lines))
            lines = []
    if lines:
        raise ValueError(f"{file}: the last statement does not end with a semicolon")
    return tuple(statements)
