"""The store in a file: the file itself, other programs' files, other processes."""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from llmspell_kernel.errors import StorageError
from llmspell_kernel.storage.contract import Entry
from llmspell_kernel.storage.migrations import Migration, latest, migrations
from llmspell_kernel.storage.sqlite import connection as connection_module
from llmspell_kernel.storage.sqlite import store as store_module
from llmspell_kernel.storage.sqlite.store import APPLICATION_ID, SqliteStorage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a store that nobody has made yet, in a folder that is not there."""
    return tmp_path / "data" / "llmspell" / "llmspell.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStorage]:
    store = SqliteStorage(path)
    yield store
    store.close()


class TestFile:
    def test_nobody_else_may_read_it(self, store: SqliteStorage, path: Path) -> None:
        store.set("space", "key", b"x")
        assert path.parent.stat().st_mode & 0o777 == 0o700
        files = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
        assert files == {"llmspell.db": 0o600, "llmspell.db-wal": 0o600, "llmspell.db-shm": 0o600}

    def test_closed_it_is_one_file(self, store: SqliteStorage, path: Path) -> None:
        store.set("space", "key", b"x")
        threads = [threading.Thread(target=store.get, args=("space", "key")) for _ in range(3)]
        for thread in threads:
            thread.start()
            thread.join()
        store.close()
        assert [file.name for file in path.parent.iterdir()] == ["llmspell.db"]

    def test_threads_that_have_ended_hold_nothing(self, store: SqliteStorage, path: Path) -> None:
        def open_files() -> int:
            return sum(Path(file.path).parent == path.parent for file in psutil.Process().open_files())

        store.set("space", "key", b"x")
        before = open_files()
        for _ in range(20):
            thread = threading.Thread(target=store.set, args=("space", "key", b"y"))
            thread.start()
            thread.join()
        # SQLite keeps a descriptor for the next connection: to close it would be to lose the locks.
        assert open_files() <= before + 1

    def test_it_says_whose_it_is_and_writes_through(self, store: SqliteStorage, path: Path) -> None:
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        details = store.info().details
        assert details["journal_mode"] == "wal"
        assert details["synchronous"] == "FULL"
        assert store.info().location == str(path)

    @pytest.mark.parametrize("replaced", [False, True])
    def test_a_file_that_is_taken_away_is_noticed(
        self, store: SqliteStorage, path: Path, replaced: bool
    ) -> None:
        store.set("space", "key", b"x")
        path.unlink()
        if replaced:
            SqliteStorage(path).close()
        for act in (lambda: store.set("space", "key", b"y"), lambda: store.get("space", "key")):
            with pytest.raises(
                StorageError, match="removed or replaced while it was open: start this program"
            ):
                act()

    def test_network_file_systems(self, path: Path) -> None:
        with closing(SqliteStorage(path, "DELETE")) as store:
            store.set("space", "key", b"x")
            assert store.info().details["journal_mode"] == "delete"
            assert not path.with_name("llmspell.db-wal").exists()

    def test_names_that_addresses_would_understand(self, tmp_path: Path) -> None:
        path = tmp_path / "a?mode=ro#b%20c" / "ä b.db"
        with closing(SqliteStorage(path)) as store:
            store.set("space", "key", b"x")
        assert path.is_file()


class TestOtherFiles:
    def test_no_database(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.txt"
        path.write_text("Dear diary, " * 200)
        with pytest.raises(
            StorageError, match=r"notes\.txt: it is no SQLite database: move the file away, or"
        ):
            SqliteStorage(path)
        assert path.read_text() == "Dear diary, " * 200

    def test_another_programs_database(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("CREATE TABLE recipe (name TEXT)")
            raw.commit()
        before = path.read_bytes()
        with pytest.raises(StorageError, match="a database of another program: choose another path"):
            SqliteStorage(path)
        assert path.read_bytes() == before

    def test_no_path(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match=r"it cannot be made: .*embedded null .*; choose another path"):
            SqliteStorage(tmp_path / "a\0b" / "llmspell.db")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="it is a folder: name a file in it"):
            SqliteStorage(tmp_path)

    def test_a_pipe(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(StorageError, match="it is no ordinary file: name another one"):
            SqliteStorage(tmp_path / "pipe")

    def test_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StorageError, match=r"it cannot be made: .*; choose another path"):
            SqliteStorage(tmp_path / "file" / "llmspell.db")

    def test_a_later_version(self, store: SqliteStorage, path: Path) -> None:
        store.close()
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("PRAGMA user_version = 99")
        with pytest.raises(
            StorageError, match="its schema has version 99, and this llmspell-kernel knows up"
        ):
            SqliteStorage(path)

    def test_damage(self, store: SqliteStorage, path: Path) -> None:
        for number in range(500):
            store.set("space", f"{number:03}", b"x" * 1000)
        store.close()
        content, kept = path.read_bytes(), 5 * 4096
        # The first pages have the schema; without them it would be no store at all.
        path.write_bytes(content[:kept] + random.Random(1).randbytes(len(content) - kept))
        with closing(SqliteStorage(path)) as damaged:
            assert damaged.validate() != []
            assert all(str(path) in problem for problem in damaged.validate())
            with pytest.raises(StorageError, match="the file is damaged: move it away and restore a backup"):
                damaged.scan("space")

    @pytest.mark.parametrize("read_only", ["file", "folder"])
    def test_read_only(self, read_only: str) -> None:
        # pytest's own folders are closed to everybody else.
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            path = Path(folder, "llmspell.db")
            with closing(SqliteStorage(path)) as store:
                store.set("space", "key", b"x")
            path.chmod(0o444 if read_only == "file" else 0o666)
            Path(folder).chmod(0o777 if read_only == "file" else 0o555)
            with (
                _as_nobody(),
                pytest.raises(StorageError, match=r"and its (folder|files) writable, or choose"),
            ):
                SqliteStorage(path).set("space", "key", b"y")
            Path(folder).chmod(0o700)
            with closing(SqliteStorage(path)) as store:
                assert store.get("space", "key") == Entry("key", b"x", 1)


class TestMigrations:
    @pytest.mark.parametrize("version", [step.version for step in migrations("sqlite")[:-1]])
    def test_each_earlier_version_is_brought_up_to_date(self, path: Path, version: int) -> None:
        path.parent.mkdir(parents=True)
        with closing(sqlite3.connect(path)) as raw:
            for migration in (step for step in migrations("sqlite") if step.version <= version):
                for statement in migration.statements:
                    raw.execute(statement)
            raw.execute(
                "INSERT INTO entry (namespace, key, version, value) VALUES ('space', 'key', 7, x'00')"
            )
            raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            raw.execute(f"PRAGMA user_version = {version}")
            raw.commit()
        with closing(SqliteStorage(path)) as store:
            assert store.info().schema_version == latest("sqlite")
            assert store.get("space", "key") == Entry("key", b"\0", 7)
            assert store.validate() == []

    def test_one_that_fails_changes_nothing(
        self, store: SqliteStorage, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.set("space", "key", b"x")
        store.close()
        broken = Migration(
            latest("sqlite") + 1, "broken", ("CREATE TABLE half (a);", "CREATE TABLE half (a);")
        )
        with monkeypatch.context() as patch:
            patch.setattr(store_module, "after", lambda dialect, version: [broken])
            patch.setattr(store_module, "latest", lambda dialect: broken.version)
            with pytest.raises(StorageError, match="table half already exists"):
                SqliteStorage(path)
        with closing(SqliteStorage(path)) as again:
            assert again.get("space", "key") == Entry("key", b"x", 1)
            assert again.info().schema_version == latest("sqlite")
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("SELECT name FROM sqlite_schema WHERE name = 'half'").fetchall() == []


class TestWaiting:
    def test_a_writer_waits_for_another(self, store: SqliteStorage, path: Path) -> None:
        with closing(SqliteStorage(path)) as other:
            writer = threading.Thread(target=other.set, args=("space", "theirs", b""))
            with store.transaction():
                store.set("space", "mine", b"")
                writer.start()
                assert other.keys("space") == []
            writer.join()
            assert other.keys("space") == ["mine", "theirs"]

    def test_but_not_for_ever(
        self, store: SqliteStorage, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection_module, "PATIENCE_SECONDS", 0)
        with closing(SqliteStorage(path)) as other, store.transaction():
            with pytest.raises(StorageError, match="have been writing to it all the time: try again"):
                other.set("space", "key", b"")
            with pytest.raises(StorageError, match="all the time"), other.transaction():
                raise AssertionError("this must not be reached")

    def test_an_interrupt_ends_it(
        self, store: SqliteStorage, path: Path, interrupt_soon: Callable[[], None]
    ) -> None:
        with closing(SqliteStorage(path)) as other, store.transaction():
            interrupt_soon()
            with pytest.raises(KeyboardInterrupt):
                other.set("space", "key", b"")
        assert store.get("space", "key") is None
        assert store.set("space", "key", b"") == 1

    def test_interrupts_leave_no_transaction_and_take_nothing_back(
        self, store: SqliteStorage, path: Path, interrupt_soon: Callable[..., None]
    ) -> None:
        with closing(SqliteStorage(path)) as other:
            written = 0
            for turn in range(300):
                try:
                    interrupt_soon(0.0002 + turn % 40 * 0.00005)
                    while True:
                        with store.transaction():
                            store.set("space", "first", b"%d" % written)
                            store.set("space", "second", b"%d" % written)
                        written += 1
                except KeyboardInterrupt:
                    pass
                assert other.set("space", "others", b"") == turn + 1  # at once, or the test takes for ever
                first, second = other.get("space", "first"), other.get("space", "second")
                if first is None or second is None:
                    assert written == 0
                    continue
                # An interrupt may come after the commit, before anybody has been told of it.
                assert first.value == second.value and int(first.value) in (written - 1, written)
                written = int(first.value) + 1


@pytest.mark.parametrize("damage", ["cut", "zeros", "noise"])
def test_a_log_that_a_power_failure_has_torn_ends_with_a_whole_transaction(
    store: SqliteStorage, path: Path, tmp_path: Path, damage: str
) -> None:
    for number in range(40):
        with store.transaction():
            for part in range(3):
                store.set("whole", f"{number:02}/{part}", b"%d" % number * 800)
    content, log, choice = path.read_bytes(), path.with_name("llmspell.db-wal").read_bytes(), random.Random(2)
    lengths = set()
    for turn in range(12):
        kept = choice.randrange(len(log))
        rest = {"cut": b"", "zeros": bytes(len(log) - kept), "noise": choice.randbytes(len(log) - kept)}
        torn = tmp_path / str(turn) / "llmspell.db"
        torn.parent.mkdir()
        torn.write_bytes(content)
        torn.with_name("llmspell.db-wal").write_bytes(log[:kept] + rest[damage])
        with closing(SqliteStorage(torn)) as found:
            assert found.validate() == []
            keys = found.keys("whole")
            lengths.add(len(keys))
            assert keys == [f"{number:02}/{part}" for number in range(len(keys) // 3) for part in range(3)]
            for entry in found.scan("whole"):
                assert entry.value == b"%d" % int(entry.key[:2]) * 800
    assert len(lengths) > 5


def test_a_transaction_that_the_disk_has_ended_stays_ended(store: SqliteStorage) -> None:
    """What comes after the failure must not be kept alone."""
    store.set("space", "before", b"x")
    connection = store._connection()
    connection.run(f"PRAGMA max_page_count = {store.info().size_bytes // 4096 + 5}")
    with pytest.raises(StorageError, match="the disk is full"), store.transaction():
        store.set("space", "first", b"x")
        with pytest.raises(StorageError, match="the disk is full"):
            store.set("space", "large", b"x" * 1_000_000)
        with pytest.raises(StorageError, match="the disk is full"):
            store.set("space", "after", b"x")
    assert store.keys("space") == ["before"]
    assert store.set("space", "small", b"x") == 1


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Without root's right to write everywhere."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
