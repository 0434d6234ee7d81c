"""The Lua face of `Timers`: the global `timer`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from llmspell_kernel.library.timer.service import Timers
from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.binding import LuaFunction
    from llmspell_kernel.lua.interpreter import LuaInterpreter


def install(lua: LuaInterpreter, services: Services) -> None:
    """Gives scripts the global `timer`."""
    timers = services.timers = Timers(lua.frontend)

    def calling(function: LuaFunction) -> Callable[[], bool]:
        # The function answers true; a failure is shown on stderr and answers nothing.
        return lambda: lua.call(function) == (True,)

    lua.state.library(
        "timer",
        beside(__file__, "timer.lua"),
        {
            "after": lambda seconds, function: timers.after(seconds, calling(function)),
            "every": lambda seconds, function: timers.every(seconds, calling(function)),
            "cancel": timers.cancel,
            "cancel_all": timers.cancel_all,
            "is_waiting": timers.is_waiting,
            "sleep": lua.waits.sleep,
        },
    )
