"""Which names a pattern is for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

Test = Callable[[str], bool]


@lru_cache(maxsize=1000)
def matcher(pattern: str) -> Test:
    """Tells whether a name matches: `*` stands for any text, also none and also dots, `?` for one character.

    Everything else stands for itself, and capitals count. It takes time in proportion to the name's length,
    whatever the pattern.
    """
    if "*" not in pattern and "?" not in pattern:
        return lambda text: text == pattern
    first, *rest = (_literal(part) for part in re.split(r"\*+", pattern))
    expression = first
    if rest:
        *middle, last = rest
        # Atomic groups: what a part has matched is not tried otherwise again.
        expression += "".join(f"(?>.*?{part})" for part in middle) + ".*" + last
    match = re.compile(expression, re.DOTALL).fullmatch
    return lambda text: match(text) is not None


def _literal(part: str) -> str:
    return ".".join(map(re.escape, part.split("?")))


def any_of(patterns: Sequence[str]) -> Test:
    """Tells whether a name matches one of them."""
    tests = [matcher(pattern) for pattern in patterns]
    return lambda text: any(test(text) for test in tests)
