"""The schema of the SQL stores, as numbered steps; a store's version is the number of its last step.

A step is a file here, `NNNN_name.sql` if SQLite and PostgreSQL understand it both, or `NNNN_name.sqlite.sql`
and `NNNN_name.postgres.sql`; a backend without a file has nothing to do in that step. To change the schema
add a file with the next number. What has been released is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
        statements: the SQL, a statement each; none where this dialect has nothing to do.
    """

    version: int
    name: str
    statements: tuple[str, ...]


@cache
def migrations(dialect: Dialect) -> Sequence[Migration]:
    """All steps of a dialect, in order."""
    steps: dict[int, Migration] = {}
    for file in sorted(Path(__file__).parent.glob("*.sql")):
        match = _FILE.fullmatch(file.name)
        if match is None:
            raise ValueError(f"{file}: a migration is called NNNN_name.sql or NNNN_name.DIALECT.sql")
        version, mine = int(match["number"]), match["dialect"] in (None, dialect)
        if mine or version not in steps:
            steps[version] = Migration(version, match["name"], _statements(file) if mine else ())
    if list(steps) != list(range(1, len(steps) + 1)):
        raise ValueError(f"migrations are numbered from 1 without gaps, and these are {list(steps)}")
    return tuple(steps.values())


def latest(dialect: Dialect) -> int:
    """The version that this program knows."""
    return migrations(dialect)[-1].version


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
