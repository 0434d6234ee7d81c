"""What a tool takes, as JSON Schema and as the list that scripts see."""

from __future__ import annotations

from typing import Any

import msgspec

from llmspell_kernel.library.tool.contract import Tool

Schema = dict[str, Any]


def json_schema(tool: type[Tool]) -> Schema:
    """The JSON Schema of the parameters of a tool; what only some operations need is a condition in it."""
    whole = msgspec.json.schema(tool.Parameters)
    definitions = dict(whole.get("$defs", {}))
    schema: Schema = dict(definitions.pop(whole["$ref"].rpartition("/")[2])) if "$ref" in whole else whole
    schema.pop("title", None)
    if definitions:
        schema["$defs"] = definitions
    conditions = [
        {
            "if": {"properties": {"operation": {"const": each.name}}, "required": ["operation"]},
            "then": {"required": list(each.needs)},
        }
        for each in tool.operations.values()
        if each.needs
    ]
    if conditions:
        schema["allOf"] = conditions
    return schema


def parameter_list(schema: Schema) -> list[dict[str, Any]]:
    """The parameters of an object's schema: `name`, `type`, `description`, `required`, `default`, `enum`."""
    required = schema.get("required", ())
    found = []
    for name, about in schema.get("properties", {}).items():
        each = {
            "name": name,
            "type": _type(about),
            "description": about.get("description", ""),
            "required": name in required,
        }
        for key in ("default", "enum"):
            if about.get(key) is not None:
                each[key] = about[key]
        found.append(each)
    return found


def _type(about: Schema) -> str:
    kind = about.get("type")
    if isinstance(kind, str):
        return kind
    if "enum" in about:
        return "string"
    kinds = [_type(each) for each in about.get("anyOf", ()) if each.get("type") != "null"]
    return " or ".join(dict.fromkeys(kinds)) or "any"
