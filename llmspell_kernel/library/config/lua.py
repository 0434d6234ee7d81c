"""The Lua face of `ScriptConfig`: the global `Config`."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.config.service import ScriptConfig
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.interpreter import LuaInterpreter


def install(lua: LuaInterpreter, services: Services) -> None:
    """Gives scripts the global `Config`; the settings are asked for when a script first uses it."""

    @cache
    def config() -> ScriptConfig:
        from llmspell_kernel.library.config.service import ScriptConfig

        return ScriptConfig(lua.state.settings, services)

    def text(value: bytes) -> str:
        return value.decode("utf-8", "replace")

    functions: dict[str, Callable[..., Any]] = {
        "table": lambda: config().table(),
        "section": lambda name: config().section(text(name)),
        "default_engine": lambda: config().settings.default_engine,
        "provider": lambda name: config().provider(text(name)),
        "providers": lambda: config().providers(),
        "security": lambda: config().security(),
        "tools": lambda: config().tools(),
        "may_use_network": lambda: config().may_use_network(),
        "add_allowed_path": lambda path: config().add_allowed_path(os.fsdecode(path)),
        "may_use_files": lambda: config().security()["allow_file_access"],
        "may_start_processes": lambda: config().security()["allow_process_spawn"],
        "permissions": lambda: config().permissions(),
        "set_provider": lambda name, table: config().set_provider(text(name), lua.formatter.to_python(table)),
        "set_security": lambda: config().set_security(),
        "snapshot": lambda: config().snapshot(),
        "restore": lambda name: config().restore(text(name)),
        "json": lambda: config().json(),
    }
    lua.state.library("Config", beside(__file__, "config.lua"), functions)
