"""From the parameters that were given to those that a tool takes; all problems are told."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.audit import HIDDEN, without_secrets
from llmspell_kernel.library.tool.contract import Tool

_SHOWN = 60
_MENDED = re.compile(r"^Expected `(?P<expected>[^`]*)`, got `(?P<got>[^`]*)`(?: - at `\$(?P<path>[^`]*)`)?$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>.*)`$", re.DOTALL)
_JSON_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_TYPE = re.compile(rf"\b(?:{'|'.join(_JSON_TYPES)})\b")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


def checked(tool: type[Tool], given: Mapping[str, Any]) -> tuple[dict[str, Any], Struct]:
    """The parameters as the tool takes them, plain and as its struct.

    A float that is a whole number is one, an empty list stands for an empty table, None for what is not
    given, and another name of an operation for the operation.

    Raises:
        ParameterError: they do not fit; a sentence for each problem.
    """
    params = dict(given)
    if tool.operations:
        _resolve_operation(tool, params)
    try:
        struct: Struct = msgspec.convert(params, tool.Parameters, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        params, struct = _mended(tool, params, error)
    if tool.operations and (missing := _missing(tool, params, struct)):
        raise ParameterError(tool.name, missing)
    return params, struct


def _resolve_operation(tool: type[Tool], params: dict[str, Any]) -> None:
    name = params.get("operation")
    if isinstance(name, str) and name not in tool.operations:
        for each in tool.operations.values():
            if name in each.aliases:
                params["operation"] = each.name


def _missing(tool: type[Tool], params: dict[str, Any], struct: Any) -> list[str]:
    operation = tool.operations.get(struct.operation)
    needs = operation.needs if operation is not None else ()
    return [
        f"the operation {struct.operation!r} needs the parameter {name!r}"
        for name in needs
        if params.get(name) is None
    ]


def _mended(
    tool: type[Tool], params: dict[str, Any], error: msgspec.ValidationError
) -> tuple[dict[str, Any], Struct]:
    """What is harmless is set right, one thing after the other."""
    params = {key: value for key, value in params.items() if value is not None}
    for _ in range(100):
        try:
            return params, msgspec.convert(params, tool.Parameters, builtin_types=(bytes,))
        except msgspec.ValidationError as again:
            found = _MENDED.match(str(again))
            if found is None or not _mend(params, found):
                break
    raise ParameterError(tool.name, problems(tool, params)) from error


def _mend(params: dict[str, Any], found: re.Match[str]) -> bool:
    """Sets one value right, in place; whether it could."""
    path = [name or int(index) for name, index in _STEP.findall(found["path"] or "")]
    if not path:
        return False
    *above, last = path
    target: Any = params
    try:
        for number, step in enumerate(above):
            copy = target[step].copy()  # what the caller has given stays as it is
            target[step] = copy
            target = target[above[number]]
        value = target[last]
    except (KeyError, IndexError, TypeError, AttributeError):
        return False
    expected = found["expected"]
    if value == [] and isinstance(value, list) and "object" in expected:
        target[last] = {}
    elif value == {} and isinstance(value, dict) and "array" in expected:
        target[last] = []
    elif isinstance(value, float) and value.is_integer() and "int" in expected:
        target[last] = int(value)
    else:
        return False
    return True


def problems(tool: type[Tool], params: Mapping[str, Any]) -> list[str]:
    """What is wrong with the parameters, a sentence each."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(tool.Parameters)}
    found = []
    for name, field in fields.items():
        if name in params:
            if problem := _problem(field, params[name]):
                found.append(problem)
        elif field.required:
            found.append(f"the parameter {name!r} is missing ({expected(field.type)} expected)")
    return found + [unknown_key(name, list(fields)) for name in params if name not in fields]


def unknown_key(name: object, known: list[str]) -> str:
    """What to say of a parameter that a tool does not have."""
    return f"there is no parameter {str(name)!r}; {nearest(name, known)}"


def nearest(name: object, known: list[str]) -> str:
    """Which name may have been meant, or else those that there are."""
    if near := difflib.get_close_matches(str(name), known, 1):
        return f"did you mean {near[0]!r}?"
    return f"there are {', '.join(known)}" if known else "it takes none"


