"""The Lua face of `EventBus`: the global `Event`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.event.binding import ScriptEvents
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.interpreter import LuaInterpreter


def install(lua: LuaInterpreter, services: Services) -> None:
    """Gives scripts the global `Event`; there is no bus before something first uses it."""

    @cache
    def events() -> ScriptEvents:
        from llmspell_kernel.library.event.binding import ScriptEvents

        return ScriptEvents(lua, services)

    lua.state.library(
        "Event",
        beside(__file__, "event.lua"),
        {
            "adopt": lambda call: events().adopt(call),
            "publish": lambda *values: events().publish(*values),
            "subscribe": lambda *values: events().subscribe(*values),
            "receive": lambda number, seconds: events().receive(number, seconds),
            "unsubscribe": lambda number: events().unsubscribe(number),
            "subscriptions": lambda: events().subscriptions(),
            "stats": lambda: events().stats(),
            "history": lambda *values: events().history(*values),
            "correlation_id": lambda: services.events.correlation_id,
            "correlated": lambda *values: events().correlated(*values),
        },
    )
