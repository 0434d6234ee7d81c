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
    """The parameters of an object's schema: `name`, `type`, `description`, `required`, `default`, `enum`.

    One that is a table with known keys has them as `properties`, a list of the same kind; a list of such
    tables has theirs as `items`.
    """
    return _parameters(schema, schema.get("$defs", {}))


def _parameters(schema: Schema, definitions: Schema) -> list[dict[str, Any]]:
    required = schema.get("required", ())
    found = []
    for name, about in schema.get("properties", {}).items():
        meant = _meant(about, definitions)
        each = {
            "name": name,
            "type": _type(meant),
            "description": about.get("description", ""),
            "required": name in required,
        }
        if about.get("default") is not None:
            each["default"] = about["default"]
        if choices := [choice for choice in meant.get("enum", ()) if choice is not None]:
            each["enum"] = choices
        if meant.get("properties"):
            each["properties"] = _parameters(meant, definitions)
        if items := _parameters(_item(meant, definitions), definitions):
            each["items"] = items
        found.append(each)
    return found


def _meant(about: Schema, definitions: Schema) -> Schema:
    """Without null beside it, and what a reference leads to."""
    kinds = [each for each in about.get("anyOf", ()) if each.get("type") != "null"]
    only = kinds[0] if len(kinds) == 1 else about
    found: Schema = definitions.get(only.get("$ref", "").rpartition("/")[2], only)
    return found


def _item(about: Schema, definitions: Schema) -> Schema:
    """What each entry of a list is."""
    for each in (about, *about.get("anyOf", ())):
        if isinstance(each.get("items"), dict):
            return _meant(each["items"], definitions)
    return {}


def _type(about: Schema) -> str:
    kind = about.get("type")
    if isinstance(kind, str):
        return kind
    if "enum" in about:
        return "string"
    kinds = [_type(each) for each in about.get("anyOf", ()) if each.get("type") != "null"]
    return " or ".join(dict.fromkeys(kinds)) or "any"
