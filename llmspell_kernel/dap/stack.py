"""Threads, stacks, scopes and variables of stopped code."""

from __future__ import annotations

from typing import Literal, cast

from llmspell_kernel.dap.bodies import (
    ExceptionDetails,
    ExceptionInfoBody,
    ScopesBody,
    StackTraceBody,
    ThreadBody,
    ThreadsBody,
    ValueBody,
    VariablesBody,
)
from llmspell_kernel.dap.commands import Command, Commands, always
from llmspell_kernel.dap.protocol import (
    FrameArguments,
    NoArguments,
    SetVariableArguments,
    StackTraceArguments,
    ThreadArguments,
    VariablesArguments,
)
from llmspell_kernel.dap.session import Session
from llmspell_kernel.errors import BadRequestError
from llmspell_kernel.lua.debugger.model import MAIN_THREAD, ThreadInfo

FRAME_LIMIT = 1000
"""Frames that one response holds at most; the total is told, and the rest can be asked for."""

_FILTERS = ("indexed", "named")


def threads(session: Session, arguments: NoArguments) -> ThreadsBody:
    """Lua's threads; there is always a main one."""
    found = session.debugger.threads() or [ThreadInfo(MAIN_THREAD, "main", "running")]
    return ThreadsBody(threads=[ThreadBody(id=each.id, name=_label(each)) for each in found])


def _label(thread: ThreadInfo) -> str:
    """The name, and the status of a coroutine."""
    return thread.name if thread.id == MAIN_THREAD else f"{thread.name} ({thread.status})"


def stack_trace(session: Session, arguments: StackTraceArguments) -> StackTraceBody:
    """A part of a thread's stack."""
    start = arguments.start_frame or 0
    count = min(arguments.levels or FRAME_LIMIT, FRAME_LIMIT)
    frames, total = session.debugger.stack(arguments.thread_id, start, count)
    thread = arguments.thread_id
    shown = [session.view.frame(frame, thread, depth) for depth, frame in enumerate(frames, start)]
    return StackTraceBody(stack_frames=shown, total_frames=total)


def scopes(session: Session, arguments: FrameArguments) -> ScopesBody:
    """The groups of variables of a frame."""
    found = session.debugger.scopes(session.view.frames.to_ours(arguments.frame_id))
    return ScopesBody(scopes=[session.view.scope(scope) for scope in found])


def variables(session: Session, arguments: VariablesArguments) -> VariablesBody:
    """Children of a scope or variable."""
    wanted = arguments.filter or ""
    if wanted and wanted not in _FILTERS:
        raise BadRequestError(f"argument `filter` is {wanted!r}: expected one of {', '.join(_FILTERS)}")
    found = session.debugger.variables(
        arguments.variables_reference,
        cast('Literal["", "named", "indexed"]', wanted),
        arguments.start or 0,
        arguments.count or 0,
    )
    view = session.view
    return VariablesBody(variables=[view.variable(each, arguments.format) for each in found])


def set_variable(session: Session, arguments: SetVariableArguments) -> ValueBody:
    """Changes a child of a scope or variable."""
    variable = session.debugger.set_variable(arguments.variables_reference, arguments.name, arguments.value)
    session.tell_others_of_changes()
    return session.view.value(variable, arguments.format)


def exception_info(session: Session, arguments: ThreadArguments) -> ExceptionInfoBody:
    """The error that the code has stopped on."""
    info = session.debugger.exception_info(arguments.thread_id)
    return ExceptionInfoBody(
        exception_id=info.name,
        description=info.message,
        break_mode="unhandled" if info.uncaught else "always",
        details=ExceptionDetails(
            message=info.message,
            type_name=info.name,
            full_type_name=info.name,
            stack_trace=info.traceback,
        ),
    )


COMMANDS: Commands = {
    "threads": Command(NoArguments, threads),
    "stackTrace": Command(StackTraceArguments, stack_trace),
    "scopes": Command(FrameArguments, scopes),
    "variables": Command(VariablesArguments, variables),
    "setVariable": Command(SetVariableArguments, set_variable, steers=always),
    "exceptionInfo": Command(ThreadArguments, exception_info),
}
