from __future__ import annotations

from pathlib import Path

import pytest

from llmspell_kernel.dap.paths import Folder, Paths


def paths(*folders: tuple[str, str], uris: bool = False) -> Paths:
    return Paths([Folder.of(local, remote) for local, remote in folders], uris=uris)


@pytest.mark.parametrize(
    ("local", "remote", "theirs", "ours"),
    [
        ("/home/me/project", "/srv/app", "/home/me/project/a/b.lua", "/srv/app/a/b.lua"),
        ("/home/me/project/", "/srv/app/", "/home/me/project/a.lua", "/srv/app/a.lua"),
        ("/home/me/project", "/srv/app", "/home/me/project", "/srv/app"),
        ("/", "/mnt", "/a.lua", "/mnt/a.lua"),
        ("/mnt", "/", "/mnt/a.lua", "/a.lua"),
        ("C:\\work\\app", "/srv/app", "C:\\work\\app\\lib\\x.lua", "/srv/app/lib/x.lua"),
        ("/home/me/project", "/srv/app", "/home/me/projects/b.lua", "/home/me/projects/b.lua"),
        ("/home/me/project", "/srv/app", "load [1]", "load [1]"),
    ],
)
def test_paths_are_mapped_both_ways(local: str, remote: str, theirs: str, ours: str) -> None:
    mapped = paths((local, remote))
    assert mapped.to_ours(theirs) == ours
    assert mapped.to_client(ours) == theirs


def test_windows_compares_without_case_and_takes_either_slash() -> None:
    mapped = paths(("C:\\Work", "/srv"))
    assert mapped.to_ours("c:/work/Lib/X.lua") == "/srv/Lib/X.lua"
    assert mapped.to_client("/srv/Lib/X.lua") == "C:\\Work\\Lib\\X.lua"


def test_the_deepest_folder_counts() -> None:
    mapped = paths(("/p", "/r"), ("/p/vendor", "/opt/vendor"))
    assert mapped.to_ours("/p/vendor/x.lua") == "/opt/vendor/x.lua"
    assert mapped.to_ours("/p/x.lua") == "/r/x.lua"
    assert mapped.to_client("/opt/vendor/x.lua") == "/p/vendor/x.lua"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///home/me/a%20b.lua", "/home/me/a b.lua"),
        ("file:///C:/work/x.lua", "C:/work/x.lua"),
        ("load [1]", "load [1]"),
    ],
)
def test_clients_may_write_addresses(uri: str, path: str) -> None:
    assert paths(uris=True).to_ours(uri) == path
    assert paths(uris=True).to_client(path) == uri


def test_a_file_is_known_by_whichever_link_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    real, link = tmp_path / "real" / "x.lua", tmp_path / "link" / "x.lua"
    real.write_text("return 1")
    for known, written in ((real, link), (link, real)):
        mapped = Paths(known=[str(known), "load [1]"].copy)
        assert mapped.to_ours(str(written)) == str(known)
        assert mapped.to_client(str(known)) == str(written), "the client sees the path that it wrote"
        assert mapped.to_ours(str(known)) == str(known)
