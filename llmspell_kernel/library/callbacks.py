"""Functions of the user's that are called after the cell that gave them has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmspell_kernel.lua.binding import LuaFunction
    from llmspell_kernel.lua.interpreter import LuaInterpreter


class Callback:
    """A Lua function to be called later, on the interpreter's thread.

    Between cells, what it writes goes to the cell in which the callback was made, and its errors are shown
    there. Inside a running cell it is part of that cell: output goes there, and errors are raised.
    """

    __slots__ = ("_cell", "_function", "_lua")

    def __init__(self, lua: LuaInterpreter, function: LuaFunction) -> None:
        """Remembers the running cell."""
        self._lua = lua
        self._function = function
        self._cell = lua.frontend.current_cell()

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        """The function's results; none if it failed between cells.

        Args:
            args: what lupa can hand over as it is: bytes, numbers, booleans, None, Lua values.

        Raises:
            LuaCallError: the function failed inside a running cell.
        """
        lua = self._lua
        if lua.state.interrupts.active:
            return lua.call(self._function, *args)
        with lua.frontend.output_to(self._cell):
            return lua.call(self._function, *args)
