"""Versions of the data in `State`, and the steps from one to the next.

The version of the data is kept in the store beside them. A step is a function that is called with each value.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import msgpack

from llmspell_kernel.errors import CancelledError, LLMSpellError, LuaCallError, ScriptError
from llmspell_kernel.library.state.scopes import split
from llmspell_kernel.library.state.service import NAMESPACE

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services

FIRST = "1.0.0"
"""The version of data that nobody has migrated."""

META = "state.schema"
_VERSION = re.compile(r"\d+(\.\d+){0,2}")

Change = Callable[[str, str, bytes], bytes | None]
"""Scope, key and stored value to the new one; None removes it."""


class Step(NamedTuple):
    """From one version to a later one."""

    before: str
    after: str
    change: Change


class Migrations:
    """The steps that this runtime knows, and where the data in the store stand."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._steps: dict[str, Step] = {}

    def register(self, before: str, after: str, change: Change) -> None:
        """Adds a step; a later one from the same version takes its place.

        Raises:
            ScriptError: one is no version, or `after` is not later.
        """
        before, after = normal(before), normal(after)
        if _order(after) <= _order(before):
            raise ScriptError(f"a migration leads to a later version: {after} is not later than {before}")
        self._steps[before] = Step(before, after, change)

    def current(self) -> str:
        """The version of the data."""
        return str(self._meta().get("version", FIRST))

    def _meta(self) -> dict[str, Any]:
        entry = self._services.state.storage.get(META, "schema")
        found: dict[str, Any] = {} if entry is None else msgpack.decode(entry.value)
        return found

    def versions(self) -> list[str]:
        """The current version and those that steps begin or end with, in order."""
        known = {self.current(), *self._steps, *(step.after for step in self._steps.values())}
        return sorted(known, key=_order)

    def status(self) -> dict[str, Any]:
        """Where the data stand."""
        current, versions = self.current(), self.versions()
        return {
            "current_version": current,
            "latest_version": versions[-1],
            "store_version": self._services.state.storage.info().schema_version,
            "enabled": self._services.settings.runtime.state_persistence.migration_enabled,
            "pending": [step.after for step in self._path(current, versions[-1])],
            "last": self._meta().get("last"),
        }

    def _path(self, version: str, target: str) -> list[Step]:
        """The steps from a version to another; none if they do not lead there."""
        path: list[Step] = []
        while version != target and (step := self._steps.get(version)) is not None:
            path.append(step)
            version = step.after
        return path if version == target else []

    def migrate(self, version: str) -> dict[str, Any]:
        """Brings all values to a version: all of them or none."""
        started = time.monotonic()
        try:
            result = self._migrate(normal(version))
        except LuaCallError as error:
            result = {"success": False, "status": "failed", "error": str(error)}
        except LLMSpellError as error:
            status = "cancelled" if isinstance(error, CancelledError) else "failed"
            result = {"success": False, "status": status, "error": str(error)}
        return {**result, "duration_ms": (time.monotonic() - started) * 1000}

    def _migrate(self, target: str) -> dict[str, Any]:
        services, current = self._services, self.current()
        if not services.settings.runtime.state_persistence.migration_enabled:
            raise ScriptError(
                "the setting runtime.state_persistence.migration_enabled is false: nothing is migrated"
            )
        done = {"success": True, "from_version": current, "to_version": target}
        if target == current:
            return {**done, "status": "up_to_date", "items_migrated": 0}
        path = self._path(current, target)
        if not path:
            raise ScriptError(
                f"no migrations lead from {current} to {target}: State.register_migration adds one "
                f"(known versions: {', '.join(self.versions())})"
            )
        if services.hooks.wants("StateMigration"):
            services.hooks.run("StateMigration", {"from_version": current, "to_version": target})
        warnings = self._backup(current, target)
        changed = services.state.transaction(lambda: self._run(path, current))
        if changed is None:
            return self._migrate(target)
        return {**done, "status": "completed", "items_migrated": changed, "warnings": warnings, "errors": []}

    def _backup(self, current: str, target: str) -> list[str]:
        """Backs up the store where that is wanted; what is to be said of it."""
        services = self._services
        wanted = services.settings.runtime.state_persistence.backup_on_migration
        if not wanted or services.forgets or services.state.storage.backend == "memory":
            return ["there is no backup of the values before the migration"]
        from llmspell_kernel.library.state.backups import backups_of

        backups_of(services).create(note=f"before the migration from {current} to {target}")
        return []

    def _run(self, path: list[Step], before: str) -> int | None:
        """All steps over all values; how many have changed. None if somebody has migrated them meanwhile."""
        if self.current() != before:
            return None
        state = self._services.state
        storage, changed = state.storage, 0
        for entry in list(state.entries()):
            scope, key = split(entry.key)
            value: bytes | None = entry.value
            for step in path:
                value = None if value is None else step.change(scope, key, value)
            if value is None:
                storage.delete(NAMESPACE, entry.key)
            elif _normal_form(value) != _normal_form(entry.value):
                left = None if entry.expires_at is None else max(entry.expires_at - time.time(), 0.001)
                storage.set(NAMESPACE, entry.key, value, expires_in=left)
            else:
                continue
            changed += 1
        last = {"from_version": before, "to_version": path[-1].after, "at": time.time(), "items": changed}
        storage.set(META, "schema", msgpack.encode({"version": path[-1].after, "last": last}))
        return changed


def _normal_form(packed: bytes) -> bytes:
    """The same for the same value, whoever has packed it."""
    return msgpack.encode(msgpack.decode(packed))


def normal(version: str) -> str:
    """A version with its three numbers.

    Raises:
        ScriptError: it is none.
    """
    if not _VERSION.fullmatch(version):
        raise ScriptError(f"{version!r} is no version; write one such as 1.2.0")
    return ".".join([*version.split("."), "0", "0"][:3])


def _order(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
