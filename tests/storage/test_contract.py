"""The contract of storage, for every backend alike."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmspell_kernel.errors import ConflictError, StorageError, StorageKeyError
from llmspell_kernel.storage.contract import MAX_KEY_BYTES, TIDY_EVERY, Entry, Storage
from llmspell_kernel.storage.migrations import latest

from .conftest import Opener

KEYS_IN_ORDER = ["A", "Z", "a", "a b", "a%", "a.", "a_", "aa", "b", "z", "ä", "ï", "退", "\ufffd", "𝄞"]
"""As their UTF-8 bytes compare, which is neither a dictionary's order nor that of UTF-16."""


class TestValues:
    def test_what_was_written_is_read(self, store: Storage) -> None:
        assert store.set("space", "key", b"value") == 1
        assert store.get("space", "key") == Entry("key", b"value", 1, None)

    @pytest.mark.parametrize("value", [b"", b"\0", bytes(range(256)), b"x" * 5_000_000])
    def test_bytes_stay_as_they_are(self, store: Storage, value: bytes) -> None:
        store.set("space", "key", value)
        entry = store.get("space", "key")
        assert entry is not None
        assert entry.value == value
        assert type(entry.value) is bytes

    def test_nothing_is_none(self, store: Storage) -> None:
        store.set("space", "other", b"")
        store.set("other", "key", b"")
        assert store.get("space", "key") is None

    def test_each_write_adds_one_to_the_version(self, store: Storage) -> None:
        assert [store.set("space", "key", b"x") for _ in range(3)] == [1, 2, 3]

    def test_a_key_that_comes_back_begins_anew(self, store: Storage) -> None:
        store.set("space", "key", b"x")
        store.set("space", "key", b"y")
        assert store.delete("space", "key")
        assert store.get("space", "key") is None
        assert not store.delete("space", "key")
        assert store.set("space", "key", b"z") == 1

    @pytest.mark.parametrize("key", [*KEYS_IN_ORDER, "x" * MAX_KEY_BYTES, "'; DROP TABLE entry; --", "\n"])
    def test_keys_are_any_text(self, store: Storage, key: str) -> None:
        store.set(key, key, b"x")
        assert store.keys(key) == [key]
        assert store.namespaces() == [key]

    @pytest.mark.parametrize("key", ["", "a\0b", "\ud800", "x" * (MAX_KEY_BYTES + 1), "ä" * MAX_KEY_BYTES])
    def test_what_not_every_store_can_keep_is_refused(self, store: Storage, key: str) -> None:
        for namespace, name in ((key, "key"), ("space", key)):
            for act in (store.get, store.delete, lambda a, b: store.set(a, b, b"")):
                with pytest.raises(StorageKeyError, match="namespace" if namespace == key else "key"):
                    act(namespace, name)
        assert store.namespaces() == []


class TestCompareAndSet:
    def test_only_where_nothing_is(self, store: Storage) -> None:
        assert store.set("space", "key", b"first", expected=0) == 1
        with pytest.raises(ConflictError, match="nothing was expected, but version 1 is there"):
            store.set("space", "key", b"second", expected=0)
        assert store.get("space", "key") == Entry("key", b"first", 1)

    def test_only_the_version_that_was_read(self, store: Storage) -> None:
        version = store.set("space", "key", b"first")
        assert store.set("space", "key", b"second", expected=version) == 2
        with pytest.raises(ConflictError, match="version 1 was expected, but version 2 is there"):
            store.set("space", "key", b"third", expected=version)
        assert store.get("space", "key") == Entry("key", b"second", 2)

    def test_not_where_nothing_is_left(self, store: Storage) -> None:
        with pytest.raises(ConflictError, match="version 3 was expected, but nothing is there"):
            store.set("space", "key", b"x", expected=3)
        assert store.get("space", "key") is None

    def test_delete(self, store: Storage) -> None:
        store.set("space", "key", b"x")
        store.set("space", "key", b"y")
        with pytest.raises(ConflictError, match="version 1 was expected"):
            store.delete("space", "key", expected=1)
        assert store.delete("space", "key", expected=2)
        with pytest.raises(ConflictError):
            store.delete("space", "key", expected=2)
        assert store.delete("space", "key", expected=0) is False

    def test_of_many_threads_one_is_first(self, open_store: Opener) -> None:
        stores, gate = [open_store() for _ in range(4)], threading.Barrier(4)

        def create(store: Storage) -> bool:
            gate.wait()
            try:
                store.set("space", "key", b"x", expected=0)
            except ConflictError:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(create, stores)) == 1


