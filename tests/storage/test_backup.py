"""Backups and the archives that they are, over stores of every kind."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import NoSuchThingError, StorageError
from llmspell_kernel.storage.archive import (
    ENTRIES,
    MANIFEST,
    Header,
    check_archive,
    items_of,
    read_archive,
    write_archive,
)
from llmspell_kernel.storage.backup import Backups
from llmspell_kernel.storage.contract import Storage
from llmspell_kernel.storage.memory import MemoryStorage
from llmspell_kernel.storage.restoring import restore
from llmspell_kernel.storage.sqlite.store import SqliteStorage

from .conftest import Opener


def content(store: Storage) -> dict[tuple[str, str], bytes | None]:
    return {(item.namespace, item.key): item.value for item in items_of(store)}


@pytest.fixture
def backups(store: Storage, tmp_path: Path) -> Backups:
    return Backups(store, tmp_path / "backups")


def test_a_store_is_what_it_was(store: Storage, backups: Backups) -> None:
    with store.transaction():
        for number in range(1500):
            store.set("state", f"k{number:04}", bytes([number % 256]) * 10)
    store.set("other", "Grüße", b"", expires_in=1000)
    before = content(store)
    made = backups.create()
    assert made.manifest is not None
    assert (made.manifest.kind, made.manifest.entries) == ("full", {"other": 1, "state": 1500})
    assert made.manifest.backend == store.backend
    assert [each.id for each in backups.all()] == [made.id]

    store.delete("state", "k0000")
    store.set("state", "k0001", b"changed")
    store.set("new", "k", b"1")
    done, safety = backups.restore(made.id)
    assert content(store) == before
    assert (done.written, done.deleted, done.unchanged) == (2, 1, 1499)
    entry = store.get("other", "Grüße")
    assert entry is not None
    assert entry.expires_at is not None
    assert safety is not None
    backups.restore(safety.id)
    assert store.get("new", "k") is not None


def test_incremental_backups_hold_what_has_changed(store: Storage, backups: Backups) -> None:
    store.set("state", "a", b"1")
    store.set("state", "b", b"2")
    full = backups.create(incremental=True)  # there is none before
    store.set("state", "b", b"3")
    store.delete("state", "a")
    first = backups.create(incremental=True)
    # Its version is again what it was in the full one.
    store.set("state", "a", b"other")
    second = backups.create(incremental=True)
    third = backups.create(incremental=True)
    found = [each.manifest for each in (full, first, second, third)]
    assert [(each.kind, each.base, each.entries, each.deleted) for each in found if each is not None] == [
        ("full", "", {"state": 2}, 0),
        ("incremental", full.id, {"state": 1}, 1),
        ("incremental", first.id, {"state": 1}, 0),
        ("incremental", second.id, {}, 0),
    ]
    store.set("state", "c", b"later")
    backups.restore(first.id)
    assert content(store) == {("state", "b"): b"3"}
    backups.restore(third.id)
    assert content(store) == {("state", "a"): b"other", ("state", "b"): b"3"}
    backups.restore(full.id)
    assert content(store) == {("state", "a"): b"1", ("state", "b"): b"2"}


def test_an_archive_of_one_backend_restores_another(open_store: Opener, tmp_path: Path) -> None:
    source, target = open_store(), MemoryStorage()
    source.set("state", "k", b"\xff\x00")
    with (tmp_path / "a.zip").open("w+b") as file:
        write_archive(source, file, Header("a"))
        check_archive(file, "a.zip")
        target.set("state", "mine", b"1")
        assert restore(target, [read_archive(file, "a.zip")], replace=False) == (1, 0, 0)
    assert content(target) == {("state", "k"): b"\xff\x00", ("state", "mine"): b"1"}


def test_what_has_expired_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    store = MemoryStorage()
    store.set("state", "short", b"1", expires_in=0.01)
    backups = Backups(store, tmp_path)
    made = backups.create()
    deadline = time.monotonic() + 10
    while store.get("state", "short") is not None:
        assert time.monotonic() < deadline
    done, _ = backups.restore(made.id)
    assert done.written == 0
    assert content(store) == {}


@pytest.fixture
def sound(tmp_path: Path) -> tuple[Backups, MemoryStorage, Path]:
    """A backup of a small store."""
    store = MemoryStorage()
    for number in range(50):
        store.set("state", f"k{number}", os.urandom(50))
    backups = Backups(store, tmp_path / "backups")
    return backups, store, backups.create().path


def _replace(path: Path, **members: bytes) -> None:
    """Writes the archive anew with other members."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content.update({name.replace("_", "."): data for name, data in members.items()})
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def _manifest(path: Path) -> dict[str, object]:
    with zipfile.ZipFile(path) as archive:
        found: dict[str, object] = json.loads(archive.read(MANIFEST))
        return found


