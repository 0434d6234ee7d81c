"""A script in this process: its runtime, its signals, and what its end means for the process."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence

from llmspell_kernel.cli.terminal_frontend import ReadLine, TerminalFrontend
from llmspell_kernel.interpreter import ErrorReport, Outcome
from llmspell_kernel.kernel.signals import InterruptSignals
from llmspell_kernel.lua.debugger.debugger import Debugger
from llmspell_kernel.lua.interpreter import LuaInterpreter
from llmspell_kernel.lua.scripts import run_script
from llmspell_kernel.lua.state import LuaSettings
from llmspell_kernel.runtime import Runtime, RuntimeSettings

INTERRUPTED = 130
"""The exit status after Ctrl-C."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Script:
    """Runs one file on the main thread.

    Attributes:
        frontend: what it writes to and reads from.
        debugger: of its Lua state.
    """

    def __init__(
        self, file: str, arguments: Sequence[str], language: str, read_line: ReadLine | None = None
    ) -> None:
        """Makes the runtime; nothing runs yet.

        Raises:
            LanguageUnavailableError: no such Lua here.
        """
        self.file = file
        self._arguments = arguments
        self.frontend = TerminalFrontend(read_line)
        self._runtime = Runtime(self.frontend, RuntimeSettings(LuaSettings(language=language)))
        self.frontend.release = self._runtime.release_output
        assert isinstance(self._runtime.interpreter, LuaInterpreter)
        self._lua = self._runtime.interpreter
        self._lua.on_exit = self._exited
        self._exit_code: int | None = None
        self._ending = self._is_over = False
        self._first: Callable[[], None] | None = None
        self.debugger: Debugger = self._lua.debugger
        self.debugger.when_idle = lambda: self.frontend.call_soon(self.debugger.serve)

    def take_signals(self, first: Callable[[], None] | None = None) -> None:
        """From now on Ctrl-C ends the script; `first`, if given, is called instead until `end` was called.

        Any thread may be the one that calls it.
        """
        self._first = first
        InterruptSignals(
            self._runtime.gate, self._interrupted, self._interrupted_between, may_end=lambda: self._may_end
        )

    @property
    def _may_end(self) -> bool:
        return self._first is None or self._ending

    def _interrupted(self) -> None:
        if self._may_end or self._first is None:
            self._runtime.interrupt()
        else:
            self._first()

    def _interrupted_between(self) -> None:
        """While no Lua code runs."""
        if self._may_end and not self._is_over:
            raise KeyboardInterrupt

    def end(self) -> None:
        """Has the script end soon, as Ctrl-C would. Any thread; once is enough."""
        if not (self._ending or self._is_over):
            self._ending = True
            self.frontend.wake()

    def wait(self, *, until: Callable[[], bool]) -> None:
        """Serves the debugger's clients until that is true; what they ask for is noticed at once.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        self.frontend.serve(until=until)

    def run(self) -> int:
        """Runs the script, then its timers until none is left; answers the exit status.

        Raises:
            UsageError: the file cannot be read.
        """
        try:
            status = self._status_of(run_script(self._lua, self.file, self._arguments))
            if status == 0:
                self.frontend.serve(until=lambda: self._exit_code is not None or not self.frontend.has_timers)
        except KeyboardInterrupt:
            status = INTERRUPTED
        finally:
            self._is_over = True
        return status if self._exit_code is None else self._exit_code

    def close(self) -> None:
        """Ends what the script has started."""
        self._runtime.close()

    def _exited(self, code: int) -> Outcome:
        self._exit_code = code
        return Outcome()

    def _status_of(self, outcome: Outcome) -> int:
        error = outcome.error
        if error is None:
            return 0
        if error.name == "KeyboardInterrupt":
            if not self._ending:
                self._show(error)
            return INTERRUPTED
        self._show(error)
        return 1

    def _show(self, error: ErrorReport) -> None:
        text = "\n".join(error.traceback) + "\n"
        if not sys.stderr.isatty():
            text = _COLOURS.sub("", text)
        self.frontend.write("stderr", text.encode(errors="surrogateescape"))
