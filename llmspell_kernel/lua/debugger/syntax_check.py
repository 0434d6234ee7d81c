"""Whether Lua accepts code, asked from any thread."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from llmspell_kernel.lua.state import lua_module


class SyntaxChecker:
    """Compiles code in a Lua state of its own: the interpreter's belongs to its thread."""

    def __init__(self, language: str) -> None:
        """`language` is one that this platform has."""
        self._language = language

    @cached_property
    def _load(self) -> Any:
        runtime = lua_module(self._language).LuaRuntime(encoding=None, unpack_returned_tuples=True)
        return runtime.execute(
            b"local load = loadstring or load return function(code) return load(code, '=input') end"
        )

    def __call__(self, code: str) -> str | None:
        """Lua's message for code that it refuses, None for code that it accepts."""
        result = self._load(code.encode(errors="surrogateescape"))
        if isinstance(result, tuple):
            return (result[1] or b"").decode(errors="backslashreplace")
        return None
