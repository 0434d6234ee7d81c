"""The breakpoints of all clients, and where in the code they are."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from llmspell_kernel.errors import DebuggerError
from llmspell_kernel.lua.debugger.conditions import (
    HitCondition,
    LogPart,
    check_expression,
    check_log_message,
    inlined,
    parse_hit_condition,
    parse_log_message,
)
from llmspell_kernel.lua.debugger.instrumentation import Site
from llmspell_kernel.lua.debugger.lines import CodeFunction, CodeLines
from llmspell_kernel.lua.debugger.model import (
    BreakpointStatus,
    FunctionBreakpoint,
    Listener,
    SourceBreakpoint,
)


@dataclass(slots=True)
class Breakpoint:
    """One breakpoint of one client.

    Attributes:
        function: the name it waits for; "" for one on a line.
        problem: why it will never stop the code, "" if nothing is wrong.
        lines: where it is in each source that is known: path -> lines (a function may be defined twice).
    """

    id: int
    owner: Listener
    asked: SourceBreakpoint
    path: str
    function: str
    problem: str
    hit_condition: HitCondition | None
    log: list[LogPart]
    lines: dict[str, list[int]]

    def status(self) -> BreakpointStatus:
        """What to tell its client."""
        found = [(path, line) for path, lines in self.lines.items() for line in lines]
        path, line = found[-1] if found else (self.path, 0 if self.function else self.asked.line)
        if self.problem:
            return BreakpointStatus(self.id, False, line, path, self.problem)
        if found:
            return BreakpointStatus(self.id, True, line, path)
        if self.function:
            return BreakpointStatus(
                self.id,
                False,
                0,
                "",
                f"no Lua function called {self.function} is known yet; it waits for one",
            )
        return BreakpointStatus(self.id, False, line, path, "this source is not known yet; it waits for it")


class Breakpoints:
    """The breakpoints of all clients. Any thread may call everything.

    `check` gives Lua's message for code that it refuses; `text_of` the text of a path, None if unknown.
    """

    def __init__(self, check: Callable[[str], str | None], text_of: Callable[[str], str | None]) -> None:
        self._check = check
        self._text_of = text_of
        self._lock = threading.RLock()
        self._ids = itertools.count(1)
        self._all: list[Breakpoint] = []
        self._lines: dict[str, tuple[str, CodeLines]] = {}

    # What clients set

    def replace_lines(
        self, owner: Listener, path: str, asked: Sequence[SourceBreakpoint]
    ) -> tuple[list[BreakpointStatus], set[str]]:
        """Replaces an owner's breakpoints in a source; answers their states and the paths concerned."""
        with self._lock:
            before = [
                each for each in self._all if each.owner is owner and not each.function and each.path == path
            ]
            made = [self._keep(before, self._make(owner, each, path, "")) for each in asked]
            return self._replace(before, made, {path})

    def replace_functions(
        self, owner: Listener, asked: Sequence[FunctionBreakpoint], paths: Sequence[str]
    ) -> tuple[list[BreakpointStatus], set[str]]:
        """The same for an owner's function breakpoints, which are looked for in the sources at `paths`."""
        with self._lock:
            before = [each for each in self._all if each.owner is owner and each.function]
            made = []
            for each in asked:
                wish = SourceBreakpoint(0, each.condition, each.hit_condition)
                breakpoint_ = self._keep(before, self._make(owner, wish, "", each.name.strip()))
                for path in paths:
                    self._locate(breakpoint_, path)
                made.append(breakpoint_)
            return self._replace(before, made, set(paths))

    def _replace(
        self, before: list[Breakpoint], made: list[Breakpoint], paths: set[str]
    ) -> tuple[list[BreakpointStatus], set[str]]:
        gone = {id(each) for each in before}
        self._all = [each for each in self._all if id(each) not in gone] + made
        for each in (*before, *made):
            paths |= set(each.lines)
        return [each.status() for each in made], paths

    def forget(self, owner: Listener) -> set[str]:
        """An owner's breakpoints go; answers the paths concerned."""
        with self._lock:
            gone = [each for each in self._all if each.owner is owner]
            return self._replace(gone, [], set())[1]

    def _make(self, owner: Listener, asked: SourceBreakpoint, path: str, function: str) -> Breakpoint:
        problem, hits = "", None
        log: list[LogPart] = []
        try:
            if asked.condition:
                check_expression(asked.condition, self._check)
            if asked.hit_condition:
                hits = parse_hit_condition(asked.hit_condition)
            if asked.log_message:
                log = parse_log_message(asked.log_message)
                check_log_message(log, self._check)
        except DebuggerError as error:
            problem = str(error)
        found = Breakpoint(0, owner, asked, path, function, problem, hits, log, {})
        if path:
            self._locate(found, path)
        return found

    def _keep(self, before: list[Breakpoint], made: Breakpoint) -> Breakpoint:
        """One that was there already stays the same, with its id and count; a new one gets the next id."""
        for each in before:
            if each.asked == made.asked and each.function == made.function:
                made.id = each.id
        if not made.id:
            made.id = next(self._ids)
        return made

    def _locate(self, breakpoint_: Breakpoint, path: str) -> None:
        code = self.code_lines(path)
        if code is None:
            breakpoint_.lines.pop(path, None)
        elif breakpoint_.function:
            lines = [each.statement_line for each in code.functions_called(breakpoint_.function)]
            if lines:
                breakpoint_.lines[path] = lines
            else:
                breakpoint_.lines.pop(path, None)
        elif (line := code.breakpoint_line(breakpoint_.asked.line)) is not None:
            breakpoint_.lines[path] = [line]
        elif not breakpoint_.problem:
            breakpoint_.problem = f"there is no code at line {breakpoint_.asked.line} or behind it"

    # What the code asks

    def code_lines(self, path: str) -> CodeLines | None:
        """Where the text of a path can stop; None if the text is not known."""
        text = self._text_of(path)
        if text is None:
            return None
        known = self._lines.get(path)
        if known is None or known[0] != text:
            known = self._lines[path] = (text, CodeLines(text))
        return known[1]

    def function_name(self, path: str, first_line: int) -> str:
        """What the function that begins at a line is called where it is defined; "" if that is not clear."""
        code = self.code_lines(path)
        names = [each.name for each in code.functions if each.first_line == first_line] if code else []
        return names[0] if len(names) == 1 else ""

    def shown_line(self, path: str, line: int, function_line: int) -> int:
        """The line to show for code at `line` of a function, as `CodeLines.shown_line`."""
        code = self.code_lines(path)
        return line if code is None else code.shown_line(line, function_line)

    def seen(self, path: str) -> list[Breakpoint]:
        """A source's text is known (or another one) from now on; answers the breakpoints this changes."""
        with self._lock:
            changed = []
            for each in self._all:
                if each.function or each.path == path:
                    before = each.status()
                    self._locate(each, path)
                    if each.status() != before:
                        changed.append(each)
            return changed

    def active(self, path: str) -> Iterator[tuple[int, Breakpoint]]:
        """The breakpoints that may stop code of a source, with their lines."""
        with self._lock:
            found = [
                (line, each) for each in self._all for line in each.lines.get(path, ()) if not each.problem
            ]
        return iter(found)

    def sites(self, path: str, ids: Iterator[int]) -> list[Site]:
        """What to make part of a source's code: one site a line, and one for each one-line function."""
        code = self.code_lines(path)
        by_line: dict[int, list[Breakpoint]] = defaultdict(list)
        functions: dict[int, CodeFunction] = {}
        for line, each in self.active(path):
            if (
                code is not None
                and each.function
                and (found := one_line_functions(code, each.function, line))
            ):
                functions.update((function.body, function) for function in found)
            else:
                by_line[line].append(each)
        made = [Site(next(ids), line, _shared_condition(list_)) for line, list_ in sorted(by_line.items())]
        return made + [Site(next(ids), found.statement_line, "", found) for found in functions.values()]

    def by_path(self) -> Mapping[str, list[SourceBreakpoint]]:
        """The breakpoints on lines, where they are now."""
        found: dict[str, list[SourceBreakpoint]] = defaultdict(list)
        with self._lock:
            for each in self._all:
                if not each.function:
                    line = each.lines.get(each.path, [each.asked.line])[0]
                    found[each.path].append(replace(each.asked, line=line))
        return found

    @property
    def any_conditions(self) -> bool:
        """Whether code of the user's may run at a breakpoint."""
        return any(each.asked.condition or each.asked.log_message for each in self._all)


def one_line_functions(code: CodeLines, name: str, line: int) -> list[CodeFunction]:
    """The functions called `name` whose first statement is on the line where they begin, `line`.

    A breakpoint on that line is one on the definition, so these need one of another kind.
    """
    return [
        function
        for function in code.functions_called(name)
        if function.first_line == function.statement_line == line
    ]


def _shared_condition(breakpoints: list[Breakpoint]) -> str:
    """The condition to be made part of the code: there is one if all breakpoints have the same."""
    conditions = {inlined(each.asked.condition) for each in breakpoints}
    return conditions.pop() if len(conditions) == 1 else ""
