"""archive-handler, and archives that strangers have made."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmspell_kernel.errors import NotAllowedError, ParameterError, ToolError
from tests.library.tool.guarding import Caller, settings

FORMATS = ["zip", "tar", "tar.gz", "tgz"]


@pytest.fixture(scope="module")
def callers() -> Iterator[list[Caller]]:
    """Those of the module share worker processes with nobody, and end together."""
    made: list[Caller] = []
    yield made
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def module_call(callers: list[Caller], tmp_path_factory: pytest.TempPathFactory) -> Caller:
    callers.append(Caller(settings(tmp_path_factory.getbasetemp(), tools={"archive": {"max_files": 100}})))
    return callers[-1]


@pytest.fixture
def call(module_call: Caller) -> Caller:
    return module_call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Something to put into an archive."""
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "a.txt").write_text("a" * 1000)
    (folder / "sub" / "b.bin").write_bytes(bytes(range(256)))
    (folder / "link").symlink_to("/etc/passwd")
    return folder


@pytest.mark.parametrize("form", FORMATS)
def test_there_and_back(call: Caller, tmp_path: Path, folder: Path, form: str) -> None:
    path, output = str(tmp_path / f"x.{form}"), str(tmp_path / "out")
    made = call("archive-handler", operation="create", path=path, input=[str(folder)])
    assert (made["archive_path"], made["files_added"], made["total_size"]) == (path, 2, 1256)
    assert made["archive_size"] == os.path.getsize(path)
    listed = call("archive-handler", operation="list", path=path)
    assert listed["format"] == made["format"] and listed["file_count"] == 2 and listed["total_size"] == 1256
    assert {each["name"]: (each["type"], each["size"]) for each in listed["files"]} == {
        "project": ("directory", 0),
        "project/a.txt": ("file", 1000),
        "project/empty": ("directory", 0),
        "project/sub": ("directory", 0),
        "project/sub/b.bin": ("file", 256),
    }
    done = call("archive-handler", operation="extract", path=path, target_path=output)
    assert done["extracted_files"] == ["project/a.txt", "project/sub/b.bin"]
    assert (done["file_count"], done["total_size"], done["output_dir"]) == (2, 1256, output)
    assert (tmp_path / "out/project/sub/b.bin").read_bytes() == bytes(range(256))
    assert sorted(os.listdir(tmp_path / "out/project")) == ["a.txt", "empty", "sub"]


def test_a_single_file(call: Caller, tmp_path: Path, folder: Path) -> None:
    path = str(tmp_path / "a.txt.gz")
    made = call("archive-handler", operation="create", path=path, input=str(folder / "a.txt"))
    assert made["format"] == "gz" and gzip.decompress(Path(path).read_bytes()) == b"a" * 1000
    listed = call("archive-handler", operation="list", path=path)
    assert [(each["name"], each["size"]) for each in listed["files"]] == [("a.txt", 1000)]
    call("archive-handler", operation="extract", path=path)
    assert (tmp_path / "a.txt").read_bytes() == b"a" * 1000
    with pytest.raises(ParameterError, match="a single file"):
        call("archive-handler", operation="create", path=path, input=[str(folder)])


def test_what_others_have_made(call: Caller, tmp_path: Path, folder: Path) -> None:
    os.unlink(folder / "link")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(folder / "a.txt", "./x//a.txt")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(folder, ".")
    call(
        "archive-handler", operation="extract", path=str(tmp_path / "a.zip"), target_path=str(tmp_path / "o")
    )
    assert (tmp_path / "o/x/a.txt").exists()
    call(
        "archive-handler", operation="extract", path=str(tmp_path / "a.tar"), target_path=str(tmp_path / "o")
    )
    assert (tmp_path / "o/sub/b.bin").exists()


def zipped(*members: tuple[str, bytes], mode: int = 0) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo("x" * len(name))
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            info.filename = info.orig_filename = name
            archive.writestr(info, content)
    return data.getvalue()


def tarred(*members: tarfile.TarInfo, content: bytes = b"") -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


SLIPS = [
    "../evil", "a/../../evil", "/evil", "..\\evil", "C:\\evil", "c:evil", "\\evil", "./../evil", "//evil",
]  # fmt: skip


@pytest.mark.parametrize("name", SLIPS)
def test_names_that_lead_out(call: Caller, tmp_path: Path, name: str) -> None:
    output = tmp_path / "in" / "out"
    for kind, data in (
        ("zip", zipped(("fine", b"x"), (name, b"x"))),
        ("tar", tarred(member("fine"), member(name))),
    ):
        (tmp_path / f"a.{kind}").write_bytes(data)
        for what in ("extract", "list"):
            with pytest.raises(NotAllowedError, match="Path traversal detected"):
                call(
                    "archive-handler",
                    operation=what,
                    path=str(tmp_path / f"a.{kind}"),
                    target_path=str(output),
                )
    assert sorted(os.listdir(tmp_path)) == ["a.tar", "a.zip"]


