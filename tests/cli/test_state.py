"""`llmspell state` and `llmspell backup`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.cli import main

from .command import llmspell

Run = Callable[..., str]

DEEP = "[" * 300 + "]" * 300


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of its own, in the folder where commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLMSPELL_STORAGE_BASE_DIR", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process; answers what it wrote, stderr behind stdout."""
    del home

    def call(*arguments: str, status: int = 0) -> str:
        assert main(list(arguments)) == status, capsys.readouterr()
        captured = capsys.readouterr()
        return captured.out + captured.err

    return call


@pytest.fixture
def parsed(run: Run) -> Callable[..., Any]:
    """Runs a command with --output json."""

    def call(*arguments: str, status: int = 0) -> Any:
        return json.loads(run("-q", "--output", "json", *arguments, status=status))

    return call


def test_values_are_written_and_read(run: Run, parsed: Callable[..., Any]) -> None:
    run("state", "set", "theme", "dark")
    run("state", "set", "n", "-5")
    assert "nested deeper than 200 levels" in run("state", "set", "n", DEEP, status=1)
    run("state", "set", "code", "007", "--text")
    run("state", "set", "t", '{"a": [1, 2.0, null, "x"]}', "-s", "user:alice", "--ttl", "100")
    assert run("state", "get", "theme") == "dark\n"
    assert parsed("state", "get", "theme") == "dark"
    assert parsed("state", "get", "n") == -5
    assert parsed("state", "get", "code") == "007"
    assert parsed("state", "get", "t", "--scope", "user:alice") == {"a": [1, 2.0, None, "x"]}
    assert [(row["scope"], row["key"]) for row in parsed("state", "list")] == [
        ("global", "code"),
        ("global", "n"),
        ("global", "theme"),
        ("user:alice", "t"),
    ]
    assert run("-q", "state", "list", "-s", "global", "--prefix", "t") == "theme\n"
    run("state", "set", "nothing", "null", "-s", "n")
    assert run("state", "get", "nothing", "-s", "n") == "null\n"
    assert parsed("state", "show", "nothing", "-s", "n")["value"] is None
    run("state", "delete", "nothing", "-s", "n")
    assert parsed("state", "show")["global"] == {"code": "007", "n": -5, "theme": "dark"}
    assert parsed("state", "show", "theme")["version"] == 1
    assert "theme" in run("state", "show")
    run("state", "delete", "theme")
    assert "theme" not in run("state", "list")


def test_what_is_not_there_is_an_error(run: Run) -> None:
    run("state", "set", "theme", "dark", "-s", "user:alice")
    run("state", "set", "colour", "red")
    assert run("state", "get", "color", status=1) == (
        "error: there is no 'color' in the scope 'global'; did you mean colour?\n"
    )
    assert "it is in the scope user:alice (--scope)" in run("state", "get", "theme", status=1)
    assert "there is no 'theme'" in run("state", "delete", "theme", status=1)
    assert "there is no 'theme'" in run("state", "clear", "theme", status=1)
    assert "error: the key is empty" in run("state", "set", "", "1", status=1)


def test_state_in_memory_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMSPELL_STATE_BACKEND", "memory")
    assert "the settings keep `State` in memory" in run("state", "list", status=1)
    assert "the settings keep `State` in memory" in run("backup", "create", status=1)


@pytest.mark.parametrize("form", ["json", "toml"])
def test_exported_values_come_back_as_they_were(home: Path, form: str) -> None:
    """Through the real command, and a script that has every kind of value."""
    value = (
        "{1, 2.0, 0/0, 1/0, -1/0, JSON.null, '\\255', true, '', "
        "x = {[2.5] = {}, ['$a'] = 1, b = {y = 'Grüße'}}}"
    )
    write = f"State.set('a:b', 'k', {value}) State.set('g', 's', 1, {{ttl = 100}})"
    assert llmspell("exec", write).returncode == 0
    assert llmspell("state", "export", f"out.{form}").returncode == 0
    assert llmspell("state", "clear", "--all", "-y").returncode == 0
    assert llmspell("state", "import", f"out.{form}").stdout == "2 values imported\n"
    code = """
    local v = State.get('a:b', 'k')
    return math.type(v[1]), math.type(v[2]), v[3] ~= v[3], v[4], v[5], v[6] == JSON.null,
      v[7]:byte(), v[8], v[9], next(v.x[2.5]), v.x['$a'], v.x.b.y,
      State.info('g', 's').expires_at > os.time()"""
    shown = llmspell("exec", code).stdout
    assert shown == '"integer"\t"float"\ttrue\tinf\t-inf\ttrue\t255\ttrue\t""\tnil\t1\t"Grüße"\ttrue\n'


