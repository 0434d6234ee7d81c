r"""Values between Lua and Python: tables become lists and dicts, and back.

Lua strings are bytes; Python's are Unicode. Bytes that are not UTF-8 become `\xNN` escapes on the way
to Python, never an error. A table whose keys are exactly 1..n is a list, any other a dict; an empty
table is an empty list, unless the caller knows better (`is_object`).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from llmspell_kernel.errors import ScriptError

MAX_DEPTH = 200
"""Nesting of a converted value; more is almost always a mistake, and Python's stack has an end."""

_INT64 = range(-(2**63), 2**63)


class Runtime(Protocol):
    """The part of lupa's LuaRuntime that is used to make tables and load our own chunks."""

    def table_from(self, *items: Any) -> Any:
        """A new table with the items of mappings and iterables."""

    def compile(self, source: bytes, *, name: bytes) -> Any:
        """A function that runs a chunk."""


def lua_type(value: object) -> str | None:
    """Lua's type name for a value that lives in Lua ("table", "function" ...); none for Python values.

    Works for the objects of every Lua that lupa brings, where `lupa.lua_type` knows only its own.
    """
    name = type(value).__module__
    if not name.startswith("lupa."):
        return None
    result: str | None = sys.modules[name].lua_type(value)
    return result


def decode(text: bytes) -> str:
    r"""A Lua string as Python text; what is not UTF-8 becomes `\xNN`."""
    return text.decode("utf-8", "backslashreplace")


def encode(text: str) -> bytes:
    """Python text as a Lua string; never fails, not even on lone surrogates."""
    return text.encode("utf-8", "surrogatepass")


def to_python(
    value: Any,
    is_object: Callable[[Any], bool] | None = None,
    stands_for: Callable[[Any], Any] | None = None,
) -> Any:
    """A Lua value as JSON-able Python: dict, list, str, int, float, bool, None.

    Keys of dicts are text, sorted: integers, floats and booleans as Lua prints them.

    Args:
        value: as lupa hands it over: bytes, a number, a bool, None, a table; also a Python value.
        is_object: asked for each empty table whether it is a dict (`{}`) rather than a list.
        stands_for: asked for each table what it stands for, any Python object; None for a table as such.

    Raises:
        ScriptError: a function, userdata or thread; a table that contains itself; a key that is a
            table; more than `MAX_DEPTH` levels. The message names the place.
    """
    return _Reader(is_object, stands_for).read(value, "", 0)


def to_lua(runtime: Runtime, value: Any, null: Any = None) -> Any:
    """A Python value as what lupa needs to make the same in Lua; values of Lua pass as they are.

    An entry that is None becomes `null`, or else leaves a hole. Integers beyond 64 bits become floats, as
    numerals do in Lua.

    Raises:
        ScriptError: a type that Lua has nothing for, or a container that contains itself.
    """
    return _write(runtime, value, "", (), null)


def place(keys: Iterable[object]) -> str:
    """How messages call the value to which some keys lead."""
    path = ""
    for key in keys:
        path = _step(path, key)
    return _at(path)


def _at(path: str) -> str:
    return f"the value at {path}" if path else "the value"


def _step(path: str, key: object) -> str:
    name = decode(key) if isinstance(key, bytes) else key
    if isinstance(name, str):
        return f"{path}.{name}" if name.isidentifier() else f'{path}["{name}"]'
    return f"{path}[{name}]"


class _Reader:
    """One conversion out of Lua: knows which tables it is inside of."""

    def __init__(
        self, is_object: Callable[[Any], bool] | None, stands_for: Callable[[Any], Any] | None
    ) -> None:
        self._is_object = is_object
        self._stands_for = stands_for
        # By address, which repr() shows without calling metamethods: each crossing makes a new wrapper.
        self._open: dict[str, str] = {}

    def read(self, value: Any, path: str, depth: int) -> Any:
        if value is None or isinstance(value, str | int | float):
            return value
        if isinstance(value, bytes):
            return decode(value)
        kind = lua_type(value)
        if kind != "table":
            raise ScriptError(
                f"{_at(path)} is a {kind or type(value).__name__}; "
                "only tables, strings, numbers and booleans can be converted"
            )
        if self._stands_for is not None:
            other = self._stands_for(value)
            if other is not None:
                return other
        address = repr(value)
        if address in self._open:
            target = self._open[address] or "the value itself"
            raise ScriptError(f"{_at(path)} is a cycle: it leads back to {target}; break it or leave it out")
        if depth >= MAX_DEPTH:
            raise ScriptError(f"the value is nested deeper than {MAX_DEPTH} levels")
        self._open[address] = path
        result = self._read_table(value, path, depth)
        del self._open[address]
        return result

    def _read_table(self, table: Any, path: str, depth: int) -> Any:
        items = list(table.items())  # raw: lupa calls neither __pairs nor __index here
        if not items:
            return {} if self._is_object is not None and self._is_object(table) else []
        if _is_sequence(items):
            items.sort(key=_first)
            return [self.read(item, f"{path}[{key}]", depth + 1) for key, item in items]
        read = {self._key(key, path): self.read(item, _step(path, key), depth + 1) for key, item in items}
        if len(read) < len(items):
            raise ScriptError(
                f"{_at(path)} has keys that are the same as text, such as 1 and '1'; use others"
            )
        return dict(sorted(read.items(), key=_first))

    def _key(self, key: Any, path: str) -> str:
        if isinstance(key, bytes):
            return decode(key)
        if isinstance(key, bool):
            return "true" if key else "false"
        if isinstance(key, str | int | float):
            return str(key)
        kind = lua_type(key) or type(key).__name__
        raise ScriptError(f"{_at(path)} has a {kind} as a key; use strings or numbers")


def _first(item: tuple[Any, Any]) -> Any:
    return item[0]


def _is_sequence(items: list[tuple[Any, Any]]) -> bool:
    """Whether the keys are the integers 1..n, in any order (as distinct keys, range is enough)."""
    count = len(items)
    return all(type(key) is int and 1 <= key <= count for key, _ in items)


def _write(runtime: Runtime, value: Any, path: str, inside: tuple[int, ...], null: Any) -> Any:
    if value is None:
        return null if inside else None
    if isinstance(value, bool | float | bytes) or lua_type(value) is not None:
        return value
    if isinstance(value, str):
        return encode(value)
    if isinstance(value, int):
        return value if value in _INT64 else _as_float(value)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if not isinstance(value, Mapping | list | tuple):
        raise ScriptError(f"{_at(path)} is a {type(value).__name__}, which Lua has no type for")
    if id(value) in inside:
        raise ScriptError(f"{_at(path)} is a cycle: it contains itself")
    if len(inside) >= MAX_DEPTH:
        raise ScriptError(f"the value is nested deeper than {MAX_DEPTH} levels")
    inside = (*inside, id(value))
    if isinstance(value, Mapping):
        return runtime.table_from(
            {
                _lua_key(key, path): _write(runtime, item, _step(path, key), inside, null)
                for key, item in value.items()
            }
        )
    return runtime.table_from(
        {i: _write(runtime, item, f"{path}[{i}]", inside, null) for i, item in enumerate(value, 1)}
    )


def _lua_key(key: Any, path: str) -> bytes | int | float | bool:
    if isinstance(key, str):
        return encode(key)
    if isinstance(key, int):
        return key if key in _INT64 else _as_float(key)
    if isinstance(key, bytes) or (isinstance(key, float) and not math.isnan(key)):
        return key
    raise ScriptError(f"{_at(path)} has the key {key!r}; Lua tables take strings, numbers and booleans here")


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
