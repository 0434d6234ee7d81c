"""Where and on what the code stops."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import cast, get_args

from llmspell_kernel.dap.bodies import (
    BreakpointBody,
    BreakpointLocation,
    BreakpointLocationsBody,
    BreakpointsBody,
)
from llmspell_kernel.dap.commands import Command, Commands
from llmspell_kernel.dap.protocol import (
    BreakpointLocationsArguments,
    SetBreakpointsArguments,
    SetExceptionBreakpointsArguments,
    SetFunctionBreakpointsArguments,
)
from llmspell_kernel.dap.session import Session
from llmspell_kernel.errors import BadRequestError
from llmspell_kernel.lua.debugger.lines import CodeLines
from llmspell_kernel.lua.debugger.model import (
    BreakpointStatus,
    ExceptionFilter,
    FunctionBreakpoint,
    SourceBreakpoint,
)

_NO_CONDITIONS = "exception filters take no condition here; set the filter without one"
_NO_NAME = "the function's name is missing: write f, a.f or a:f"
_NOT_DEBUGGED = "the program runs without the debugger (noDebug)"


def set_breakpoints(session: Session, arguments: SetBreakpointsArguments) -> BreakpointsBody:
    """Replaces the client's breakpoints of one source."""
    path = _path(session, arguments)
    view = session.view
    if arguments.breakpoints is None:
        wanted = [SourceBreakpoint(view.line_to_ours(line)) for line in arguments.lines or ()]
    else:
        wanted = [
            SourceBreakpoint(
                line=view.line_to_ours(each.line),
                condition=each.condition or "",
                hit_condition=each.hit_condition or "",
                log_message=each.log_message or "",
            )
            for each in arguments.breakpoints
        ]
    if session.no_debug:
        return _unverified(len(wanted))
    return _told(session, session.debugger.set_breakpoints(session, path, wanted))


def _path(session: Session, arguments: SetBreakpointsArguments | BreakpointLocationsArguments) -> str:
    """The path of the source that a request names by path or reference.

    Raises:
        BadRequestError: it names none, or one that is not known.
    """
    found = session.view.source_to_ours(arguments.source)
    if isinstance(found, int):
        for source in session.debugger.sources.all():
            if source.reference == found:
                return source.path
        raise BadRequestError(f"no source has the reference {found}; ask for loadedSources again")
    if not found:
        raise BadRequestError("argument `source` has neither a path nor a sourceReference")
    return found


def _told(session: Session, statuses: Sequence[BreakpointStatus]) -> BreakpointsBody:
    return BreakpointsBody(breakpoints=[session.view.breakpoint(status) for status in statuses])


def _unverified(count: int) -> BreakpointsBody:
    return BreakpointsBody(breakpoints=[BreakpointBody(verified=False, message=_NOT_DEBUGGED)] * count)


def set_function_breakpoints(session: Session, arguments: SetFunctionBreakpointsArguments) -> BreakpointsBody:
    """Replaces the client's breakpoints on functions; one without a name is not set."""
    if session.no_debug:
        return _unverified(len(arguments.breakpoints))
    wanted = [
        FunctionBreakpoint(each.name, each.condition or "", each.hit_condition or "")
        for each in arguments.breakpoints
        if each.name.strip()
    ]
    told = iter(_told(session, session.debugger.set_function_breakpoints(session, wanted)).breakpoints)
    nameless = BreakpointBody(verified=False, message=_NO_NAME)
    answers = [next(told) if each.name.strip() else nameless for each in arguments.breakpoints]
    return BreakpointsBody(breakpoints=answers)


def set_exception_breakpoints(
    session: Session, arguments: SetExceptionBreakpointsArguments
) -> BreakpointsBody:
    """Says which errors stop the code. A filter with a condition is not set."""
    asked = [(name, "") for name in arguments.filters]
    asked += [(option.filter_id, option.condition or "") for option in arguments.filter_options or ()]
    known = get_args(ExceptionFilter)
    for name, _ in asked:
        if name not in known:
            raise BadRequestError(f"no exception filter is called {name!r}; there are: {', '.join(known)}")
    if session.no_debug:
        return _unverified(len(asked))
    filters = [name for name, condition in asked if not condition]
    session.debugger.set_exception_filters(session, cast("list[ExceptionFilter]", filters))
    return BreakpointsBody(
        breakpoints=[
            BreakpointBody(verified=not condition, message=_NO_CONDITIONS if condition else None)
            for _, condition in asked
        ]
    )


def breakpoint_locations(
    session: Session, arguments: BreakpointLocationsArguments
) -> BreakpointLocationsBody:
    """The lines of a range where a breakpoint stays where it is put."""
    lines = _lines(session.debugger.sources.text(_path(session, arguments)))
    view = session.view
    first = view.line_to_ours(arguments.line)
    last = first if arguments.end_line is None else view.line_to_ours(arguments.end_line)
    found = []
    line: int | None = first
    while line is not None and (line := lines.breakpoint_line(line)) is not None and line <= last:
        found.append(BreakpointLocation(line=view.line_to_client(line)))
        line += 1
    return BreakpointLocationsBody(breakpoints=found)


@lru_cache(maxsize=8)
def _lines(text: str) -> CodeLines:
    """An editor asks line by line."""
    return CodeLines(text)


COMMANDS: Commands = {
    "setBreakpoints": Command(SetBreakpointsArguments, set_breakpoints),
    "setFunctionBreakpoints": Command(SetFunctionBreakpointsArguments, set_function_breakpoints),
    "setExceptionBreakpoints": Command(SetExceptionBreakpointsArguments, set_exception_breakpoints),
    "breakpointLocations": Command(BreakpointLocationsArguments, breakpoint_locations),
}
