"""What a name in half-typed code stands for, and what Lua knows about it.

A chain of the text becomes a `Target`: places where its value may be found, and what the text itself says
about a value that does not exist yet. Values stay on the Lua side, where `prelude/introspection.lua` reads
them without running any code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from llmspell_kernel.lua.lexer import LITERALS, string_content, tokenize
from llmspell_kernel.lua.outline import (
    assigned_constructor,
    assigned_fields,
    constructor_fields,
    table_of_self,
)
from llmspell_kernel.lua.scopes import visible_locals
from llmspell_kernel.lua.values import decode

if TYPE_CHECKING:
    from llmspell_kernel.lua.chains import Chain, Separator
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_PREVIEW = {"depth": 2, "length": 20, "width": 80, "string_length": 200, "bytes": 2000}

_DOTTED = re.compile(r"[^\W\d]\w*(?:\s*\.\s*[^\W\d]\w*)*")

Key = str | int


class Place(NamedTuple):
    """Where a value is: the fields `path` of a variable, of a `kept` local, or of the string `root`."""

    kind: Literal["name", "kept", "string"]
    root: str
    path: tuple[Key, ...] = ()


class Target(NamedTuple):
    """What a chain may stand for.

    Attributes:
        places: where its value may be, the likeliest first.
        typed: fields that the text gives it, which need not have run yet, with their kinds.
        name: its dotted name in the text; empty if it has none.
    """

    places: tuple[Place, ...] = ()
    typed: Mapping[str, str] = MappingProxyType({})
    name: str = ""


class Found(NamedTuple):
    """A variable or a field; `detail` is a function's parameters in brackets or its qualified name."""

    key: bytes
    kind: str
    detail: str = ""


class Description(NamedTuple):
    """What Lua knows about a value.

    Attributes:
        type: Lua's name for it, `integer` or `float` for numbers where they differ.
        qualified: name in the standard library or in another global of ours.
        metatable: the name of its metatable.
        preview: its text, cut; empty for functions.
        source: chunk of a function, as `debug.getinfo` answers it; `first` and `last` are its lines.
        parameters: of a function, in brackets.
        builtin: whether a function is not written in Lua.
        is_callable_table: whether the function is a table's `__call`.
        object: the type of an object of ours or of its attribute, as the library it belongs to says.
        explanation: what that library says about it, Markdown.
        members: the attributes of such an object, one a line.
    """

    type: str
    qualified: str = ""
    metatable: str = ""
    preview: str = ""
    is_function: bool = False
    source: str = ""
    first: int = 0
    last: int = 0
    parameters: str = ""
    builtin: bool = False
    is_callable_table: bool = False
    object: str = ""
    explanation: str = ""
    members: str = ""


class Introspection:
    """Reads the variables of one interpreter. Used on its thread, between cells."""

    def __init__(self, interpreter: LuaInterpreter) -> None:
        lua = interpreter.state.introspection
        self._fields, self._variables = lua[b"fields"], lua[b"variables"]
        self._modules, self._describe = lua[b"modules"], lua[b"describe"]
        self._raw_text = interpreter.formatter.raw_text
        self._options = interpreter.state.runtime.table_from(
            {name.encode(): value for name, value in _PREVIEW.items()}
        )

    def target(self, code: str, chain: Chain, path: tuple[Key, ...]) -> Target:
        """What the root of `chain` followed by `path` may stand for where the chain ends in `code`.

        A chain without separator is a lone word and its own root.
        """
        if chain.root_kind == "unknown":
            return Target()
        if chain.root_kind == "string":
            return Target((Place("string", chain.root, path),))
        root = chain.root if chain.root_kind == "name" else chain.prefix
        return _target(code, chain.end, root, path)

    def fields(self, target: Target, separator: Separator | Literal["{"], prefix: str) -> list[Found]:
        """The fields of a target that begin with `prefix`, be it in another case.

        After `:` only what can be called counts, and only identifiers do but after `["`. After `{` they are
        the attributes that a target which makes objects takes.
        """
        lowered = encode(prefix).lower()
        found = {}
        for name, kind in target.typed.items():
            key = encode(name)
            if key.lower().startswith(lowered) and (separator != ":" or kind == "function"):
                found[key] = Found(key, kind)
        for place in reversed(target.places):
            answer: bytes = self._fields(separator.encode(), lowered, *_arguments(place))
            fields = _split(answer)
            if not found and len(target.places) == 1:
                return fields
            found.update((each.key, each) for each in fields)
        return list(found.values())

    def variables(self, prefix: str) -> list[Found]:
        """The variables that begin with `prefix`, be it in another case.

        These are the locals of earlier cells, their kind marked by a leading `local `, and the globals.
        """
        return _split(self._variables(encode(prefix).lower()))

    def modules(self) -> tuple[list[str], str]:
        """Names of the modules that need no file, and the search path."""
        names, path = self._modules()
        return [decode(name) for name in names.split(b"\0") if name], decode(path)

    def describe(self, target: Target) -> Description | None:
        """What is known of the value at the first of the target's places that has one."""
        for place in target.places:
            answer = self._describe(self._raw_text, self._options, *_arguments(place))
            if answer is not None:
                return _description(dict(answer.items()))
        return None


