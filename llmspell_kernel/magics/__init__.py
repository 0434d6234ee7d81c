"""Commands for the one who types: `%name`, `%%name`, `!command`, `name?`.

`%` and `!` start no Lua statement and `?` is no Lua at all, so a cell may mix them with Lua. Everything
but this file is imported when the first cell uses a magic.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.lua.binding import LuaTable
    from llmspell_kernel.lua.state import LuaState

_SIGNS = re.compile(r"^[ \t]*[%!?]|\?[ \t]*$", re.MULTILINE)
_WORDS = re.compile(r"\s*(?:exit|quit|help)(?:\(\))?\s*")
_SET_BY_US = (b"_", b"arg")


def may_use_magics(code: str) -> bool:
    """Whether it is worth looking for magics in a cell; costs microseconds."""
    return _SIGNS.search(code) is not None or _WORDS.fullmatch(code) is not None


def load_variables(state: LuaState) -> LuaTable:
    """What magics use to see the user's variables: all globals that are not there now.

    To be loaded before any code of the user's runs: later, the standard functions it needs may be gone.
    """
    hidden = state.runtime.table_from(dict.fromkeys((*state.globals.keys(), *_SET_BY_US), True))
    variables: LuaTable = state.chunk(beside(__file__, "variables.lua"), state.cells, hidden)
    return variables