@pytest.mark.parametrize(
    "evil",
    [
        member("x", tarfile.SYMTYPE, "/etc"),
        member("x", tarfile.SYMTYPE, ".."),
        member("x", tarfile.LNKTYPE, "/etc/passwd"),
        member("x", tarfile.CHRTYPE),
        member("x", tarfile.BLKTYPE),
        member("x", tarfile.FIFOTYPE),
    ],
    ids=["symlink", "symlink up", "hard link", "character device", "block device", "pipe"],
)
def test_links_and_devices_in_tar_files(call: Caller, tmp_path: Path, evil: tarfile.TarInfo) -> None:
    (tmp_path / "a.tar").write_bytes(tarred(member("fine"), evil, member("x/passwd"), content=b"x"))
    with pytest.raises(NotAllowedError, match="a link or a device"):
        call(
            "archive-handler",
            operation="extract",
            path=str(tmp_path / "a.tar"),
            target_path=str(tmp_path / "o"),
        )
    assert os.listdir(tmp_path) == ["a.tar"]
    done = call(
        "archive-handler",
        operation="extract",
        path=str(tmp_path / "a.tar"),
        target_path=str(tmp_path / "o"),
        links="skip",
    )
    assert done["extracted_files"] == ["fine", "x/passwd"] and done["skipped"] == ["x"]
    assert (tmp_path / "o" / "x" / "passwd").read_bytes() == b"x" and not (tmp_path / "o/x").is_symlink()


def test_what_an_archive_has_besides_files_is_listed(call: Caller, tmp_path: Path) -> None:
    path = str(tmp_path / "a.tar")
    links = [member("x", tarfile.SYMTYPE, "../y"), member("h", tarfile.LNKTYPE, "fine")]
    Path(path).write_bytes(tarred(member("fine"), *links, member("p", tarfile.FIFOTYPE), content=b"x"))
    listed = call("archive-handler", operation="list", path=path)
    assert [(each["name"], each["type"], each.get("target")) for each in listed["files"]] == [
        ("fine", "file", None),
        ("x", "symlink", "../y"),
        ("h", "hardlink", "fine"),
        ("p", "other", None),
    ]
    assert (listed["file_count"], listed["total_size"]) == (1, 1)
    with pytest.raises(NotAllowedError, match=r"'x' is a link or a device, .* links='skip'"):
        call("archive-handler", operation="extract", path=path)


def test_links_in_zip_files(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(("x", b"/etc"), mode=0o120777))
    with pytest.raises(NotAllowedError, match="a link or a device"):
        call("archive-handler", operation="extract", path=str(tmp_path / "a.zip"))
    listed = call("archive-handler", operation="list", path=str(tmp_path / "a.zip"))
    assert [(each["name"], each["type"], each["size"]) for each in listed["files"]] == [("x", "symlink", 0)]
    done = call("archive-handler", operation="extract", path=str(tmp_path / "a.zip"), links="skip")
    assert done["skipped"] == ["x"] and os.listdir(tmp_path) == ["a.zip"]


def test_links_that_wait_in_the_folder(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "x").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "a.zip").write_bytes(zipped(("fine", b"x"), ("x/evil", b"x")))
    with pytest.raises(NotAllowedError, match="a link leads 'x/evil' out of"):
        call(
            "archive-handler",
            operation="extract",
            path=str(tmp_path / "a.zip"),
            target_path=str(tmp_path / "o"),
        )
    (tmp_path / "o" / "x").unlink()
    (tmp_path / "o" / "x").symlink_to("/etc")
    with pytest.raises(NotAllowedError):
        call(
            "archive-handler",
            operation="extract",
            path=str(tmp_path / "a.zip"),
            target_path=str(tmp_path / "o"),
        )
    assert os.listdir(tmp_path / "elsewhere") == [] and os.listdir(tmp_path / "o") == ["x"]


def test_forbidden_files_in_archives(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(("fine", b"x"), ("lib/evil.so", b"x")))
    with pytest.raises(NotAllowedError, match="blocked_extensions"):
        call(
            "archive-handler",
            operation="extract",
            path=str(tmp_path / "a.zip"),
            target_path=str(tmp_path / "o"),
        )
    assert not (tmp_path / "o").exists()


def test_programs_do_not_become_runnable(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(("run.sh", b"#!/bin/sh"), mode=0o104755))
    with pytest.raises(NotAllowedError):
        call("archive-handler", operation="extract", path="/etc/x.zip")
    call(
        "archive-handler", operation="extract", path=str(tmp_path / "a.zip"), target_path=str(tmp_path / "o")
    )
    assert (tmp_path / "o/run.sh").stat().st_mode & 0o7111 == 0


