"""The Lua face of `Tools`: the global `Tool`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.tool.binding import ScriptTools
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_FUNCTIONS = (
    "names",
    "exists",
    "summaries",
    "get",
    "schema",
    "parameters",
    "info",
    "categories",
    "discover",
    "search",
    "call",
    "approve",
    "register",
    "unregister",
)


def install(lua: LuaInterpreter, services: Services) -> None:
    """Gives scripts the global `Tool`; no tool is made before a script uses it."""

    @cache
    def tools() -> ScriptTools:
        from llmspell_kernel.library.tool.binding import ScriptTools

        return ScriptTools(lua, services.tools)

    def bound(name: str) -> Callable[..., Any]:
        return lambda *arguments: getattr(tools(), name)(*arguments)

    for name in ("execute", "invoke", "get", "exists", "get_info", "get_schema"):
        lua.argument_words[f"Tool.{name}"] = lambda: services.tools.names()
    lua.state.library("Tool", beside(__file__, "tool.lua"), {name: bound(name) for name in _FUNCTIONS})
