"""Programs that use a store in a process of their own: `python -m tests.storage.programs NAME ...`."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from llmspell_kernel.errors import ConflictError, StorageError
from llmspell_kernel.storage.contract import Storage

ROOT = Path(__file__).parents[2]

WHOLE = 5
"""How many entries each transaction of `write` makes."""


def command(name: str, *arguments: object) -> list[str]:
    """The command line of a program."""
    return [sys.executable, "-m", "tests.storage.programs", name, *map(str, arguments)]


def start(name: str, *arguments: object) -> subprocess.Popen[str]:
    """Starts a program, with pipes."""
    return subprocess.Popen(
        command(name, *arguments), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def open_at(location: str) -> Storage:
    """The store of an address, or of a path."""
    if location.startswith("postgresql:"):
        from llmspell_kernel.storage.postgres.store import PostgresStorage

        return PostgresStorage(location)
    from llmspell_kernel.storage.sqlite.store import SqliteStorage

    return SqliteStorage(Path(location))


def value_of(number: int) -> bytes:
    """What `write` writes as this number: some are long."""
    return b"%d" % number * (1 + number * 7919 % 3000)


def write(location: str, first: str) -> None:
    """Writes for ever, and prints each number when it has been kept; ends with the error, if there is one."""
    store, number = open_at(location), int(first)
    try:
        while True:
            store.set("single", f"{number:08}", value_of(number))
            print(f"single {number}", flush=True)
            with store.transaction():
                for part in range(WHOLE):
                    store.set("whole", f"{number:08}/{part}", value_of(number))
            print(f"whole {number}", flush=True)
            number += 1
    except StorageError as error:
        print(f"error {error}", flush=True)


def count(location: str, times: str) -> None:
    """Adds to a counter, by compare-and-set and by transactions; prints how often another one was faster."""
    store, conflicts, done = open_at(location), 0, 0
    print("ready", flush=True)
    sys.stdin.readline()
    while done < int(times):
        try:
            if done % 2:
                with store.transaction():
                    entry = store.get("count", "er")
                    store.set("count", "er", b"%d" % (1 if entry is None else int(entry.value) + 1))
            else:
                entry = store.get("count", "er")
                version, value = (0, 0) if entry is None else (entry.version, int(entry.value))
                store.set("count", "er", b"%d" % (value + 1), expected=version)
            done += 1
        except ConflictError:
            conflicts += 1
    store.close()
    print(conflicts, flush=True)


def open_new(location: str) -> None:
    """Opens a store when told to, and leaves its mark there."""
    print("ready", flush=True)
    sys.stdin.readline()
    store = open_at(location)
    store.set("opened", str(os.getpid()), b"")
    store.close()
    print(os.getpid(), flush=True)


def fork(location: str) -> None:
    """Uses a store in a child and its parent, and tries to end a transaction in a child."""
    store = open_at(location)
    store.set("forked", "before", b"")
    child = os.fork()
    if not child:
        store.set("forked", "child", b"")
        os._exit(0 if store.keys("forked") == ["before", "child"] else 1)
    said = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]
    child = 0
    try:
        with store.transaction():
            store.set("forked", "parent", b"")
            if not (child := os.fork()):
                with suppress(StorageError):
                    store.set("forked", "never", b"")
            else:
                said.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    except StorageError as error:
        os._exit(0 if not child and "forked process" in str(error) else 1)
    print(json.dumps([*said, store.keys("forked")]))
    store.close()


def fill(folder: str, limit: str) -> None:
    """Writes until the disk is full, then makes space and writes again; prints what came of it.

    `limit` says what ends first: the disk that the folder is on, or how large a file may be.
    """
    ballast = Path(folder, "ballast")
    ballast.write_bytes(b"x" * 300_000)
    if limit == "file":
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    store, kept, error = open_at(str(Path(folder, "llmspell.db"))), [], ""
    try:
        for number in range(100_000):
            if number % 3:
                store.set("full", f"{number:05}", b"x" * 3000)
                kept.append(f"{number:05}")
            else:
                with store.transaction():
                    for part in ("a", "b"):
                        store.set("full", f"{number:05}{part}", b"x" * 3000)
                kept += [f"{number:05}a", f"{number:05}b"]
    except StorageError as caught:
        error = str(caught)
    found, problems = store.keys("full"), store.validate()
    ballast.unlink()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.set("full", "after", b"x" * 3000)
    again = store.keys("full")
    store.close()
    print(json.dumps({"kept": kept, "found": found, "again": again, "error": error, "problems": problems}))


PROGRAMS: dict[str, Callable[..., None]] = {
    "write": write,
    "count": count,
    "open": open_new,
    "fork": fork,
    "fill": fill,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](*sys.argv[2:])
