"""Which attributes of a widget a script may touch, and how their values cross between Lua and traitlets.

Only public traits and a few public properties: nothing else of a Python object can be named, so nothing of
Python can be reached through a widget. Dates and times are ISO 8601 text in Lua; contents of pictures and
files are Lua strings.
"""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import ipywidgets
from ipywidgets import Widget
from ipywidgets.widgets.trait_types import ByteMemoryView, Date, Datetime, InstanceDict, Time
from traitlets import Bytes, Dict, TraitError, TraitType

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.widgets.names import NOT_FOR_LUA
from llmspell_kernel.lua.values import decode

REFUSED = (TraitError, TypeError, ValueError)
"""What ipywidgets raises for a value that it does not take."""

Attributes = Mapping[str, TraitType[Any, Any] | None]

_attributes: dict[type[Widget], Attributes] = {}
_MACHINERY = frozenset({"comm", "keys", "log"})
_PROPERTIES = ("lower", "upper")
_REFUSAL = re.compile(r"The '(?P<name>\w+)' trait of an? \w+ instance ")
_READERS: tuple[tuple[type, Callable[[str], Any]], ...] = (
    (Datetime, datetime.datetime.fromisoformat),
    (Date, datetime.date.fromisoformat),
    (Time, datetime.time.fromisoformat),
)
_LONGEST = 60


def widget_class(name: str) -> type[Widget]:
    """The class that a script calls `name`.

    Raises:
        ScriptError: there is none; the message names the nearest.
    """
    found = getattr(ipywidgets, name, None) if name not in NOT_FOR_LUA and name.isidentifier() else None
    if isinstance(found, type) and issubclass(found, Widget):
        return found
    known = [each for each in dir(ipywidgets) if each[:1].isupper() and each not in NOT_FOR_LUA]
    raise ScriptError(f"there is no widget called {name!r}{_nearest(name, known)}")


def attributes(cls: type[Widget]) -> Attributes:
    """The attributes of a class that scripts may read and set, and their traits (none for a property)."""
    known = _attributes.get(cls)
    if known is None:
        known = _attributes[cls] = _find_attributes(cls)
    return known


def _find_attributes(cls: type[Widget]) -> Attributes:
    traits: dict[str, TraitType[Any, Any] | None] = {
        name: trait
        for name, trait in cls.class_traits().items()
        if not name.startswith("_") and name not in _MACHINERY
    }
    traits.update((name, None) for name in _PROPERTIES if isinstance(getattr(cls, name, None), property))
    return traits


def checked(cls: type[Widget], key: Any) -> str:
    """The name of an attribute of `cls`.

    Raises:
        ScriptError: it has no such attribute for scripts; the message names the nearest.
    """
    name = decode(key) if isinstance(key, bytes) else str(key)
    if name not in attributes(cls):
        raise ScriptError(f"{cls.__name__} has no attribute {name!r}{_nearest(name, attributes(cls))}")
    return name


def _nearest(name: str, known: Iterable[str]) -> str:
    by_lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[found[0]]!r}?" if found else ""


# Values -------------------------------------------------------------------------------------------


def from_lua(cls: type[Widget], name: str, value: Any, read: Callable[[Any], Any]) -> Any:
    """What to give to a trait of a widget for a value of Lua.

    Args:
        cls: the widget's class.
        name: one of its `attributes`.
        value: as lupa hands it over.
        read: makes a Python value of it, with widgets where Lua has widgets.

    Raises:
        ScriptError: a function, a cycle, a table with an entry that the attribute has not.
    """
    trait = attributes(cls)[name]
    if isinstance(value, bytes) and isinstance(trait, Bytes | ByteMemoryView):
        return value
    result = read(value)
    if isinstance(result, str):
        return _moment(trait, result, cls.__name__, name)
    if isinstance(trait, InstanceDict):
        part = trait.klass
        if result == []:
            return {}
        if isinstance(result, dict) and isinstance(part, type):
            return {checked(part, key): item for key, item in result.items()}
    if result == [] and isinstance(trait, Dict):
        return {}
    if name == "options" and isinstance(result, dict):
        return sorted(result.items())  # a Lua table has no order
    return result


def _moment(trait: Any, text: str, owner: str, name: str) -> Any:
    for kind, read in _READERS:
        if isinstance(trait, kind):
            try:
                return read(text)
            except ValueError as error:
                example = "18:30" if kind is Time else "2024-12-31"
                raise ScriptError(
                    f"cannot set {owner}.{name} to {shown(text)}: use ISO 8601 as in {example!r} ({error})"
                ) from error
    return text


def to_plain(value: Any, proxy: Callable[[Widget], Any]) -> Any:
    """A trait's value as what `values.to_lua` takes; `proxy` gives the Lua table of a widget."""
    if isinstance(value, Widget):
        return proxy(value)
    if isinstance(value, Mapping):
        return {key: to_plain(item, proxy) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item, proxy) for item in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value


# Texts ------------------------------------------------------------------------------------------


def refusal(cls: type[Widget], error: Exception, values: Mapping[str, Any]) -> ScriptError:
    """The error for values that ipywidgets does not take; names the attribute and its value."""
    text = str(error).strip().rstrip(".").replace("unicode string", "string")
    found = _REFUSAL.match(text)
    name = found["name"] if found else next(iter(values)) if len(values) == 1 else None
    if name is None or name not in values:
        return ScriptError(f"{cls.__name__}: {text}")
    reason = text[found.end() :] if found else text
    return ScriptError(f"cannot set {cls.__name__}.{name} to {shown(values[name])}: {reason}")


def describe(widget: Widget) -> str:
    """A widget as text: its class and the plain attributes that are not as usual, the value first."""
    cls = type(widget)
    parts = []
    for name in sorted(attributes(cls), key=lambda each: (each != "value", each)):
        trait, value = attributes(cls)[name], getattr(widget, name)
        if trait is None or not isinstance(value, str | int | float) or value in ("", trait.default_value):
            continue
        parts.append(f"{name} = {shown(value)}")
    return f"{cls.__name__}{{{', '.join(parts)}}}"


def shown(value: Any) -> str:
    """A value as Lua would write it, cut to a line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nil"
    if isinstance(value, str):
        text = '"' + value.replace("\n", "\\n") + '"'
    elif isinstance(value, int | float):
        text = str(value)
    elif isinstance(value, Widget):
        text = f"a {type(value).__name__}"
    elif isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key} = {shown(item)}" for key, item in value.items()) + "}"
    elif isinstance(value, list | tuple):
        text = "{" + ", ".join(shown(item) for item in value) + "}"
    else:
        text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
