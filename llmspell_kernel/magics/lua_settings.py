"""The settings of a Lua state, as `%config` shows and changes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import MagicError
from llmspell_kernel.magics.settings import Setting, Value
from llmspell_kernel.records import replaced

if TYPE_CHECKING:
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_DISPLAY = {
    "depth": "Nested tables are shown to this level.",
    "length": "Entries of one table that are shown.",
    "width": "Columns of shown values; a table that fits is written on one line.",
    "string_length": "Bytes of a string inside a table that are shown.",
    "bytes": "Bytes of one result; longer ones are cut with a note.",
}


def lua_settings(lua: LuaInterpreter) -> list[Setting]:
    """All of them: of the language, of its limits, of how values are shown."""
    state = lua.state
    return [
        Setting("language", "The Lua that runs the cells.", lambda: state.settings.language),
        Setting("trusted", "Whether scripts have Python, C modules and ffi.", lambda: state.settings.trusted),
        Setting(
            "persistent_locals",
            "Top-level locals stay visible in later cells.",
            lambda: state.settings.persistent_locals,
            lambda value: _replace(lua, persistent_locals=value),
        ),
        Setting(
            "time_limit",
            "Seconds that a cell may run; 0 for no limit. Counts from the next cell.",
            lambda: state.settings.time_limit,
            partial(_limit_time, lua),
        ),
        Setting(
            "memory_limit",
            "Bytes that Lua may allocate; 0 for no limit.",
            lambda: state.settings.memory_limit,
            partial(_limit_memory, lua),
        ),
        *(
            Setting(f"display_{name}", help, partial(_limit, lua, name), _shower(lua, name))
            for name, help in _DISPLAY.items()
        ),
    ]


def _replace(lua: LuaInterpreter, **changes: Any) -> None:
    lua.state.settings = lua.settings = replaced(lua.state.settings, **changes)


def _check_highest(value: Value, highest: float, setting: str) -> None:
    if highest and (not value or float(value) > highest):
        raise MagicError(f"cannot be more than {highest:,.15g} here, which {setting} sets")


def _limit_time(lua: LuaInterpreter, value: Value) -> None:
    _check_highest(value, lua.settings.highest_time_limit, "runtime.security.max_execution_time_ms")
    _replace(lua, time_limit=value)


def _limit_memory(lua: LuaInterpreter, value: Value) -> None:
    state = lua.state
    _check_highest(value, state.settings.highest_memory_limit, "runtime.security.max_memory_bytes")
    if value and not state.settings.memory_limit and not _can_limit(lua):
        raise MagicError(
            "this Lua was started without a memory limit; start the kernel with --memory-limit to have one"
        )
    _replace(lua, memory_limit=value)


def _can_limit(lua: LuaInterpreter) -> bool:
    """Whether lupa counts the memory: only if it was told to at the start."""
    return lua.state.runtime.get_max_memory() is not None


def _limit(lua: LuaInterpreter, name: str) -> int:
    value: int = getattr(lua.formatter.limits, name)
    return value


def _shower(lua: LuaInterpreter, name: str) -> Callable[[Value], None]:
    def change(value: Value) -> None:
        if value == 0:
            raise MagicError("wants a number from 1 on")
        changes: dict[str, Any] = {name: value}
        lua.formatter.limits = replaced(lua.formatter.limits, **changes)

    return change
