"""What is typed into a debug console, made ready to run."""

from __future__ import annotations

from llmspell_kernel.lua.state import KEEP_NAME
from llmspell_kernel.lua.syntax import statements

_NAMES_A_CALL = 50
"""Locals that one call keeps; a function of LuaJIT may have 60 upvalues."""


def console_code(code: str) -> str:
    """The code with a call behind each top-level `local` that keeps its variables for what is typed next.

    No line moves. Variables that are closed at the end of their block (`<close>`) are not kept.
    """
    pieces, position = [], 0
    for part in statements(code):
        names = [name for name, attribute in part.names if attribute != "close" and name != "_ENV"]
        pieces.append(code[position : part.end])
        position = part.end
        for start in range(0, len(names), _NAMES_A_CALL):
            listed = ",".join(names[start : start + _NAMES_A_CALL])
            pieces.append(f' {KEEP_NAME}(function()return {listed} end,"{listed}")')
    pieces.append(code[position:])
    return "".join(pieces)