def _problem(field: FieldInfo, value: Any) -> str:
    """Why a value does not fit; empty if it does."""
    try:
        msgspec.convert(value, field.type, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        name = field.encode_name
        where = re.search(r" - at `\$([^`]*)`$", str(error))
        path = where[1] if where else ""
        place = f"{name}{_counted_from_one(path)}"
        said = str(error).removesuffix(where[0] if where else "")
        kind, given = _inside(field.type, value, path)
        if unknown := _UNKNOWN.match(said):
            near = nearest(unknown["name"], _fields(kind) or [])
            return f"the parameter {place!r} has no field {unknown['name']!r}; {near}"
        if choices := _choices(kind):
            got = shown(given, _last_name(name, path))
            return f"the parameter {place!r} is one of {', '.join(choices)}; got {got}{_near(given, choices)}"
        if isinstance(value, bytes) and _fields(kind) is None:
            return f"the parameter {name!r} is not valid UTF-8 text: {shown(value, name)}"
        is_told = isinstance(given, str | int | float) and not where and _fields(kind) is None
        got = f" (given {shown(given, name)})" if is_told else ""
        return f"the parameter {place!r}: {_in_words(said)}{got}"
    return ""


def _fields(kind: Any) -> list[str] | None:
    """Those of a struct; None for what is none."""
    kind = _without_none(kind)
    if not (isinstance(kind, type) and issubclass(kind, Struct)):
        return None
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def _last_name(name: str, path: str) -> str:
    """What a value is called that a path within a parameter leads to."""
    return next((step for step, _ in reversed(_STEP.findall(path)) if step), name)


def _in_words(said: str) -> str:
    """A sentence of msgspec's, with the types as JSON Schema and `tool info` call them."""
    if said.startswith("Expected"):
        said = _TYPE.sub(lambda found: _JSON_TYPES[found[0]], said).replace(" | ", " or ")
    said = said.replace("`", "")
    return said[:1].lower() + said[1:]


def expected(annotation: Any) -> str:
    """What values fit, in words."""
    kind = _bare(annotation)
    if choices := _choices(annotation):
        return "one of " + ", ".join(choices)
    words = {str: "a string", int: "an integer", float: "a number", bool: "a boolean"}
    words |= {list: "a list", dict: "a table"}
    return words.get(get_origin(kind) or kind, "a value")


def shown(value: Any, name: str = "") -> str:
    """A value in a message, unless its name calls it secret.

    Of tables the names only: a misspelt one would not call its value secret.
    """
    if isinstance(value, Mapping):
        text = f"a table with {', '.join(map(str, value))}" if value else "an empty table"
    elif isinstance(value, list | tuple):
        text = f"a list of {len(value)}"
    else:
        text = HIDDEN if without_secrets(name, value) == HIDDEN else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _inside(annotation: Any, value: Any, path: str) -> tuple[Any, Any]:
    """The type of what a path leads to within a value, and that itself; None if it leads through a table."""
    for name, index in _STEP.findall(path):
        kind = _without_none(annotation)
        if name and isinstance(kind, type) and issubclass(kind, Struct):
            fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
            annotation, value = fields.get(name), value[name]
        elif index and get_origin(kind) in (list, tuple):
            annotation, value = get_args(kind)[0], value[int(index)]
        else:
            return None, None
    return annotation, value


def _choices(annotation: Any) -> list[str]:
    """The values that fit, if they are listed; None beside them does not count."""
    kind = _without_none(annotation)
    return [str(each) for each in get_args(kind)] if get_origin(kind) is Literal else []


def _without_none(annotation: Any) -> Any:
    kind = _bare(annotation)
    if get_origin(kind) not in (Union, UnionType):
        return kind
    others = [each for each in get_args(kind) if each is not NoneType]
    return _without_none(others[0]) if len(others) == 1 else kind


def _near(value: Any, choices: list[str]) -> str:
    """A hint at the choice that may have been meant."""
    same = [each for each in choices if each.lower() == str(value).lower()]
    near = same or difflib.get_close_matches(str(value), choices, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _counted_from_one(path: str) -> str:
    """Positions in lists as scripts count them."""
    return re.sub(r"\[(\d+)\]", lambda found: f"[{int(found[1]) + 1}]", path)
