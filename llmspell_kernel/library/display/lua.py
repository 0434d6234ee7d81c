"""The Lua face of `Displays` and `ProgressBars`: the global `display`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.interpreter import MimeBundle
from llmspell_kernel.library.display.service import Displays
from llmspell_kernel.lua.state import beside
from llmspell_kernel.lua.values import decode

if TYPE_CHECKING:
    from llmspell_kernel.library.display.progress import ProgressBars
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.binding import LuaFunction
    from llmspell_kernel.lua.interpreter import LuaInterpreter


def install(lua: LuaInterpreter, _services: Services) -> None:
    """Gives scripts the global `display`."""
    displays = Displays(lua.frontend)
    functions: dict[str, Callable[..., Any]] = {
        "show": partial(_show, lua, displays),
        "new_id": displays.new_id,
        "clear": lambda wait: displays.clear(wait=wait),
    }
    module = lua.state.library("display", beside(__file__, "display.lua"), functions)
    module[b"progress"] = _progress(lua, displays)


def _progress(lua: LuaInterpreter, displays: Displays) -> LuaFunction:
    """The Lua function `display.progress`; bars are imported with the first one."""

    @cache
    def bars() -> ProgressBars:
        from llmspell_kernel.library.display.progress import ProgressBars

        made = ProgressBars(lua.frontend, displays.new_id)

        def cell_ended(failed: bool) -> None:
            leave_loops()
            made.cell_ended(failed)

        lua.endings.append(cell_ended)
        return made

    functions: dict[str, Callable[..., Any]] = {
        "start": lambda total, label: bars().start(total, None if label is None else decode(label)),
        "move": lambda number, done: bars().move(number, done),
        "text": lambda number, text: bars().describe(number, decode(text)),
        "leave": lambda number, done: bars().leave(number, done),
        "done": lambda number, done: bars().finish(number, done),
    }
    progress, leave_loops = lua.state.chunk(
        beside(__file__, "progress.lua"), lua.state.binder.table(functions), lua.state.helpers
    )
    return progress


def _show(
    lua: LuaInterpreter,
    displays: Displays,
    kind: bytes,
    value: Any,
    display_id: bytes | None,
    update: bool,
    options: Any,
) -> str:
    """Shows `value` as `kind`; answers the display id."""
    settings = lua.formatter.to_python(options) if options is not None else {}
    bundle = _bundle(lua, kind.decode(), value, settings or {})
    name = displays.new_id() if display_id is None else decode(display_id)
    (displays.update if update else displays.show)(bundle, name)
    return name


def _bundle(lua: LuaInterpreter, kind: str, value: Any, settings: dict[str, Any]) -> MimeBundle:
    if kind == "value":
        return lua.formatter.format_results(value)
    if kind == "bundle":
        return _raw_bundle(lua, value, settings)
    from llmspell_kernel.library.display import media

    metadata = settings.get("metadata") or {}
    if kind == "json":
        return media.json_tree(_json(lua, value), metadata, expanded=settings.get("expanded", False))
    if kind == "vegalite":
        from llmspell_kernel.library.plot.pictures import chart_bundle

        return chart_bundle(_json(lua, value), metadata)
    options = media.MediaOptions(settings.get("width"), settings.get("height"), metadata, lua.settings.files)
    if kind in media.MARKUP:
        return media.markup(kind, decode(value), options)
    return (media.picture if kind in media.PICTURES else media.film)(kind, value, options)


def _json(lua: LuaInterpreter, value: Any) -> Any:
    """A Lua table, or a string that is JSON text, as Python."""
    return lua.formatter.mime_data({b"application/json": value})["application/json"]


def _raw_bundle(lua: LuaInterpreter, value: Any, settings: dict[str, Any]) -> MimeBundle:
    data = lua.formatter.mime_data(value)
    if not data:
        raise ScriptError("bad argument 'data' to 'display.bundle' (the table has no MIME type in it)")
    data.setdefault("text/plain", f"<{', '.join(data)}>")
    return MimeBundle(data, settings.get("metadata") or {})
