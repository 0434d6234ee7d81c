"""What scripts and commands give as options: tables, checked by name and type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmspell_kernel.errors import OptionError, ScriptError
from llmspell_kernel.lua.values import decode

Kinds = Mapping[str, type | tuple[type, ...]]

_WORDS = {
    str: "a text",
    bool: "true or false",
    dict: "a table with keys",
    list: "a list",
    int: "a whole number",
}


def text(value: Any) -> str:
    """A Lua string as text."""
    return decode(value) if isinstance(value, bytes) else str(value)


def table(value: Any, where: str) -> dict[Any, Any]:
    """A table with keys; nothing, and an empty one, is an empty one.

    Raises:
        ScriptError: it is something else.
    """
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        raise ScriptError(f"bad argument to '{where}' (a table with keys expected, got {kind_of(value)})")
    return value


def checked(given: Mapping[Any, Any], kinds: Kinds, where: str, *, strict: bool = True) -> dict[str, Any]:
    """The options of these names; with `strict` there may be no others.

    An empty table, which may be either, is what is expected; so is one text where a list of texts is.

    Raises:
        ScriptError: an option of another name or of the wrong type.
    """
    found: dict[str, Any] = {}
    for key, value in given.items():
        kind = kinds.get(key) if isinstance(key, str) else None
        if kind is None:
            if strict:
                raise OptionError.of(str(key), list(kinds), where)
            continue
        if value is None:
            continue
        found[key] = _fitting(value, kind, f"option '{key}' of '{where}'")
    return found


def _fitting(value: Any, kind: type | tuple[type, ...], where: str) -> Any:
    if kind is str and isinstance(value, bytes):
        return decode(value)
    if kind is dict and value == []:
        return {}
    if kind is list and isinstance(value, str | bytes):
        value = [value]
    if kind is list and value == {}:
        return []
    is_number = kind is not bool and isinstance(value, bool)
    if not isinstance(value, kind) or (is_number and kind not in (dict, list, str)):
        first = kind if isinstance(kind, type) else kind[0]
        raise ScriptError(f"bad {where} ({_WORDS.get(first, 'a number')} expected, got {kind_of(value)})")
    return [_fitting(each, str, where) for each in value] if isinstance(value, list) else value


def kind_of(value: Any) -> str:
    """The Lua type of a converted value."""
    if isinstance(value, bool):
        return f"boolean {'true' if value else 'false'}"
    if isinstance(value, int | float):
        return f"number {value}"
    if isinstance(value, str | bytes):
        return f"string {text(value)!r}"
    return "no value" if value is None else "table"
