"""`llmspell storage`: over a file and a real PostgreSQL server."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.cli import main
from llmspell_kernel.library.services import Services
from tests.postgres import PostgresServer

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process, on a store of its own; answers what it wrote, stderr behind stdout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLMSPELL_STORAGE_BASE_DIR", str(tmp_path / "data"))

    def call(*arguments: str, status: int = 0) -> str:
        found = main(list(arguments))
        captured = capsys.readouterr()
        assert found == status, captured
        return captured.out + captured.err

    return call


@pytest.fixture
def parsed(run: Run) -> Callable[..., Any]:
    """Runs a command with --output json."""
    return lambda *arguments, status=0: json.loads(run("-q", "--output", "json", *arguments, status=status))


@pytest.fixture
def full(run: Run) -> None:
    """A store with some state and a session with an artifact."""
    del run
    services = Services()
    services.state.set("global", "theme", "dark")
    services.state.set("user:ada", "blob", {"n": 1, "bytes": b"\xff\x00", 3: 2.0})
    services.state.set("global", "soon", "gone", expires_in=3600)
    session = services.sessions.create(name="garden")
    services.artifacts.store(session, "user_input", "note", b"x" * 20_000)
    services.close()


@pytest.fixture
def postgres(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    url = postgres_server.new_database()
    monkeypatch.setenv("LLMSPELL_POSTGRES_URL", url)
    return url


def test_info_says_where_and_how_much(
    run: Run, parsed: Callable[..., Any], full: None, tmp_path: Path
) -> None:
    found = parsed("storage", "info")
    assert found["backend"] == "sqlite" and found["location"] == str(tmp_path / "data" / "llmspell.db")
    assert found["entries"]["state"] == 3 and found["size_bytes"] > 0 and found["schema_version"] > 0
    assert "schema version" in run("storage", "info")


def test_validate_finds_damage(run: Run, parsed: Callable[..., Any], full: None, tmp_path: Path) -> None:
    assert "is sound" in run("storage", "validate")
    path = tmp_path / "data" / "llmspell.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 3] = b"\xa5" * 4096
    path.write_bytes(content)
    told = run("storage", "validate", status=1)
    assert "llmspell.db" in told or "damaged" in told or "malformed" in told


def test_what_is_exported_is_imported(
    run: Run, parsed: Callable[..., Any], full: None, tmp_path: Path
) -> None:
    before = parsed("storage", "info")["entries"]
    run("storage", "export", "-o", "all.zip")
    assert "is there already" in run("storage", "export", "-o", "all.zip", status=1)
    run("state", "set", "theme", "light")
    run("state", "set", "extra", "1")
    assert parsed("storage", "import", "all.zip")["written"] == 1
    assert run("state", "get", "theme") == "dark\n" and run("state", "get", "extra") == "1\n"
    assert "--yes" in run("storage", "import", "all.zip", "--replace", status=2)
    assert parsed("storage", "import", "all.zip", "--replace", "--yes")["deleted"] == 1
    assert parsed("storage", "info")["entries"] == before


def test_files_that_are_none_change_nothing(
    run: Run, parsed: Callable[..., Any], full: None, tmp_path: Path
) -> None:
    before = parsed("storage", "info")["entries"]
    Path("text.zip").write_text("no zip")
    with zipfile.ZipFile("other.zip", "w") as archive:
        archive.writestr("hello.txt", "hello")
    run("storage", "export", "-o", "cut.zip")
    Path("cut.zip").write_bytes(Path("cut.zip").read_bytes()[:-100])
    for name in ("text.zip", "other.zip", "cut.zip", "nowhere.zip"):
        assert name in run("storage", "import", name, "--replace", "--yes", status=1)
    assert parsed("storage", "info")["entries"] == before


def test_a_plan_moves_from_file_to_server_and_back(
    run: Run, parsed: Callable[..., Any], full: None, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = parsed("storage", "info")["entries"]
    run("storage", "migrate", "plan", "--from", "sqlite", "--to", "postgres", "-o", "plan.toml")
    assert parsed("storage", "migrate", "execute", "--plan", "plan.toml", "--dry-run")["namespaces"] == before
    assert parsed("storage", "info", "--backend", "postgres")["entries"] == {}
    assert parsed("storage", "migrate", "execute", "--plan", "plan.toml")["written"] == sum(before.values())
    assert parsed("storage", "info", "--backend", "postgres")["entries"] == before
    assert "is sound" in run("storage", "validate", "--backend", "postgres")
    assert parsed("storage", "migrate", "execute", "--plan", "plan.toml")["unchanged"] == sum(before.values())

    monkeypatch.setenv("LLMSPELL_STATE_BACKEND", "postgres")
    assert run("state", "get", "theme") == "dark\n"
    services = Services()
    assert services.state.get("user:ada", "blob") == {"n": 1, "bytes": b"\xff\x00", 3: 2.0}
    services.close()

    monkeypatch.setenv("LLMSPELL_STORAGE_BASE_DIR", "elsewhere")
    run(
        "storage",
        "migrate",
        "plan",
        "--from",
        "postgres",
        "--to",
        "sqlite",
        "--components",
        "state",
        "-o",
        "back.toml",
    )
    assert parsed("storage", "migrate", "execute", "--plan", "back.toml")["written"] == before["state"]
    assert parsed("storage", "info", "--backend", "sqlite")["entries"] == {"state": before["state"]}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("plan", "--from", "sqlite", "--to", "sqlite"), "nothing to move"),
        (("plan", "--from", "sqlite", "--to", "postgres", "--components", "stat"), "the store has no 'stat'"),
        (("execute", "--plan", "nowhere.toml"), "cannot read nowhere.toml"),
        (("execute", "--plan", "bad.toml"), "bad.toml is no plan"),
    ],
)
def test_plans_that_make_no_sense(run: Run, full: None, arguments: tuple[str, ...], told: str) -> None:
    Path("bad.toml").write_text("source = 3")
    assert told in run("storage", "migrate", *arguments, status=1)
