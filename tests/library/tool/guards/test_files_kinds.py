"""Which files there may be: their names, what they are, what they end in and how big they are."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from llmspell_kernel.errors import NotAllowedError
from llmspell_kernel.library.tool.guards.paths import extension_of
from tests.library.tool.guarding import surroundings
from tests.library.tool.guards.place import Place, repeating


def test_names_that_no_file_can_have(place: Place) -> None:
    for name, reason in (
        ("a\0.txt", "NUL"),
        ("a.txt\0.exe", "NUL"),
        ("x" * 256, "at most 255 bytes"),
        ("/".join(["x" * 200] * 30), "4095"),
        ("\ud800", "cannot be encoded"),
        ("é" * 200, "at most 255 bytes"),
    ):
        with pytest.raises(NotAllowedError, match=reason):
            place.files.read_bytes(f"{place.root}/{name}")
    with pytest.raises(NotAllowedError, match="empty"):
        place.files.read_bytes("")


def test_names_that_are_no_text_are_names(place: Place) -> None:
    name = os.fsdecode(b"\xff\xfe.txt")
    place.files.write_bytes(place.root / name, b"x")
    assert place.files.read_bytes(place.root / name) == b"x"
    assert name in [each.path.name for each in place.files.entries(place.root)]


def test_pipes_sockets_and_devices_are_no_files(place: Place) -> None:
    os.mkfifo(place.root / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place.root / "socket"))
        for name in ("pipe", "socket"):
            for act in (place.files.read_bytes, place.files.readable, place.files.writable):
                with pytest.raises(NotAllowedError, match="a device, a pipe or a socket"):
                    act(place.root / name)
            with pytest.raises(NotAllowedError, match="a device, a pipe or a socket"):
                place.files.write_bytes(place.root / name, b"x")
    everything = surroundings("/").files
    for path in (
        "/dev/zero",
        "/dev/null",
        "/proc/self/environ",
        "/proc/self/maps",
        "/sys/kernel/notes",
    ):
        with pytest.raises(NotAllowedError, match=r"holds no ordinary files|outside"):
            everything.read_bytes(path)
    with pytest.raises(NotAllowedError, match="a device"):
        surroundings("/dev").files.read_bytes("/dev/zero")
    with pytest.raises(NotAllowedError, match="a device"):
        surroundings("/proc").files.read_bytes("/proc/self/environ")


@pytest.mark.parametrize(
    "name",
    ["a.exe", "a.EXE", "a.exe.", "a.exe ", "a.exe. .", "a.txt.exe", "lib.so", "lib.so.1.2.3", "a.exe:stream",
     "\uff41.\uff45\uff58\uff45", ".dll", "a.dylib", "A.So"],
)  # fmt: skip
def test_blocked_extensions_in_disguise(place: Place, name: str) -> None:
    path = place.root / name
    with pytest.raises(NotAllowedError, match="blocked_extensions"):
        place.files.write_bytes(path, b"x")
    path.write_bytes(b"x")
    with pytest.raises(NotAllowedError, match="blocked_extensions"):
        place.files.read_bytes(path)
    (place.root / "link.txt").symlink_to(path)
    with pytest.raises(NotAllowedError, match="blocked_extensions"):
        place.files.read_bytes(place.root / "link.txt")
    with pytest.raises(NotAllowedError, match="blocked_extensions"):
        place.files.rename(place.root / "a.txt", path)


def test_extensions() -> None:
    assert [extension_of(each) for each in ("a.TXT", "a", "report.2024", "a.tar.gz", "a.csv.1")] == [
        "txt", "", "2024", "gz", "csv",
    ]  # fmt: skip


def test_only_allowed_extensions(place: Place) -> None:
    files = place.guard(allowed_extensions=[".txt", "MD"])
    files.write_bytes(place.root / "b.md", b"x")
    (place.root / "plain").write_bytes(b"x")
    for name in ("b.lua", "plain", "b.txt.lua"):
        with pytest.raises(NotAllowedError, match="allowed_extensions"):
            files.write_bytes(place.root / name, b"x")
    with pytest.raises(NotAllowedError, match="a name without extension"):
        files.read_bytes(place.root / "plain")
    assert files.make_folder(place.root / "folder").is_dir()


def test_programs_are_known_by_their_content(place: Place) -> None:
    program = Path("/bin/true").read_bytes()
    with pytest.raises(NotAllowedError, match="blocked_extensions"):
        place.files.write_bytes(place.root / "innocent.txt", program)
    with (
        pytest.raises(NotAllowedError, match="blocked_extensions"),
        place.files.writing(place.root / "b.txt") as b,
    ):
        b.write(program)
    assert os.listdir(place.root) == ["a.txt"]
    place.guard(validate_file_types=False).write_bytes(place.root / "program", program)


def test_limits_of_size(place: Place) -> None:
    files = place.guard(max_file_size=1000)
    (place.root / "big").write_bytes(b"x" * 1001)
    with pytest.raises(NotAllowedError, match=r"1,001 bytes, and the limit is 1,000 \(.*max_file_size"):
        files.read_bytes(place.root / "big")
    assert len(files.read_bytes(place.root / "big", 2000)) == 1001
    assert len(files.read_bytes(place.root / "big", 0)) == 1001
    with pytest.raises(NotAllowedError, match="max_file_size"):
        files.write_bytes(place.root / "new", b"x" * 1001)
    files.write_bytes(place.root / "new", b"x" * 600)
    with pytest.raises(NotAllowedError, match="max_file_size"):
        files.write_bytes(place.root / "new", b"x" * 600, append=True)
    with pytest.raises(NotAllowedError, match="max_file_size"), files.writing(place.root / "new") as file:
        file.write(b"y" * 1001)
    assert files.read_bytes(place.root / "new") == b"x" * 600
    with open(place.root / "sparse", "wb") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(NotAllowedError, match="limit"):
        files.read_bytes(place.root / "sparse")


def test_a_file_that_grows_while_it_is_read(place: Place) -> None:
    files, path = place.guard(max_file_size=5000), place.root / "log"
    path.write_bytes(b"")

    def grow() -> None:
        with open(path, "ab") as file:
            file.write(b"x" * 100)
        if path.stat().st_size > 8000:
            path.write_bytes(b"")

    with repeating(grow):
        for _ in range(300):
            try:
                assert len(files.read_bytes(path)) <= 5000
            except NotAllowedError:
                pass
