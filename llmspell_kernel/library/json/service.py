"""JSON text as values and back, with messages for people."""

from __future__ import annotations

from typing import Any

import orjson

from llmspell_kernel.errors import ScriptError

MAX_HOLES = 0.5
"""Of the places of an array; a table with more is an object."""

_SHOWN = 30


def parse(text: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ScriptError: it is none; the message has the line and the column.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not text.strip():
            raise ScriptError("JSON parse error: the text is empty") from None
        near = error.doc[error.pos : error.pos + _SHOWN].partition("\n")[0]
        at = f" at line {error.lineno} column {error.colno}"
        said = error.msg.partition(":")[0]
        raise ScriptError(f"JSON parse error{at}: {said}{f', near {near!r}' if near else ''}") from None


def stringify(value: Any, *, indent: int = 0) -> bytes:
    """A value as JSON text; keys are sorted. NaN and infinities are null.

    Args:
        value: None, bool, int, float, str, list, or dict; one with whole numbers as keys may be an array with
            holes.
        indent: spaces of each level; 0 for a single line.

    Raises:
        ScriptError: a text that is not UTF-8; keys that are the same as text.
    """
    options = orjson.OPT_SORT_KEYS | (orjson.OPT_INDENT_2 if indent == 2 else 0)
    try:
        text = orjson.dumps(value, option=options)
    except TypeError:
        value = _plain(value, "")
        text = orjson.dumps(value, option=options)
    if indent in (0, 2):
        return text
    import json

    return json.dumps(orjson.loads(text), indent=indent, ensure_ascii=False, sort_keys=True).encode()


def _plain(value: Any, path: str) -> Any:
    """The value with text for keys, and arrays with holes as lists."""
    if isinstance(value, bytes):
        raise ScriptError(
            f"JSON.stringify: the value{f' at {path}' if path else ''} is a string that is not UTF-8; encode "
            "it first, as Base64 for instance"
        )
    if isinstance(value, list):
        return [_plain(each, f"{path}[{place}]") for place, each in enumerate(value, 1)]
    if not isinstance(value, dict):
        return value
    if _is_array_with_holes(value):
        return [_plain(value.get(place), f"{path}[{place}]") for place in range(1, max(value) + 1)]
    plain = {_key(key): _plain(each, f"{path}.{_key(key)}") for key, each in value.items()}
    if len(plain) < len(value):
        where = f" at {path}" if path else ""
        raise ScriptError(
            f"JSON.stringify: the value{where} has keys that are the same as text, such as 1 and '1'; "
            "use others"
        )
    return plain


def _is_array_with_holes(value: dict[Any, Any]) -> bool:
    return all(type(key) is int and key >= 1 for key in value) and max(value) <= len(value) / MAX_HOLES


def _key(key: Any) -> str:
    if isinstance(key, bytes):
        return key.decode(errors="backslashreplace")
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)
