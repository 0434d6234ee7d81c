"""What settings there are, read off the structs of `sections`."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from llmspell_kernel.config.documents import Key
from llmspell_kernel.config.sections import Settings

ANY_NAME = "NAME"
"""Stands for the free part of a key, as in providers.NAME.base_url."""


@dataclass(frozen=True, slots=True)
class Node:
    """A setting, or a table of settings.

    Attributes:
        key: its whole key.
        kind: its type without description and limits.
        annotation: its type as it is written down, with limits.
        table: the struct of a table; None for a setting.
        rest: of a table, the node that each key stands for which is none of its fields.
        rest_field: the field which takes those.
    """

    key: Key
    kind: Any
    annotation: Any
    default: Any
    description: str
    secret: bool
    table: type[Struct] | None = None
    children: tuple[Node, ...] = ()
    rest: Node | None = None
    rest_field: str = ""

    @property
    def name(self) -> str:
        """The key as one writes it."""
        return ".".join(self.key)

    def child(self, name: str) -> Node | None:
        """What a key of this table stands for."""
        return next((each for each in self.children if each.key[-1] == name), self.rest)

    @property
    def wanted(self) -> str:
        """What values it takes, in words."""
        return _wanted(self.kind, _limits(self.annotation))


@cache
def root() -> Node:
    """All settings."""
    return _table((), Settings, Settings, None, "", False)


def leaves(node: Node | None = None) -> Iterator[Node]:
    """Every setting below a table, in the order of the structs; free names as ANY_NAME."""
    return (each for each in nodes(node) if each.table is None)


def nodes(node: Node | None = None) -> Iterator[Node]:
    """The same with tables, each before what is in it; not the one that all is below."""
    start = root() if node is None else node
    if start.key:
        yield start
    for child in start.children:
        yield from nodes(child)
    if start.rest is not None and start.rest.table is not None:
        yield from nodes(start.rest)


def find(key: Key) -> Node | None:
    """The node that a key stands for."""
    node: Node | None = root()
    for name in key:
        node = node.child(name) if node is not None else None
    return node


def is_secret(key: Key) -> bool:
    """Whether the setting's value must not be shown; also what an option's name tells."""
    node = find(key)
    if node is not None and node.secret:
        return True
    words = key[-1].lower().split("_")
    return (
        key[:1] == ("providers",)
        and len(key) > 2
        and node is not None
        and (node.kind is Any and bool({"key", "token", "secret", "password"} & set(words)))
    )


def _table(
    key: Key, struct: type[Struct], annotation: Any, default: Any, description: str, secret: bool
) -> Node:
    children, rest, rest_field = [], None, ""
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        hint = hints[field.name]
        meta = _meta(hint)
        marks = meta.extra or {} if meta else {}
        if "rest" in marks:
            rest_field = field.name
            _, value_type = get_args(_bare(hint))
            about = (inspect.getdoc(value_type) or "") if _is_struct(value_type) else ""
            rest = _node((*key, ANY_NAME), value_type, None, about)
            continue
        value = field.default if field.default is not msgspec.NODEFAULT else None
        children.append(_node((*key, field.encode_name), hint, value, (meta and meta.description) or ""))
    return Node(
        key, struct, annotation, default, description, secret, struct, tuple(children), rest, rest_field
    )


def _node(key: Key, hint: Any, default: Any, description: str) -> Node:
    bare, meta = _bare(hint), _meta(hint)
    secret = bool(meta and (meta.extra or {}).get("secret"))
    if _is_struct(bare):
        return _table(key, bare, hint, default, description, secret)
    return Node(key, bare, hint, default, description, secret)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _meta(hint: Any) -> Meta | None:
    found = getattr(hint, "__metadata__", ())
    return next((each for each in found if isinstance(each, Meta)), None)


def _limits(hint: Any) -> tuple[Any, Any]:
    meta = _meta(hint)
    return (meta.ge, meta.le) if meta else (None, None)


_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    tuple: "a list",
}


def _wanted(kind: Any, limits: tuple[Any, Any]) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if get_origin(kind) in (Union, types.UnionType):
        return _wanted(next(each for each in get_args(kind) if each is not type(None)), limits)
    words = _WORDS.get(get_origin(kind) or kind, "a value")
    lowest, highest = limits
    if lowest is not None and highest is not None:
        return f"{words} from {lowest} to {highest}"
    return f"{words} from {lowest} on" if lowest is not None else words
