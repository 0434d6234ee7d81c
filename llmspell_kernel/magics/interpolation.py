"""Lua values in the arguments of magics: `{expression}`."""

from __future__ import annotations

import re

from llmspell_kernel.errors import LuaSyntaxError
from llmspell_kernel.lua.values import decode
from llmspell_kernel.magics.session import Session

_BRACES = re.compile(r"\{\{|\}\}|(?<!\$)\{([^{}]+)\}")


def interpolated(session: Session, text: str, chunk: str, line: int) -> str:
    """The text of a magic with each `{expression}` replaced by its value, as `tostring` shows it.

    `{{` and `}}` stand for the braces themselves. What is no single Lua expression, or is nil, stays as it
    is: `awk '{print $1}'`, `{a,b}` and `${HOME}` are the shell's. Errors name the magic's chunk and line.

    Raises:
        LuaCallError: the expression failed.
    """
    if "{" not in text and "}" not in text:
        return text
    return _BRACES.sub(lambda match: _value(session, match, chunk, line), text)


def _value(session: Session, match: re.Match[str], chunk: str, line: int) -> str:
    if match[1] is None:
        return match[0][0]
    lua = session.lua
    code = f"return ({match[1]}\n)"
    if lua.compiler.syntax_error(code) is not None:
        return match[0]
    try:
        main = lua.compiler.compile("\n" * (line - 1) + code, chunk)
    except LuaSyntaxError:
        return match[0]
    packed = lua.run_main(main)
    values = lua.state.call(session.variables[b"text"], packed) if packed is not None else ()
    return decode(values[0]) if values and isinstance(values[0], bytes) else match[0]