def lying_zip() -> bytes:
    """It says that its file has 10 bytes, and it has 100 MB."""
    data = bytearray(zipped(("a", b"\0" * 100_000_001)))
    for mark, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = data.find(mark) + offset
        data[at : at + 4] = struct.pack("<I", 10)
    return bytes(data)


def overlapping_zip() -> bytes:
    """All of its files are the same bytes."""
    data = zipped(("a", os.urandom(1000)), ("b", b"x"))
    directory = data.find(b"PK\x01\x02")
    second = data.find(b"PK\x01\x02", directory + 4)
    changed = bytearray(data)
    changed[second + 42 : second + 46] = struct.pack("<I", 20)
    return bytes(changed)


def endless_gzip() -> bytes:
    return gzip.compress(b"\0" * 100_000_000, 6)


BOMBS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "big file": ("a.zip", lambda: zipped(("a", b"\0" * 100_000_001)), "max_file_size"),
    "ratio": ("a.zip", lambda: zipped(("a", b"\0" * 20_000_000)), "max_ratio"),
    "many files": ("a.zip", lambda: zipped(*((str(each), b"") for each in range(101))), "max_files"),
    "many tar files": ("a.tar", lambda: tarred(*(member(str(each)) for each in range(101))), "max_files"),
    "overlap": ("a.zip", overlapping_zip, "overlaps another file"),
    "gzip": ("a.gz", endless_gzip, "max_ratio|max_file_size"),
    "tar.gz": (
        "a.tar.gz",
        lambda: gzip.compress(tarred(member("a"), content=b"\0" * 20_000_000)),
        "max_ratio",
    ),
    "twice": ("a.zip", lambda: zipped(("a", b"1"), ("./a", b"2")), "is in it twice"),
    "no name": ("a.zip", lambda: zipped(("a\nb", b"1")), "is no name for a file"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs(call: Caller, tmp_path: Path, bomb: str) -> None:
    name, make, reason = BOMBS[bomb]
    (tmp_path / name).write_bytes(make())
    with pytest.raises(NotAllowedError, match=reason):
        call(
            "archive-handler", operation="extract", path=str(tmp_path / name), target_path=str(tmp_path / "o")
        )
    assert os.listdir(tmp_path) == [name]


def test_an_archive_that_lies_about_sizes(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(lying_zip())
    with pytest.raises((NotAllowedError, ToolError)):
        call(
            "archive-handler",
            operation="extract",
            path=str(tmp_path / "a.zip"),
            target_path=str(tmp_path / "o"),
        )
    left = [each for each in (tmp_path / "o").rglob("*") if each.is_file()]
    assert left == []


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.gz"])
@pytest.mark.parametrize(
    "data", [b"", b"junk" * 300, b"PK\x03\x04junk", b"\x1f\x8bjunk", b"PK\x05\x06" + b"\0" * 3], ids=range(5)
)
def test_archives_that_are_none(call: Caller, tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ToolError, match=r"is damaged|is no archive"):
        call("archive-handler", operation="list", path=str(tmp_path / name))


def test_damaged_archives(call: Caller, tmp_path: Path, folder: Path) -> None:
    for form in FORMATS:
        path = tmp_path / f"x.{form}"
        call("archive-handler", operation="create", path=str(path), input=[str(folder)])
        whole = path.read_bytes()
        for cut in range(1, len(whole), max(len(whole) // 20, 1)):
            path.write_bytes(whole[:cut])
            try:
                call("archive-handler", operation="extract", path=str(path), target_path=str(tmp_path / "o"))
            except ToolError:
                pass


def test_archives_with_a_password(call: Caller, tmp_path: Path) -> None:
    data = bytearray(zipped(("a", b"secret")))
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.find(mark) + offset] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(ToolError, match=r"cannot be read.*encrypted"):
        call("archive-handler", operation="extract", path=str(tmp_path / "a.zip"))


def test_what_cannot_be_made(call: Caller, tmp_path: Path, folder: Path) -> None:
    for path, given, message in (
        ("a.rar", [str(folder)], "path must end with"),
        ("a.zip", [], "needs the parameter 'input'|input is empty"),
        ("a.zip", [str(tmp_path / "none")], "no such file"),
        ("a.zip", [str(folder), str(folder)], "would be called 'project'"),
    ):
        with pytest.raises(ToolError, match=message):
            call("archive-handler", operation="create", path=str(tmp_path / path), input=given)
    with pytest.raises(NotAllowedError):
        call("archive-handler", operation="create", path=str(tmp_path / "a.zip"), input=["/etc/passwd"])
    for number in range(101):
        (folder / f"{number}.txt").write_text("")
    with pytest.raises(NotAllowedError, match="max_files"):
        call("archive-handler", operation="create", path=str(tmp_path / "a.zip"), input=[str(folder)])
    assert os.listdir(tmp_path) == ["project"]
