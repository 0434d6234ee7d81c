"""The guard of files: what it tells, and what it says no to."""

from __future__ import annotations

import pytest

from llmspell_kernel.errors import NotAllowedError, ToolError
from tests.library.tool.guarding import surroundings
from tests.library.tool.guards.place import Place


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
