"""Did you mean: names that resemble the nil one in an error message."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from llmspell_kernel.lua.lexer import KEYWORDS

if TYPE_CHECKING:
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_NIL_VALUE = re.compile(r"a nil value \((?P<kind>global|field|method|local|upvalue) '(?P<name>[^']+)'\)")
_NIL_LUAJIT = re.compile(
    r"attempt to [\w ]+? (?P<kind>global|field|method|local|upvalue) '(?P<name>[^']+)' \(a nil value\)"
)
_ALIKE = 0.7
_NOTHING = frozenset(("null", "None", "NULL", "undefined"))


def suggestion(message: str, interpreter: LuaInterpreter) -> str:
    """One line of advice for an error about a nil global or field; empty when there is none."""
    found = _NIL_VALUE.search(message) or _NIL_LUAJIT.search(message)
    if found is None:
        return ""
    name, kind = found["name"], found["kind"]
    if kind == "global":
        if chunk := interpreter.compiler.ended_locals.get(name):
            return (
                f"'{name}' was a local of {chunk} and ended with it: make it global, or turn on the kernel's "
                "option persistent_locals."
            )
        if name in _NOTHING:
            return f"Lua's name for no value is nil, not {name}."
        known = [*_strings(interpreter.state.globals), *interpreter.compiler.kept, *KEYWORDS]
        return _nearest(name, known)
    if kind in ("field", "method"):
        return _nearest_field(name, interpreter)
    return ""


def _nearest(name: str, known: list[str], prefix: str = "") -> str:
    lowered = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)
    if not close and name.lower() in lowered:
        close = [lowered[name.lower()]]
    return f"Did you mean '{prefix}{close[0]}'?" if close and close[0] != name else ""


def _nearest_field(name: str, interpreter: LuaInterpreter) -> str:
    """A field of a standard library table that resembles `name`."""
    tables = dict(interpreter.state.globals.items())  # raw: _G may have a metatable that raises
    for library in (
        "string",
        "table",
        "math",
        "io",
        "os",
        "coroutine",
        "utf8",
        "debug",
        "display",
        "plot",
        "widgets",
    ):
        table = tables.get(library.encode())
        if table is None or not hasattr(table, "keys"):
            continue
        if found := _nearest(name, _strings(table), f"{library}."):
            return found
    return ""


def _strings(table: object) -> list[str]:
    keys = table.keys() if hasattr(table, "keys") else ()
    return [key.decode() for key in keys if isinstance(key, bytes) and key.isascii()]
