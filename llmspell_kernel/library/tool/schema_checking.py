"""Parameters against a JSON Schema, for tools whose parameters are no struct."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.parameters import shown, unknown_key
from llmspell_kernel.library.tool.schema import Schema

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
_OF_NUMBERS: tuple[tuple[str, Callable[[Any, Any], bool], str], ...] = (
    ("minimum", operator.ge, "at least"),
    ("maximum", operator.le, "at most"),
    ("exclusiveMinimum", operator.gt, "more than"),
    ("exclusiveMaximum", operator.lt, "less than"),
)
_OF_SIZES: tuple[tuple[str, Callable[[Any, Any], bool], str], ...] = (
    ("minLength", operator.ge, "at least {} characters long"),
    ("maxLength", operator.le, "at most {} characters long"),
    ("minItems", operator.ge, "at least {} items long"),
    ("maxItems", operator.le, "at most {} items long"),
)

KEYWORDS = (
    *("type", "description", "default", "enum", "const", "properties", "required", "additionalProperties"),
    *("items", "title", "examples", "format"),
    *(name for name, _, _ in (*_OF_NUMBERS, *_OF_SIZES)),
)
"""What the schema of a parameter may say; not all of it is checked."""


def checked_against(schema: Schema, given: Mapping[str, Any], tool: str) -> dict[str, Any]:
    """The parameters with the schema's defaults; harmless differences between languages are set right.

    The keywords `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`, `default`
    and those of limits are obeyed.

    Raises:
        ParameterError: they do not fit; a sentence for each problem.
    """
    problems: list[str] = []
    params = _checked(schema, dict(given), "", problems)
    if problems:
        raise ParameterError(tool, problems)
    result: dict[str, Any] = params
    return result


def _checked(schema: Schema, value: Any, path: str, problems: list[str]) -> Any:
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    value = _mended(value, kinds)
    what = f"the parameter {path!r}" if path else "the parameters"
    if kinds and not any(_is(value, kind) for kind in kinds):
        problems.append(f"{what}: expected {' or '.join(kinds)}, got {shown(value, path)}")
        return value
    if "enum" in schema and value not in schema["enum"]:
        problems.append(f"{what} is one of {', '.join(map(str, schema['enum']))}; got {shown(value, path)}")
    if "const" in schema and value != schema["const"]:
        problems.append(f"{what} is {shown(schema['const'])}; got {shown(value, path)}")
    _check_limits(schema, value, path, problems)
    if isinstance(value, dict) and ("properties" in schema or "required" in schema):
        return _checked_object(schema, value, path, problems)
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, Mapping):
        return [_checked(dict(items), each, f"{path}[{i}]", problems) for i, each in enumerate(value, 1)]
    return value


def _checked_object(schema: Schema, value: dict[str, Any], path: str, problems: list[str]) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    result = {}
    for name, about in properties.items():
        inner = f"{path}.{name}" if path else name
        if value.get(name) is not None:
            result[name] = _checked(about, value[name], inner, problems)
        elif "default" in about:
            result[name] = about["default"]
        elif name in schema.get("required", ()):
            expected = f" ({about['type']} expected)" if isinstance(about.get("type"), str) else ""
            problems.append(f"the parameter {inner!r} is missing{expected}")
    for name in schema.get("required", ()):
        if name not in properties and value.get(name) is None:
            problems.append(f"the parameter {name!r} is missing")
    for name in value:
        if name not in properties:
            if schema.get("additionalProperties", True) is False:
                problems.append(unknown_key(name, list(properties)))
            else:
                result[name] = value[name]
    return result


def _mended(value: Any, kinds: tuple[str, ...]) -> Any:
    if value == [] and "object" in kinds and "array" not in kinds:
        return {}
    if value == {} and "array" in kinds and "object" not in kinds:
        return []
    if isinstance(value, float) and value.is_integer() and "integer" in kinds and "number" not in kinds:
        return int(value)
    return value


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS.get(kind, (object,)))


def _check_limits(schema: Schema, value: Any, path: str, problems: list[str]) -> None:
    what = f"the parameter {path!r}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        for keyword, fits, words in _OF_NUMBERS:
            if keyword in schema and not fits(value, schema[keyword]):
                problems.append(f"{what} is {words} {schema[keyword]}; got {shown(value, path)}")
    elif isinstance(value, str | list):
        for keyword, fits, words in _OF_SIZES:
            is_meant = keyword.endswith("Length") == isinstance(value, str) and keyword in schema
            if is_meant and not fits(len(value), schema[keyword]):
                problems.append(f"{what} is {words.format(schema[keyword])}; got {shown(value, path)}")
