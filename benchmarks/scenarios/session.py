"""Sessions on SQLite, from Lua: one that is made, an artifact that is stored, cells that are recorded."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.client import BenchmarkError
from benchmarks.kernels import Contest
from benchmarks.measure import Counts, Result, Target, batches, in_turns
from llmspell_kernel import Client, start_embedded_kernel

_BATCH = 50
_CREATE = "for i = 1, {count} do Session.create({{name = 'june', tags = {{'report'}}}}) end"
_STORE = (
    "id = id or Session.create() for i = 1, {count} do n = (n or 0) + 1 "
    "Artifact.store(id, 'tool_result', 'table' .. n, 'a,b' .. n) end"
)
_CELLS = 200


def _seconds_each(kernel: Client, code: str, count: int) -> float:
    started = time.perf_counter()
    result = kernel.execute(code.format(count=count), timeout=120)
    elapsed = time.perf_counter() - started
    if result.status != "ok":
        raise BenchmarkError(f"a session came back with {result.error}")
    return elapsed / count


class _Plain:
    """The same by hand: two rows in a transaction that is on the disk when it ends."""

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE session (id TEXT PRIMARY KEY, record TEXT)",
            "CREATE TABLE content (hash TEXT PRIMARY KEY, value BLOB)",
        ):
            self._connection.execute(statement)

    def create(self, number: int) -> None:
        """A session."""
        del number
        record = json.dumps({"name": "june", "tags": ["report"], "created_at": time.time()})
        self._both("INSERT INTO session VALUES (?, ?)", (str(uuid.uuid4()), record))

    def store(self, number: int) -> None:
        """An artifact."""
        content = b"a,b%d" % (time.perf_counter_ns() + number)
        digest = hashlib.sha256(content).hexdigest()
        self._both("INSERT OR IGNORE INTO content VALUES (?, ?)", (digest, content))

    def _both(self, statement: str, values: tuple[object, ...]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("SELECT count(*) FROM session").fetchone()
        self._connection.execute(statement, values)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Ends it."""
        self._connection.close()


def _timed(operation: Callable[[int], None]) -> float:
    started = time.perf_counter()
    for number in range(_BATCH):
        operation(number)
    return (time.perf_counter() - started) / _BATCH


def session(contest: Contest, counts: Counts) -> list[Result]:
    """Ours from Lua, against Python's sqlite3 by hand; cells that are recorded against others."""
    del contest
    rounds, _ = batches(counts.executes)
    with TemporaryDirectory() as name:
        settings = {
            "storage": {"base_dir": name},
            "runtime": {"sessions": {"max_sessions": 0, "max_artifacts_per_session": 0}},
        }
        plain = _Plain(Path(name))
        with start_embedded_kernel(settings) as kernel, start_embedded_kernel(settings) as other:
            created = in_turns(
                rounds,
                lambda: [_seconds_each(kernel, _CREATE, _BATCH)],
                lambda: [_timed(plain.create)],
            )
            stored = in_turns(
                rounds,
                lambda: [_seconds_each(kernel, _STORE, _BATCH)],
                lambda: [_timed(plain.store)],
            )
            kernel.execute("Session.set_current(Session.create())")
            other.execute("Session.create()")  # both have made what sessions use
            cells = in_turns(rounds, lambda: _cells(kernel), lambda: _cells(other))
        plain.close()
    return [
        Result("Session.create, SQLite", "s", *created, Target(0.002, of="ours"), "sqlite3"),
        Result("Artifact.store of a small text, SQLite", "s", *stored, Target(0.002, of="ours"), "sqlite3"),
        Result("a recorded cell, embedded", "s", *cells, Target(1.1), "not recorded"),
    ]


def _cells(kernel: Client) -> list[float]:
    times = []
    for _ in range(_CELLS):
        started = time.perf_counter()
        kernel.execute("x = 1")
        times.append(time.perf_counter() - started)
    return times
