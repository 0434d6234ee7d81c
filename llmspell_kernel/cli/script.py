"""A script in this process: its runtime, its signals, and what its end means for the process."""

from __future__ import annotations

import atexit
import gc
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from llmspell_kernel.cli.sources import read_script, script_of
from llmspell_kernel.cli.terminal_frontend import ReadLine, TerminalFrontend, colours_by_default
from llmspell_kernel.interpreter import TIMER_FAILED, WAIT_INTERRUPTED, ErrorReport, Outcome, Script
from llmspell_kernel.kernel.signals import InterruptSignals
from llmspell_kernel.lua.interpreter import LuaInterpreter
from llmspell_kernel.lua.interrupts import CellExit, CellTimeLimit
from llmspell_kernel.runtime import Runtime, RuntimeSettings

if TYPE_CHECKING:
    from llmspell_kernel.lua.debugger.debugger import Debugger

FAILED, TIMED_OUT, INTERRUPTED, NO_READER = 1, 124, 130, 141
"""Exit statuses: an error, as `timeout` has it, as the shell has it for SIGINT and for SIGPIPE."""

_GRACE_SECONDS = 2.0
"""How long code may take to notice that its time is over."""

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class ScriptProcess:
    """Runs one script on the main thread, as the process's own program.

    Attributes:
        frontend: what it writes to and reads from.
        outcome: of the main chunk, once it has ended.
        seconds: from the beginning of its code to its end.
    """

    def __init__(
        self,
        source: str | bytes,
        script: Script,
        settings: RuntimeSettings | None = None,
        frontend: TerminalFrontend | None = None,
    ) -> None:
        """Makes the runtime; nothing runs yet.

        Raises:
            LanguageUnavailableError: no such Lua here.
        """
        self._source, self._script = source, script
        self.frontend = frontend or TerminalFrontend()
        self._runtime = Runtime(self.frontend, settings)
        self.frontend.release = self._runtime.release_output
        self.frontend.on_loss = self._lost_output
        assert isinstance(self._runtime.interpreter, LuaInterpreter)
        self._lua = self._runtime.interpreter
        self._lua.on_exit = self._exited
        self._exit_code: int | None = None
        self._ending = self._is_over = self._timed_out = self._failed = False
        self._requests = 0
        self._first: Callable[[], None] | None = None
        self._debugger: Debugger | None = None
        self._afterwards: ErrorReport | None = None  # how it failed when its main chunk had ended
        self.outcome: Outcome | None = None
        self.seconds = 0.0

    @classmethod
    def of_file(
        cls, file: str, arguments: Sequence[str], settings: RuntimeSettings, read_line: ReadLine | None = None
    ) -> ScriptProcess:
        """For a file; input is read by `read_line`.

        Raises:
            UsageError: the file cannot be read.
            LanguageUnavailableError: no such Lua here.
        """
        return cls(read_script(file), script_of(file, arguments), settings, TerminalFrontend(read_line))

    @property
    def debugger(self) -> Debugger:
        """That of its Lua state."""
        if self._debugger is None:
            debugger = self._debugger = self._lua.debugger
            debugger.when_idle = lambda: self.frontend.call_soon(debugger.serve)
        return self._debugger

    def own_terminal(self) -> None:
        """The script and its child processes have the process's own streams, as in the `lua` command."""
        self._lua.shares_streams = True
        if os.environ.get("PYTHONUNBUFFERED"):
            _buffer_stdin()
        self._lua.state.use_real_stdin()
        if not os.isatty(1):
            self._lua.state.hold_output()

    # Ending it from outside

    def take_signals(self, first: Callable[[], None] | None = None) -> None:
        """From now on Ctrl-C ends the script; `first`, if given, is called instead until `end` was called.

        It is called on a thread of its own. A script that does not end is left at the second Ctrl-C.
        """
        self._first = first
        runtime = self._runtime
        InterruptSignals(
            runtime.gate, self._interrupted, self._interrupted_between, ending=runtime.waits.ending
        )

    def _interrupted(self) -> bool:
        if self._first is not None and not self._ending:
            self._first()
            return True
        self._requests += 1
        if self._requests > 1 and self._first is None:
            self._leave(INTERRUPTED)
        return self._runtime.interrupt()

    def _interrupted_between(self) -> None:
        """While no Lua code runs; a time limit's own signal may come when its code has already ended."""
        if not (self._is_over or self._timed_out or self._lua.timed_out):
            raise KeyboardInterrupt

    def end(self) -> None:
        """Has the script end soon, as Ctrl-C would. Any thread; once is enough."""
        if not (self._ending or self._is_over):
            self._ending = True
            self.frontend.wake()

    def limit_time(self, seconds: float) -> None:
        """The script and its timers end with status 124 when they have taken that long from now on."""
        timer = threading.Timer(seconds, self._time_out, (seconds,))
        timer.daemon = True
        timer.start()

    def _time_out(self, seconds: float) -> None:
        if self._is_over:
            return
        self._timed_out = True
        advice = "Allow more with --timeout SECONDS."
        message = f"the script ran longer than its limit of {seconds:g} s"
        self._fail_afterwards("CellTimeLimit", message, (f"CellTimeLimit: {message}", advice))
        reason = CellTimeLimit(seconds, advice)
        there, _ = self._lua.state.interrupts.end_cell(reason)
        if there:
            self._lua.signal_children(by_force=False)
            self.frontend.wake()
        self.frontend.call_soon(lambda: None)
        time.sleep(_GRACE_SECONDS)
        if not self._is_over:
            self.frontend.write("stderr", f"CellTimeLimit: {message}\n{advice}\n".encode())
            self._leave(TIMED_OUT)

    def _leave(self, status: int) -> None:
        """Ends the process although Lua code still runs."""
        self._lua.signal_children(by_force=True)
        os._exit(status)

    def _lost_output(self, error: OSError) -> None:
        """What is printed cannot be written: the script ends. Any thread."""
        status = NO_READER if isinstance(error, BrokenPipeError) else FAILED
        if status == FAILED:
            self.frontend.write("stderr", f"error: cannot write the output: {error.strerror}\n".encode())
        there, _ = self._lua.state.interrupts.end_cell(CellExit(status))
        if not there:
            self._exit_code = status
            self.frontend.call_soon(lambda: None)

    # Running

    def wait(self, *, until: Callable[[], bool]) -> None:
        """Serves the debugger's clients until that is true; what they ask for is noticed at once.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        self.frontend.serve(until=until)

    def run(self, *, shows_result: bool = False) -> int:
        """Runs the script, then its timers until none is left; answers the exit status. Shows no error.

        With `shows_result`, the value that the script comes to is written as a prompt would show it.
        """
        started = time.perf_counter()
        try:
            outcome = self.outcome = self._runtime.execute_script(self._source, self._script, stays=True)
            status = self._status_of(outcome)
            if shows_result and outcome.result is not None:
                self.frontend.display(outcome.result)
            if status == 0 and self._exit_code is None:
                self._lua.endings.append(self._note_failure)
                self.frontend.serve(until=self._has_ended)
                status = TIMED_OUT if self._timed_out else FAILED if self._failed else 0
                if self._failed and not self._timed_out:
                    self._fail_afterwards("TimerError", TIMER_FAILED)
        except KeyboardInterrupt:
            status = INTERRUPTED
            self._fail_afterwards("KeyboardInterrupt", WAIT_INTERRUPTED)
        finally:
            self._is_over = True
            self.seconds = time.perf_counter() - started
        return status if self._exit_code is None else self._exit_code

    def _fail_afterwards(self, name: str, message: str, traceback: Sequence[str] = ()) -> None:
        self._afterwards = ErrorReport(name, message, traceback)

    def close(self) -> None:
        """Ends what the script has started."""
        self._runtime.close()

    def end_process(self, status: int) -> NoReturn:
        """Ends the process; before, Lua's finalizers run, and children that Lua has not waited for end.

        Python's own end would take longer than most scripts.
        """
        if status in (INTERRUPTED, TIMED_OUT, NO_READER):
            self._runtime.close()
        else:
            self._runtime.services.close()
            self._requests = 1  # from now on Ctrl-C means at once
            if self._exit_code is None:
                self._lua.state.end()
            else:
                _flush_files()
            self._lua.wait_for_children()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.flush()
        os._exit(status & 0xFF)

    def _has_ended(self) -> bool:
        return self._exit_code is not None or self._timed_out or not self.frontend.has_timers

    def _note_failure(self, failed: bool) -> None:
        self._failed = self._failed or failed

    def _exited(self, code: int) -> Outcome:
        """A timer's function has called os.exit."""
        self._exit_code = code
        return Outcome()

    def _status_of(self, outcome: Outcome) -> int:
        for item in outcome.payload:
            if item.get("source") == "exit":
                self._exit_code = int(item["code"])
        error = outcome.error
        if error is None:
            return 0
        return {"KeyboardInterrupt": INTERRUPTED, "CellTimeLimit": TIMED_OUT}.get(error.name, FAILED)

    @property
    def error(self) -> ErrorReport | None:
        """How the script failed; None if it did not, called os.exit, or was asked to end by `end`.

        Its traceback is empty if all that is known was shown when it happened.
        """
        error = (self.outcome.error if self.outcome is not None else None) or self._afterwards
        if error is None or error.name == "Exit" or (error.name == "KeyboardInterrupt" and self._ending):
            return None
        return error

    def show_error(self, *, colours: bool | None = None) -> None:
        """Writes the traceback of a script that failed on stderr; coloured by default on a terminal."""
        if self.error is None or not self.error.traceback:
            return
        text = "\n".join(self.error.traceback) + "\n"
        if not (_colours() if colours is None else colours):
            text = COLOURS.sub("", text)
        self.frontend.put("stderr", text.encode(errors="surrogateescape"))


