"""The Lua face of `Sessions`: the global `Session`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.session.binding import SessionFace
    from llmspell_kernel.lua.interpreter import LuaInterpreter

NAMES = (
    "create",
    "get",
    "list",
    "update",
    "save",
    "load",
    "act",
    "delete",
    "current",
    "set_current",
    "runs",
    "can_replay",
    "replay",
    "replay_metadata",
    "replayable",
)


def install(lua: LuaInterpreter, services: Services) -> None:
    """Gives scripts the global `Session`; nothing is opened before a script uses it."""
    services.current.language = lua.settings.language

    @cache
    def face() -> SessionFace:
        from llmspell_kernel.library.session.binding import SessionFace

        return SessionFace(lua, services)

    def calling(name: str) -> Callable[..., Any]:
        return lambda *arguments: getattr(face(), name)(*arguments)

    functions = {name: calling(name) for name in NAMES}
    lua.state.library("Session", beside(__file__, "session.lua"), functions)
