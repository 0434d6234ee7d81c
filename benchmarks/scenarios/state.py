"""`State` on SQLite, from Lua: a value written and read, and what many operations of all kinds come to."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.client import BenchmarkError
from benchmarks.kernels import Contest
from benchmarks.measure import Condition, Counts, Result, Target, batches, in_turns
from llmspell_kernel import Client, start_embedded_kernel

_SET = "for i = 1, {count} do State.set('bench', 'key' .. i % 100, {{name = 'Ada', visits = i}}) end"
_GET = "for i = 1, {count} do assert(State.get('bench', 'key' .. i % 100).visits) end"
_MIXED = """
local failed, key = 0, nil
for i = 1, {count} do
  key = 'key' .. i % 500
  local ok = pcall(function()
    local kind = i % 6
    if kind == 0 then State.set('mixed', key, i)
    elseif kind == 1 then State.get('mixed', key)
    elseif kind == 2 then State.increment('mixed', 'sum')
    elseif kind == 3 then State.delete('mixed', key)
    elseif kind == 4 then State.exists('mixed', key)
    else State.keys('mixed') end
  end)
  if not ok then failed = failed + 1 end
end
assert(failed == 0, failed .. ' operations failed')"""

_MIXED_EACH = 30
"""So many mixed operations for each execute of the other scenarios: 15,000 in a full run."""


@contextmanager
def _kernel(folder: Path) -> Iterator[Client]:
    """An embedded kernel whose store lies in a folder."""
    name = "LLMSPELL_STORAGE_BASE_DIR"
    before = os.environ.get(name)
    os.environ[name] = str(folder)
    try:
        with start_embedded_kernel() as kernel:
            yield kernel
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


def _seconds_each(kernel: Client, code: str, count: int) -> float:
    """Seconds of one operation, of `count` in a cell."""
    started = time.perf_counter()
    result = kernel.execute(code.format(count=count), timeout=120)
    elapsed = time.perf_counter() - started
    if result.status != "ok":
        raise BenchmarkError(f"State came back with {result.error}")
    return elapsed / count


def _plain_sqlite(folder: Path) -> sqlite3.Connection:
    """The same promise by hand: each write is on the disk before it returns."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE entry (key TEXT PRIMARY KEY, value BLOB)")
    return connection


_PLAIN = (
    "INSERT OR REPLACE INTO entry VALUES (:key, 'x')",
    "SELECT value FROM entry WHERE key = :key",
    "INSERT INTO entry VALUES ('sum', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1",
    "DELETE FROM entry WHERE key = :key",
    "SELECT 1 FROM entry WHERE key = :key",
    "SELECT key FROM entry ORDER BY key",
)
"""The kinds of operations of `_MIXED`, in SQL."""


def _timed(operation: Callable[[int], object], count: int) -> float:
    started = time.perf_counter()
    for number in range(count):
        operation(number)
    return (time.perf_counter() - started) / count


def state(contest: Contest, counts: Counts) -> list[Result]:
    """Ours from Lua, against Python's sqlite3 by hand with as much promised."""
    del contest
    rounds, _ = batches(counts.executes)
    with TemporaryDirectory() as name, _kernel(Path(name)) as kernel:
        plain = _plain_sqlite(Path(name))

        def write(number: int) -> None:
            plain.execute("INSERT OR REPLACE INTO entry VALUES (?, ?)", (f"key{number % 100}", b"x" * 20))

        def read(number: int) -> None:
            plain.execute("SELECT value FROM entry WHERE key = ?", (f"key{number % 100}",)).fetchone()

        writes = in_turns(
            rounds * 4, lambda: [_seconds_each(kernel, _SET, 100)], lambda: [_timed(write, 100)]
        )
        reads = in_turns(
            rounds * 4, lambda: [_seconds_each(kernel, _GET, 1000)], lambda: [_timed(read, 1000)]
        )

        def operate(number: int) -> None:
            values = {"key": f"key{number % 500}"} if ":key" in _PLAIN[number % 6] else {}
            plain.execute(_PLAIN[number % 6], values).fetchall()

        many = counts.executes * _MIXED_EACH
        mixed = _seconds_each(kernel, _MIXED, many)
        plain_mixed = _timed(operate, many)
        plain.close()
    each_second = 1 / sorted(writes[0])[len(writes[0]) // 2]
    none_failed = Condition(f"{many:,} operations, none failed", True)
    return [
        Result(
            "State.set of a small table, SQLite",
            "s",
            *writes,
            Target(0.0005, of="ours"),
            "sqlite3",
            conditions=[Condition(f"{each_second:,.0f} a second", True)],
        ),
        Result("State.get of a small table, SQLite", "s", *reads, Target(0.00005, of="ours"), "sqlite3"),
        Result(
            "mixed operations of State",
            "s",
            [mixed],
            [plain_mixed],
            Target(0.001, of="ours"),
            "sqlite3",
            conditions=[none_failed],
        ),
    ]
