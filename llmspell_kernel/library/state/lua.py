"""The Lua face of `State`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.state.backups import StateBackups
    from llmspell_kernel.library.state.migration import Migrations
    from llmspell_kernel.library.state.service import State
    from llmspell_kernel.lua.interpreter import LuaInterpreter


def install(lua: LuaInterpreter, services: Services) -> None:
    """Gives scripts the global `State`; the store is opened when a script first uses it."""
    functions = _values(lua, services) | _together(lua, services) | _care(lua, services)
    lua.state.library("State", beside(__file__, "state.lua"), functions)


def _values(lua: LuaInterpreter, services: Services) -> dict[str, Callable[..., Any]]:
    """Reading and writing."""

    @cache
    def state() -> State:
        return services.state

    def save(scope: bytes, key: bytes, value: Any, ttl: float | None, where: bytes) -> None:
        data = packed(value, f"'value' to '{where.decode()}'")
        state().set_packed(text(scope), text(key), data, expires_in=ttl)

    def load(scope: bytes, key: bytes) -> Any:
        data = state().get_packed(text(scope), text(key))
        return None if data is None else lua.exchange.unpacked(data, marks="arrays", keeps_null=True)

    def packed(value: Any, argument: str) -> bytes | None:
        return None if value is None else lua.exchange.packed(value, "object", argument=argument)

    return {
        "load": load,
        "save": save,
        "delete": lambda scope, key: state().delete(text(scope), text(key)),
        "exists": lambda scope, key: state().exists(text(scope), text(key)),
        "keys": lambda scope, start: state().keys(text(scope), text(start)),
        "all": lambda scope: lua.exchange.to_lua(state().all(text(scope)), keeps_null=True),
        "scopes": lambda: state().scopes(),
        "clear": lambda scope: state().clear(text(scope)),
        "info": lambda scope, key: _info(state(), text(scope), text(key)),
        "compare_and_set": lambda scope, key, expected, value: state().compare_and_set_packed(
            text(scope),
            text(key),
            packed(expected, "'expected' to 'State.compare_and_set'"),
            packed(value, "'value' to 'State.compare_and_set'"),
        ),
        "increment": lambda scope, key, by: state().increment(text(scope), text(key), by),
    }


def _together(lua: LuaInterpreter, services: Services) -> dict[str, Callable[..., Any]]:
    """Several steps at once."""
    return {"transaction": lambda function: services.state.transaction(lambda: lua.call(function))}


def _care(lua: LuaInterpreter, services: Services) -> dict[str, Callable[..., Any]]:
    """Backups and migrations."""

    @cache
    def backups() -> StateBackups:
        from llmspell_kernel.library.state.backups import StateBackups

        return StateBackups(services)

    @cache
    def migrations() -> Migrations:
        from llmspell_kernel.library.state.migration import Migrations

        return Migrations(services)

    def register(before: bytes, after: bytes, function: Any) -> None:
        def change(scope: str, key: str, data: bytes) -> bytes | None:
            value = lua.exchange.unpacked(data, marks="arrays", keeps_null=True)
            results = lua.call(function, scope.encode(), key.encode(), value)
            changed = results[0] if results else None
            return None if changed is None else lua.exchange.packed(changed, "object")

        migrations().register(text(before), text(after), change)

    return {
        "register_migration": register,
        "migrate": lambda version: migrations().migrate(text(version)),
        "migration_status": lambda: migrations().status(),
        "schema_versions": lambda: migrations().versions(),
        "create_backup": lambda incremental: backups().create(incremental=incremental),
        "list_backups": lambda: backups().all(),
        "restore_backup": lambda name: backups().restore(text(name)),
        "validate_backup": lambda name: backups().validate(text(name)),
        "cleanup_backups": lambda dry_run: backups().cleanup(dry_run=dry_run),
        "storage_usage": lambda: backups().usage(),
    }


def _info(state: State, scope: str, key: str) -> dict[str, Any] | None:
    facts = state.facts(scope, key)
    return None if facts is None else facts._asdict()


def text(value: bytes) -> str:
    """A scope, a key or a name.

    Raises:
        StorageKeyError: it is not UTF-8.
    """
    try:
        return value.decode()
    except UnicodeDecodeError:
        from llmspell_kernel.errors import StorageKeyError

        raise StorageKeyError(
            f"the key {value!r} is no UTF-8 text; write bytes as hexadecimal digits, for one"
        ) from None
