"""The Lua face of `Artifacts`: the global `Artifact`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.artifact.binding import ArtifactFace
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.interpreter import LuaInterpreter

NAMES = ("store", "store_file", "get", "latest", "list", "delete", "query")


def install(lua: LuaInterpreter, services: Services) -> None:
    """Gives scripts the global `Artifact`; nothing is opened before a script uses it."""

    @cache
    def face() -> ArtifactFace:
        from llmspell_kernel.library.artifact.binding import ArtifactFace

        return ArtifactFace(lua, services)

    def calling(name: str) -> Callable[..., Any]:
        return lambda *arguments: getattr(face(), name)(*arguments)

    functions = {name: calling(name) for name in NAMES}
    lua.state.library("Artifact", beside(__file__, "artifact.lua"), functions)
