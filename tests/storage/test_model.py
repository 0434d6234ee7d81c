"""Any sequence of calls does what a dictionary would do, in every backend."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, suppress
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from llmspell_kernel.errors import ConflictError
from llmspell_kernel.storage.contract import Storage
from llmspell_kernel.storage.memory import MemoryStorage
from llmspell_kernel.storage.postgres.store import PostgresStorage
from llmspell_kernel.storage.sqlite.store import SqliteStorage

from ..postgres import PostgresServer

EXAMPLES = 1000 if os.environ.get("LLMSPELL_LONG") else 20

_NUMBERS = count()

_CHARACTERS = st.sampled_from("abB\x01\x7f\x80ä\ud7ff\ue000\uffff\U00010000\U0010ffff")

KEYS = st.text(_CHARACTERS, min_size=1, max_size=3)

PREFIXES = st.text(_CHARACTERS, max_size=2)

NAMESPACES = st.sampled_from(["one", "two"])

Model = dict[tuple[str, str], tuple[bytes, int]]


class StorageMachine(RuleBasedStateMachine):
    """Does the same to a store and to a dictionary of values and versions."""

    store: Storage

    def __init__(self) -> None:
        super().__init__()
        self.model: Model = {}
        self.before: Model = {}
        self.open: AbstractContextManager[None] | None = None

    @initialize()
    def empty(self) -> None:
        for namespace in self.store.namespaces():
            for key in self.store.keys(namespace):
                self.store.delete(namespace, key)

    @rule(
        namespace=NAMESPACES,
        key=KEYS,
        value=st.binary(max_size=20),
        expires_in=st.sampled_from([None, None, 3600, -1]),
        expected=st.sampled_from([None, None, 0, 1, 2]),
    )
    def set(
        self, namespace: str, key: str, value: bytes, expires_in: float | None, expected: int | None
    ) -> None:
        version = self.model.get((namespace, key), (b"", 0))[1]
        try:
            written = self.store.set(namespace, key, value, expires_in=expires_in, expected=expected)
        except ConflictError:
            assert expected not in (None, version)
            return
        assert expected in (None, version)
        assert written == version + 1
        if expires_in == -1:
            self.model.pop((namespace, key), None)
        else:
            self.model[namespace, key] = (value, written)

    @rule(namespace=NAMESPACES, key=KEYS, expected=st.sampled_from([None, None, 0, 1, 2]))
    def delete(self, namespace: str, key: str, expected: int | None) -> None:
        version = self.model.get((namespace, key), (b"", 0))[1]
        try:
            deleted = self.store.delete(namespace, key, expected=expected)
        except ConflictError:
            assert expected not in (None, version)
            return
        assert expected in (None, version)
        assert deleted == (version > 0)
        self.model.pop((namespace, key), None)

    @rule(namespace=NAMESPACES, key=KEYS)
    def get(self, namespace: str, key: str) -> None:
        entry = self.store.get(namespace, key)
        found = None if entry is None else (entry.value, entry.version)
        assert found == self.model.get((namespace, key))

    @rule(namespace=NAMESPACES, prefix=PREFIXES, after=PREFIXES, limit=st.integers(0, 4))
    def scan(self, namespace: str, prefix: str, after: str, limit: int) -> None:
        expected = [
            key for key in self.keys(namespace) if key.startswith(prefix) and key.encode() > after.encode()
        ]
        assert self.store.keys(namespace, prefix, after=after, limit=limit) == expected[:limit]
        entries = self.store.scan(namespace, prefix, after=after, limit=limit)
        assert [entry.key for entry in entries] == expected[:limit]
        assert [(entry.value, entry.version) for entry in entries] == [
            self.model[namespace, key] for key in expected[:limit]
        ]
        if not after:
            assert self.store.count(namespace, prefix) == len(expected)

    @precondition(lambda self: self.open is None)
    @rule()
    def begin(self) -> None:
        self.before, self.open = dict(self.model), self.store.transaction()
        self.open.__enter__()

    @precondition(lambda self: self.open is not None)
    @rule()
    def commit(self) -> None:
        assert self.open is not None
        self.open.__exit__(None, None, None)
        self.open = None

    @precondition(lambda self: self.open is not None)
    @rule()
    def roll_back(self) -> None:
        self.leave()
        self.model = self.before

    @rule()
    def purge(self) -> None:
        self.store.purge()

    @invariant()
    def has_the_same_keys(self) -> None:
        for namespace in ("one", "two"):
            assert self.store.keys(namespace) == self.keys(namespace)

    def keys(self, namespace: str) -> list[str]:
        """Those of the model, in order."""
        return sorted((key for space, key in self.model if space == namespace), key=str.encode)

    def leave(self) -> None:
        """Ends the transaction, if there is one, by an error."""
        if self.open is not None:
            error = KeyError("ended")
            with suppress(KeyError):
                self.open.__exit__(KeyError, error, None)
            self.open = None

    def teardown(self) -> None:
        self.leave()


@pytest.mark.parametrize("backend", ["memory", "sqlite", "postgres"])
def test_a_store_is_a_dictionary(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    store: Storage = MemoryStorage()
    if backend == "sqlite":
        store = SqliteStorage(tmp_path / "llmspell.db")
    elif backend == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        store = PostgresStorage(server.url(), tenant_id=f"model-{next(_NUMBERS)}")
    machine = type("Machine", (StorageMachine,), {"store": store})
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        store.close()
