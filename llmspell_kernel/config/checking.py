"""From values as they were written to typed settings; all problems are found, not only the first."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import msgspec

from llmspell_kernel.config import schema
from llmspell_kernel.config.documents import Key
from llmspell_kernel.config.layers import DEFAULT, Origin, Values
from llmspell_kernel.config.schema import Node
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.errors import SettingsError

_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")

_ELSEWHERE = {
    ("kernel", "trusted"): 'it is engines.lua.security_level = "unrestricted"',
    ("kernel", "language"): "it is default_engine",
    ("kernel", "time_limit"): "it is kernel.execution_timeout",
    ("engines", "javascript"): "there is Lua only",
}
"""Keys that one may look for, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that does not fit, or a key that is none."""

    origin: Origin
    key: Key
    text: str

    def __str__(self) -> str:
        """One line: where, which key, what is wrong."""
        return f"{self.origin}: {'.'.join(self.key)}: {self.text}"


def checked(values: Values) -> Settings:
    """The settings that the values make.

    Raises:
        SettingsError: some do not fit; one line for each.
    """
    problems: list[Problem] = []
    tree: dict[str, Any] = {}
    for key, (value, origin) in values.items():
        found = _checked_value(key, value, origin)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            _put(tree, *found)
    if not problems:
        settings = msgspec.convert(tree, Settings)
        problems = _contradictions(settings, {key: origin for key, (_, origin) in values.items()})
        if not problems:
            return settings
    raise SettingsError(list(dict.fromkeys(map(str, problems))))


def _checked_value(key: Key, value: Any, origin: Origin) -> tuple[Key, Any] | Problem:
    """The place in the structs and the value for it."""
    node, place = schema.root(), []
    for depth, name in enumerate(key):
        if node.table is None:
            if node.kind is Any:  # an option, which may be a table
                place.append(name)
                continue
            return Problem(origin, key[:depth], f"expected {node.wanted}, got a table")
        child = node.child(name)
        if child is None:
            return Problem(origin, key[: depth + 1], _no_such(key[: depth + 1], node))
        place += [node.rest_field, name] if child is node.rest else [name]
        node = child
    if node.table is not None:
        if value == {}:
            return tuple(place), {}
        return Problem(origin, key, f"expected a table, got {shown(value)}")
    try:
        return tuple(place), convert(node, value, from_text=origin.kind in ("environment", "flag"))
    except ValueError as error:
        return Problem(origin, key, str(error))


def convert(node: Node, value: Any, *, from_text: bool = False) -> Any:
    """The value as the setting has it; `from_text` if all that is known is its text.

    Raises:
        ValueError: it does not fit; says what would.
    """
    given = _read(node, value) if from_text and isinstance(value, str) else value
    if get_origin(node.kind) is Literal and isinstance(given, str):
        given = next((one for one in get_args(node.kind) if one.lower() == given.lower()), given)
    try:
        return msgspec.convert(given, node.annotation)
    except msgspec.ValidationError:
        got = "something else" if node.secret else shown(value)
        choices = [str(each) for each in get_args(node.kind)] if get_origin(node.kind) is Literal else []
        close = difflib.get_close_matches(str(given), choices, 1) if choices else []
        raise ValueError(
            f"expected {node.wanted}, got {got}" + (f"; did you mean {close[0]}?" if close else "")
        ) from None


def _read(node: Node, text: str) -> Any:
    lowered = text.strip().lower()
    if node.kind is bool:
        return True if lowered in _YES else False if lowered in _NO else text
    if get_origin(node.kind) in (list, tuple):
        parts = [each.strip() for each in text.split(",") if each.strip()]
        numbers = int in get_args(node.kind) and all(each.isdecimal() for each in parts)
        return [int(each) for each in parts] if numbers else parts
    for kind in (int, float):
        if node.kind is kind or kind in get_args(node.kind):
            try:
                return kind(lowered.replace("_", ""))
            except ValueError:
                continue
    return text


def problem_with(key: Key) -> str:
    """Why there is no setting or table of that key, with what may be meant; empty if there is one."""
    node: Node | None = schema.root()
    for depth, name in enumerate(key):
        if node is None or node.table is None:
            break
        child = node.child(name)
        if child is None:
            return _no_such(key[: depth + 1], node)
        node = child
    return "" if schema.find(key) is not None else f"no such setting; {'.'.join(key[:-1])} has no parts"


def _no_such(key: Key, table: Node) -> str:
    if key in _ELSEWHERE:
        return f"no such setting; {_ELSEWHERE[key]}"
    names = [child.key[-1] for child in table.children]
    close = difflib.get_close_matches(key[-1], names, 1)
    if close:
        return f"no such setting; did you mean {close[0]}?"
    same = [node.name for node in schema.leaves() if node.key[-1] == key[-1]]
    if same:
        return f"no such setting here; did you mean {same[0]}?"
    where = f"in [{table.name}] there are" if table.key else "there are"
    return f"no such setting; {where} {', '.join(names)}"


def shown(value: Any) -> str:
    """A value as TOML writes it, shortly."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _contradictions(settings: Settings, origins: Mapping[Key, Origin]) -> list[Problem]:
    """Settings that cannot hold together."""
    level = settings.engines.lua.security_level
    allowed = settings.runtime.security
    found = []
    for name in ("allow_file_access", "allow_process_spawn"):
        key = ("runtime", "security", name)
        if level != "safe" and not getattr(allowed, name):
            origin = origins.get(key, DEFAULT)
            text = (
                f'false cannot be kept while engines.lua.security_level is "{level}": machine code may do '
                'anything; set that to "safe"'
            )
            found.append(Problem(origin, key, text))
    return found


def _put(tree: dict[str, Any], place: Key, value: Any) -> None:
    for name in place[:-1]:
        if not isinstance(tree.get(name), dict):  # an option that a later layer makes a table
            tree[name] = {}
        tree = tree[name]
    if value == {}:
        tree.setdefault(place[-1], {})
    else:
        tree[place[-1]] = value
