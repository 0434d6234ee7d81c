"""The guard of files, and those who try to get past it."""

from __future__ import annotations

import os
import resource
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from llmspell_kernel.errors import NotAllowedError, ToolError
from llmspell_kernel.library.tool.guards.files import FileGuard
from llmspell_kernel.library.tool.guards.paths import extension_of, hides_traversal
from tests.library.tool.guarding import Audit, surroundings

SECRET = b"nobody must read this"


class Place:
    """An allowed folder, and beside it one that is not."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "allowed"
        self.outside = folder / "outside"
        self.root.mkdir()
        self.outside.mkdir()
        (self.outside / "secret.txt").write_bytes(SECRET)
        (self.root / "a.txt").write_bytes(b"inside")
        self.audit: Audit = []
        self.files = surroundings(self.root, audit=self.audit).files

    def guard(self, **options: object) -> FileGuard:
        """One with other settings of tools.file_operations."""
        return surroundings(self.root, tools={"file_operations": options}, audit=self.audit).files


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@contextmanager
def repeating(function: Callable[[], None]) -> Iterator[None]:
    """Has another thread do it again and again."""
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            function()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


TRAVERSALS = [
    "../outside/secret.txt",
    "sub/../../outside/secret.txt",
    "./../outside/secret.txt",
    "..//outside/secret.txt",
    "sub/..",
    "..",
    "..\\outside\\secret.txt",
    "sub\\..\\..\\outside\\secret.txt",
    "%2e%2e/outside/secret.txt",
    "%2E%2E%2Foutside%2Fsecret.txt",
    "..%2foutside/secret.txt",
    "..%5coutside",
    "%252e%252e/outside",
    "\uff0e\uff0e/outside/secret.txt",
    "\u2025/outside/secret.txt",
    "..\uff0foutside",
    "..\u2215outside",
    ".. /outside",
    "/../etc/passwd",
]


@pytest.mark.parametrize("spelling", TRAVERSALS)
def test_traversal_is_refused_in_all_spellings(place: Place, spelling: str) -> None:
    for path in (spelling, f"{place.root}/{spelling}"):
        for act in (place.files.read_bytes, place.files.readable, place.files.writable, place.files.check):
            with pytest.raises(NotAllowedError, match="Path traversal detected"):
                act(path)
        with pytest.raises(NotAllowedError, match="Path traversal detected"):
            place.files.write_bytes(path, b"x")
        with pytest.raises(NotAllowedError, match="Path traversal detected"):
            place.files.remove(path, recursive=True)


def test_names_with_dots_are_names(place: Place) -> None:
    for name in ("..a", "a..", "...", "a..b", "50%.txt", "a%20b", "\u2026"):
        assert not hides_traversal(name)
        place.files.write_bytes(place.root / name, b"x")
        assert place.files.read_bytes(place.root / name) == b"x"


@pytest.mark.parametrize("path", ["/etc/passwd", "/", "//etc/passwd", "/root", "secret.txt", "~/x", "."])
def test_what_lies_elsewhere_is_refused(place: Place, path: str) -> None:
    with pytest.raises(NotAllowedError, match=r"outside of the allowed folders .*allowed_paths"):
        place.files.read_bytes(path)
    assert place.audit[-1][1] == {"path": path, "allowed": False, "rule": "outside"}


def test_a_folder_beside_with_a_longer_name_is_not_allowed(place: Place) -> None:
    beside = place.root.with_name("allowed-not")
    beside.mkdir()
    (beside / "x").write_bytes(SECRET)
    with pytest.raises(NotAllowedError):
        place.files.read_bytes(beside / "x")


def test_links_count_as_what_they_lead_to(place: Place) -> None:
    (place.root / "out.txt").symlink_to(place.outside / "secret.txt")
    (place.root / "out").symlink_to(place.outside)
    (place.root / "relative").symlink_to("../outside/secret.txt")
    (place.root / "hop").symlink_to(place.root / "out")
    (place.root / "fine.txt").symlink_to("a.txt")
    (place.root / "loop").symlink_to("loop")
    (place.root / "dangling").symlink_to(place.outside / "new.txt")
    for name in ("out.txt", "out/secret.txt", "relative", "hop/secret.txt", "dangling", "out/new.txt"):
        with pytest.raises(NotAllowedError):
            place.files.read_bytes(place.root / name)
        with pytest.raises(NotAllowedError):
            place.files.write_bytes(place.root / name, b"x")
    assert os.listdir(place.outside) == ["secret.txt"]
    assert place.files.read_bytes(place.root / "fine.txt") == b"inside"
    place.files.write_bytes(place.root / "fine.txt", b"through the link")
    assert (place.root / "fine.txt").is_symlink()
    assert (place.root / "a.txt").read_bytes() == b"through the link"
    with pytest.raises((NotAllowedError, ToolError)):
        place.files.read_bytes(place.root / "loop")


def test_removing_and_moving_a_link_leaves_what_it_leads_to(place: Place) -> None:
    (place.root / "out").symlink_to(place.outside)
    (place.root / "out.txt").symlink_to(place.outside / "secret.txt")
    place.files.rename(place.root / "out.txt", place.root / "renamed.txt")
    place.files.remove(place.root / "renamed.txt")
    place.files.remove(place.root / "out", recursive=True)
    assert (place.outside / "secret.txt").read_bytes() == SECRET
    assert os.listdir(place.root) == ["a.txt"]


def test_removing_a_folder_does_not_go_through_links(place: Place) -> None:
    (place.root / "folder").mkdir()
    (place.root / "folder" / "out").symlink_to(place.outside)
    place.files.remove(place.root / "folder", recursive=True)
    assert (place.outside / "secret.txt").exists()


def test_an_allowed_folder_may_itself_be_a_link(place: Place, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(place.root)
    files = surroundings(tmp_path / "link").files
    assert files.read_bytes(tmp_path / "link" / "a.txt") == b"inside"
    assert files.read_bytes(place.root / "a.txt") == b"inside"


@pytest.mark.parametrize("swapped", ["file", "folder"])
def test_a_link_that_is_put_in_the_way_is_noticed(place: Place, swapped: str) -> None:
    """The file, or the folder it lies in, is a link to the outside every other moment."""
    real = place.root / "real"
    real.mkdir()
    (real / "secret.txt").write_bytes(b"inside")
    door = place.root / "door" if swapped == "folder" else place.root / "door.txt"
    good, bad = (
        (real, place.outside) if swapped == "folder" else (real / "secret.txt", place.outside / "secret.txt")
    )
    swaps = [place.root / "good", place.root / "bad"]

    def swap() -> None:
        for target in (bad, None, good):
            link = swaps[target is bad]
            link.unlink(missing_ok=True)
            if target is None and swapped == "file":
                link.write_bytes(b"inside")
            elif target is None:
                continue
            else:
                link.symlink_to(target)
            os.replace(link, door)

    swap()
    path = door / "secret.txt" if swapped == "folder" else door
    with repeating(swap):
        for _ in range(1000):
            try:
                assert place.files.read_bytes(path) == b"inside"
            except (NotAllowedError, ToolError):
                pass


def test_a_folder_that_becomes_a_link_is_not_written_through(place: Place) -> None:
    folder, aside = place.root / "folder", place.root / "aside"
    folder.mkdir()
    link = place.root / "link"
    link.symlink_to(place.outside)

    def swap() -> None:
        os.rename(folder, aside)
        os.rename(link, folder)
        os.rename(folder, link)
        os.rename(aside, folder)

    acts: list[Callable[[], object]] = [
        lambda: place.files.write_bytes(folder / "new.txt", b"x"),
        lambda: place.files.make_folder(folder / "new", parents=False),
        lambda: place.files.remove(folder / "secret.txt"),
        lambda: place.files.rename(place.root / "a.txt", folder / "a.txt"),
    ]
    with repeating(swap):
        for number in range(600):
            try:
                acts[number % len(acts)]()
            except (NotAllowedError, ToolError):
                pass
    assert os.listdir(place.outside) == ["secret.txt"]
    assert (place.outside / "secret.txt").read_bytes() == SECRET


PIECES = [
    "..",
    ".",
    "",
    "allowed",
    "outside",
    "out",
    "secret.txt",
    "a.txt",
    "%2e%2e",
    "..\\",
    "sub",
    "/",
    "~",
]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=7), st.booleans())
@hypothesis_settings(max_examples=150, deadline=None)
def test_no_path_reads_the_outside(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], absolute: bool
) -> None:
    place = Place(tmp_path_factory.mktemp("place"))
    (place.root / "out").symlink_to(place.outside)
    (place.root / "sub").mkdir()
    text = "/".join(pieces)
    try:
        data = place.files.read_bytes(f"{place.root}/{text}" if absolute else text)
    except (NotAllowedError, ToolError):
        return
    assert data == b"inside"


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


def test_walking(place: Place) -> None:
    (place.root / "b" / "c" / "d").mkdir(parents=True)
    (place.root / "b" / "c" / "e.txt").write_bytes(b"1234")
    (place.root / "b" / "out").symlink_to(place.outside)

    def walked(depth: int | None) -> list[str]:
        return [str(each.path.relative_to(place.root)) for each in place.files.walk(place.root, depth)]

    assert walked(0) == ["a.txt", "b"]
    assert walked(1) == ["a.txt", "b", "b/c", "b/out"]
    assert walked(None) == ["a.txt", "b", "b/c", "b/c/d", "b/c/e.txt", "b/out"]
    kinds = {each.path.name: (each.kind, each.size) for each in place.files.walk(place.root)}
    assert kinds["e.txt"] == ("file", 4) and kinds["out"][0] == "symlink" and kinds["c"][0] == "directory"
    entered = place.files.walk(place.root, enter=lambda entry: entry.path.name != "c")
    assert [each.path.name for each in entered] == ["a.txt", "b", "c", "out"]
    with pytest.raises(ToolError, match="not a directory"):
        place.files.entries(place.root / "a.txt")


def test_files_can_be_forbidden_altogether(place: Place) -> None:
    for files, setting in (
        (surroundings(place.root, allow_file_access=False).files, "allow_file_access"),
        (place.guard(enabled=False), "tools.file_operations.enabled"),
    ):
        for act in (
            files.read_bytes, files.readable, files.writable, files.make_folder, files.remove, files.status,
            files.entries, files.check,
        ):  # fmt: skip
            with pytest.raises(NotAllowedError, match=f"{setting} is false"):
                act(place.root / "a.txt")
    with pytest.raises(NotAllowedError, match=r"allowed folders \(none\)"):
        surroundings().files.read_bytes(place.root / "a.txt")


def test_relative_paths_are_those_of_the_working_directory(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.root)
    assert place.files.read_bytes("a.txt") == b"inside"
    assert place.files.read_bytes("./a.txt") == b"inside"
    assert [str(each.path) for each in place.files.entries(".")] == ["a.txt"]
    assert surroundings(".").files.read_bytes("a.txt") == b"inside"
    monkeypatch.chdir(place.outside)
    with pytest.raises(NotAllowedError, match="outside of the allowed folders"):
        place.files.read_bytes("secret.txt")


def test_what_goes_wrong_otherwise(place: Place) -> None:
    for act, message in (
        (
            lambda: place.files.read_bytes(place.root / "none"),
            "cannot read .*none': no such file",
        ),
        (lambda: place.files.read_bytes(place.root), "is a directory"),
        (lambda: place.files.read_bytes(place.root / "a.txt" / "b"), "not a directory"),
        (lambda: place.files.write_bytes(place.root / "none" / "b", b""), "no such file or directory"),
        (lambda: place.files.write_bytes(place.root, b""), "is a directory"),
        (lambda: place.files.make_folder(place.root / "a.txt"), "not a directory"),
        (lambda: place.files.make_folder(place.root / "x" / "y", parents=False), "no such file or directory"),
        (lambda: place.files.read_text(place.root / "bytes"), r"is not utf-8 \(byte 0 is 0xff"),
        (lambda: place.files.read_text(place.root / "a.txt", "klingon"), "no encoding is called 'klingon'"),
        (lambda: place.files.remove(place.root / "full"), "directory not empty"),
        (lambda: place.files.rename(place.root / "none", place.root / "x"), "cannot move .*none'"),
    ):
        (place.root / "bytes").write_bytes(b"\xff")
        (place.root / "full" / "x").mkdir(parents=True, exist_ok=True)
        with pytest.raises(ToolError, match=message):
            act()
    with pytest.raises(NotAllowedError, match="an allowed folder itself stays"):
        place.files.remove(place.root, recursive=True)
    with pytest.raises(NotAllowedError, match="an allowed folder itself stays"):
        place.files.rename(place.root, place.root / "x")


def test_each_act_is_noted_before_it_is_done(place: Place) -> None:
    root = place.root
    place.files.write_bytes(root / "b", b"x")
    place.files.write_bytes(root / "b", b"x", append=True)
    place.files.read_bytes(root / "b")
    place.files.make_folder(root / "c")
    place.files.rename(root / "b", root / "c" / "b")
    place.files.entries(root)
    place.files.remove(root / "c", recursive=True)
    assert [act for act, _ in place.audit] == [
        "file.write", "file.append", "file.read", "file.make_folder", "file.move", "file.list", "file.remove",
    ]  # fmt: skip
    assert place.audit[4][1] == {"path": str(root / "b"), "target": str(root / "c" / "b")}
