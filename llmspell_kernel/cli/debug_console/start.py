"""Debugs a script at a prompt in the terminal."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

from llmspell_kernel.cli.debug_console.console import Console
from llmspell_kernel.cli.debug_console.lines import LineInput
from llmspell_kernel.cli.script import ScriptProcess
from llmspell_kernel.interpreter import StreamName
from llmspell_kernel.runtime import RuntimeSettings


def debug_here(
    file: str,
    arguments: Sequence[str],
    settings: RuntimeSettings,
    break_at: Sequence[str],
    *,
    stop_on_entry: bool,
) -> int:
    """Runs the script under the console; answers the exit status.

    Raises:
        LLMSpellError: it cannot begin.
    """
    lines = LineInput(lambda text: script.frontend.write("stdout", text.encode(errors="surrogateescape")))
    script = ScriptProcess.of_file(file, arguments, settings, lines.read)

    at_line_start = True

    def note(_: StreamName, data: bytes) -> None:
        nonlocal at_line_start
        at_line_start = data.endswith(b"\n") if data else at_line_start

    def say(line: str) -> None:
        start = "" if at_line_start else "\n"
        script.frontend.write("stdout", f"{start}{line}\n".encode(errors="surrogateescape"))

    script.frontend.copy = note

    console = Console(script.debugger, lines, say, script.end)
    script.take_signals(console.interrupted)
    console.prepare(break_at, os.path.abspath(file))
    script.debugger.stop_on_entry = stop_on_entry or not break_at

    def serve() -> None:
        try:
            console.run()
        finally:
            script.end()  # nobody would let stopped code go on

    thread = threading.Thread(target=serve, name="llmspell-console", daemon=True)
    thread.start()
    try:
        status = script.run()
        script.show_error()
    finally:
        console.ended()
        thread.join()
        script.close()
    return 0 if console.has_quit else status
