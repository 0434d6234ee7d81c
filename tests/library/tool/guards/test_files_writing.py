"""What writing leaves: everything or nothing, permissions, other names of a file."""

from __future__ import annotations

import os
import resource
import stat
import threading

import pytest

from llmspell_kernel.errors import ToolError
from tests.library.tool.guards.place import SECRET, Place, repeating


def test_a_file_is_never_seen_half_written(place: Place) -> None:
    path = place.root / "whole"
    place.files.write_bytes(path, b"0" * 100_000)
    number = 0

    def write() -> None:
        nonlocal number
        number = (number + 1) % 10
        place.files.write_bytes(path, str(number).encode() * 100_000)

    with repeating(write):
        for _ in range(150):
            data = path.read_bytes()
            assert len(data) == 100_000 and len(set(data)) == 1


def test_a_full_disk_changes_nothing(place: Place) -> None:
    path = place.root / "kept.txt"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ToolError, match="file too large"):
            place.files.write_bytes(path, b"x" * 1_000_000)
        with pytest.raises(ToolError, match="file too large"):
            place.files.write_bytes(path, b"x" * 1_000_000, append=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert sorted(os.listdir(place.root)) == ["a.txt", "kept.txt"]


def test_an_error_while_writing_changes_nothing(place: Place) -> None:
    with pytest.raises(RuntimeError), place.files.writing(place.root / "a.txt") as file:
        file.write(b"half")
        raise RuntimeError
    assert place.files.read_bytes(place.root / "a.txt") == b"inside"
    assert os.listdir(place.root) == ["a.txt"]


def test_permissions_are_kept(place: Place) -> None:
    path = place.root / "a.txt"
    path.chmod(0o640)
    place.files.write_bytes(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o444)
    with pytest.raises(ToolError, match="read-only"):
        place.files.write_bytes(path, b"newer")
    path.chmod(0o4755)
    place.files.write_bytes(path, b"newest")
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    place.guard(atomic_writes=False).write_bytes(path, b"in place")
    assert path.read_bytes() == b"in place"


def test_other_names_of_a_file_keep_what_they_have(place: Place) -> None:
    hard = place.root / "hard.txt"
    os.link(place.outside / "secret.txt", hard)
    place.files.write_bytes(hard, b"more", append=True)
    assert hard.read_bytes() == SECRET + b"more"
    assert (place.outside / "secret.txt").read_bytes() == SECRET
    os.link(place.outside / "secret.txt", place.root / "other.txt")
    place.files.write_bytes(place.root / "other.txt", b"replaced")
    assert (place.outside / "secret.txt").read_bytes() == SECRET


def test_those_who_append_at_once_lose_nothing(place: Place) -> None:
    path = place.root / "log.txt"

    def append(letter: bytes) -> None:
        for _ in range(50):
            place.files.write_bytes(path, letter * 99 + b"\n", append=True)

    path.write_bytes(b"")
    threads = [threading.Thread(target=append, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    lines = path.read_bytes().splitlines()
    assert len(lines) == 150 and all(len(each) == 99 and len(set(each)) == 1 for each in lines)
