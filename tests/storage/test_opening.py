"""Which store the settings mean."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from jupyter_core.paths import jupyter_data_dir

from llmspell_kernel.config.sections.storage import Storage as Settings
from llmspell_kernel.errors import StorageError
from llmspell_kernel.storage.opening import open_storage, sqlite_path

from ..postgres import PostgresServer


def _settings(**given: object) -> Settings:
    return msgspec.convert(given, Settings)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"base_dir": "/data"}, "/data/llmspell.db"),
        ({"base_dir": "/data", "database_path": "/other/a.db"}, "/other/a.db"),
        ({"database_path": "/other/a.db", "sqlite": {"database_path": "/third/b.db"}}, "/third/b.db"),
    ],
)
def test_the_most_exact_path_counts(given: dict[str, object], path: str) -> None:
    assert sqlite_path(_settings(**given)) == Path(path)


def test_without_settings_it_is_in_jupyters_folder() -> None:
    assert sqlite_path(Settings()) == Path(jupyter_data_dir(), "llmspell", "llmspell.db")


def test_a_tilde_is_the_home() -> None:
    assert sqlite_path(_settings(base_dir="~/x")) == Path.home() / "x" / "llmspell.db"
    assert sqlite_path(_settings(database_path="~/x.db")) == Path.home() / "x.db"


def test_a_file(tmp_path: Path) -> None:
    with closing(open_storage("sqlite", _settings(base_dir=str(tmp_path)))) as store:
        assert store.info().location == str(tmp_path / "llmspell.db")


def test_memory() -> None:
    with closing(open_storage("memory", Settings())) as store:
        assert store.backend == "memory"


def test_a_server(postgres_server: PostgresServer) -> None:
    given = {"url": postgres_server.url(), "tenant_id": "of the settings"}
    with closing(open_storage("postgres", _settings(postgres=given))) as store:
        assert store.backend == "postgres"
        assert store.info().details["tenant_id"] == "of the settings"


def test_a_server_that_nobody_has_named() -> None:
    with pytest.raises(
        StorageError, match=r"set storage\.postgres\.url, or the variable LLMSPELL_POSTGRES_URL"
    ):
        open_storage("postgres", Settings())


def test_without_the_library_for_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("llmspell_kernel.storage.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageError, match=r"needs psycopg.*: pip install 'llmspell-kernel\[postgres\]'"):
        open_storage("postgres", _settings(postgres={"url": "postgresql://localhost/x"}))