def test_import_replaces_scopes_or_merges(run: Run, home: Path, parsed: Callable[..., Any]) -> None:
    run("state", "set", "a", "1")
    run("state", "export", "a.json")
    run("state", "set", "a", "2")
    run("state", "set", "b", "2")
    run("state", "set", "c", "2", "-s", "other")
    run("state", "import", "a.json", "--merge")
    assert parsed("state", "show") == {"global": {"a": 1, "b": 2}, "other": {"c": 2}}
    assert "it would remove what a.json has not: b in the scope global." in (
        run("state", "import", "a.json", status=2)
    )
    assert parsed("state", "show") == {"global": {"a": 1, "b": 2}, "other": {"c": 2}}
    assert run("state", "import", "a.json", "--yes") == "1 value imported; removed: b in the scope global\n"
    assert parsed("state", "show") == {"global": {"a": 1}, "other": {"c": 2}}
    assert parsed("state", "import", "a.json") == {"imported": 1, "removed": {}}
    run("state", "import", "a.json", "--scope", "other")
    assert parsed("state", "show") == {"global": {"a": 1}, "other": {"c": 2}}

    (home / "bad.json").write_text('{"scopes": {"global": {"a": 5}}}')
    (home / "late.json").write_text('{"format": "llmspell-state", "version": 9, "scopes": {}}')
    (home / "date.toml").write_text(
        'format = "llmspell-state"\nversion = 1\n[scopes.global]\na = 5\nd = 2020-01-01\n'
    )
    (home / "deep.json").write_text("[" * 100_000)
    (home / "large.json").write_text('{"format": "llmspell-state", "scopes": {"global": {"a": 1e999}}}')
    (home / "deep_value.json").write_text(
        f'{{"format": "llmspell-state", "version": 1, "scopes": {{"global": {{"a": {DEEP}}}}}}}'
    )
    assert "bad.json is no exported state" in run("state", "import", "bad.json", status=1)
    assert "version 9" in run("state", "import", "late.json", status=1)
    assert "is a date, which cannot be kept" in run("state", "import", "date.toml", status=1)
    assert "large.json is nothing that can be read without a loss: 1e999 is beyond" in (
        run("state", "import", "large.json", status=1)
    )
    assert "deep.json is no JSON" in run("state", "import", "deep.json", status=1)
    assert "nested deeper than 200 levels" in run("state", "import", "deep_value.json", status=1)
    assert "cannot read none.json: No such file" in run("state", "import", "none.json", status=1)
    assert parsed("state", "get", "a") == 1


def test_clear_asks_before_more_than_one_value_goes(run: Run, parsed: Callable[..., Any]) -> None:
    for key in "abc":
        run("state", "set", key, "1")
    run("state", "set", "d", "1", "-s", "user:x")
    said = run("state", "clear", "--scope", "global", status=2)
    assert (
        "this needs --yes where nobody can be asked: it would remove all values of the scope global." in said
    )
    assert "say what to remove" in run("state", "clear", status=2)
    assert parsed("state", "clear", "a") == {"deleted": 1, "scope": "global", "key": "a"}
    assert parsed("state", "clear", "--scope", "global", "-y") == {"deleted": 2}
    assert parsed("state", "clear", "--all", "-y") == {"deleted": 1}
    assert parsed("state", "list") == []


def test_import_names_what_it_removes(run: Run, home: Path, parsed: Callable[..., Any]) -> None:
    for key in "abcdefg":
        run("state", "set", key, "1")
    (home / "in.json").write_text(
        '{"format": "llmspell-state", "version": 1, "scopes": {"global": {"a": 1, "b": 2}}, '
        '"expires_at": {"global": {"b": 5}}}'
    )
    assert parsed("state", "import", "in.json", "--yes") == {
        "imported": 1,
        "removed": {"global": ["b", "c", "d", "e", "f", "g"]},
    }
    for key in "bcdefg":
        run("state", "set", key, "1")
    assert "removed: b, c, d, e, f and 1 more in the scope global" in run("state", "import", "in.json", "-y")


def test_nothing_is_lost_between_what_is_typed_and_what_is_kept(run: Run, parsed: Callable[..., Any]) -> None:
    for number in ("1e400", "123456789012345678901234567890", '{"a": 1e400}'):
        said = run("state", "set", "k", number, status=1)
        assert "is beyond the numbers that can be kept" in said and "--text keeps it as text" in said
    run("state", "set", "k", "1e400", "--text")
    assert parsed("state", "get", "k") == "1e400"
    assert "as text: it is no JSON (NaN is no number of JSON)" in run("state", "set", "k", '{"a": NaN}')
    assert parsed("state", "get", "k") == '{"a": NaN}'
    assert "as text" not in run("state", "set", "k", "NaN")
    assert parsed("state", "get", "k") == "NaN"


