"""The Lua face of streams: the global `Streaming`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.interpreter import LuaInterpreter


def install(lua: LuaInterpreter, _services: Services) -> None:
    """Gives scripts the global `Streaming`."""
    lua.state.library("Streaming", beside(__file__, "streaming.lua"), {})
