"""A script's view of the settings, and what it may change of them."""

from __future__ import annotations

import difflib
import json
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from llmspell_kernel.config.checking import checked
from llmspell_kernel.config.documents import flat
from llmspell_kernel.config.layers import Origin, Values
from llmspell_kernel.config.loading import as_table
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.config.sections.providers import Provider
from llmspell_kernel.errors import NotAllowedError, ScriptError, SettingsError
from llmspell_kernel.lua.state import STANDARD_LIBRARIES

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.state import LuaSettings

PERMISSIONS = {
    "read": True,
    "modify_providers": True,
    "modify_tools": True,
    "modify_runtime": True,
    "modify_security": False,
    "access_secrets": False,
}
"""What scripts may do with the settings."""

_SNAPSHOTS = 100
"""How many are kept; the oldest goes."""

_MISSPELT = 0.85
"""How like a listed key a key must be to be taken for a misspelling."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")


class ScriptConfig:
    """The settings of one runtime; what a script changes of them lasts as long as the runtime."""

    def __init__(self, lua: LuaSettings, services: Services) -> None:
        """What scripts may do is told as `lua` has it, the rest as the services have it."""
        self._lua = lua
        self._services = services
        self._snapshots: dict[str, Settings] = {}

    @property
    def settings(self) -> Settings:
        """As they are now, for all that the script calls.

        Raises:
            SettingsError: they cannot be read.
        """
        return self._services.settings

    def table(self) -> dict[str, Any]:
        """All settings, without secrets."""
        table = as_table(self.settings, hide=True)
        table["runtime"]["security"] = self.security()
        return table

    def section(self, name: str) -> Any:
        """One section or setting by its dotted name; None if there is none."""
        value: Any = self.table()
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def json(self) -> str:
        """All settings as JSON, without secrets."""
        return json.dumps(self.table(), indent=2, ensure_ascii=False)

    def security(self) -> dict[str, Any]:
        """`runtime.security`, as it is enforced here."""
        table: dict[str, Any] = msgspec.to_builtins(self.settings.runtime.security)
        return table | {"allow_file_access": self._lua.files, "allow_process_spawn": self._lua.processes}

    def permissions(self) -> dict[str, bool]:
        """What scripts may do with the settings."""
        return dict(PERMISSIONS)

    def providers(self) -> list[str]:
        """The names of the providers that are enabled, in order."""
        return sorted(name for name, each in self.settings.providers.named.items() if each.enabled)

    def provider(self, name: str) -> dict[str, Any] | None:
        """One provider, with `name` and, in place of its key, `has_api_key`; None if there is none."""
        provider = self.settings.providers.named.get(name)
        if provider is None:
            return None
        table = dict(as_table(self.settings, hide=True)["providers"][name])
        del table["api_key"]
        return table | {"name": name, "has_api_key": _has_key(name, provider)}

    def set_provider(self, name: str, table: Any) -> None:
        """Adds a provider or replaces it. Keys that settings do not list are kept as options, as in files.

        Raises:
            ScriptError: the name or the table does not fit; a line for each problem.
        """
        if not _NAME.fullmatch(name):
            raise ScriptError(
                "bad argument 'name' to 'Config.setProvider' "
                f"(letters, digits, _ and - expected, got {name!r})"
            )
        table = table or {}  # an empty one has come as a list
        if not isinstance(table, dict):
            raise ScriptError("bad argument 'provider' to 'Config.setProvider' (a table with keys expected)")
        given = {key: value for key, value in table.items() if key not in ("name", "has_api_key")}
        for each in given:
            _check_spelling(str(each))
        origin = Origin("script", "Config.setProvider")
        key = ("providers", name)
        values: Values = {each: (value, origin) for each, value in flat(_renamed(given), key)}
        try:
            made = checked(values or {key: ({}, origin)}).providers.named[name]
        except SettingsError as error:
            raise ScriptError(str(error)) from error
        providers = self.settings.providers
        named = {**providers.named, name: made}
        self._services.settings = msgspec.structs.replace(
            self.settings, providers=msgspec.structs.replace(providers, named=named)
        )

    def set_security(self) -> None:
        """Is never allowed.

        Raises:
            ScriptError: always.
        """
        raise ScriptError(
            "scripts may not change what they are allowed (permission modify_security); change "
            "runtime.security in the settings: llmspell config set"
        )

    def tools(self) -> Any:
        """The settings of tools, without secrets."""
        return self.section("tools")

    def may_use_network(self) -> bool:
        """Whether tools may open connections."""
        return self.settings.runtime.security.allow_network_access

    def add_allowed_path(self, path: str) -> None:
        """Lets tools use one more folder, with all that lies in it.

        Raises:
            NotAllowedError: the script itself may not use files, so tools must not use more for it.
            ScriptError: there is no such folder.
        """
        if not self._lua.files:
            raise NotAllowedError(NotAllowedError.FILES)
        if "io" not in STANDARD_LIBRARIES[self._lua.stdlib]:
            raise NotAllowedError(
                f"scripts without io (engines.lua.stdlib is {self._lua.stdlib!r}) must not let tools use "
                "more folders: name them in the setting tools.file_operations.allowed_paths"
            )
        if not path or "\0" in path:
            raise ScriptError(
                f"bad argument 'path' to 'Config.addAllowedPath' (a folder expected, got {path!r})"
            )
        folder = os.path.abspath(os.path.expanduser(path))
        tools = self.settings.tools
        allowed = tools.file_operations.allowed_paths
        if folder in allowed:
            return
        if not os.path.isdir(folder):
            why = "is no folder" if os.path.lexists(folder) else "does not exist"
            raise ScriptError(
                f"bad argument 'path' to 'Config.addAllowedPath' (a folder expected, but {folder!r} {why})"
            )
        files = msgspec.structs.replace(tools.file_operations, allowed_paths=[*allowed, folder])
        self._services.settings = msgspec.structs.replace(
            self.settings, tools=msgspec.structs.replace(tools, file_operations=files)
        )

    def snapshot(self) -> str:
        """Keeps the settings as they are; answers the name to restore them by, a time."""
        moment = datetime.now(UTC).isoformat()
        self._snapshots[moment] = self.settings
        if len(self._snapshots) > _SNAPSHOTS:
            del self._snapshots[next(iter(self._snapshots))]
        return moment

    def restore(self, name: str) -> None:
        """Makes the settings what they were at a snapshot.

        Raises:
            ScriptError: there is none of that name.
        """
        if name not in self._snapshots:
            raise ScriptError(
                f"bad argument 'snapshot' to 'Config.restoreSnapshot' (no snapshot {name!r}; "
                "give what Config.snapshot() has answered)"
            )
        self._services.settings = self._snapshots[name]


def _renamed(table: dict[str, Any]) -> dict[str, Any]:
    """`model` is another word for `default_model`."""
    return {"default_model" if key == "model" else str(key): value for key, value in table.items()}


def _check_spelling(key: str) -> None:
    """Refuses what can only be a listed key that is misspelt; other keys are options of the provider's.

    Raises:
        ScriptError: it is misspelt.
    """
    known = [each for each in (*Provider.__struct_fields__, "model") if each != "options"]
    near = difflib.get_close_matches(key, known, 1, cutoff=_MISSPELT)
    if near and key not in known:
        raise ScriptError(
            "bad argument 'provider' to 'Config.setProvider' "
            f"(there is no key {key!r}; did you mean {near[0]!r}?)"
        )


def _has_key(name: str, provider: Provider) -> bool:
    variable = provider.api_key_env or f"{re.sub(r'[^A-Z0-9]', '_', name.upper())}_API_KEY"
    return bool(provider.api_key or os.environ.get(variable))
