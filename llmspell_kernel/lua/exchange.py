"""Whole values between Lua and Python, without losing anything, as one string that crosses the border.

Walking Lua tables from Python costs microseconds for each. So Lua writes a value down as MessagePack, which
is read here in C, and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.lua.values import place, to_lua, to_python

if TYPE_CHECKING:
    from llmspell_kernel.lua.state import LuaState

Empty = Literal["array", "object"]
"""What an empty table is."""

Marks = Literal["none", "arrays", "all"]
"""Which empty tables have a metatable that says what they were (`__jsontype`)."""


class Exchange:
    """Values of one Lua state. Belongs to its thread."""

    def __init__(self, state: LuaState) -> None:
        self._state = state

    @cached_property
    def _module(self) -> Any:
        return self._state.late_prelude("exchange")

    @cached_property
    def _functions(self) -> tuple[Callable[..., Any], Callable[..., Any], Any]:
        return self._module[b"encode"], self._module[b"decode"], self._module[b"null"]

    def packed(self, value: Any, empty: Empty = "array", *, argument: str = "") -> bytes:
        """A Lua value as MessagePack: what is UTF-8 as text, other strings as bytes; keys are of any type.

        `JSON.null` is null. An empty table is an `empty` unless its metatable says otherwise (`__jsontype`).
        `argument` is what errors call the value, such as `'value' to 'State.set'`.

        Raises:
            ScriptError: a function, userdata or thread; a table that contains itself; a key that is a table;
                more than `values.MAX_DEPTH` levels; keys 1 and true (or 0 and false) in one table.
        """
        result = self._functions[0](value, empty.encode())
        if isinstance(result, tuple):
            problem = self._problem(value)
            raise ScriptError(f"bad argument {argument} ({problem})") if argument else problem
        packed: bytes = result
        return packed

    def _problem(self, value: Any) -> ScriptError:
        """Why a value cannot be packed, with the place within it."""
        try:
            to_python(value)
        except ScriptError as error:
            return error
        path, number, truth = self._module[b"find_same_keys"](value)
        where = place(path[depth] for depth in range(1, len(path) + 1))
        return ScriptError(
            f"{where} has the keys {number} and {str(truth).lower()}, which cannot be told apart outside of "
            "Lua; use others"
        )

    def unpacked(self, packed: bytes, *, marks: Marks = "none", keeps_null: bool = False) -> Any:
        """The Lua value of MessagePack.

        Args:
            packed: a sound message; others are undefined.
            marks: which empty tables say what they were.
            keeps_null: whether null is `JSON.null`; otherwise it is nil, which leaves nothing in a table.
        """
        _, decode, null = self._functions
        return decode(packed, marks.encode(), null if keeps_null else None)

    def to_python(self, value: Any, empty: Empty = "array", *, argument: str = "") -> Any:
        """A Lua value as None, bool, int, float, str, bytes, list (keys 1 to n) or dict (keys as they are).

        `JSON.null` is None. For `argument` see `packed`.

        Raises:
            ScriptError: as `packed`.
        """
        if value is None or isinstance(value, bool | int | float):
            return value
        from msgspec import msgpack

        return msgpack.decode(self.packed(value, empty, argument=argument))

    def to_lua(self, value: Any, *, marks: Marks = "arrays", keeps_null: bool = False) -> Any:
        """A Python value as what lupa needs to make the same in Lua.

        With `keeps_null`, what is None within a table is `JSON.null`: for values that a script has given away
        with `to_python` and gets back.

        Raises:
            ScriptError: as `values.to_lua`.
        """
        if value is None or isinstance(value, bool | float | bytes):
            return value
        if isinstance(value, dict | list | tuple):
            from msgspec import MsgspecError, msgpack

            try:
                return self.unpacked(msgpack.encode(value), marks=marks, keeps_null=keeps_null)
            except (TypeError, ValueError, OverflowError, RecursionError, MsgspecError):
                pass  # what MessagePack has no word for, Lua may have
        return to_lua(self._state.runtime, value, self._functions[2] if keeps_null else None)
