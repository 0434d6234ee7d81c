"""Lua behind the interpreter contract."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import LuaCallError, LuaSyntaxError
from llmspell_kernel.interpreter import (
    Completeness,
    Completions,
    ErrorReport,
    Frontend,
    Interpreter,
    LanguageInfo,
    MimeBundle,
    Outcome,
    SignalGate,
    Waits,
)
from llmspell_kernel.lua.binding import LuaFunction, LuaTable
from llmspell_kernel.lua.interrupts import CellExit, CellTimeLimit
from llmspell_kernel.lua.state import LuaSettings, LuaState
from llmspell_kernel.lua.tracebacks import Frame, Tracebacks

if TYPE_CHECKING:
    from llmspell_kernel.lua.cells import CellCompiler
    from llmspell_kernel.lua.children import Children
    from llmspell_kernel.lua.completion import Completer
    from llmspell_kernel.lua.debugger.debugger import Debugger
    from llmspell_kernel.lua.display import ValueFormatter
    from llmspell_kernel.lua.exchange import Exchange
    from llmspell_kernel.lua.inspection import Inspector

_STUBBORN = (
    b"The cell has not answered the interrupt yet: it is inside one long C call (such as string.rep or "
    b"a pattern match)%s, in a finalizer (__gc) or in Python code that ignores it. It ends as soon as that "
    b"returns; to end it at once, restart the kernel.\n"
)
_FULL = (
    "What this cell has put into globals and top-level locals is still there: set it to nil. To raise the "
    "limit, use the kernel's option memory_limit (bytes; 0 for none)."
)
_CLOSING_JIT = b", in a loop that LuaJIT has compiled (compiled loops cannot be interrupted)"


class LuaInterpreter(Interpreter):
    """Runs cells in one Lua state.

    Attributes:
        thread: ident of the thread that owns the Lua state.
        state: the Lua state, for the library that binds its functions into it.
        sources: text of each chunk by its short name, for tracebacks and inspection.
        argument_words: by the name of a function, such as `Tool.execute`, what completion offers as the text
            of its first argument.
        endings: called on this thread when a cell, or a callback between cells, has ended, with whether it
            failed; they must not raise.
        on_exit: what os.exit comes to, where it does more than end the cell.
        timed_out: the cell that runs, or ran last, has reached its time limit.
        unit: what messages call the running code.
        shares_streams: child processes have this process's own streams; to be set before any is started.
    """

    def __init__(self, frontend: Frontend, settings: LuaSettings | None = None) -> None:
        """Makes the Lua state; this thread becomes its own.

        Raises:
            LanguageUnavailableError: this platform has no such Lua.
        """
        self.settings = settings or LuaSettings()
        self.frontend = frontend
        self.gate = SignalGate()
        self.waits = Waits(lambda: self.state.interrupts.ending())
        self.sources: dict[str, str] = {}
        self.argument_words: dict[str, Callable[[], Iterable[str]]] = {}
        self.endings: list[Callable[[bool], None]] = []
        self._debugger: Debugger | None = None
        self._timer: threading.Timer | None = None
        self.on_exit: Callable[[int], Outcome] | None = None
        self.timed_out = False
        self.unit = "cell"
        self.shares_streams = False
        self._children: Children | None = None
        write = frontend.write
        self.thread = threading.get_ident()
        self.state = LuaState(
            self.settings,
            host={
                "read_line": self._read_line,
                "flush": frontend.flush,
                "exit": self._exit,
                "execute": lambda *arguments: self.children.execute(*arguments),
                "open_child": lambda *arguments: self.children.open(*arguments),
                "child_opened": lambda *arguments: self.children.opened(*arguments),
                "close_child": lambda *arguments: self.children.close(*arguments),
            },
            raw={
                "write_out": lambda data: write("stdout", data),
                "write_err": lambda data: write("stderr", data),
            },
            gate=self.gate,
        )
        self.state.interrupts.on_stubborn = self._insist
        self.state.interrupts.send_warnings(lambda data: write("stderr", data))
        self.tracebacks = Tracebacks(self.sources)
        self._run = self.state.cells[b"run"]
        self._chunk = ""
        self._remember_input = self.state.cells[b"remember_input"]
        self._remember_output = self.state.cells[b"remember_output"]
        self.info = _language_info(self.state, self.settings)

    # Running

    def run(self, code: str, *, number: int, store: bool = True) -> Outcome:
        """Runs one cell; see the contract."""
        chunk = self.remember_cell(code, number=number, store=store)
        return self.run_chunk(code, chunk, number if store else None)

    def remember_cell(self, code: str, *, number: int, store: bool) -> str:
        """Makes a cell's text known to tracebacks and, with `store`, to `In`; answers its chunk name."""
        chunk = self._chunk = f"cell [{number}]"
        self.sources[chunk] = code
        if store:
            self._remember_input(number, code.encode(errors="surrogateescape"))
        return chunk

    def evaluate(self, expression: str) -> Outcome:
        """The value of an expression, for `user_expressions`."""
        return self.run_chunk(expression, "expression", None, displays=False)

    def run_chunk(self, code: str, chunk: str, number: int | None, *, displays: bool = True) -> Outcome:
        """Runs code whose place in messages is `chunk`; `Out` knows its value under `number`, if given.

        Without `displays` several results are one text.
        """
        try:
            main = self.compiler.compile(code, chunk)
        except LuaSyntaxError as error:
            self.sources.setdefault(chunk, code)
            return Outcome(error=self.tracebacks.syntax_error(str(error), error.hint))
        self._chunk = chunk
        return self.guard(lambda: self.show_results(self.run_main(main), number, displays=displays))

    def run_main(self, main: LuaFunction) -> LuaTable | None:
        """Runs a compiled cell inside `guard`; answers its values as `{n = count, ...}`, None if it has none.

        Raises:
            LuaCallError: the cell failed.
        """
        with self.gate.shut():
            result = self._run(main)
        if result is True:
            return None
        ok, value = result
        if not ok:
            raise self.state.call_error(value)
        return value

    def show_results(self, packed: LuaTable | None, number: int | None, *, displays: bool = True) -> Outcome:
        """What `run_main` answered as the cell's result; `Out` knows it under `number`, if given.

        Of several values with more than text all but the last are displayed, unless `displays` is false.
        """
        if packed is None:
            return Outcome()
        if number is not None:
            self._remember_output(number, packed)
        formatter = self.formatter
        *before, last = formatter.format_each(packed) if displays else [formatter.format_results(packed)]
        for bundle in before:
            self.frontend.display(bundle)
        return Outcome(result=last if last.data else None)

    def guard(self, body: Callable[[], Outcome]) -> Outcome:
        """Runs something that runs Lua: within the limits, open to interrupts, never raising.

        Inside a running cell it is part of that cell.
        """
        interrupts = self.state.interrupts
        if interrupts.active:
            return body()
        failure: BaseException | None = None
        outcome = Outcome()
        if self._debugger is not None:
            self._debugger.entered()
        interrupts.begin()
        self.start_clock()
        try:
            try:
                self.gate.open = True
                outcome = self._described(body)
            finally:
                self.gate.open = False
        except (Exception, KeyboardInterrupt, CellExit, CellTimeLimit) as error:  # noqa: BLE001 - the cell's border
            failure = error
        self.gate.open = False  # a signal may have come between the two lines above
        if self.gate.heard:  # it has ended what Lua was blocked in, and so the code
            self.gate.settle()
        self.state.limit_memory(False)
        self.stop_clock()
        reason = interrupts.finish()
        if self._debugger is not None:
            self._debugger.left()
        ended = reason is not None or failure is not None
        if ended or outcome.error is not None:
            self.state.reset_coroutines()
        if ended:
            outcome = self._failed(failure, reason)
        for ending in self.endings:
            ending(outcome.error is not None)
        return outcome

    def _described(self, body: Callable[[], Outcome]) -> Outcome:
        """The body's outcome, also when Lua failed: describing the error may run code of the user's."""
        try:
            return body()
        except LuaCallError as error:
            if isinstance(error.value, BaseException):
                # A signal has ended a Python call of the cell's.
                raise error.value from None
            return Outcome(error=self._lua_error(error))

    def call(self, function: LuaFunction, *args: Any) -> tuple[Any, ...]:
        """Calls a Lua function of the user's from a callback (a timer, a comm, a widget).

        Between cells it runs like a cell of its own, and an error is shown on stderr, not raised; inside a
        running cell errors are raised.

        Raises:
            LuaCallError: the function failed inside a running cell.
        """
        if self.state.interrupts.active:
            return self.state.call(function, *args)
        self._chunk = ""
        results: list[tuple[Any, ...]] = []

        def body() -> Outcome:
            results.append(self.state.call(function, *args))
            return Outcome()

        outcome = self.guard(body)
        if outcome.error is not None:
            self.frontend.write(
                "stderr", ("\n".join(outcome.error.traceback) + "\n").encode(errors="replace")
            )
        return results[0] if results else ()

    def start_clock(self) -> None:
        """From now on the running cell has the time that cells may take. Any thread, as `stop_clock`."""
        seconds = self.settings.time_limit
        self.timed_out = False
        if seconds > 0:
            self._timer = threading.Timer(seconds, self._time_out, (seconds,))
            self._timer.daemon = True
            self._timer.start()

    def stop_clock(self) -> None:
        """The running cell may take any time."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _time_out(self, seconds: float) -> None:
        there, _ = self.state.interrupts.end_cell(CellTimeLimit(seconds))
        if there:
            self.timed_out = True
            self.signal_children(by_force=False)
            self.waits.wake()
            self.frontend.wake()

    def _failed(self, failure: BaseException | None, reason: BaseException | None) -> Outcome:
        frames = self.tracebacks.frames_of(self.state.take_last_frames()) or self._frame_of_the_cell()
        if isinstance(reason, CellExit):
            return self._exited(reason, frames)
        if isinstance(reason, CellTimeLimit):
            message = f"the {self.unit} ran longer than its limit of {reason.seconds:g} s"
            return Outcome(error=self.tracebacks.report("CellTimeLimit", message, frames, hint=reason.hint))
        if isinstance(reason, KeyboardInterrupt) or isinstance(failure, KeyboardInterrupt):
            message = f"the {self.unit} was interrupted"
            return Outcome(error=self.tracebacks.report("KeyboardInterrupt", message, frames))
        if failure is None:
            return Outcome()
        return Outcome(error=self.tracebacks.report(type(failure).__name__, str(failure), [], python=failure))

    def _lua_error(self, failure: LuaCallError) -> ErrorReport:
        report, text = failure.report, str(failure)
        kind = report[b"kind"].decode()
        name, hint = "LuaError", ""
        if "not enough memory" in text and kind == "string":
            self.state.collect_garbage()
            name = "LuaMemoryError"
            text = f"not enough memory (the limit is {self.settings.memory_limit:,} bytes of Lua memory)"
            hint = _FULL
        elif kind == "table":
            own = report[b"name"]
            name = own.decode(errors="backslashreplace") if own else name
            if not report[b"described"]:
                text = self.formatter.text((report[b"value"],))
        elif kind == "nil":
            text = "nil (error was called with no value)"
        python = self._python_cause(text)
        frames = self.tracebacks.frames_of(report[b"frames"]) or self._frame_of_the_cell()
        if isinstance(python, LuaCallError):
            frames = self.tracebacks.frames_of(python.report[b"frames"]) + frames
        from llmspell_kernel.lua.suggestions import suggestion

        return self.tracebacks.report(name, text, frames, hint=hint or suggestion(text, self), python=python)

    def _frame_of_the_cell(self) -> list[Frame]:
        """What is known of the place of an error for which Lua calls no message handler."""
        return [Frame(self._chunk, 0, "")] if self._chunk else []

    def _python_cause(self, text: str) -> BaseException | None:
        last, self.state.binder.last_failure = self.state.binder.last_failure, None
        return last[1] if last is not None and text.endswith(last[0]) else None

    def _exited(self, reason: CellExit, frames: list[Frame]) -> Outcome:
        if self.on_exit is not None:
            return self.on_exit(reason.code)
        message = (
            f"os.exit({reason.code}) ended this cell; the kernel goes on. To end the kernel, shut it down."
        )
        payload = ({"source": "exit", "code": reason.code},)
        if reason.code == 0:
            self.frontend.write("stderr", message.encode() + b"\n")
            return Outcome(payload=payload)
        return Outcome(error=self.tracebacks.report("Exit", message, frames), payload=payload)

    # What the prelude asks of the host

    def _read_line(self, prompt: bytes, password: bool) -> str | None:
        try:
            return self.frontend.read_line(prompt.decode(errors="replace"), password=password)
        except EOFError:
            return None

    def _exit(self, code: float) -> None:
        self.state.interrupts.raise_now(CellExit(int(code)))

    # Ending

    def interrupt(self) -> bool:
        """Ends the running or expected cell, if there is one; answers whether. Any thread."""
        there, asked = self.state.interrupts.end_cell(KeyboardInterrupt())
        if there:
            self.signal_children(by_force=asked > 1)
            self.waits.wake()
        return there

    def expect(self, expected: bool) -> None:
        """An interrupt is kept for the cell that is about to run, or no longer."""
        self.state.interrupts.expect(expected)

    def release_output(self) -> None:
        """Has what was printed handed over soon; any thread."""
        self.state.interrupts.poke()

    def _insist(self) -> None:
        text = _STUBBORN % (_CLOSING_JIT if self.state.interrupts.is_jit else b"")
        self.frontend.write("stderr", text)

    def close(self) -> None:
        """Ends the child processes that are still running, and the threads of interrupts and debugger."""
        if self._children is not None:
            self._children.end_all()
        if self._debugger is not None:
            self._debugger.close()
        self.state.interrupts.close()

    @property
    def debugger(self) -> Debugger:
        """The debugger, made when it is first asked for. Any thread, but not two at once."""
        if self._debugger is None:
            from llmspell_kernel.lua.debugger.debugger import Debugger

            self._debugger = Debugger(self)
        return self._debugger

    @property
    def is_debugged(self) -> bool:
        """Whether a client of the debugger is attached, who may stop code for any time."""
        return self._debugger is not None and self._debugger.is_on

    # What most scripts do without is made when it is first asked for.

    @property
    def children(self) -> Children:
        """Starts processes, ends them and waits for them."""
        if self._children is None:
            from llmspell_kernel.lua.children import Children

            self._children = Children(
                self.frontend.write,
                self.gate,
                lambda: self.state.interrupts.ending(),
                allowed=self.settings.processes,
                shared=self.shares_streams,
            )
        return self._children

    def signal_children(self, *, by_force: bool) -> None:
        """Interrupts every child process that is running, or kills it. Any thread."""
        if self._children is not None:
            self._children.signal_all(by_force=by_force)

    def wait_for_children(self) -> None:
        """Waits until every child process has ended by itself."""
        if self._children is not None:
            self._children.wait_all()

    @cached_property
    def compiler(self) -> CellCompiler:
        """Compiles cells and keeps their locals."""
        from llmspell_kernel.lua.cells import CellCompiler

        return CellCompiler(self.state)

    @cached_property
    def formatter(self) -> ValueFormatter:
        """Shows values."""
        from llmspell_kernel.lua.display import ValueFormatter

        return ValueFormatter(self.state.runtime, self.state.late_chunk)

    @cached_property
    def exchange(self) -> Exchange:
        """Converts values without losing anything."""
        from llmspell_kernel.lua.exchange import Exchange

        return Exchange(self.state)

    # Helping the one who types

    @cached_property
    def _completer(self) -> Completer:
        from llmspell_kernel.lua.completion import Completer

        return Completer(self)

    @cached_property
    def _inspector(self) -> Inspector:
        from llmspell_kernel.lua.inspection import Inspector

        return Inspector(self)

    def complete(self, code: str, cursor: int) -> Completions:
        """Candidates at the cursor; runs no user code."""
        return self._completer.complete(code, cursor)

    def inspect(self, code: str, cursor: int, *, detail: int = 0) -> MimeBundle | None:
        """Help on the name at the cursor."""
        return self._inspector.inspect(code, cursor, detail=detail)

    def is_complete(self, code: str) -> Completeness:
        """Whether Enter should run the code."""
        from llmspell_kernel.lua.completeness import completeness

        return completeness(code, self.compiler.syntax_error)


def _language_info(state: LuaState, settings: LuaSettings) -> LanguageInfo:
    implementation = state.runtime.lua_implementation.decode()
    version = {504: "5.4", 505: "5.5"}.get(state.version, "5.1")
    manual = "5.1" if state.version == 501 else version
    return LanguageInfo(
        name="lua",
        version=version,
        implementation=implementation,
        file_extension=".lua",
        mimetype="text/x-lua",
        pygments_lexer="lua",
        codemirror_mode="lua",
        banner=f"LLMSpell: {implementation} in Jupyter. Type name? for help, %lsmagic for magics.",
        help_links=(
            {"text": f"Lua {manual} reference manual", "url": f"https://www.lua.org/manual/{manual}/"},
            {"text": "Programming in Lua", "url": "https://www.lua.org/pil/"},
        ),
    )
