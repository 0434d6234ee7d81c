"""Giving Python functions to Lua.

A Python function that Lua calls directly would be userdata and its exceptions Python objects.
`Binder.table` wraps each in a Lua closure: errors arrive in Lua as strings with the position of the
user's code, and what Python returns is converted. Lua never sees the Python function itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from llmspell_kernel.errors import LLMSpellError, LuaCallError
from llmspell_kernel.interpreter import SignalGate
from llmspell_kernel.lua.interrupts import CellEnd, Interrupts

LuaTable = Any
"""A table as lupa shows it to Python; its keys and strings are bytes."""

LuaFunction = Any
"""A Lua function as lupa shows it to Python."""


class Binder:
    """Makes Lua functions of Python functions for one Lua state."""

    def __init__(
        self,
        bind: LuaFunction,
        table: Callable[[], LuaTable],
        convert: Callable[[Any], Any],
        interrupts: Interrupts,
        gate: SignalGate,
    ) -> None:
        self._bind = bind
        self._table = table
        self._convert = convert
        self._interrupts = interrupts
        self._gate = gate
        self.last_failure: tuple[str, BaseException] | None = None
        """Message and exception of the Python function that failed last, for the traceback."""

    def function(self, python_function: Callable[..., Any]) -> LuaFunction:
        """A Lua function that calls `python_function`.

        Strings arrive as bytes. A result may be None, bool, int, float, str, bytes, a dict or list of
        such, a Lua value, or a tuple of them for several results.
        """
        return self._bind(self._guarded(python_function))

    def table(self, functions: Mapping[str, Callable[..., Any]]) -> LuaTable:
        """A new Lua table of such functions by name."""
        table = self._table()
        for name, python_function in functions.items():
            table[name.encode()] = self.function(python_function)
        return table

    def _guarded(self, python_function: Callable[..., Any]) -> Callable[..., Any]:
        convert, gate, interrupts = self._convert, self._gate, self._interrupts

        def call(*args: Any) -> Any:
            was_open = gate.open
            try:
                try:
                    if gate.heard:
                        gate.settle()
                    gate.open = interrupts.active
                    # A signal has found the gate shut: nothing would wake the function.
                    if interrupts.ending():
                        raise KeyboardInterrupt
                    result = python_function(*args)
                finally:
                    gate.open = was_open
            except (KeyboardInterrupt, CellEnd) as error:
                # Lua's hook raises it, in the calling function: so the traceback has the Lua frames.
                gate.open = was_open
                if not interrupts.ending():
                    interrupts.end_cell(error)
                return False, None, True
            except LuaCallError as error:
                self.last_failure = (str(error), error)
                return False, error.value, True
            except LLMSpellError as error:
                return False, str(error).encode()
            except Exception as error:  # noqa: BLE001 - the border: any failure becomes a Lua error
                message = f"{type(error).__name__}: {error}"
                self.last_failure = (message, error)
                return False, message.encode(errors="surrogateescape")
            if isinstance(result, tuple):
                return (True, *map(convert, result))
            return True, convert(result)

        return functools.update_wrapper(call, python_function, assigned=(), updated=())


def enters_from_lua(code: CodeType) -> bool:
    """Whether a frame with this code is where Lua has called a bound function, its `__wrapped__`."""
    return code.co_name == "call" and code.co_filename == __file__
