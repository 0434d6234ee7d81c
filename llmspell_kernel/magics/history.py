"""Earlier input."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from llmspell_kernel.errors import MagicError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call, History

_RANGE = re.compile(r"(?:~(?P<back>\d+)/?)?(?:(?P<first>\d+)(?P<dash>-(?P<last>\d+)?)?)?")
_EVERYTHING = 10**9

Row = tuple[int, int, Any]


@magic("%history [-n] [-o] [-u] [-l COUNT] [-g PATTERN] [RANGE ...]", group="History")
def history(call: Call) -> Outcome | None:
    """Shows earlier cells: of this session, of all with `-l` and `-g`.

    - `RANGE`: `4`, `4-6`, `4-` of this session; `~1/4-6` of the session before, `~2/` all of the one before
      that.
    - `-l COUNT`: the last cells, over all sessions.
    - `-g PATTERN`: the cells that hold the pattern, in which `*` stands for any text and `?` for one
      character; `-u` shows equal ones once.
    - `-n` adds numbers (always there with `-g`), `-o` results.
    """
    service = call.session.history
    if service is None:
        raise MagicError("this front keeps no history; In[n] holds the cells of this session")
    options = call.arguments
    rows = _rows(call, service)
    if not rows:
        call.write("There are no such cells.\n")
        return None
    numbered = options.flag("n") or options.flag("g")
    several = len({session for session, _, _ in rows}) > 1 or options.flag("g")
    call.write("".join(_shown(row, numbered=numbered, several=several) for row in rows))
    return None


def _rows(call: Call, service: History) -> list[Row]:
    options = call.arguments
    output, count = options.flag("o"), options.number("l")
    if options.flag("g"):
        pattern = options.options["g"]
        return list(service.search(f"*{pattern}*", n=count, unique=options.flag("u"), output=output))
    if count is not None:
        return list(service.tail(count, output=output))
    return list(_ranges(service, call.values or ("1-",), output))


def _ranges(service: History, texts: Sequence[str], output: bool) -> Iterable[Row]:
    for text in texts:
        found = _RANGE.fullmatch(text)
        if found is None or not text:
            raise MagicError(f"{text!r} is no range of cells; write 4, 4-6, 4- or ~1/4-6")
        first = int(found["first"] or 1)
        if found["last"]:
            stop = int(found["last"]) + 1
        else:
            stop = first + 1 if found["first"] and not found["dash"] else _EVERYTHING
        yield from service.range(-int(found["back"] or 0), first, stop, output=output)


def _shown(row: Row, *, numbered: bool, several: bool) -> str:
    session, line, content = row
    source: str
    result: str | None
    source, result = content if isinstance(content, tuple) else (content, None)
    if not numbered:
        return source + "\n" + (f"--> {result}\n" if result is not None else "")
    label = f"{session}/{line}: " if several else f"{line:>4}: "
    text = label + source.replace("\n", "\n" + " " * len(label)) + "\n"
    return text + (f"{'-->':>{len(label) - 1}} {result}\n" if result is not None else "")
