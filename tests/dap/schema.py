"""Validates DAP messages against the protocol's JSON schema, as debugpy ships it.

What an adapter sends must have no property that the schema does not know: a misspelt one would otherwise go
unnoticed. Jupyter's own commands are described here after the Jupyter protocol's text.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator

Message = dict[str, Any]
Definition = dict[str, Any]

_INSIDE_DEBUGPY = "_vendored/pydevd/_pydevd_bundle/_debug_adapter/debugProtocol.json"

_OPEN = frozenset(
    (
        *("ProtocolMessage", "Request", "Response", "Event", "ErrorResponse"),
        *("AttachRequestArguments", "LaunchRequestArguments"),
    )
)
"""What others extend, and where each adapter has arguments of its own."""


def _object(required: str, **properties: Definition) -> Definition:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


_TEXT: Definition = {"type": "string"}
_YES: Definition = {"type": "boolean"}
_NUMBER: Definition = {"type": "integer"}
_ANY_OBJECT: Definition = {"type": "object"}

_VARIABLES = _object("variables", variables={"type": "array", "items": {"$ref": "#/definitions/Variable"}})

JUPYTER_COMMANDS: Mapping[str, tuple[Definition, Definition]] = {
    "debugInfo": (
        _ANY_OBJECT,
        _object(
            "isStarted hashMethod hashSeed tmpFilePrefix tmpFileSuffix breakpoints stoppedThreads "
            "richRendering exceptionPaths copyToGlobals",
            isStarted=_YES,
            hashMethod={"enum": ["Murmur2"]},
            hashSeed=_NUMBER,
            tmpFilePrefix=_TEXT,
            tmpFileSuffix=_TEXT,
            breakpoints={
                "type": "array",
                "items": _object(
                    "source breakpoints",
                    source=_TEXT,
                    breakpoints={"type": "array", "items": {"$ref": "#/definitions/SourceBreakpoint"}},
                ),
            },
            stoppedThreads={"type": "array", "items": _NUMBER},
            richRendering=_YES,
            exceptionPaths={"type": "array", "items": _TEXT},
            copyToGlobals=_YES,
        ),
    ),
    "dumpCell": (_object("code", code=_TEXT), _object("sourcePath", sourcePath=_TEXT)),
    "inspectVariables": (_ANY_OBJECT, _VARIABLES),
    "richInspectVariables": (
        _object("variableName", variableName=_TEXT, frameId=_NUMBER),
        _object("data metadata", data=_ANY_OBJECT, metadata=_ANY_OBJECT),
    ),
    "copyToGlobals": (
        _object(
            "srcVariableName dstVariableName srcFrameId",
            srcVariableName=_TEXT,
            dstVariableName=_TEXT,
            srcFrameId=_NUMBER,
        ),
        _ANY_OBJECT,
    ),
}
"""Arguments and body of the commands that Jupyter adds to DAP."""


def check_request(message: Message) -> None:
    """Fails unless this is a request that DAP, or Jupyter, knows.

    Raises:
        AssertionError: the message is not as the schema wants it.
    """
    command = message.get("command")
    if command in JUPYTER_COMMANDS:
        _check(message, "Request")
        _check_definition(message.get("arguments", {}), JUPYTER_COMMANDS[str(command)][0])
    else:
        _check(message, _definition_of(message, "command", "Request"))


def check_answer(message: Message, command: str) -> None:
    """Fails unless this is a response to `command`.

    Raises:
        AssertionError: the message is not as the schema wants it.
    """
    assert message.get("command") == command, f"a response to {command!r} expected, not {message}"
    if message.get("success") is False:
        _check(message, "ErrorResponse")
        assert message.get("message"), f"a failed response says why: {message}"
    elif command in JUPYTER_COMMANDS:
        _check(message, "Response")
        _check_definition(message.get("body"), JUPYTER_COMMANDS[command][1])
    else:
        name = f"{command[0].upper()}{command[1:]}Response"
        _check(message, name if name in _protocol()["definitions"] else "Response")


def check_event(message: Message) -> None:
    """Fails unless this is one of DAP's events.

    Raises:
        AssertionError: the message is not as the schema wants it.
    """
    _check(message, _definition_of(message, "event", "Event"))


def _definition_of(message: Message, key: str, kind: str) -> str:
    """The definition whose `key` (command, event) is the message's; they name it in an enum of one."""
    value = message.get(key)
    for name, definition in _protocol()["definitions"].items():
        if name.endswith(kind) and "allOf" in definition:
            properties = definition["allOf"][-1].get("properties", {})
            if value in properties.get(key, {}).get("enum", ()):
                return str(name)
    raise AssertionError(f"DAP has no {kind.lower()} {value!r}: {message}")


def _check(message: Message, name: str) -> None:
    _check_definition(message, {"$ref": f"#/definitions/{name}"})


def _check_definition(value: object, definition: Definition) -> None:
    errors = list(_validator(json.dumps(definition)).iter_errors(value))
    assert not errors, "\n".join(
        [f"{error.message} at {list(error.absolute_path)}" for error in errors] + [f"in {value}"]
    )


@cache
def _validator(definition: str) -> Draft4Validator:
    return Draft4Validator({**json.loads(definition), "definitions": _protocol()["definitions"]})


@cache
def _protocol() -> Definition:
    """The schema, closed: an object that lists its properties has no others."""
    found = importlib.util.find_spec("debugpy")
    assert found is not None and found.origin is not None, "debugpy is not installed; run: make test"
    schema: Definition = json.loads((Path(found.origin).parent / _INSIDE_DEBUGPY).read_text("utf-8"))
    for name, definition in schema["definitions"].items():
        if name not in _OPEN:
            _close(definition, in_whole="allOf" not in definition)
    return schema


def _close(definition: object, *, in_whole: bool) -> None:
    """Forbids what is not listed; a part of an `allOf` is not the whole, so there only what is below it."""
    if isinstance(definition, list):
        for part in definition:
            _close(part, in_whole=in_whole)
    elif isinstance(definition, dict):
        properties = definition.get("properties")
        if in_whole and properties and definition.get("type") == "object":
            definition.setdefault("additionalProperties", False)
        for name, part in definition.items():
            if name == "allOf":
                _close(part, in_whole=False)
            elif name == "properties":
                for each in part.values():
                    _close(each, in_whole=True)
            elif name == "items":
                _close(part, in_whole=True)
