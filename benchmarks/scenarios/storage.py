"""Values in stores that last, against the database's Python module used by hand with the same promises."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import count

from benchmarks.kernels import Contest
from benchmarks.measure import Condition, Counts, Result, Target, batches, in_turns
from llmspell_kernel.storage.contract import Storage

_VALUE = b"x" * 200

_TABLE = "CREATE TABLE entry (key TEXT PRIMARY KEY, value {bytes} NOT NULL)"

_UPSERT = (
    "INSERT INTO entry (key, value) VALUES ({0}, {0}) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)

_SELECT = "SELECT value FROM entry WHERE key = {0}"

Act = Callable[[str], object]


def sqlite(contest: Contest, counts: Counts) -> list[Result]:
    """A file, each write on the disk before it returns."""
    from llmspell_kernel.storage.sqlite.store import SqliteStorage

    store = SqliteStorage(contest.home / "ours.db")
    with closing(store), closing(sqlite3.connect(contest.home / "by_hand.db", isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute(_TABLE.format(bytes="BLOB"))
        upsert, select = _UPSERT.format("?"), _SELECT.format("?")
        return _compare(
            "SQLite",
            "sqlite3",
            counts,
            store,
            lambda key: raw.execute(upsert, (key, _VALUE)),
            lambda key: raw.execute(select, (key,)).fetchone(),
            (0.0005, 0.00005),
            2000,
        )


def postgres(contest: Contest, counts: Counts) -> list[Result]:
    """A server that is started for this, on the loopback."""
    import psycopg

    from llmspell_kernel.storage.postgres.store import PostgresStorage
    from tests.postgres import PostgresServer

    server = PostgresServer()
    try:
        server.start()
        with (
            closing(PostgresStorage(server.url())) as store,
            psycopg.connect(server.url(), autocommit=True) as raw,
        ):
            raw.execute(_TABLE.format(bytes="BYTEA"))
            upsert, select = _UPSERT.format("%s"), _SELECT.format("%s")
            return _compare(
                "PostgreSQL",
                "psycopg",
                counts,
                store,
                lambda key: raw.execute(upsert, (key, _VALUE)),
                lambda key: raw.execute(select, (key,)).fetchone(),
                (0.002, None),
                None,
            )
    finally:
        server.remove()


def _compare(
    name: str,
    by_hand: str,
    counts: Counts,
    store: Storage,
    write: Act,
    read: Act,
    targets: tuple[float, float | None],
    writes_a_second: int | None,
) -> list[Result]:
    rounds, size = batches(counts.executes * 2, 50)
    ours = _sampler(lambda key: store.set("benchmark", key, _VALUE), size)
    reference = _sampler(write, size)
    our_writes, reference_writes = in_turns(rounds, ours, reference)
    rate = len(our_writes) / sum(our_writes)
    conditions = []
    if writes_a_second is not None:
        conditions.append(Condition(f"{rate:,.0f} a second (wanted: {writes_a_second:,})", True))
    ours, reference = _sampler(lambda key: store.get("benchmark", key), size), _sampler(read, size)
    our_reads, reference_reads = in_turns(rounds, ours, reference)
    return [
        Result(
            f"store on {name}: write 200 bytes, kept",
            "s",
            our_writes,
            reference_writes,
            Target(targets[0], of="ours"),
            by_hand,
            conditions,
        ),
        Result(
            f"store on {name}: read them",
            "s",
            our_reads,
            reference_reads,
            Target(targets[1], of="ours"),
            by_hand,
        ),
    ]


def _sampler(act: Act, size: int) -> Callable[[], list[float]]:
    return partial(_times, act, size, count())


def _times(act: Act, size: int, numbers: count[int]) -> list[float]:
    samples = []
    for _ in range(size):
        key = f"key {next(numbers)}"
        started = time.perf_counter()
        act(key)
        samples.append(time.perf_counter() - started)
    return samples
