"""What leads out of the allowed folders: spellings, links, and what is put in the way meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from llmspell_kernel.errors import NotAllowedError, ToolError
from llmspell_kernel.library.tool.guards.paths import hides_traversal
from tests.library.tool.guarding import surroundings
from tests.library.tool.guards.place import SECRET, Place, repeating

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
