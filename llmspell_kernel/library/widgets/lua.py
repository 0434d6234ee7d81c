"""The Lua face of `Widgets`: the global `widgets`. ipywidgets is imported when the first widget is made."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.widgets.names import COMMON, NAMES
from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.widgets.service import Widgets
    from llmspell_kernel.lua.binding import LuaFunction, LuaTable
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_METHODS = (
    "make",
    "get",
    "set",
    "close",
    "describe",
    "mime_data",
    "act",
    "observe",
    "unobserve",
    "on_click",
    "click",
    "on_submit",
    "on_msg",
    "send",
    "link",
    "unlink",
    "capture",
    "clear",
    "append_text",
    "append_value",
)


def install(lua: LuaInterpreter, _services: Services) -> None:
    """Gives scripts the global `widgets`."""
    binding = _Binding(lua)
    functions: dict[str, Callable[..., Any]] = {name: binding.method(name) for name in _METHODS}
    functions.update(
        adopt=binding.adopt,
        names=lambda: list(NAMES),
        check_class=binding.check_class,
        interact=binding.interact,
        members=binding.members,
        help=binding.help,
        show=binding.show,
    )
    lua.state.library("widgets", beside(__file__, "widgets.lua"), functions)


class _Binding:
    """Loads the service when a script first needs it."""

    def __init__(self, lua: LuaInterpreter) -> None:
        self._lua = lua

    def adopt(self, proxy: LuaFunction, number_of: LuaFunction, objects: LuaTable) -> None:
        """What widgets.lua gives the service, and what it tells completion and inspection."""
        self._proxy, self._number_of = proxy, number_of
        self._lua.state.introspection[b"describe_objects"](objects)

    @cached_property
    def service(self) -> Widgets:
        """Raises ScriptError where ipywidgets is not installed."""
        try:
            from llmspell_kernel.library.widgets.service import Widgets
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] not in ("ipywidgets", "IPython"):
                raise
            raise ScriptError(
                f"widgets need the Python package {error.name}, which is not installed; "
                "install it with: pip install 'llmspell-kernel[widgets]'"
            ) from error
        return Widgets(self._lua, self._proxy, self._number_of)

    def method(self, name: str) -> Callable[..., Any]:
        """A method of the service that need not exist yet."""
        return lambda *args: getattr(self.service, name)(*args)

    def check_class(self, name: bytes) -> None:
        """Raises ScriptError for a name that no widget has."""
        _ = self.service
        from llmspell_kernel.library.widgets.attributes import widget_class

        widget_class(name.decode(errors="backslashreplace"))

    def members(self, key: int | bytes) -> str:
        """The attributes of a widget or of a class; ipywidgets is not imported for it."""
        if "ipywidgets" not in sys.modules:
            return "\n".join(COMMON)
        cls = self.service.class_of(key)
        from llmspell_kernel.library.widgets.attributes import attributes

        return "\n".join(sorted(attributes(cls)))

    def help(self, key: int | bytes, attribute: bytes | None = None) -> tuple[str, str, str]:
        """Type, explanation and list of the attributes of a widget or a class; or of one attribute."""
        cls = self.service.class_of(key)
        from llmspell_kernel.library.widgets import help_text

        return (
            help_text.on_class(cls) if attribute is None else help_text.on_attribute(cls, attribute.decode())
        )

    def show(self, packed: LuaTable) -> None:
        """Shows values as a cell's results are shown."""
        for bundle in self._lua.formatter.format_each(packed):
            if bundle.data:
                self._lua.frontend.display(bundle)

    def interact(self, *args: Any) -> Any:
        """See `interaction.interact`."""
        service = self.service
        from llmspell_kernel.library.widgets.interaction import interact

        return interact(service, *args)
