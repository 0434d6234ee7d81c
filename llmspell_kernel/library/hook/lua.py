"""The Lua face of `Hooks`: the global `Hook`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.hook.binding import ScriptHooks
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.interpreter import LuaInterpreter


def install(lua: LuaInterpreter, services: Services) -> None:
    """Gives scripts the global `Hook`."""

    @cache
    def hooks() -> ScriptHooks:
        from llmspell_kernel.library.hook.binding import ScriptHooks

        return ScriptHooks(lua, services)

    lua.argument_words["Hook.register"] = _points
    for name in ("enable", "disable", "report"):
        lua.argument_words[f"Hook.{name}"] = _builtin
    lua.state.library(
        "Hook",
        beside(__file__, "hook.lua"),
        {
            "adopt": lambda call: hooks().adopt(call),
            "register": lambda *values: hooks().register(*values),
            "unregister": lambda number: hooks().unregister(number),
            "list": lambda given: hooks().list(given),
            "points": lambda: hooks().points(),
            "run": lambda point, data: hooks().run(point, data),
            "enable": lambda name, options: hooks().enable(name, options),
            "disable": lambda name: hooks().disable(name),
            "builtin": lambda: hooks().builtin(),
            "report": lambda name: hooks().report(name),
        },
    )


def _points() -> list[str]:
    from llmspell_kernel.library.hook.points import POINTS

    return sorted(point for points in POINTS.values() for point in points)


def _builtin() -> list[str]:
    from llmspell_kernel.library.hook.builtin import NAMES

    return sorted(NAMES)