def test_what_is_written_is_told_as_json_too(run: Run, home: Path, parsed: Callable[..., Any]) -> None:
    assert parsed("state", "set", "k", "1") == {"scope": "global", "key": "k"}
    assert parsed("state", "export", "k.json") == {"file": "k.json", "exported": 1}
    assert parsed("state", "delete", "k") == {"deleted": 1, "scope": "global", "key": "k"}
    assert parsed("config", "init") == {"file": "llmspell.toml"}
    assert parsed("config", "set", "logging.level", "debug")["key"] == "logging.level"
    assert str(Path("defs", "State.lua")) in parsed("definitions", "defs")["files"]


def test_one_value_begins_without_an_empty_line(run: Run) -> None:
    run("state", "set", "theme", "dark")
    assert run("state", "show", "theme").split()[:2] == ["scope", "global"]
    assert run("state", "show", "theme").startswith("scope")


def test_backups(run: Run, home: Path, parsed: Callable[..., Any]) -> None:
    run("state", "set", "a", "1")
    first = parsed("backup", "create")
    assert home / "data" / "backups" in Path(first["path"]).parents
    assert first["entries"] == 1
    run("state", "set", "b", "2")
    second = parsed("backup", "create", "--incremental")
    assert (second["kind"], second["base"]) == ("incremental", first["id"])
    assert [each["id"] for each in parsed("backup", "list")] == [second["id"], first["id"]]
    assert run("-q", "backup", "list").splitlines() == [second["id"], first["id"]]
    run("state", "clear", "--all", "-y")
    assert "where nobody can be asked: it would make the store what it was at" in (
        run("backup", "restore", "latest", status=2)
    )
    done = parsed("backup", "restore", "latest", "--yes")
    assert parsed("state", "show") == {"global": {"a": 1, "b": 2}}
    parsed("backup", "restore", done["safety_backup"], "-y")
    assert parsed("state", "show") == {}
    run("backup", "create", "-o", "copy.zip")
    assert "exclude" not in run("backup", "restore", "./copy.zip", "-y")
    assert "is needed by" in run("backup", "delete", first["id"], status=1)
    run("backup", "delete", second["id"])
    assert parsed("backup", "cleanup", "--dry-run")["removed"] == []
    assert "no backup 'nothing'" in run("backup", "restore", "nothing", status=1)


def test_a_damaged_backup_is_told_by_the_exit_status(run: Run, parsed: Callable[..., Any]) -> None:
    run("state", "set", "a", "1")
    good, bad = parsed("backup", "create"), parsed("backup", "create")
    assert run("backup", "validate").count("sound") == 2
    path = Path(bad["path"])
    path.write_bytes(path.read_bytes()[:100])
    found = {each["id"]: each["valid"] for each in parsed("backup", "validate", status=1)}
    assert found == {good["id"]: True, bad["id"]: False}
    assert "damaged" in run("backup", "list")
    assert path.name in run("backup", "restore", bad["id"], "-y", status=1)
    assert run("state", "get", "a") == "1\n"


def test_the_limits_of_cleanup_are_settings(run: Run, home: Path, parsed: Callable[..., Any]) -> None:
    (home / "llmspell.toml").write_text(
        "[runtime.state_persistence.backup]\nmax_backups = 1\nbackup_dir = 'b'\n"
    )
    made = [parsed("backup", "create")["id"] for _ in range(3)]
    assert sorted(path.stem for path in (home / "b").rglob("*.zip")) == made
    assert parsed("backup", "cleanup")["removed"] == [made[1], made[0]]
    assert [path.stem for path in (home / "b").rglob("*.zip")] == made[2:]


def test_each_store_has_its_own_backups(
    run: Run, home: Path, parsed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("state", "set", "who", "first")
    first = parsed("backup", "create")
    with monkeypatch.context() as other:
        other.setenv("LLMSPELL_STATE_PATH", str(home / "other.db"))
        run("state", "set", "who", "second")
        assert parsed("backup", "list") == []
        assert "no backup 'latest'" in run("backup", "restore", "latest", "-y", status=1)
        assert "no backup" in run("backup", "restore", first["id"], "-y", status=1)
        second = parsed("backup", "create", "--incremental")
        assert (second["kind"], second["store"]) == ("full", str(home / "other.db"))
        run("backup", "restore", first["path"], "-y")  # by its file, as one moves to another store
        assert run("state", "get", "who") == "first\n"
    assert [each["id"] for each in parsed("backup", "list")] == [first["id"]]


def test_backups_move_with_the_folder_of_what_is_stored(
    run: Run, home: Path, parsed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMSPELL_STORAGE_BASE_DIR", str(home / "one"))
    run("state", "set", "a", "1")
    made = parsed("backup", "create")
    (home / "one").rename(home / "two")
    monkeypatch.setenv("LLMSPELL_STORAGE_BASE_DIR", str(home / "two"))
    assert [each["id"] for each in parsed("backup", "list")] == [made["id"]]
