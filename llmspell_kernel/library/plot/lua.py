"""The Lua face of charts: the global `plot`. A chart crosses as its JSON text."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.plot.binding import Charts
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_METHODS = ("chart", "bundle", "combine", "describe", "parse", "save", "vegalite")


def install(lua: LuaInterpreter, _services: Services) -> None:
    """Gives scripts the global `plot`; what it does is imported with the first chart."""

    @cache
    def charts() -> Charts:
        from llmspell_kernel.library.plot.binding import Charts

        return Charts(lua)

    def method(name: str) -> Callable[..., Any]:
        return lambda *arguments: getattr(charts(), name)(*arguments)

    lua.state.library("plot", beside(__file__, "plot.lua"), {name: method(name) for name in _METHODS})