class TestExpiry:
    @pytest.fixture
    def expired(self, store: Storage) -> Storage:
        """Has one key of five that is not there anymore."""
        for key in "abcde":
            store.set("space", key, b"x", expires_in=-1 if key == "c" else 3600)
        return store

    def test_what_has_expired_is_not_there(self, expired: Storage) -> None:
        assert expired.get("space", "c") is None
        assert expired.keys("space") == ["a", "b", "d", "e"]
        assert [entry.key for entry in expired.scan("space")] == ["a", "b", "d", "e"]
        assert expired.count("space") == 4
        assert not expired.delete("space", "c")
        assert expired.info().entries == {"space": 4}

    def test_a_limit_counts_only_what_is_there(self, expired: Storage) -> None:
        assert expired.keys("space", limit=3) == ["a", "b", "d"]

    def test_its_key_is_free(self, expired: Storage) -> None:
        with pytest.raises(ConflictError, match="nothing is there"):
            expired.set("space", "c", b"y", expected=1)
        assert expired.set("space", "c", b"y", expected=0) == 1

    def test_written_again_it_is_new(self, expired: Storage) -> None:
        expired.set("space", "c", b"y", expires_in=-1)
        assert expired.set("space", "c", b"z") == 1
        assert expired.get("space", "c") == Entry("c", b"z", 1)

    def test_a_write_without_end_takes_the_end_away(self, expired: Storage) -> None:
        before = expired.get("space", "a")
        assert before is not None and before.expires_at is not None
        assert expired.set("space", "a", b"x", expected=1) == 2
        assert expired.get("space", "a") == Entry("a", b"x", 2, None)

    def test_a_namespace_of_expired_entries_is_none(self, store: Storage) -> None:
        store.set("gone", "key", b"", expires_in=0)
        assert store.namespaces() == []

    def test_purge_removes_only_what_has_expired(self, expired: Storage) -> None:
        expired.set("other", "key", b"", expires_in=-5)
        assert expired.purge() == 2
        assert expired.purge() == 0
        assert expired.keys("space") == ["a", "b", "d", "e"]

    def test_whoever_writes_what_expires_tidies_up(self, store: Storage) -> None:
        for number in range(3 * TIDY_EVERY):
            store.set("space", str(number), b"", expires_in=-1)
        assert store.purge() < TIDY_EVERY

    def test_but_not_within_a_transaction(self, store: Storage) -> None:
        with store.transaction():
            for number in range(2 * TIDY_EVERY):
                store.set("space", str(number), b"", expires_in=-1)
        assert store.purge() == 2 * TIDY_EVERY


