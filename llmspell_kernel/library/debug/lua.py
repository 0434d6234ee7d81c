"""The Lua face of messages, timers and looks at values: the global `Debug`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.lua.state import beside
from llmspell_kernel.lua.values import decode

if TYPE_CHECKING:
    from llmspell_kernel.library.debug.log import DebugLog
    from llmspell_kernel.library.debug.timers import Timers
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.interpreter import LuaInterpreter


def install(lua: LuaInterpreter, services: Services) -> None:
    """Gives scripts the global `Debug`."""

    def write(line: str) -> None:
        lua.frontend.write("stderr", f"{line}\n".encode(errors="replace"))

    @cache
    def log() -> DebugLog:
        from llmspell_kernel.library.debug.log import DebugLog

        return DebugLog(services.settings.debug, write)

    @cache
    def timers() -> Timers:
        from llmspell_kernel.library.debug.timers import Timers

        return Timers()

    def as_text(value: Any, options: Any) -> str:
        from llmspell_kernel.lua.display import DisplayLimits

        before, lua.formatter.limits = (
            lua.formatter.limits,
            DisplayLimits(**lua.exchange.to_python(options) or {}),
        )
        try:
            return lua.formatter.text((value,))
        finally:
            lua.formatter.limits = before

    def as_json(value: Any) -> str:
        import json

        return json.dumps(lua.exchange.to_python(value))

    def as_data(value: Any) -> Any:
        try:
            return lua.exchange.to_python(value)
        except ScriptError:  # a message is never lost for what comes with it
            return lua.formatter.text((value,))

    functions: dict[str, Callable[..., Any]] = {
        "log": lambda level, text, module=None, data=None: log().log(
            decode(level), decode(text), decode(module or b""), as_data(data)
        ),
        "level": lambda: log().level,
        "set_level": lambda level: setattr(log(), "level", decode(level)),
        "is_enabled": lambda: log().enabled,
        "set_enabled": lambda enabled: setattr(log(), "enabled", enabled),
        "set_default": lambda wanted: setattr(log(), "default_wanted", wanted),
        "add_filter": lambda pattern, kind, enabled: log().add_filter(decode(pattern), decode(kind), enabled),
        "remove_filter": lambda pattern: log().remove_filter(decode(pattern)),
        "clear_filters": lambda: log().clear_filters(),
        "filters": lambda: log().filters(),
        "kept": lambda limit=None: [
            each.table() for each in log().kept(None if limit is None else int(limit))
        ],
        "clear": lambda: log().clear(),
        "start": lambda name: timers().start(decode(name)),
        "stop": lambda timer: timers().stop(decode(timer)),
        "elapsed": lambda timer: timers().elapsed(decode(timer)),
        "mark": lambda timer, kind, name, data=None: timers().mark(
            decode(timer), decode(kind), decode(name), lua.exchange.to_python(data)
        ),
        "running": lambda: timers().running,
        "report": lambda: timers().report(),
        "json_report": lambda: timers().json(),
        "flame_graph": lambda: timers().flame_graph(),
        "text": as_text,
        "depth": lambda: services.settings.debug.stack_trace.max_depth,
        "memory": _process_memory,
        "json": as_json,
    }
    lua.state.library("Debug", beside(__file__, "debug.lua"), functions)


def _process_memory() -> int:
    import psutil

    resident: int = psutil.Process().memory_info().rss
    return resident
