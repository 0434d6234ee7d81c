"""The widgets of one Lua state. Importing this imports ipywidgets.

Lua knows a widget by a number that only this module can resolve; what Lua asks of a number is checked here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets
from ipywidgets import Widget

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.interpreter import MimeBundle
from llmspell_kernel.library.callbacks import Callback
from llmspell_kernel.library.widgets import output
from llmspell_kernel.library.widgets.attributes import (
    REFUSED,
    attributes,
    checked,
    describe,
    from_lua,
    refusal,
    to_plain,
    widget_class,
)
from llmspell_kernel.lua.values import decode, to_lua, to_python

if TYPE_CHECKING:
    from llmspell_kernel.lua.binding import LuaFunction, LuaTable
    from llmspell_kernel.lua.interpreter import LuaInterpreter

VIEW = "application/vnd.jupyter.widget-view+json"

Handler = Callable[..., None]

_CHANGE = ("name", "old", "new", "owner", "type")
_ACTIONS: dict[str, Callable[..., Any]] = {
    "focus": ipywidgets.DOMWidget.focus,
    "blur": ipywidgets.DOMWidget.blur,
    "add_class": ipywidgets.DOMWidget.add_class,
    "remove_class": ipywidgets.DOMWidget.remove_class,
}
_LINKS = {
    "link": traitlets.link,
    "dlink": traitlets.dlink,
    "jslink": ipywidgets.jslink,
    "jsdlink": ipywidgets.jsdlink,
}


class Widgets:
    """The widgets that scripts have made, by number. Used on the interpreter's thread."""

    def __init__(self, lua: LuaInterpreter, proxy: LuaFunction, number_of: LuaFunction) -> None:
        """From now on front ends can ask for the state of all widgets, as they do after a reload.

        Args:
            lua: whose widgets these are.
            proxy: gives the Lua table for a number.
            number_of: gives the number of such a table, nil for any other.
        """
        self.lua = lua
        self._make_proxy = proxy
        self._number_of = number_of
        self._numbers = count(1)
        self._widgets: dict[int, Widget] = {}
        self._known: dict[Widget, int] = {}
        self._callbacks: dict[tuple[str, int, int], Handler] = {}
        self._links: dict[int, Any] = {}
        ipywidgets.register_comm_target()

    # Numbers and values

    def find(self, number: int) -> Widget:
        """The widget of a number.

        Raises:
            ScriptError: it is closed.
        """
        widget = self._widgets.get(number)
        if widget is None or widget.comm is None:
            raise ScriptError("this widget is closed; make a new one")
        return widget

    def class_of(self, key: int | bytes) -> type[Widget]:
        """The class of a widget's number, or the class of that name.

        Raises:
            ScriptError: there is none.
        """
        return widget_class(decode(key)) if isinstance(key, bytes) else type(self.find(key))

    def proxy(self, widget: Widget) -> LuaTable:
        """The Lua table that stands for a widget: always the same one, while a script holds it."""
        number = self._known.get(widget)
        if number is None:
            number = self._known[widget] = next(self._numbers)
            self._widgets[number] = widget
        return self._make_proxy(number)

    def read(self, value: Any) -> Any:
        """A value of Lua as Python's, with the widgets it stands for.

        Raises:
            ScriptError: a function, a cycle, a closed widget.
        """
        return to_python(value, stands_for=self._stands_for)

    def _stands_for(self, table: LuaTable) -> Widget | None:
        number = self._number_of(table)
        return None if number is None else self.find(number)

    def write(self, value: Any) -> Any:
        """A value of Python as Lua's.

        Raises:
            ScriptError: a Python object that Lua has no type for.
        """
        return to_lua(self.lua.state.runtime, to_plain(value, self.proxy))

    # Widgets

    def make(self, class_name: bytes, properties: LuaTable | None) -> LuaTable:
        """A new widget with these attributes; a list among them is its children.

        Raises:
            ScriptError: no such widget, attribute or value.
        """
        cls = widget_class(decode(class_name))
        values: dict[str, Any] = {}
        children = {}
        for key, value in properties.items() if properties is not None else ():
            if isinstance(key, int) and "children" in attributes(cls):
                children[key] = self.read(value)
            else:
                name = checked(cls, key)
                values[name] = from_lua(cls, name, value, self.read)
        if children:
            values["children"] = [child for _, child in sorted(children.items())]
        try:
            return self.proxy(cls(**values))
        except REFUSED as error:
            raise refusal(cls, error, values) from error

    def get(self, number: int, key: Any) -> Any:
        """An attribute's value.

        Raises:
            ScriptError: no such attribute.
        """
        widget = self.find(number)
        return self.write(getattr(widget, checked(type(widget), key)))

    def set(self, number: int, key: Any, value: Any) -> None:
        """Sets an attribute, here and in the front end; observers are called.

        Raises:
            ScriptError: no such attribute, or not such a value.
        """
        widget = self.find(number)
        name = checked(type(widget), key)
        new = from_lua(type(widget), name, value, self.read)
        try:
            setattr(widget, name, new)
        except REFUSED as error:
            raise refusal(type(widget), error, {name: new}) from error

    def close(self, number: int) -> None:
        """Takes a widget away from all front ends, for good; a second time does nothing."""
        widget = self._widgets.pop(number, None)
        if widget is not None:
            del self._known[widget]
            widget.close()
            for key in [key for key in self._callbacks if key[1] == number]:
                del self._callbacks[key]

    def describe(self, number: int) -> str:
        """A widget as text."""
        widget = self._widgets.get(number)
        return "a closed widget" if widget is None or widget.comm is None else describe(widget)

    def bundle(self, widget: Widget) -> MimeBundle:
        """What front ends show for a widget."""
        data: dict[str, Any] = {"text/plain": describe(widget)}
        if widget._view_name is not None:
            data[VIEW] = widget.get_view_spec()
        return MimeBundle(data)

    def mime_data(self, number: int) -> dict[str, Any]:
        """The `data` of `bundle`; text alone for a closed widget."""
        if number not in self._widgets:
            return {"text/plain": self.describe(number)}
        return self.bundle(self.find(number)).data

    def act(self, number: int, action: bytes, *args: Any) -> None:
        """Does what only concerns a widget's looks: one of `_ACTIONS`.

        Raises:
            ScriptError: this widget has no looks.
        """
        name = action.decode()
        widget = self.of_class(number, ipywidgets.DOMWidget, name)
        _ACTIONS[name](widget, *map(self.read, args))

    def of_class(self, number: int, cls: type[Widget], method: str) -> Any:
        """The widget of a number, which must be of a class.

        Raises:
            ScriptError: it is of another.
        """
        widget = self.find(number)
        if not isinstance(widget, cls):
            kind = type(widget).__name__
            raise ScriptError(f"{kind} has no method {method!r}: only {cls.__name__} has it")
        return widget

    # Callbacks

    def observe(self, number: int, token: int, function: LuaFunction, names: Any) -> None:
        """Has `function` called with each change of some attributes.

        Args:
            number: the widget.
            token: names the function in `unobserve`.
            function: gets {name, old, new, owner, type}.
            names: a name or a list of names; none for `value`, or for all where there is no value.

        Raises:
            ScriptError: no such attribute.
        """
        widget = self.find(number)
        handler = self._handler(
            "observe", number, token, function, lambda change: ({key: change[key] for key in _CHANGE},)
        )
        widget.observe(handler, self._names(widget, names))

    def unobserve(self, number: int, token: int, names: Any) -> None:
        """Ends what `observe` began with the same function and names; of all names where none are given."""
        widget = self.find(number)
        handler = self._callbacks.get(("observe", number, token))
        if handler is None:
            return
        for name in attributes(type(widget)) if names is None else self._names(widget, names):
            try:
                widget.unobserve(handler, name)
            except ValueError:
                continue  # it was not observed
        if names is None:
            del self._callbacks["observe", number, token]

    def _names(self, widget: Widget, names: Any) -> Sequence[str]:
        allowed = attributes(type(widget))
        if names is None:
            return ["value"] if "value" in allowed else list(allowed)
        return [
            checked(type(widget), name) for name in ([names] if isinstance(names, bytes) else names.values())
        ]

    def on_click(self, number: int, token: int, function: LuaFunction, remove: bool) -> None:
        """Has `function` called with the button for each click, or no longer."""
        button = self.of_class(number, ipywidgets.Button, "on_click")
        handler = self._handler("on_click", number, token, function, lambda clicked: (clicked,))
        self._register(button.on_click, handler, ("on_click", number, token), remove)

    def click(self, number: int) -> None:
        """Does what a click does; errors of the functions are raised."""
        button = self.of_class(number, ipywidgets.Button, "click")
        for (kind, owner, _), handler in list(self._callbacks.items()):
            if kind == "on_click" and owner == number:
                handler(button)

    def on_submit(self, number: int, token: int, function: LuaFunction, remove: bool) -> None:
        """Has `function` called with the text widget each time Enter is pressed in it, or no longer."""
        text = self.of_class(number, ipywidgets.Text, "on_submit")
        handler = self._handler(
            "on_submit",
            number,
            token,
            function,
            lambda widget, content, _: (widget,) if content.get("event") == "submit" else None,
        )
        self._register(text.on_msg, handler, ("on_submit", number, token), remove)

    def on_msg(self, number: int, token: int, function: LuaFunction, remove: bool) -> None:
        """Has `function` called with content and buffers of the view's own messages, or no longer."""
        handler = self._handler(
            "on_msg", number, token, function, lambda _, content, buffers: (content, list(buffers))
        )
        self._register(self.find(number).on_msg, handler, ("on_msg", number, token), remove)

    def _register(
        self, register: Callable[..., None], handler: Handler, key: tuple[str, int, int], remove: bool
    ) -> None:
        register(handler, remove=remove)
        if remove:
            del self._callbacks[key]

    def _handler(
        self, kind: str, number: int, token: int, function: LuaFunction, arguments: Callable[..., Any]
    ) -> Handler:
        """The same for the same kind, widget and token.

        `arguments` picks what the function gets, or None for no call.
        """
        key = (kind, number, token)
        if key not in self._callbacks:
            callback = Callback(self.lua, function)

            def handler(*args: Any) -> None:
                picked = arguments(*args)
                if picked is not None:
                    callback(*map(self.write, picked))

            self._callbacks[key] = handler
        return self._callbacks[key]

    def send(self, number: int, content: Any, buffers: Any) -> None:
        """Sends the view a message of its own kind."""
        self.find(number).send(self.read(content), list(buffers.values()) if buffers is not None else None)

    # Links

    def link(self, kind: bytes, source: int, source_name: Any, target: int, target_name: Any) -> int:
        """Keeps two attributes equal (`link`, `jslink`) or the second like the first (`dlink`, `jsdlink`).

        Raises:
            ScriptError: no such attribute, or their values do not fit each other.
        """
        ends = []
        for number, name in ((source, source_name), (target, target_name)):
            widget = self.find(number)
            ends.append((widget, checked(type(widget), name)))
        try:
            made = _LINKS[kind.decode()](*ends)
        except REFUSED as error:
            raise ScriptError(f"widgets.{kind.decode()}: {error}") from error
        token = next(self._numbers)
        self._links[token] = made
        return token

    def unlink(self, token: int) -> None:
        """Ends a link; a second time does nothing."""
        made = self._links.pop(token, None)
        if made is not None:
            made.unlink()

    # Output

    def capture(self, number: int, function: LuaFunction, *args: Any) -> tuple[Any, ...]:
        """Calls a function whose output the widget shows; answers its results."""
        with output.captured(self.lua, self.of_class(number, ipywidgets.Output, "with")):
            return self.lua.call(function, *args)

    def clear(self, number: int, wait: bool) -> None:
        """Clears what the widget shows."""
        output.clear(self.lua, self.of_class(number, ipywidgets.Output, "clear"), wait=wait)

    def append_text(self, number: int, stream: bytes, text: bytes) -> None:
        """Adds text to what the widget shows."""
        name = stream.decode()
        shown = self.of_class(number, ipywidgets.Output, f"append_{name}")
        (shown.append_stderr if name == "stderr" else shown.append_stdout)(decode(text))

    def append_value(self, number: int, packed: LuaTable) -> None:
        """Adds a value as it would be displayed."""
        shown = self.of_class(number, ipywidgets.Output, "append_display")
        for bundle in self.lua.formatter.format_each(packed):
            output.append_bundle(shown, bundle)
