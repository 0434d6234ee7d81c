"""Lua values in the arguments of magics: `{expression}`."""

from __future__ import annotations

import re

from llmspell_kernel.lua.cells import LuaSyntaxError
from llmspell_kernel.lua.values import decode
from llmspell_kernel.magics.session import Session

_BRACES = re.compile(r"\{\{|\}\}|(?<!\$)\{([^{}]+)\}")


def interpolated(session: Session, text: str) -> str:
    """The text with each `{expression}` replaced by its value, as `tostring` shows it.

    `{{` and `}}` stand for the braces themselves. What is no single Lua expression, or is nil, stays as it
    is: `awk '{print $1}'`, `{a,b}` and `${HOME}` are the shell's.

    Raises:
        LuaCallError: the expression failed.
    """
    if "{" not in text and "}" not in text:
        return text
    return _BRACES.sub(lambda match: _value(session, match), text)


def _value(session: Session, match: re.Match[str]) -> str:
    if match[1] is None:
        return match[0][0]
    lua = session.lua
    if lua.compiler.syntax_error(f"return ({match[1]}\n)") is not None:
        return match[0]
    try:
        main = lua.compiler.compile(
            f"local _ = ({match[1]}\n) return _ ~= nil and tostring(_) or nil", "braces"
        )
    except LuaSyntaxError:
        return match[0]
    packed = lua.run_main(main)
    value = packed[1] if packed is not None else None
    return decode(value) if isinstance(value, bytes) else match[0]