def _entries(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(ENTRIES)


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ENTRIES, b" " * 50_000_000)
        archive.writestr(MANIFEST, json.dumps({**_GOOD, "size_bytes": 100}))


_GOOD = {
    "id": "x", "created_at": 1, "kind": "full", "backend": "memory", "entries": {}, "deleted": 0,
    "size_bytes": 0, "sha256": "", "format": "llmspell-archive", "version": 1,
}  # fmt: skip

DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-200]),
    "the first half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "a text": lambda path: path.write_text("hello"),
    "another zip": lambda path: zipfile.ZipFile(path, "w").close(),
    "an entry less": lambda path: _replace(path, entries_jsonl=_entries(path).split(b"\n", 1)[1]),
    "an entry changed": lambda path: _replace(path, entries_jsonl=_entries(path).replace(b"k1", b"k9", 1)),
    "another format": lambda path: _replace(path, manifest_json=b'{"format": "other"}'),
    "a later version": lambda path: _replace(
        path, manifest_json=json.dumps({**_manifest(path), "version": 99}).encode()
    ),
    "a manifest without fields": lambda path: _replace(path, manifest_json=b'{"format": "llmspell-archive"}'),
    "no JSON": lambda path: _replace(path, entries_jsonl=b"nonsense\n"),
    "a bomb": _bomb,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_and_foreign_files_are_refused_and_harm_nothing(
    sound: tuple[Backups, MemoryStorage, Path], damage: str
) -> None:
    backups, store, path = sound
    DAMAGES[damage](path)
    store.set("state", "later", b"1")
    before = content(store)
    with pytest.raises(StorageError, match=path.name):
        backups.validate(path.stem)
    with pytest.raises(StorageError, match=path.name):
        backups.restore(path.stem)
    assert content(store) == before
    assert len(backups.all()) == 1, "no safety backup for what cannot be restored"
    # A damaged one is no base.
    made = backups.create(incremental=True)
    assert made.manifest is not None
    assert made.manifest.kind == "full"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_is_noticed_or_harmless(
    sound: tuple[Backups, MemoryStorage, Path], data: st.DataObject
) -> None:
    _, store, path = sound
    raw = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    file = io.BytesIO(bytes(raw))
    try:
        check_archive(file, "changed")
    except StorageError:
        return
    assert {(item.namespace, item.key): item.value for item in read_archive(file, "changed")} == content(
        store
    )


def test_a_restore_that_fails_on_the_way_changes_nothing(tmp_path: Path) -> None:
    class Full(MemoryStorage):
        writes = 1_000_000

        def set(
            self,
            namespace: str,
            key: str,
            value: bytes,
            *,
            expires_in: float | None = None,
            expected: int | None = None,
        ) -> int:
            self.writes -= 1
            if self.writes < 0:
                raise StorageError("the disk is full")
            return super().set(namespace, key, value, expires_in=expires_in, expected=expected)

    store = Full()
    for number in range(100):
        store.set("state", f"k{number}", b"old")
    backups = Backups(store, tmp_path)
    made = backups.create()
    for number in range(100):
        store.set("state", f"k{number}", b"new")
    before = content(store)
    store.writes = 50
    with pytest.raises(StorageError, match="the disk is full"):
        backups.restore(made.id)
    assert content(store) == before


def test_a_backup_that_another_needs_stays(store: Storage, backups: Backups) -> None:
    store.set("state", "a", b"1")
    full = backups.create()
    store.set("state", "a", b"2")
    part = backups.create(incremental=True)
    with pytest.raises(StorageError, match=f"{full.id} is needed by {part.id}"):
        backups.delete(full.id)
    backups.delete(part.id)
    backups.delete(full.id)
    assert backups.all() == []


