"""Opening the store that the settings name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from llmspell_kernel.errors import StorageError

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.storage import Backend
    from llmspell_kernel.config.sections.storage import PostgresStorage as PostgresSettings
    from llmspell_kernel.config.sections.storage import Storage as StorageSettings
    from llmspell_kernel.storage.contract import Storage


def data_folder(settings: StorageSettings) -> Path:
    """The folder of what is stored: `storage.base_dir`, or llmspell in Jupyter's data folder."""
    if settings.base_dir:
        return Path(settings.base_dir).expanduser()
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "llmspell"


def sqlite_path(settings: StorageSettings) -> Path:
    """The file of the store in a file."""
    named = settings.sqlite.database_path or settings.database_path
    return Path(named).expanduser() if named else data_folder(settings) / "llmspell.db"


def open_storage(backend: Backend, settings: StorageSettings) -> Storage:
    """Opens a store.

    Raises:
        StorageError: it cannot be opened.
    """
    if backend == "memory":
        from llmspell_kernel.storage.memory import MemoryStorage

        return MemoryStorage()
    if backend == "sqlite":
        from llmspell_kernel.storage.sqlite.store import SqliteStorage

        return SqliteStorage(sqlite_path(settings), settings.sqlite.journal_mode)
    if backend == "postgres":
        return _open_postgres(settings.postgres)
    raise StorageError(f"no backend called {backend!r}")


def _open_postgres(settings: PostgresSettings) -> Storage:
    if not settings.url:
        raise StorageError(
            "no PostgreSQL server is named: set storage.postgres.url, or the variable "
            "LLMSPELL_POSTGRES_URL, to postgresql://user:password@host:port/database"
        )
    try:
        for name in ("psycopg", "psycopg_pool"):
            import_module(name)
    except ImportError as error:
        raise StorageError(
            f"the store on PostgreSQL needs psycopg ({error}): pip install 'llmspell-kernel[postgres]'"
        ) from error
    from llmspell_kernel.storage.postgres.store import PostgresStorage

    return PostgresStorage(
        settings.url,
        tenant_id=settings.tenant_id,
        pool_size=settings.pool_size,
        timeout_seconds=settings.timeout_seconds,
    )