class TestScans:
    @pytest.fixture
    def filled(self, store: Storage) -> Storage:
        """Has `KEYS_IN_ORDER`, written in another order."""
        for key in reversed(KEYS_IN_ORDER):
            store.set("space", key, key.encode())
        store.set("neighbour", "a", b"")
        return store

    def test_keys_are_in_the_order_of_their_bytes(self, filled: Storage) -> None:
        assert filled.keys("space") == KEYS_IN_ORDER
        assert [entry.key for entry in filled.scan("space")] == KEYS_IN_ORDER
        assert [entry.value.decode() for entry in filled.scan("space")] == KEYS_IN_ORDER

    @pytest.mark.parametrize("prefix", ["a", "a_", "a%", "A", "ä", "𝄞", "none", "aa", "\U0010ffff", "\ud7ff"])
    def test_a_prefix_is_plain_text(self, filled: Storage, prefix: str) -> None:
        expected = [key for key in KEYS_IN_ORDER if key.startswith(prefix)]
        assert filled.keys("space", prefix) == expected
        assert filled.count("space", prefix) == len(expected)

    def test_the_last_characters_of_all(self, store: Storage) -> None:
        keys = ["\ud7ff", "\ud7ff\U0010ffff", "\ue000", "\U0010ffff", "\U0010ffff" * (MAX_KEY_BYTES // 4)]
        for key in keys:
            store.set("space", key, b"")
        assert store.keys("space", "\ud7ff") == keys[:2]
        assert store.keys("space", "\ud7ff\U0010ffff") == keys[1:2]
        assert store.keys("space", "\U0010ffff") == keys[3:]
        assert store.keys("space") == keys

    def test_pages_have_each_key_once(self, filled: Storage) -> None:
        found, after = [], ""
        while page := filled.keys("space", after=after, limit=2):
            found += page
            after = page[-1]
        assert found == KEYS_IN_ORDER

    def test_a_page_within_a_prefix(self, filled: Storage) -> None:
        assert filled.keys("space", "a", after="a%", limit=2) == ["a.", "a_"]
        assert filled.keys("space", "a", after="Z") == [key for key in KEYS_IN_ORDER if key[0] == "a"]
        assert filled.keys("space", "a", after="b") == []
        assert filled.keys("space", after="a!") == KEYS_IN_ORDER[4:]

    def test_limits(self, filled: Storage) -> None:
        assert filled.keys("space", limit=0) == []
        assert filled.scan("space", limit=-1) == []
        with filled.transaction():
            for number in range(1100):
                filled.set("many", f"{number:04}", b"")
        assert len(filled.keys("many")) == len(filled.scan("many")) == 1000
        assert filled.count("many") == 1100

    def test_text_that_no_key_has_is_refused(self, store: Storage) -> None:
        for text in ("\0", "\udfff"):
            with pytest.raises(StorageKeyError):
                store.keys("space", text)
            with pytest.raises(StorageKeyError):
                store.scan("space", after=text)
            with pytest.raises(StorageKeyError):
                store.count("space", text)

    def test_namespaces(self, filled: Storage) -> None:
        assert filled.namespaces() == ["neighbour", "space"]
        filled.delete("neighbour", "a")
        assert filled.namespaces() == ["space"]


class _OwnError(Exception):
    """Raised by a test."""


class TestTransactions:
    def test_is_kept_as_a_whole(self, open_store: Opener) -> None:
        store, other = open_store(), open_store()
        store.set("space", "old", b"x")
        with store.transaction():
            store.set("space", "new", b"y")
            store.delete("space", "old")
            assert store.keys("space") == ["new"]
        assert other.keys("space") == ["new"]

    @pytest.mark.parametrize("error", [_OwnError, KeyboardInterrupt])
    def test_what_fails_has_not_happened(self, store: Storage, error: type[BaseException]) -> None:
        store.set("space", "changed", b"before")
        store.set("space", "deleted", b"before")
        with pytest.raises(error), store.transaction():
            store.set("space", "changed", b"after")
            store.set("space", "changed", b"after that", expires_in=-1)
            store.delete("space", "deleted")
            store.set("space", "created", b"after")
            store.set("elsewhere", "created", b"after")
            raise error
        assert store.scan("space") == [Entry("changed", b"before", 1), Entry("deleted", b"before", 1)]
        assert store.namespaces() == ["space"]
        assert store.set("space", "changed", b"again") == 2

    def test_each_thread_knows_whether_it_is_in_one(self, store: Storage) -> None:
        def here() -> bool:
            return store.in_transaction

        assert not here()
        with store.transaction():
            with store.transaction():
                assert here()
            assert here()
            with ThreadPoolExecutor(1) as pool:
                assert not pool.submit(here).result()
        with pytest.raises(_OwnError), store.transaction():
            raise _OwnError
        assert not here()

    def test_one_within_another_is_part_of_it(self, store: Storage) -> None:
        with pytest.raises(_OwnError), store.transaction():
            with store.transaction():
                store.set("space", "inner", b"")
            assert store.keys("space") == ["inner"]
            raise _OwnError
        assert store.keys("space") == []
        with store.transaction():
            with store.transaction():
                store.set("space", "inner", b"")
            store.set("space", "outer", b"")
        assert store.keys("space") == ["inner", "outer"]

    def test_one_within_another_is_undone_by_itself(self, store: Storage) -> None:
        store.set("space", "changed", b"0")
        with store.transaction():
            store.set("space", "changed", b"1")
            with pytest.raises(_OwnError), store.transaction():
                store.set("space", "changed", b"2")
                with store.transaction():
                    store.set("space", "deepest", b"")
                raise _OwnError
            with store.transaction():
                assert [each.value for each in store.scan("space")] == [b"1"]
                store.set("space", "kept", b"")
        assert store.keys("space") == ["changed", "kept"]

    def test_a_conflict_leaves_the_rest_to_the_caller(self, store: Storage) -> None:
        store.set("space", "taken", b"")
        with store.transaction():
            store.set("space", "before", b"")
            with pytest.raises(ConflictError):
                store.set("space", "taken", b"", expected=0)
            store.set("space", "after", b"")
        assert store.keys("space") == ["after", "before", "taken"]

    def test_others_see_nothing_before_its_end(self, open_store: Opener) -> None:
        store, other = open_store(), open_store()
        store.set("space", "key", b"before")
        seen: list[object] = []

        def look() -> None:
            seen.append(other.get("space", "key"))

        reader = threading.Thread(target=look)
        with store.transaction():
            store.set("space", "key", b"after")
            reader.start()
            if store.backend != "memory":  # where readers wait
                reader.join()
        reader.join()
        assert seen == [
            Entry("key", b"after", 2) if store.backend == "memory" else Entry("key", b"before", 1)
        ]

    def test_what_it_has_read_stays(self, open_store: Opener) -> None:
        store, other = open_store(), open_store()
        store.set("space", "key", b"before")
        writer = threading.Thread(target=other.set, args=("space", "key", b"after"))
        with store.transaction():
            first = store.get("space", "key")
            writer.start()
            if store.backend == "postgres":  # where writers do not wait
                writer.join()
            assert store.get("space", "key") == first
        writer.join()
        assert store.get("space", "key") == Entry("key", b"after", 2)

    def test_counting_together_loses_nothing(self, open_store: Opener) -> None:
        def count(store: Storage) -> None:
            for _ in range(10):
                _retry(lambda: _add_one(store))

        stores = [open_store() for _ in range(3)]
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(count, stores))
        entry = stores[0].get("space", "counter")
        assert entry is not None
        assert (int(entry.value), entry.version) == (30, 30)

    def test_two_that_read_what_the_other_writes_do_not_both_end_well(self, open_store: Opener) -> None:
        """On call are two; each may go if the other stays."""
        stores, gate = [open_store(), open_store()], threading.Barrier(2)
        for name in ("ada", "bob"):
            stores[0].set("on call", name, b"")

        def leave(store: Storage, name: str) -> None:
            gate.wait()

            def go() -> None:
                with store.transaction():
                    if store.count("on call") == 2:
                        store.delete("on call", name)

            _retry(go)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(leave, stores, ("ada", "bob")))
        assert stores[0].count("on call") == 1