def test_a_chain_with_a_gap_is_refused(store: Storage, backups: Backups) -> None:
    full = backups.create()
    store.set("state", "a", b"2")
    part = backups.create(incremental=True)
    full.path.unlink()
    with pytest.raises(StorageError, match=f"needs the backup {full.id}"):
        backups.restore(part.id)
    assert content(store) == {("state", "a"): b"2"}


def test_cleanup_keeps_what_the_limits_and_the_chains_want(tmp_path: Path) -> None:
    store = MemoryStorage()
    unlimited = Backups(store, tmp_path)
    made = [unlimited.create() for _ in range(3)]
    store.set("state", "a", b"1")
    made += [unlimited.create(incremental=True), unlimited.create()]
    leftover, fresh = tmp_path / ".backup-killed", tmp_path / ".backup-running"
    for path in (leftover, fresh):
        path.write_bytes(b"half a backup")
    os.utime(leftover, (0, 0))

    limited = Backups(store, tmp_path, max_backups=2)
    would = limited.cleanup(dry_run=True)
    assert [each.id for each in would.removed] == [made[1].id, made[0].id]
    assert len(limited.all()) == 5
    done = limited.cleanup()
    # The incremental one needs the full one before it.
    assert (
        {each.id for each in done.kept}
        == {each.id for each in limited.all()}
        == {each.id for each in made[2:]}
    )
    assert not leftover.exists()
    assert fresh.exists()
    assert [each.id for each in Backups(store, tmp_path, max_age=1e-9).cleanup().kept] == [made[4].id]


def test_backups_are_found_by_what_is_typed(
    sound: tuple[Backups, MemoryStorage, Path], tmp_path: Path
) -> None:
    backups, _, path = sound
    second = backups.create()
    assert backups.find("latest").id == second.id
    assert backups.find(path.stem[:-1]).id == path.stem
    assert backups.find(str(path)).id == path.stem
    with pytest.raises(NoSuchThingError, match="2 backups begin with '20'"):
        backups.find("20")
    for name in ("zzz", "", str(tmp_path / "none.zip")):
        with pytest.raises(NoSuchThingError, match="no backup"):
            backups.find(name)


def test_backups_are_for_their_owner_only(sound: tuple[Backups, MemoryStorage, Path]) -> None:
    backups, _, path = sound
    assert path.stat().st_mode & 0o077 == 0
    assert backups.folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="no backup was made"):
        Backups(MemoryStorage(), tmp_path / "file" / "backups").create()


_BACK_UP_FOREVER = """
import sys
from pathlib import Path
from llmspell_kernel.storage.backup import Backups
from llmspell_kernel.storage.sqlite.store import SqliteStorage

backups = Backups(SqliteStorage(Path(sys.argv[1])), Path(sys.argv[2]))
while True:
    backups.create()
    print("made", flush=True)
"""


def test_a_process_that_is_killed_leaves_only_whole_backups(tmp_path: Path) -> None:
    store = SqliteStorage(tmp_path / "store.db")
    with store.transaction():
        for number in range(2000):
            store.set("state", f"k{number}", os.urandom(100))
    folder = tmp_path / "backups"
    command = [sys.executable, "-c", _BACK_UP_FOREVER, str(tmp_path / "store.db"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"made\n"
        process.kill()
    backups = Backups(store, folder)
    assert backups.all()
    for each in backups.all():
        backups.validate(each.id)
    store.close()


_ON_A_FULL_DISK = """
import os, resource, sys
from pathlib import Path
from llmspell_kernel.errors import StorageError
from llmspell_kernel.storage.backup import Backups
from llmspell_kernel.storage.memory import MemoryStorage

store = MemoryStorage()
for number in range(100):
    store.set("state", f"k{number}", os.urandom(1000))
folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    Backups(store, folder).create()
except StorageError as error:
    print(error)
print(list(folder.iterdir()))
"""


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _ON_A_FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "no backup was made" in done.stdout
    assert "File too large" in done.stdout
    assert done.stdout.endswith("[]\n")
