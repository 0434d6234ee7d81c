"""file-operations, file-converter, file-search and file-watcher."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from llmspell_kernel.errors import NotAllowedError, ParameterError, ToolError, ToolTimeoutError
from tests.library.tool.guarding import Caller, settings


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Caller]:
    caller = Caller(settings(tmp_path))
    yield caller
    caller.close()


def test_write_read_append(call: Caller, tmp_path: Path) -> None:
    path = str(tmp_path / "a.txt")
    assert call("file-operations", operation="write", path=path, input="häh") == {
        "path": path, "size": 4, "bytes_written": 4,
    }  # fmt: skip
    assert call("file-operations", operation="append", path=path, input="!") == {
        "path": path, "size": 5, "bytes_written": 1,
    }  # fmt: skip
    assert call("file_operations", operation="read", path=path) == {
        "path": path, "input": "häh!", "content": "häh!", "size": 5,
    }  # fmt: skip


def test_bytes_stay_as_they_are(call: Caller, tmp_path: Path) -> None:
    path = str(tmp_path / "a.bin")
    call("file-operations", operation="write", path=path, input=bytes(range(256)))
    assert call("file-operations", operation="read", path=path)["content"] == bytes(range(256))
    call("file-operations", operation="write", path=path, input="")
    assert call("file-operations", operation="read", path=path)["content"] == ""


@pytest.mark.parametrize("mkdir", ["create_dir", "mkdir"])
@pytest.mark.parametrize("ls", ["list_dir", "ls", "dir"])
def test_folders(call: Caller, tmp_path: Path, mkdir: str, ls: str) -> None:
    path = str(tmp_path / "sub")
    assert call("file-operations", operation=mkdir, path=path) == {"path": path, "created": True}
    assert call("file-operations", operation=mkdir, path=path) == {"path": path, "created": False}
    with pytest.raises(ToolError, match="no such file"):
        call("file-operations", operation=mkdir, path=f"{path}/x/y")
    call("file-operations", operation=mkdir, path=f"{path}/x/y", recursive=True)
    call("file-operations", operation="write", path=f"{path}/a.txt", input="123")
    listed = call("file-operations", operation=ls, path=path)
    assert listed["count"] == 2
    assert [(each["name"], each["type"], each["path"]) for each in listed["entries"]] == [
        ("a.txt", "file", f"{path}/a.txt"),
        ("x", "directory", f"{path}/x"),
    ]
    assert listed["entries"][0]["size"] == 3
    deep = call("file-operations", operation=ls, path=path, recursive=True)
    assert [each["name"] for each in deep["entries"]] == ["a.txt", "x", "x/y"]
    with pytest.raises(ToolError, match="not empty"):
        call("file-operations", operation="delete", path=path)
    assert call("file-operations", operation="delete", path=path, recursive=True)["deleted"] is True
    assert not os.path.exists(path)


@pytest.mark.parametrize("name", ["copy", "cp"])
def test_copying(call: Caller, tmp_path: Path, name: str) -> None:
    source, target = tmp_path / "a.sh", tmp_path / "b.sh"
    source.write_text("echo")
    source.chmod(0o750)
    done = call("file-operations", operation=name, source_path=str(source), target_path=str(target))
    assert done == {"source_path": str(source), "target_path": str(target), "files": 1, "size": 4}
    assert target.read_text() == "echo" and target.stat().st_mode & 0o777 == 0o750
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    call("file-operations", operation=name, source_path=str(source), target_path=str(tmp_path / "folder"))
    (tmp_path / "folder" / "deep" / "c.txt").write_text("c")
    (tmp_path / "folder" / "link").symlink_to("/etc")
    with pytest.raises(ToolError, match="recursive=true"):
        call(
            "file-operations", operation=name, path=str(tmp_path / "folder"), target_path=str(tmp_path / "f2")
        )
    done = call(
        "file-operations",
        operation=name,
        source_path=str(tmp_path / "folder"),
        target_path=str(tmp_path / "f2"),
        recursive=True,
    )
    assert done["files"] == 2
    assert sorted(os.listdir(tmp_path / "f2")) == ["a.sh", "deep"]
    for target in (tmp_path / "folder" / "deep" / "x", tmp_path / "folder"):
        with pytest.raises(ToolError, match="into itself"):
            call(
                "file-operations",
                operation=name,
                source_path=str(tmp_path / "folder"),
                target_path=str(target),
                recursive=True,
            )
    with pytest.raises(ToolError, match="the same file"):
        call("file-operations", operation=name, source_path=str(source), target_path=str(source))
    assert source.read_text() == "echo"


@pytest.mark.parametrize("operation", ["move", "copy"])
def test_a_forbidden_target_may_not_be_written(call: Caller, tmp_path: Path, operation: str) -> None:
    (tmp_path / "a").write_text("x")
    where = {"source_path": str(tmp_path / "a"), "target_path": "/etc/x"}
    with pytest.raises(NotAllowedError, match="file-operations may not write '/etc/x'"):
        call("file-operations", operation=operation, **where)
    assert (tmp_path / "a").exists()


@pytest.mark.parametrize("name", ["move", "mv", "rename"])
def test_moving(call: Caller, tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "folder").mkdir()
    one, two = str(tmp_path / "a"), str(tmp_path / "b")
    assert call("file-operations", operation=name, source_path=one, target_path=two) == {
        "source_path": one, "target_path": two,
    }  # fmt: skip
    call("file-operations", operation=name, source_path=two, target_path=str(tmp_path / "folder"))
    assert os.listdir(tmp_path / "folder") == ["b"]
    call("file-operations", operation=name, path=str(tmp_path / "folder"), target_path=str(tmp_path / "g"))
    assert os.listdir(tmp_path) == ["g"]
    with pytest.raises(ToolError, match="needs the parameter 'source_path'"):
        call("file-operations", operation=name, target_path=two)


def test_moving_to_another_device(tmp_path: Path) -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other device")
    there = shm / f"llmspell-{os.getpid()}"
    call = Caller(settings(tmp_path, shm))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("a")
    try:
        (tmp_path / "folder" / "link").symlink_to("a")
        with pytest.raises(ToolError, match="link' cannot be moved to another disk"):
            call("file-operations", operation="move", path=str(tmp_path / "folder"), target_path=str(there))
        assert sorted(os.listdir(tmp_path / "folder")) == ["a", "link"] and not there.exists()
        (tmp_path / "folder" / "link").unlink()
        call("file-operations", operation="move", path=str(tmp_path / "folder"), target_path=str(there))
        assert (there / "a").read_text() == "a" and os.listdir(tmp_path) == []
    finally:
        call("file-operations", operation="delete", path=str(there), recursive=True)
        call.close()


@pytest.mark.parametrize("name", ["metadata", "stat", "info"])
def test_facts(call: Caller, tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text("abc")
    path.chmod(0o444)
    facts = call("file-operations", operation=name, path=str(path))
    assert (facts["type"], facts["size"], facts["readonly"], facts["permissions"]) == (
        "file",
        3,
        True,
        "0444",
    )
    assert abs(facts["modified"] - time.time()) < 60 and facts["extension"] == "txt"
    folder = call("file-operations", operation=name, path=str(tmp_path))
    assert folder["type"] == "directory" and folder["is_dir"] and not folder["readonly"]
    with pytest.raises(ToolError, match="no such file"):
        call("file-operations", operation=name, path=str(tmp_path / "none"))


def test_exists(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    there = call("file-operations", operation="exists", path=str(tmp_path / "a"))
    assert there == {"path": str(tmp_path / "a"), "exists": True, "type": "file"}
    none = call("file-operations", operation="exists", path=str(tmp_path / "a" / "b"))
    assert none == {"path": str(tmp_path / "a" / "b"), "exists": False}


def test_files_are_guarded(call: Caller, tmp_path: Path) -> None:
    with pytest.raises(NotAllowedError, match="file-operations may not read '/etc/passwd'"):
        call("file-operations", operation="read", path="/etc/passwd")
    with pytest.raises(NotAllowedError):
        call("file-operations", operation="copy", path="/etc/passwd", target_path=str(tmp_path / "a"))
    with pytest.raises(NotAllowedError):
        call("file-operations", operation="exists", path="/etc/passwd")
    with pytest.raises(ParameterError, match="needs the parameter 'path'"):
        call("file-operations", operation="read")
    with pytest.raises(ParameterError, match="needs the parameter 'input'"):
        call("file-operations", operation="write", path=str(tmp_path / "a"))


def test_converting_encodings(call: Caller, tmp_path: Path) -> None:
    path, target = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_bytes("grüß".encode("latin-1"))
    done = call(
        "file-converter",
        operation="encoding",
        path=str(path),
        target_path=str(target),
        from_encoding="latin-1",
        to_encoding="utf-8",
    )
    assert target.read_text() == "grüß" and path.read_bytes() == "grüß".encode("latin-1")
    assert done["input_path"] == str(path) and done["output_path"] == str(target)
    assert done["operation"] == "encoding" and done["size"] == 6
    call("file-converter", operation="encoding", path=str(target), to_encoding="utf-16")
    assert target.read_bytes().decode("utf-16") == "grüß"
    call("file-converter", operation="encoding", path=str(target))  # its mark tells what it is
    assert target.read_bytes() == "grüß".encode()
    with pytest.raises(ToolError, match=r"is not utf-8 at byte 2.*from_encoding"):
        call("file-converter", operation="encoding", path=str(path))
    with pytest.raises(ToolError, match=r"ascii cannot express .*'ü' at character 2"):
        call("file-converter", operation="encoding", path=str(target), to_encoding="ascii")
    for unknown in ("klingon", "base64", "zip", "a\0b"):
        with pytest.raises(ToolError, match="no encoding is called"):
            call("file-converter", operation="encoding", path=str(target), to_encoding=unknown)
    assert target.read_bytes() == "grüß".encode()


def test_converting_line_endings(call: Caller, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for kind, end in (("crlf", b"\r\n"), ("cr", b"\r"), ("lf", b"\n")):
        path.write_bytes(b"a\r\nb\rc\n\xff\n\n")
        done = call("file-converter", operation="line_endings", path=str(path), line_ending=kind)
        assert path.read_bytes() == end.join([b"a", b"b", b"c", b"\xff", b"", b""])
        assert done["lines"] == 5 and done["line_ending"] == kind
    path.write_bytes("a\nb".encode("utf-16"))
    call("file-converter", operation="line_endings", path=str(path), line_ending="crlf")
    assert path.read_bytes().decode("utf-16") == "a\r\nb"


def test_converting_indentation(call: Caller, tmp_path: Path) -> None:
    path = tmp_path / "a.lua"
    path.write_bytes(b"\tif x\n  \ty\t= 1\n    z\nend\n")
    done = call("file-converter", operation="indentation", path=str(path))
    assert path.read_bytes() == b"    if x\n    y\t= 1\n    z\nend\n" and done["changed_lines"] == 2
    call("file-converter", operation="indentation", path=str(path), convert_to_spaces=False, tab_size=2)
    assert path.read_bytes() == b"\t\tif x\n\t\ty\t= 1\n\t\tz\nend\n"


def test_searching(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\nTwo two\r\nthree\nfour\nfive")
    (tmp_path / "b.lua").write_text("two = 2\n")
    (tmp_path / "c.bin").write_bytes(b"two\0two")
    (tmp_path / "sub" / "skip").mkdir(parents=True)
    (tmp_path / "sub" / "d.txt").write_text("two")
    (tmp_path / "sub" / "skip" / "e.txt").write_text("two")
    found = call("file-search", pattern="two", path=str(tmp_path / "a.txt"))
    assert found["matches"] == [
        {
            "file_path": str(tmp_path / "a.txt"),
            "line_number": 2,
            "column_number": 5,
            "line_content": "Two two",
            "matched_text": "two",
            "context_before": ["one"],
            "context_after": ["three", "four"],
        }
    ]
    assert found["summary"]["files_searched"] == 1 and found["skipped_files"] == []

    def places(**more: object) -> list[str]:
        found = call("file-search", **{"pattern": "two", "path": str(tmp_path), "context_lines": 0, **more})
        assert found["summary"]["total_matches"] == len(found["matches"])
        return [f"{Path(each['file_path']).name}:{each['line_number']}" for each in found["matches"]]

    assert places() == ["a.txt:2", "b.lua:1"]
    assert places(case_sensitive=False) == ["a.txt:2", "a.txt:2", "b.lua:1"]
    assert places(case_sensitive=False, max_matches_per_file=1) == ["a.txt:2", "b.lua:1"]
    assert places(recursive=True) == ["a.txt:2", "b.lua:1", "d.txt:1", "e.txt:1"]
    assert places(recursive=True, max_depth=1) == ["a.txt:2", "b.lua:1", "d.txt:1"]
    assert places(recursive=True, exclude_dirs=["skip"]) == ["a.txt:2", "b.lua:1", "d.txt:1"]
    assert places(include_extensions=[".LUA"]) == ["b.lua:1"]
    assert places(exclude_extensions=["lua"]) == ["a.txt:2"]
    assert places(max_file_size=10) == ["b.lua:1"]
    assert places(use_regex=True, pattern=r"t\w(?=o)", case_sensitive=False)[0] == "a.txt:2"
    assert places(pattern="t.o") == []
    everything = call("file-search", pattern="two", path=str(tmp_path), max_file_size=10)
    reasons = {Path(each["file_path"]).name: each["reason"] for each in everything["skipped_files"]}
    assert reasons["c.bin"] == "it is no text" and "more than max_file_size" in reasons["a.txt"]
    with pytest.raises(ToolError, match="no such file"):
        call("file-search", pattern="x", path=str(tmp_path / "none"))
    with pytest.raises(NotAllowedError):
        call("file-search", pattern="root", path="/etc")


def test_searching_with_hostile_patterns(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a" * 5000 + "!\n")
    with pytest.raises(ParameterError, match="no regular expression"):
        call("file-search", pattern="(", path=str(tmp_path), use_regex=True)
    start = time.monotonic()
    with pytest.raises(ToolTimeoutError, match="takes too long for a line"):
        call("file-search", pattern="(a|aa)+$", path=str(tmp_path), use_regex=True)
    assert time.monotonic() - start < 25
    assert (
        call("file-search", pattern="x*", path=str(tmp_path), use_regex=True)["summary"]["total_matches"] > 0
    )


def test_searches_end_at_ten_thousand_matches(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * 20_000)
    found = call("file-search", pattern="x", path=str(tmp_path), context_lines=0, max_matches_per_file=10_000)
    assert found["summary"]["total_matches"] == 10_000 and found["summary"]["truncated"]


def test_watching(call: Caller, tmp_path: Path) -> None:
    over = threading.Event()

    def change() -> None:
        number = 0
        while not over.wait(0.05):
            (tmp_path / f"{number}.txt").write_text("x")
            (tmp_path / f"{number}.log").write_text("x")
            number += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        seen = call(
            "file-watcher",
            operation="watch",
            input=[str(tmp_path)],
            pattern="*.txt",
            debounce_ms=20,
            max_events=3,
            timeout_seconds=20,
        )
    finally:
        over.set()
        thread.join()
    assert seen["event_count"] == 3 and not seen["timed_out"]
    assert {each["type"] for each in seen["events"]} <= {"created", "modified"}
    assert all(each["path"].endswith(".txt") and each["timestamp"] > 0 for each in seen["events"])


def until_watched(folder: Path) -> None:
    """Waits until this process is told of what happens in a folder."""
    wanted = f" ino:{folder.stat().st_ino:x} "
    began = time.monotonic()
    while not any(wanted in facts for facts in descriptors()):
        assert time.monotonic() - began < 10, f"{folder} is not watched"
        threading.Event().wait(0.01)


def descriptors() -> Iterator[str]:
    """What the system tells of each open file of this process, and of what it watches."""
    for each in Path("/proc/self/fdinfo").iterdir():
        with suppress(FileNotFoundError):
            yield each.read_text()


def watched(call: Caller, folder: Path, change: Callable[[], None]) -> list[tuple[str, str]]:
    """What is told of changes that begin when the watch has begun: what happened, and to what."""

    def begin() -> None:
        until_watched(folder)
        change()

    with ThreadPoolExecutor(1) as other:
        changing = other.submit(begin)
        seen = call("file-watcher", operation="watch", input=[str(folder)], timeout_ms=2500, max_events=1000)
        changing.result()
    return [(each["type"], str(Path(each["path"]).relative_to(folder))) for each in seen["events"]]


def test_watching_skips_links(call: Caller, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "deep").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "out").symlink_to(outside)
    (tmp_path / "sub" / "python").symlink_to("/usr/bin/env")

    def change() -> None:
        (outside / "deep" / "secret").touch()
        (tmp_path / "sub" / "seen").touch()

    assert watched(call, tmp_path, change) == [("created", "sub/seen")]


def test_watching_goes_on_in_folders_that_are_new(call: Caller, tmp_path: Path) -> None:
    def change() -> None:
        (tmp_path / "new" / "below").mkdir(parents=True)
        (tmp_path / "new" / "below" / "at once").touch()
        until_watched(tmp_path / "new" / "below")
        (tmp_path / "new" / "below" / "later").touch()

    told = watched(call, tmp_path, change)
    assert sorted(path for kind, path in told if kind == "created") == [
        "new", "new/below", "new/below/at once", "new/below/later",
    ]  # fmt: skip


def test_the_last_event_of_a_file_is_how_it_is_now(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    (tmp_path / "again").touch()

    def change() -> None:
        (tmp_path / "old").rename(tmp_path / "short")
        (tmp_path / "short").unlink()
        (tmp_path / "again").unlink()
        (tmp_path / "again").touch()

    told = [each for each in watched(call, tmp_path, change) if each[0] != "modified"]
    assert told == [
        ("deleted", "again"), ("created", "again"), ("deleted", "old"),
        ("created", "short"), ("deleted", "short"),
    ]  # fmt: skip


def test_a_folder_that_is_too_deep_is_not_copied_in_part(tmp_path: Path) -> None:
    call = Caller(settings(tmp_path, tools={"file_operations": {"max_depth": 2}}))
    try:
        (tmp_path / "a" / "b" / "c" / "d").mkdir(parents=True)
        listed = call("file-operations", operation="ls", path=str(tmp_path), recursive=True)
        assert listed["truncated"] and [each["name"] for each in listed["entries"]] == ["a", "a/b", "a/b/c"]
        where = {"source_path": str(tmp_path / "a"), "target_path": str(tmp_path / "x")}
        call("file-operations", operation="copy", recursive=True, **where)
        (tmp_path / "a" / "b" / "c" / "d" / "e").mkdir()
        with pytest.raises(ToolError, match=r"more than 2 levels deep .*max_depth"):
            call("file-operations", operation="copy", recursive=True, **where)
    finally:
        call.close()


def test_watching_until_the_time_is_over(call: Caller, tmp_path: Path) -> None:
    start = time.monotonic()
    seen = call("file-watcher", operation="watch", input=str(tmp_path), timeout_ms=200)
    assert seen == {"events": [], "event_count": 0, "timed_out": True}
    assert time.monotonic() - start < 30


def test_what_would_be_watched(call: Caller, tmp_path: Path) -> None:
    assert call("file-watcher", operation="config")["paths"] == []
    shown = call("file-watcher", operation="config", input=[str(tmp_path)], timeout_ms=500, recursive=False)
    assert shown == {
        "paths": [str(tmp_path)],
        "recursive": False,
        "pattern": "",
        "debounce_ms": 100,
        "timeout_seconds": 0.5,
        "max_events": 1000,
    }
    with pytest.raises(NotAllowedError):
        call("file-watcher", operation="watch", input=["/etc"])
    with pytest.raises(ParameterError, match="input is empty"):
        call("file-watcher", operation="watch", input=[])
