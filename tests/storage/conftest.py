"""Stores of every kind."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from llmspell_kernel.storage.contract import Storage
from llmspell_kernel.storage.memory import MemoryStorage
from llmspell_kernel.storage.postgres.store import PostgresStorage
from llmspell_kernel.storage.sqlite.store import SqliteStorage

from ..postgres import PostgresServer

Opener = Callable[[], Storage]

_TENANTS = count(1)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens the same store of one kind, again and again."""
    opened: list[Storage] = []
    tenant = f"contract-{next(_TENANTS)}"

    def open_it() -> Storage:
        if request.param == "memory":
            # It is no other's: the first one is the only one.
            store: Storage = opened[0] if opened else MemoryStorage()
        elif request.param == "postgres":
            server: PostgresServer = request.getfixturevalue("postgres_server")
            store = PostgresStorage(server.url(), tenant_id=tenant)
        else:
            store = SqliteStorage(tmp_path / "store" / "llmspell.db")
        opened.append(store)
        return store

    yield open_it
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Opener) -> Storage:
    """An empty store."""
    return open_store()


@pytest.fixture
def interrupt_soon() -> Iterator[Callable[..., None]]:
    """Has this thread interrupted in a moment, or after so many seconds."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    yield lambda seconds=0.05: signal.setitimer(signal.ITIMER_REAL, seconds) and None
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
