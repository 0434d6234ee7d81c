"""Backups of the store that keeps `State`: which folder, which limits, and what scripts see of them."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import NoSuchThingError, ScriptError, StorageError
from llmspell_kernel.storage.backup import SUFFIX, Backup, Backups

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmspell_kernel.library.services import Services


def backups_of(services: Services) -> Backups:
    """The backups of the store of `State`, as the settings want them.

    Each store, and on a server each tenant, has a folder of its own: none sees the backups of another.

    Raises:
        StorageError: the store cannot be opened.
    """
    from llmspell_kernel.storage.opening import data_folder

    wanted = services.settings.runtime.state_persistence.backup
    storage, named, home = (
        services.state.storage,
        wanted.backup_dir,
        data_folder(services.settings.storage),
    )
    identity = storage.identity
    if not named:  # what is moved as a whole, with the store and its backups, still belongs together
        identity = identity.removeprefix(f"{home.resolve()}{os.sep}")
    folder = Path(named).expanduser() if named else home / "backups"
    return Backups(
        storage,
        folder / f"{storage.backend}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}",
        level=wanted.compression_level if wanted.compression_enabled else 0,
        max_backups=wanted.max_backups,
        max_age=wanted.max_backup_age,
    )


def described(backup: Backup) -> dict[str, Any]:
    """A backup as scripts and programs see it."""
    shown: dict[str, Any] = {
        "id": backup.id,
        "path": str(backup.path),
        "created_at": date(backup.created_at),
        "size_bytes": backup.size_bytes,
    }
    manifest = backup.manifest
    if manifest is None:
        return {**shown, "problem": backup.problem}
    return {
        **shown,
        "kind": manifest.kind,
        "base": manifest.base or None,
        "backend": manifest.backend,
        "store": manifest.store or None,
        "entries": sum(manifest.entries.values()),
        "deleted": manifest.deleted,
        "namespaces": manifest.entries,
        "sha256": manifest.sha256,
        "note": manifest.note or None,
    }


def date(seconds: float) -> str:
    """A time as ISO 8601 has it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _id(name: str) -> str:
    """The name of a backup in the folder; scripts may not be allowed to read files, so no path."""
    if os.sep in name or name.endswith(SUFFIX):
        raise NoSuchThingError(
            f"no backup {name!r}: scripts name a backup by its id (`llmspell backup` takes files too)"
        )
    return name


class StateBackups:
    """What `State` does with backups. What goes wrong is said in the result, as scripts expect it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def _try(self, action: Callable[[Backups], dict[str, Any]]) -> dict[str, Any]:
        try:
            if self._services.forgets:
                raise ScriptError("nothing lasts here: this run is not to change anything")
            return {"success": True, **action(backups_of(self._services))}
        except (StorageError, NoSuchThingError) as error:
            return {"success": False, "error": str(error)}

    def create(self, *, incremental: bool) -> dict[str, Any]:
        """Backs up the store."""
        wanted = incremental and self._services.settings.runtime.state_persistence.backup.incremental_enabled

        def action(backups: Backups) -> dict[str, Any]:
            backup = backups.create(incremental=wanted)
            return {**described(backup), "backup_id": backup.id}

        return self._try(action)

    def all(self) -> list[dict[str, Any]]:
        """The backups, the newest first."""
        return [described(backup) for backup in backups_of(self._services).all()]

    def restore(self, name: str) -> dict[str, Any]:
        """Makes the store what it was."""

        def action(backups: Backups) -> dict[str, Any]:
            backup = backups.find(_id(name))
            done, saved = backups.restore(name)
            return {
                "id": backup.id,
                "backup_id": backup.id,
                "safety_backup": None if saved is None else saved.id,
                **done._asdict(),
            }

        return self._try(action)

    def validate(self, name: str) -> dict[str, Any]:
        """Computes checksums anew; a backup that is damaged is a result, one that is not there a failure."""

        def action(backups: Backups) -> dict[str, Any]:
            backup = backups.find(_id(name))
            shown: dict[str, Any] = {"id": backup.id, "backup_id": backup.id}
            try:
                manifest = backups.validate(name)
            except StorageError as error:
                return {**shown, "is_valid": False, "valid": False, "problems": [str(error)]}
            entries = sum(manifest.entries.values())
            return {**shown, "is_valid": True, "valid": True, "entries": entries, "problems": []}

        return self._try(action)

    def cleanup(self, *, dry_run: bool) -> dict[str, Any]:
        """Removes what is beyond the limits."""

        def action(backups: Backups) -> dict[str, Any]:
            done = backups.cleanup(dry_run=dry_run)
            return {
                "removed": [each.id for each in done.removed],
                "kept": len(done.kept),
                "freed_bytes": sum(each.size_bytes for each in done.removed),
                "dry_run": dry_run,
            }

        return self._try(action)

    def usage(self) -> dict[str, Any]:
        """What the store and its backups take."""
        info = self._services.state.storage.info()
        backups = backups_of(self._services).all()
        sizes = sum(each.size_bytes for each in backups)
        return {
            "backend": info.backend,
            "location": info.location,
            "size_bytes": info.size_bytes,
            "entries": info.entries,
            "total_entries": sum(info.entries.values()),
            "backup_count": len(backups),
            "backup_size_bytes": sizes,
            "total_size_bytes": info.size_bytes + sizes,
        }
