"""Commands for the one who types: `%name`, `%%name`, `!command`, `name?`.

`%` and `!` start no Lua statement and `?` is no Lua at all, so a cell may mix them with Lua. Everything
but this file is imported when the first cell uses a magic.
"""

from __future__ import annotations

import re

_SIGNS = re.compile(r"^[ \t]*[%!?]|\?[ \t]*$", re.MULTILINE)


def may_use_magics(code: str) -> bool:
    """Whether it is worth looking for magics in a cell; costs microseconds."""
    return _SIGNS.search(code) is not None
