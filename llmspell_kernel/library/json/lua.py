"""The Lua face of JSON: the global `JSON`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.interpreter import LuaInterpreter


def install(lua: LuaInterpreter, _services: Services) -> None:
    """Gives scripts the global `JSON`."""

    def parse(text: bytes, keeps_null: bool) -> Any:
        from msgspec import msgpack

        from llmspell_kernel.library.json import service

        value = service.parse(text)
        try:
            packed = msgpack.encode(value)
        except (OverflowError, RecursionError):
            return lua.exchange.to_lua(value, keeps_null=keeps_null)
        return lua.exchange.unpacked(packed, marks="all", keeps_null=keeps_null)

    def stringify(value: Any, indent: int) -> bytes:
        from msgspec import msgpack

        from llmspell_kernel.library.json import service

        try:
            packed = lua.exchange.packed(value, "object")
        except ScriptError as error:
            raise ScriptError(f"JSON.stringify: {error}") from None
        return service.stringify(msgpack.decode(packed), indent=indent)

    lua.state.library("JSON", beside(__file__, "json.lua"), {"parse": parse, "stringify": stringify})