def run_here(
    source: bytes,
    script: Script,
    settings: RuntimeSettings | None = None,
    *,
    shows_result: bool = False,
    timeout: float | None = None,
    colours: bool | None = None,
) -> NoReturn:
    """Runs a script with this process's own streams, as all that the process does; ends it.

    Raises:
        LLMSpellError: it cannot begin.
    """
    process = ScriptProcess(source, script, settings)
    process.own_terminal()
    process.take_signals()
    gc.enable()
    if timeout is not None:
        process.limit_time(timeout)
    status = process.run(shows_result=shows_result)
    process.show_error(colours=colours)
    process.end_process(status)


_STDIN_BYTES = 65536
_FULLY = 0  # _IOFBF


def _buffer_stdin() -> None:
    """Gives C's stdin back the buffer that Python has taken away because it was asked for none of its own."""
    import ctypes

    c = ctypes.CDLL(None)
    try:
        stdin = ctypes.c_void_p.in_dll(c, "stdin")
    except ValueError:  # called otherwise here
        return
    buffer = ctypes.create_string_buffer(_STDIN_BYTES)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(buffer))  # C uses it until the process has ended
    c.setvbuf(stdin, buffer, _FULLY, ctypes.c_size_t(_STDIN_BYTES))


def _flush_files() -> None:
    """Writes what files of C have buffered, as C's exit does."""
    import ctypes

    ctypes.CDLL(None).fflush(None)


def _colours() -> bool:
    return sys.stderr is not None and colours_by_default(sys.stderr)
