"""The date in a message's header."""

from __future__ import annotations

import time

_last: tuple[int, str] = (0, "")


def now() -> str:
    """ISO 8601 in UTC with microseconds. Any thread; a message has one each, so it is made quickly."""
    global _last
    moment = time.time()
    second = int(moment)
    known, text = _last
    if known != second:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _last = (second, text)
    return f"{text}.{int((moment - second) * 1e6):06d}Z"
