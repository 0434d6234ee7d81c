"""Debugs a script for editors that connect over TCP."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from llmspell_kernel.cli.debug_console.breakpoints import BreakpointBook, Place
from llmspell_kernel.cli.script import ScriptProcess
from llmspell_kernel.dap.host import Host
from llmspell_kernel.dap.server import DapServer
from llmspell_kernel.errors import UsageError

if TYPE_CHECKING:
    from llmspell_kernel.dap.protocol import LaunchArguments
    from llmspell_kernel.lua.debugger.model import BreakpointStatus, OutputCategory, Source, Stop
    from llmspell_kernel.runtime import RuntimeSettings

_GOODBYE_SECONDS = 2.0
"""How long clients may take to leave when the script has ended."""


class _Beforehand:
    """Owns the breakpoints of the command line: there before any client, and still there after the last.

    It also keeps the debugger on, so that clients who come later find all that was loaded before.
    """

    def stopped(self, stop: Stop) -> None:
        """It waits for a client."""

    def continued(self) -> None:
        """Nobody to tell."""

    def output(self, category: OutputCategory, text: str, path: str, line: int) -> None:
        """Nobody to tell."""

    def breakpoint_changed(self, status: BreakpointStatus) -> None:
        """Nobody to tell."""

    def source_loaded(self, source: Source) -> None:
        """Nobody to tell."""


def debug_over(
    listen: tuple[str, int],
    file: str,
    arguments: Sequence[str],
    settings: RuntimeSettings,
    break_at: Sequence[str],
    *,
    stop_on_entry: bool,
    token: str | None,
    wait: bool,
) -> int:
    """Runs the script while clients may debug it; answers the exit status.

    Raises:
        LLMSpellError: it cannot begin.
    """
    script = ScriptProcess.of_file(file, arguments, settings)
    begun = False

    def begin() -> None:
        nonlocal begun
        begun = True

    def left(terminate: bool) -> None:
        if terminate:
            script.end()
        script.frontend.call_soon(lambda: None)  # whoever waits looks again

    host = Host(
        on_configuration_done=lambda: script.frontend.call_soon(begin),
        on_disconnect=left,
        launcher=(lambda wanted: _check_program(file, wanted)) if wait else None,
        can_terminate=True,
    )
    script.take_signals()
    with DapServer(script.debugger, *listen, token, offers=host) as server:
        _set_breakpoints(script, break_at, os.path.abspath(file))
        script.debugger.stop_on_entry = stop_on_entry
        try:
            # Who reads it may send Ctrl-C at once, which must find nothing half made.
            script.frontend.write(
                "stdout", b"listening on %s:%d\n" % (server.address[0].encode(), server.address[1])
            )
            script.frontend.copy = server.write
            if wait:
                script.wait(until=lambda: begun)
            status = script.run()
            script.show_error()
            server.exited(status)
            _wait_for_goodbyes(script, server)
        finally:
            script.close()
    return status


def _check_program(file: str, wanted: LaunchArguments) -> None:
    """A client's `launch` starts the script that this process is for, and no other.

    Raises:
        UsageError: it names another one.
    """
    program = wanted.program
    if program and os.path.realpath(program) != os.path.realpath(file):
        raise UsageError(
            f"this process runs {file}, not {program}; leave out program, or start another process"
        )


def _set_breakpoints(script: ScriptProcess, break_at: Sequence[str], path: str) -> None:
    beforehand = _Beforehand()
    script.debugger.attach(beforehand)
    book = BreakpointBook(script.debugger, beforehand)
    for place in break_at:
        book.add(Place.parse(place, path), [])


def _wait_for_goodbyes(script: ScriptProcess, server: DapServer) -> None:
    late = False

    def expire() -> None:
        nonlocal late
        late = True

    script.frontend.call_later(_GOODBYE_SECONDS, expire)
    with suppress(KeyboardInterrupt):
        script.wait(until=lambda: late or not server.clients)
