"""What has been confirmed is there, whoever dies, and whatever others write."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmspell_kernel.errors import StorageError

from ..postgres import PostgresServer
from .programs import ROOT, WHOLE, command, open_at, start, value_of

LONG = bool(os.environ.get("LLMSPELL_LONG"))

KILLS = 100 if LONG else 4

pytestmark = pytest.mark.timeout(1800 if LONG else 300)

COUNTS = 2000 if LONG else 100


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store is."""
    if request.param == "sqlite":
        return str(tmp_path / "llmspell.db")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database()


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that may be killed, if it is started again."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def test_a_killed_writer_loses_nothing_that_was_confirmed(location: str) -> None:
    choice, confirmed, first = random.Random(5), set[str](), 0
    for _ in range(KILLS):
        last = _write_until(location, first, choice.randrange(1, 120))
        first += 1000
        _check(location, last)
        confirmed |= last
    _check(location, confirmed)


def test_writers_that_count_together_lose_nothing(location: str) -> None:
    counters = [start("count", location, COUNTS) for _ in range(3)]
    for counter in counters:
        assert counter.stdout is not None
        assert counter.stdout.readline() == "ready\n"
    said = [counter.communicate("\n", timeout=300)[0] for counter in counters]
    assert [counter.returncode for counter in counters] == [0, 0, 0], said
    store = open_at(location)
    entry = store.get("count", "er")
    store.close()
    assert entry is not None
    assert (int(entry.value), entry.version) == (3 * COUNTS, 3 * COUNTS)


def test_a_killed_server_loses_nothing_that_it_confirmed(own_server: PostgresServer) -> None:
    own_server.execute("CREATE DATABASE mine")
    location, confirmed, choice = own_server.url("mine"), set[str](), random.Random(7)
    store = open_at(location)
    for turn in range(20 if LONG else 1):
        writer = start("write", location, turn * 1000)
        assert writer.stdout is not None
        for _ in range(choice.randrange(20, 100)):
            confirmed.add(writer.stdout.readline().strip())
        own_server.kill()
        *rest, error = writer.communicate(timeout=60)[0].splitlines()
        assert error.startswith("error the store postgresql://"), error
        assert writer.returncode == 0
        confirmed |= set(rest)
        own_server.start()
        # A store that was open all the time goes on, too.
        store.set("turn", str(turn), b"")
        assert store.count("turn") == turn + 1
        _check(location, confirmed)
    store.close()


def test_a_server_that_was_restarted_is_found_again(own_server: PostgresServer) -> None:
    store = open_at(own_server.url())
    store.set("space", "key", b"before")
    own_server.stop()
    own_server.start()
    assert store.set("space", "key", b"after") == 2
    own_server.stop()
    own_server.start()
    entry = store.get("space", "key")
    assert entry is not None and entry.value == b"after"
    own_server.stop()
    own_server.start()
    with store.transaction():
        store.set("space", "key", b"at last")
    store.close()


@pytest.mark.parametrize("limit", ["disk", "file"])
def test_a_full_disk_keeps_what_is_there_and_takes_no_half(tmp_path: Path, limit: str) -> None:
    line = command("fill", tmp_path, limit)
    if limit == "disk":
        # A small disk of its own, which goes when the program ends.
        disk = 'mount -t tmpfs -o size=1m none "$0" && exec "$@"'
        line = ["unshare", "--map-root-user", "--mount", "sh", "-c", disk, str(tmp_path), *line]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120)
    if limit == "disk" and done.stderr.startswith(("unshare:", "mount:")):
        pytest.skip("this machine lets nobody mount a disk; the test with a limit on files has run")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert len(said["kept"]) > 10
    assert said["found"] == sorted(said["kept"])
    assert said["problems"] == []
    assert said["again"] == sorted([*said["kept"], "after"])
    expected = (
        "the disk is full: free some space" if limit == "disk" else "the disk cannot be read or written"
    )
    assert expected in said["error"]


def test_a_full_disk_of_the_server_takes_no_half(own_server: PostgresServer) -> None:
    store, kept, value = open_at(own_server.url()), [], random.Random(1).randbytes(1_000_000)
    store.keys("full")
    own_server.limit_files(20_000_000)  # its log has files of 16 MiB
    with pytest.raises(StorageError, match="could not extend file"):
        for number in range(0, 100, 2):
            with store.transaction():
                for part in (number, number + 1):
                    store.set("full", f"{part:02}", value)
            kept += [f"{number:02}", f"{number + 1:02}"]
    assert len(kept) > 10
    assert store.keys("full") == kept
    own_server.limit_files(None)
    store.set("full", "after", value)
    assert all(entry.value == value for entry in store.scan("full"))
    assert store.keys("full") == [*kept, "after"]
    store.close()


def test_a_store_may_be_used_in_a_forked_process(location: str) -> None:
    done = subprocess.run(command("fork", location), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [0, 0, ["before", "child", "parent"]]


def test_many_open_a_new_store_at_once(location: str) -> None:
    openers = [start("open", location) for _ in range(5)]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("\n")
        opener.stdin.flush()
    pids = [opener.communicate(timeout=60)[0].strip() for opener in openers]
    assert [opener.returncode for opener in openers] == [0] * 5
    store = open_at(location)
    assert store.keys("opened") == sorted(pids)
    store.close()


def _write_until(location: str, first: int, lines: int) -> set[str]:
    """What a writer confirmed before it was killed, some lines after `lines` of them."""
    writer = start("write", location, first)
    assert writer.stdout is not None
    said = [writer.stdout.readline() for _ in range(lines)]
    writer.kill()
    # A last line may be cut: what is not whole was not confirmed.
    said += writer.communicate(timeout=60)[0].splitlines(keepends=True)
    assert not any(line.startswith("error") for line in said), said[-1]
    return {line.strip() for line in said if line.endswith("\n")}


def _check(location: str, confirmed: set[str]) -> None:
    """Everything is there that was confirmed, and nothing by halves."""
    store = open_at(location)
    try:
        assert store.validate() == []
        for line in confirmed:
            kind, number = line.split()
            keys = [f"{int(number):08}"]
            if kind == "whole":
                keys = [f"{keys[0]}/{part}" for part in range(WHOLE)]
            for key in keys:
                entry = store.get(kind, key)
                assert entry is not None, (kind, key)
                assert entry.value == value_of(int(number))
        assert store.count("whole") % WHOLE == 0
    finally:
        store.close()
