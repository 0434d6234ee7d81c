"""A function with a control for each of its arguments, called again whenever one is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipywidgets import Button, Output, Text, VBox, Widget, interactive
from ipywidgets.widgets.valuewidget import ValueWidget

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.widgets.attributes import REFUSED
from llmspell_kernel.library.widgets.output import captured
from llmspell_kernel.lua.values import decode

if TYPE_CHECKING:
    from llmspell_kernel.library.widgets.service import Widgets
    from llmspell_kernel.lua.binding import LuaFunction, LuaTable

ABBREVIATIONS = (
    "a number or {min, max} or {min, max, step} (a slider), a list (a dropdown), a boolean (a checkbox), "
    "a string (a text field), or a widget with a value"
)


def interact(
    widgets: Widgets,
    function: LuaFunction,
    names: LuaTable,
    controls: LuaTable,
    shown: bool,
    manual: bytes | None,
) -> LuaTable:
    """Makes the controls and an Output below them, and calls `function` for the first time; answers the box.

    Args:
        widgets: whose box it is.
        function: gets a table of the controls' values by name; what it writes goes to the Output.
        names: the controls' names in the order they are shown.
        controls: what each control is made of, by name.
        shown: whether to display the box.
        manual: the text of a button that calls the function, instead of every change.

    Raises:
        ScriptError: something that no control can be made of.
    """
    interaction = Interaction(
        widgets,
        function,
        {decode(name): _control(widgets, decode(name), controls[name]) for name in names.values()},
        None if manual is None else decode(manual),
    )
    if shown:
        widgets.lua.frontend.display(widgets.bundle(interaction.box))
    interaction.begin()
    return widgets.proxy(interaction.box)


def _control(widgets: Widgets, name: str, value: Any) -> Widget:
    """The widget for an abbreviation, by the rules of ipywidgets.

    Raises:
        ScriptError: there is no rule for the value.
    """
    abbreviation = widgets.read(value)
    if isinstance(abbreviation, list) and 2 <= len(abbreviation) <= 3 and all(map(_is_number, abbreviation)):
        is_float = any(isinstance(item, float) for item in abbreviation)
        abbreviation = tuple(map(float, abbreviation) if is_float else abbreviation)
    elif isinstance(abbreviation, dict):
        abbreviation = sorted(abbreviation.items())
    try:
        control = None if abbreviation in ([], None) else interactive.widget_from_abbrev(abbreviation)
    except REFUSED as error:
        raise ScriptError(f"cannot make a control for {name!r}: {error}") from error
    if not isinstance(control, ValueWidget):
        raise ScriptError(f"cannot make a control for {name!r}; give {ABBREVIATIONS}")
    if not getattr(control, "description", name):
        control.description = name
    return control


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Interaction:
    """Controls, and the function that follows them. Lives as long as its controls."""

    def __init__(
        self, widgets: Widgets, function: LuaFunction, controls: dict[str, Any], manual: str | None
    ) -> None:
        self._widgets = widgets
        self._function = function
        self._controls = controls
        self._output = Output()
        self._button = None if manual is None else Button(description=manual)
        children = [*controls.values(), *filter(None, [self._button]), self._output]
        self.box = VBox(children, _dom_classes=("widget-interact",))

    def begin(self) -> None:
        """From now on the function follows the controls; without a button it is called now.

        Raises:
            LuaCallError: the function failed inside a running cell.
        """
        if self._button is not None:
            self._button.on_click(self._update)
            for control in self._controls.values():
                if isinstance(control, Text):
                    control.continuous_update = False
                    control.observe(self._update, "value")
            return
        for control in self._controls.values():
            control.observe(self._update, "value")
        self._update()

    def _update(self, _: Any = None) -> None:
        widgets = self._widgets
        values = {name: control.get_interact_value() for name, control in self._controls.items()}
        with captured(widgets.lua, self._output):
            widgets.lua.frontend.clear_output(wait=True)
            widgets.lua.call(self._function, widgets.write(values))
