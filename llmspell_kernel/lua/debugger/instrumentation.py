"""Breakpoints made part of the code, so that only they cost time.

A breakpoint becomes a call of `__llmspell_break` in front of its statement, with the id of a site, and with
the condition as a function if it has one. No line moves and nothing else changes: the call gives nothing, in
front of a condition it is joined to it by `or`. Where the breakpoint's own condition is harmless to compute,
the code does that itself and calls only where it is true, or where there is a table `__llmspell_always` that
has the id; it passes on 1 for true and 0 for false, or false where only the debugger can compute it after
all. `__llmspell_type` is Lua's own `type`. These names are best locals around the code: scripts may replace
`_ENV`, and Lua 5.5 refuses globals that a `global` statement does not name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from llmspell_kernel.lua.debugger.guards import guard
from llmspell_kernel.lua.debugger.lines import CodeFunction, CodeLines, Place
from llmspell_kernel.lua.state import ALWAYS_NAME, BREAK_NAME, TYPE_NAME


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
        testing: ids of the sites that call only where their condition is true or that is asked for.
    """

    edits: list[tuple[int, str]]
    missing: list[int]
    testing: list[int]

    def apply(self, code: str) -> str:
        """The code with the insertions in it."""
        pieces, position = [], 0
        for offset, text in self.edits:
            pieces += [code[position:offset], text]
            position = offset
        pieces.append(code[position:])
        return "".join(pieces)


def instrument(lines: CodeLines, sites: Iterable[Site], *, cdata: bool = False) -> Instrumentation:
    """The insertions that make `sites` part of the code; with `cdata` Lua has values of that type."""
    edits: list[tuple[int, str]] = []
    missing, testing = [], []
    for site in sites:
        inserter = _Inserter(lines, site, cdata=cdata)
        found = inserter.edits()
        edits += found
        if not found:
            missing.append(site.id)
        elif inserter.tests:
            testing.append(site.id)
    edits.sort(key=lambda edit: edit[0])
    apart = [(offset, _apart(lines.code, offset, text)) for offset, text in edits]
    return Instrumentation(apart, missing, testing)


class _Inserter:
    """Writes the insertions of one site."""

    def __init__(self, lines: CodeLines, site: Site, *, cdata: bool) -> None:
        self._lines = lines
        self._site = site
        self._cdata = cdata
        self._guard = guard(site.condition) if site.condition else None
        self.tests = False

    def edits(self) -> list[tuple[int, str]]:
        """Where to insert what; nothing if the site cannot be part of the code."""
        function = self._site.function
        if function is not None:
            return [self._statement(function.body)] if function.body else []
        places = self._lines.at(self._site.line)
        return [edit for place in places if place.insertable for edit in self._at(place)]

    def _at(self, place: Place) -> list[tuple[int, str]]:
        if place.kind == "condition":
            test, call = self._call(place.offset)
            return [(place.offset, f"({test})and {call}or " if test else f"{call} or ")]
        edits = [self._statement(place.offset)]
        if place.body:
            edits.append(self._statement(place.body))
        return edits

    def _statement(self, offset: int) -> tuple[int, str]:
        # The semicolon keeps a statement that starts with a bracket from calling what the call gives.
        test, call = self._call(offset)
        return offset, f"if {test} then {call}end;" if test else f"{call};"

    def _call(self, offset: int) -> tuple[str, str]:
        """What must be true for the call to be needed ("" if only the call can tell), and the call."""
        number, condition, harmless = self._site.id, self._site.condition, self._guard
        if not condition:
            return "", f"{BREAK_NAME}({number})"
        if harmless is None or not all(self._lines.is_local(name, offset) for name in harmless.names):
            return "", f"{BREAK_NAME}({number},function()return {condition} end)"
        self.tests = True
        guards = [f'{TYPE_NAME}({name})~="number"' for name in harmless.numbers]
        if self._cdata:
            guards += [f'{TYPE_NAME}({name})=="cdata"' for name in harmless.compared]
        tests = [f"{ALWAYS_NAME} and {ALWAYS_NAME}[{number}]", *guards, condition]
        harmless_here = f"not({'or '.join(guards)})and" if guards else ""
        return "or ".join(tests), f"{BREAK_NAME}({number},{harmless_here}(({condition})and 1 or 0))"


def _apart(code: str, offset: int, text: str) -> str:
    """`text` with a blank in front where it would become one word with what is before `offset`."""
    before = code[offset - 1 : offset]
    return " " + text if before.isalnum() or before in ("_", ".") or before > "\x7f" else text
