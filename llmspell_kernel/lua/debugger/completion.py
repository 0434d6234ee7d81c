"""Candidates for what is typed into a debug console, with the variables of a frame. No user code runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llmspell_kernel.interpreter import Completions
from llmspell_kernel.lua.completion import Completer
from llmspell_kernel.lua.introspection import Introspection

if TYPE_CHECKING:
    from llmspell_kernel.lua.interpreter import LuaInterpreter


class FrameIntrospection(Introspection):
    """Reads the variables that code sees in a frame; for any thread that may ask the Lua thread."""

    def __init__(self, ask: Callable[..., Any], frame: int | None) -> None:
        """`ask` has the Lua thread carry out a command and answers what `convert` makes of its result."""

        def complete(*args: bytes | int) -> bytes:
            found: bytes = ask("complete", frame, *args, convert=lambda answer: answer)
            return found

        self._fields = complete
        self._variables = lambda prefix: complete(b"", prefix)
        self._modules = lambda: (b"", b"")


def complete(
    lua: LuaInterpreter, ask: Callable[..., Any], text: str, column: int, frame: int | None
) -> Completions:
    """Candidates at `column` (code points, from 0) of `text`.

    Raises:
        DebuggerError: what `ask` raises.
    """
    return Completer(lua, FrameIntrospection(ask, frame)).complete(text, column)
