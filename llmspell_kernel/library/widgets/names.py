"""The widgets that scripts can make, known before ipywidgets is imported."""

from __future__ import annotations

NAMES = tuple(
    """
    Accordion AppLayout Audio BoundedFloatText BoundedIntText Box Button ButtonStyle Checkbox
    ColorPicker ColorsInput Combobox Controller DatePicker DatetimePicker Dropdown FileUpload
    FloatLogSlider FloatProgress FloatRangeSlider FloatSlider FloatText FloatsInput GridBox HBox HTML
    HTMLMath Image IntProgress IntRangeSlider IntSlider IntText IntsInput Label Layout
    NaiveDatetimePicker Output Password Play RadioButtons Select SelectMultiple SelectionRangeSlider
    SelectionSlider SliderStyle Stack Style Tab TagsInput Text Textarea TimePicker ToggleButton
    ToggleButtons ToggleButtonsStyle TwoByTwoLayout VBox Valid Video
    """.split()
)
"""The widget classes of ipywidgets that make sense in Lua."""

COMMON = ("description", "disabled", "layout", "style", "tooltip", "value")
"""Attributes that most widgets have, known before ipywidgets is imported."""

NOT_FOR_LUA = frozenset({"CoreWidget", "DOMWidget", "GridspecLayout", "ValueWidget", "Widget", "interactive"})
"""The others: base classes, cells addressed by slices, and Python functions made interactive."""
