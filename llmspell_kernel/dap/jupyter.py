"""What Jupyter adds to the protocol: cells, the state for clients that come back, rich values."""

from __future__ import annotations

from contextlib import suppress

from llmspell_kernel.dap.bodies import (
    DebugInfoBody,
    DumpCellBody,
    LinesBody,
    RichInspectBody,
    SourceBreakpointsBody,
    ValueBody,
    VariablesBody,
)
from llmspell_kernel.dap.cells import HASH_METHOD, HASH_SEED, SUFFIX
from llmspell_kernel.dap.commands import Command, Commands, always
from llmspell_kernel.dap.protocol import (
    CopyToGlobalsArguments,
    DumpCellArguments,
    NoArguments,
    RichInspectArguments,
)
from llmspell_kernel.dap.session import Session
from llmspell_kernel.errors import DebuggerError
from llmspell_kernel.interpreter import MimeBundle


def debug_info(session: Session, arguments: NoArguments) -> DebugInfoBody:
    """The debugger's state. Answered at any time: notebooks ask when they open.

    JupyterLab shows the stack of the first of the stopped threads: only the one that has a reason is named.
    """
    cells = session.host.cells
    breakpoints = session.debugger.breakpoint_lines() if session.attached else {}
    stop = session.debugger.stop if session.attached else None
    return DebugInfoBody(
        is_started=session.attached,
        hash_method=HASH_METHOD,
        hash_seed=HASH_SEED,
        tmp_file_prefix=cells.prefix if cells else "",
        tmp_file_suffix=SUFFIX,
        breakpoints=[
            SourceBreakpointsBody(
                source=session.view.paths.to_client(path),
                breakpoints=[
                    LinesBody(
                        line=session.view.line_to_client(each.line),
                        condition=each.condition or None,
                        hit_condition=each.hit_condition or None,
                        log_message=each.log_message or None,
                    )
                    for each in lines
                ],
            )
            for path, lines in breakpoints.items()
        ],
        stopped_threads=[stop.thread] if stop is not None else [],
        rich_rendering=True,
        exception_paths=[],
        copy_to_globals=True,
    )


def dump_cell(session: Session, arguments: DumpCellArguments) -> DumpCellBody:
    """Makes a cell's text known before it runs."""
    cells = session.host.cells
    if cells is None:
        raise DebuggerError("this program has no cells: set breakpoints by the paths of its files")
    try:
        path = cells.dump(arguments.code)
    except OSError as error:
        raise DebuggerError(f"the cell cannot be written to {cells.path(arguments.code)}: {error}") from error
    session.debugger.sources.know(path, arguments.code)
    return DumpCellBody(source_path=path)


def inspect_variables(session: Session, arguments: NoArguments) -> VariablesBody:
    """The user's variables of all cells; JupyterLab takes nothing but a list for an answer."""
    if not session.attached:
        return VariablesBody(variables=[])
    found = session.debugger.global_variables()
    return VariablesBody(variables=[session.view.variable(each) for each in found])


def rich_inspect_variables(session: Session, arguments: RichInspectArguments) -> RichInspectBody:
    """A variable as a cell's result would show it; JupyterLab asks on after it has let go of the debugger."""
    if not session.attached:
        return RichInspectBody(data={}, metadata={})
    frame = session.view.frame_to_ours(arguments.frame_id)
    try:
        bundle = session.debugger.rich_variable(arguments.variable_name, frame)
    except DebuggerError:
        if not session.view.lab:
            raise
        bundle = _still_there(session, arguments)
    return RichInspectBody(data=bundle.data, metadata=bundle.metadata)


def _still_there(session: Session, arguments: RichInspectArguments) -> MimeBundle:
    """For JupyterLab, which goes on asking with the frame of an earlier stop, and cannot take a refusal."""
    if arguments.frame_id is not None:
        with suppress(DebuggerError):
            return session.debugger.rich_variable(arguments.variable_name, None)
    return MimeBundle({})


def copy_to_globals(session: Session, arguments: CopyToGlobalsArguments) -> ValueBody:
    """Copies a variable of a frame to a global."""
    frame = session.view.frame_to_ours(arguments.src_frame_id)
    variable = session.debugger.copy_to_globals(
        arguments.src_variable_name, frame, arguments.dst_variable_name
    )
    session.tell_others_of_changes()
    return session.view.value(variable)


COMMANDS: Commands = {
    "debugInfo": Command(NoArguments, debug_info, early=True),
    "dumpCell": Command(DumpCellArguments, dump_cell, early=True),
    "inspectVariables": Command(NoArguments, inspect_variables, early=True),
    "richInspectVariables": Command(RichInspectArguments, rich_inspect_variables, early=True),
    "copyToGlobals": Command(CopyToGlobalsArguments, copy_to_globals, steers=always),
}