def encode(text: str) -> bytes:
    """Text as a Lua string, for which surrogates are the bytes they stand for; never fails."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _target(code: str, cursor: int, root: str, path: tuple[Key, ...]) -> Target:
    # A name that stands only where it is typed is no local of this code: that spares reading a long cell.
    is_known = root == "self" or code.count(root, 0, cursor) > 1
    local = visible_locals(code, cursor).get(root) if is_known else None
    name = ".".join((root, *map(str, path))) if all(isinstance(key, str) for key in path) else ""
    typed = _assigned(code, name)
    if local is None:
        source = assigned_constructor(code, root, cursor) if is_known else None
        if source is not None:
            places, constructed = _initialised(source, path)
            return Target(places, constructed | typed, name)
        return Target((Place("name", root, path),), typed, name)
    kept = Place("kept", root, path)
    if local.initialiser is not None:
        places, constructed = _initialised(local.initialiser, path)
        return Target((*places, kept), constructed | typed, name)
    if local.kind != "parameter":
        return Target((kept,), typed, name)
    table = table_of_self(code, cursor) if root == "self" else None
    if table is None or table.startswith("self"):
        return Target((), typed, name)
    head, *rest = table.split(".")
    inherited = _target(code, cursor, head, (*rest, *path))
    return Target(inherited.places, {**inherited.typed, **typed}, inherited.name)


def _assigned(code: str, name: str) -> dict[str, str]:
    """The fields that the code assigns to a dotted name, with their kinds."""
    if not name:
        return {}
    return {
        field: "function" if is_function else "value"
        for field, is_function in assigned_fields(code, name).items()
    }


def _initialised(source: str, path: tuple[Key, ...]) -> tuple[tuple[Place, ...], dict[str, str]]:
    """Where the value of the expression `source`, or of its field `path`, is; and its typed fields."""
    keys = list(path)
    while keys and source.startswith("{"):
        key = keys.pop(0)
        source = constructor_fields(source).get(key, "") if isinstance(key, str) else ""
    if source.startswith("{"):
        return (), {key: _kind_of_source(value) for key, value in constructor_fields(source).items()}
    tokens = tokenize(source, comments=False)
    if len(tokens) == 1 and tokens[0].kind in LITERALS:
        return (Place("string", string_content(tokens[0]), tuple(keys)),), {}
    if _DOTTED.fullmatch(source):
        head, *rest = (part.strip() for part in source.split("."))
        return (Place("name", head, (*rest, *keys)),), {}
    return (), {}


def _kind_of_source(source: str) -> str:
    if source.startswith("function"):
        return "function"
    return "instance" if source.startswith("{") else "value"


def _arguments(place: Place) -> tuple[bytes | int, ...]:
    """A place as the Lua side takes it."""
    path = (encode(key) if isinstance(key, str) else key for key in place.path)
    return (place.kind.encode(), encode(place.root), *path)


def _split(answer: bytes) -> list[Found]:
    """The matches of the Lua side: key, kind, detail, and so on."""
    parts = answer.split(b"\0") if answer else []
    return [
        Found(key, _kind(kind), decode(detail) if detail else "")
        for key, kind, detail in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


@cache
def _kind(name: bytes) -> str:
    return name.decode()


def _description(answer: Mapping[bytes, Any]) -> Description:
    """A description from the Lua side's table, which names its fields as the class does."""
    fields: dict[str, Any] = {
        key.decode(): decode(value) if isinstance(value, bytes) else value for key, value in answer.items()
    }
    return Description(**fields)
