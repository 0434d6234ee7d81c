"""The Lua face of replaying: the global `Replay`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.interpreter import LuaInterpreter


def install(lua: LuaInterpreter, _services: Services) -> None:
    """Gives scripts the global `Replay`."""

    def check_cron(expression: bytes, zone: bytes | None) -> None:
        from llmspell_kernel.library.replay.schedules import Cron, zone_of

        Cron(
            expression.decode(errors="replace"),
            zone_of(None if zone is None else zone.decode(errors="replace")),
        )

    def next_times(schedule: Any, after: float | None, count: int) -> list[float]:
        from llmspell_kernel.library.replay.schedules import next_times

        moment = time.time() if after is None else after
        return next_times(lua.exchange.to_python(schedule), moment, int(count))

    def compare(expected: Any, actual: Any, options: Any) -> Any:
        from llmspell_kernel.library.replay.comparing import Comparator
        from llmspell_kernel.library.session.options import checked, table

        where = "Replay.create_comparator"
        given = table(lua.exchange.to_python(options), where)
        comparator = Comparator(**checked(given, {"tolerance": (int, float), "ignore": list}, where))
        to_python = lua.exchange.to_python
        return lua.exchange.to_lua(comparator.compare_json(to_python(expected), to_python(actual)))

    def check_modification(path: bytes, value: Any) -> None:
        from llmspell_kernel.library.replay.modifications import Modification

        given = {"path": path.decode(errors="replace"), "value": lua.exchange.to_python(value)}
        Modification.parse(given)

    functions: dict[str, Callable[..., Any]] = {
        "now": time.time,
        "check_cron": check_cron,
        "next_times": next_times,
        "compare": compare,
        "check_modification": check_modification,
    }
    lua.state.library("Replay", beside(__file__, "replay.lua"), functions)
