"""Breakpoints made part of the code, so that only they cost time.

A breakpoint becomes a call of `__llmspell_break` in front of its statement. No line moves and nothing else
changes: the call gives nothing, in front of a condition it is joined to it by `or`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from llmspell_kernel.lua.debugger.lines import CodeFunction, CodeLines, Place

BREAK_NAME = "__llmspell_break"
"""The name that the code calls with the id of a site, and with the condition as a function if it has one. The
call must return nothing (nil or false). The name is best a local around the code: scripts may replace `_ENV`,
and Lua 5.5 refuses globals that a `global` statement does not name."""


class Site(NamedTuple):
    """What shall be part of the code.

    Attributes:
        id: what the call passes on.
        line: one that `CodeLines.breakpoint_line` gave; unused with `function`.
        condition: a Lua expression on one line as `conditions.inlined` gives it, "" for none.
        function: stops at the start of this function instead.
    """

    id: int
    line: int
    condition: str = ""
    function: CodeFunction | None = None


class Instrumentation(NamedTuple):
    """The insertions.

    Attributes:
        edits: what to insert at which offsets, offsets ascending. Where other insertions have the same
            offset, these come first.
        missing: ids of the sites that no insertion can serve.
    """

    edits: list[tuple[int, str]]
    missing: list[int]

    def apply(self, code: str) -> str:
        """The code with the insertions in it."""
        pieces, position = [], 0
        for offset, text in self.edits:
            pieces += [code[position:offset], text]
            position = offset
        pieces.append(code[position:])
        return "".join(pieces)


def instrument(lines: CodeLines, sites: Iterable[Site]) -> Instrumentation:
    """The insertions that make `sites` part of the code."""
    edits: list[tuple[int, str]] = []
    missing = []
    for site in sites:
        found = _edits(lines, site)
        edits += found
        if not found:
            missing.append(site.id)
    edits.sort(key=lambda edit: edit[0])
    return Instrumentation([(offset, _apart(lines.code, offset, text)) for offset, text in edits], missing)


def _edits(lines: CodeLines, site: Site) -> list[tuple[int, str]]:
    condition = f",function()return {site.condition} end" if site.condition else ""
    call = f"{BREAK_NAME}({site.id}{condition})"
    if site.function is not None:
        return [(site.function.body, call + ";")] if site.function.body else []
    return [edit for place in lines.at(site.line) if place.insertable for edit in _at(place, call)]


def _at(place: Place, call: str) -> list[tuple[int, str]]:
    if place.kind == "condition":
        return [(place.offset, call + " or ")]
    # The semicolon keeps a statement that starts with a bracket from calling what the call gives.
    edits = [(place.offset, call + ";")]
    if place.body:
        edits.append((place.body, call + ";"))
    return edits


def _apart(code: str, offset: int, text: str) -> str:
    """`text` with a blank in front where it would become one word with what is before `offset`."""
    before = code[offset - 1 : offset]
    return " " + text if before.isalnum() or before in ("_", ".") or before > "\x7f" else text
