"""Tools that scripts define."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from llmspell_kernel.errors import ToolError
from llmspell_kernel.library.tool.contract import Category, Level
from llmspell_kernel.library.tool.parameters import nearest
from llmspell_kernel.library.tool.schema import Schema
from llmspell_kernel.library.tool.schema_checking import KEYWORDS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TYPES = ("string", "number", "integer", "boolean", "object", "array", "any")
_WORDS = {"table": "object", "list": "array", "int": "integer", "float": "number", "bool": "boolean"}
_KEYS = ("name", "description", "parameters", "version", "category", "level")


def definition(table: Any) -> dict[str, Any]:
    """The arguments of `FunctionEntry` that a script's table says.

    Raises:
        ToolError: it does not fit; the message says what would.
    """
    table = table or {}  # an empty one has come as a list
    if not isinstance(table, Mapping):
        raise ToolError("Tool.register takes a table with name, description, parameters and execute")
    name = table.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ToolError(
            f"Tool.register: a tool's name is made of letters, digits, '-', '_' and '.'; got {name!r}"
        )
    if unknown := [key for key in table if key not in _KEYS]:
        raise ToolError(
            f"Tool.register: {name}: there is no field {unknown[0]!r}; there are {', '.join(_KEYS)}"
        )
    return {
        "name": name,
        "description": str(table.get("description", "")),
        "version": str(table.get("version", "1.0.0")),
        "category": _choice(name, "category", table.get("category", "custom"), get_args(Category)),
        "level": _choice(name, "level", table.get("level", "safe"), get_args(Level)),
        "schema": schema_of(name, table.get("parameters")),
    }


def schema_of(tool: str, parameters: Any) -> Schema:
    """The JSON Schema of parameters that are one already, or a list of `{name, type, description, required}`.

    Raises:
        ToolError: they are neither.
    """
    if not parameters:
        return {"type": "object"}
    if isinstance(parameters, Mapping):
        if "properties" in parameters or parameters.get("type") == "object":
            return {"type": "object", **parameters}
        parameters = [
            {"name": name, **(about if isinstance(about, Mapping) else {"type": about})}
            for name, about in parameters.items()
        ]
    properties: dict[str, Any] = {}
    required = []
    for each in parameters:
        if not isinstance(each, Mapping) or not isinstance(each.get("name"), str):
            raise ToolError(
                f"Tool.register: {tool}: each parameter is a table {{name=..., type=..., description=..., "
                f"required=...}}; got {each!r}"
            )
        properties[each["name"]] = _property(tool, each)
        if each.get("required"):
            required.append(each["name"])
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _property(tool: str, each: Mapping[str, Any]) -> dict[str, Any]:
    kind = each.get("type", "any")
    kind = _WORDS.get(kind, kind)
    _choice(tool, f"type of the parameter {each['name']!r}", kind, _TYPES)
    rest = {key: value for key, value in each.items() if key not in ("name", "type", "required")}
    for key in rest:
        if key not in KEYWORDS:
            raise ToolError(
                f"Tool.register: {tool}: the parameter {each['name']!r} has no field {key!r}; "
                f"{nearest(key, ['name', 'type', 'required', *KEYWORDS])}"
            )
    return rest if kind == "any" else {"type": kind, **rest}


def _choice(tool: str, what: str, value: Any, choices: tuple[str, ...]) -> Any:
    if value not in choices:
        raise ToolError(f"Tool.register: {tool}: {what} is one of {', '.join(choices)}; got {value!r}")
    return value