class TestLife:
    @pytest.mark.parametrize("open_store", ["sqlite", "postgres"], indirect=True)
    def test_what_was_written_is_there_in_the_next_store(self, open_store: Opener) -> None:
        store = open_store()
        store.set("space", "key", b"value", expires_in=3600)
        before = store.get("space", "key")
        store.close()
        assert open_store().get("space", "key") == before

    def test_a_closed_store_says_so(self, store: Storage) -> None:
        store.close()
        store.close()
        for act in (
            lambda: store.get("space", "key"),
            lambda: store.set("space", "key", b""),
            lambda: store.delete("space", "key"),
            lambda: store.keys("space"),
            lambda: store.count("space"),
            store.namespaces,
            store.purge,
            store.info,
            lambda: store.transaction().__enter__(),
        ):
            with pytest.raises(StorageError, match="closed; open it again"):
                act()

    def test_closing_lets_a_transaction_end(self, store: Storage) -> None:
        inside, closed = threading.Event(), threading.Event()

        def work() -> list[str]:
            with store.transaction():
                store.set("space", "first", b"")
                inside.set()
                closed.wait(10)
                if store.backend != "memory":  # whose end this is
                    store.set("space", "second", b"")
                    return store.keys("space")
            return ["first", "second"]

        with ThreadPoolExecutor(1) as pool:
            if store.backend == "memory":
                closed.set()
            worked = pool.submit(work)
            inside.wait(10)
            store.close()
            closed.set()
            assert worked.result() == ["first", "second"]

    def test_info(self, store: Storage) -> None:
        empty = store.info()
        store.set("space", "a", b"x" * 100_000)
        store.set("space", "b", b"")
        store.set("other", "c", b"")
        info = store.info()
        assert info.backend == store.backend
        assert info.location
        assert info.entries == {"other": 1, "space": 2}
        assert info.size_bytes >= empty.size_bytes + 90_000
        expected = (
            0 if store.backend == "memory" else latest("sqlite" if store.backend == "sqlite" else "postgres")
        )
        assert info.schema_version == expected

    def test_a_sound_store_is_valid(self, store: Storage) -> None:
        store.set("space", "key", b"")
        assert store.validate() == []


def _add_one(store: Storage) -> None:
    with store.transaction():
        entry = store.get("space", "counter")
        store.set("space", "counter", b"%d" % (1 if entry is None else int(entry.value) + 1))


def _retry(act: Callable[[], None]) -> None:
    for _ in range(1000):
        try:
            return act()
        except ConflictError:
            continue
    raise AssertionError("another writer was faster 1,000 times")
