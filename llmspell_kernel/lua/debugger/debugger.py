"""The debugger of one Lua state, as its clients use it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import DebuggerError, NotStoppedError
from llmspell_kernel.interpreter import Completions, MimeBundle
from llmspell_kernel.lua.debugger import rows
from llmspell_kernel.lua.debugger.breakpoints import Breakpoint, Breakpoints
from llmspell_kernel.lua.debugger.calls import LuaCalls
from llmspell_kernel.lua.debugger.console import console_code
from llmspell_kernel.lua.debugger.inspection import load_engine
from llmspell_kernel.lua.debugger.model import (
    MAIN_THREAD,
    BreakpointStatus,
    Context,
    ExceptionFilter,
    ExceptionInfo,
    FunctionBreakpoint,
    Listener,
    OutputCategory,
    Scope,
    SourceBreakpoint,
    StackFrame,
    State,
    StepKind,
    Stop,
    StopReason,
    ThreadInfo,
    Variable,
)
from llmspell_kernel.lua.debugger.placing import Placing
from llmspell_kernel.lua.debugger.python_calls import PythonCalls
from llmspell_kernel.lua.debugger.sources import Sources
from llmspell_kernel.lua.debugger.syntax_check import SyntaxChecker

if TYPE_CHECKING:
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_FOLDER = Path(__file__).parent
_NOTICE_SECONDS = 1.0
_CODE_SECONDS = 10.0
"""How long an expression of a client's may run."""


class Debugger:
    """Stops the code of one Lua state where its clients want it, and shows what is there.

    Threads: clients call from any thread; what needs Lua is done by the Lua thread, within the stopped code,
    within the running code (which listens within milliseconds, unless it is inside one long call) or between
    cells. Every call ends: with `NoAnswerError` if the Lua thread does not answer. `entered`, `left` and
    `serve` belong to the Lua thread.

    While nobody is attached nothing is installed, and code is compiled as it is.

    Attributes:
        sources: what there is to show.
        state: what the code does.
        stop: where it has stopped, if it has.
        stop_on_entry: the next cell stops at its first line.
    """

    def __init__(self, lua: LuaInterpreter) -> None:
        self._lua = lua
        self.sources = Sources(lua.sources, lua.state.own_files)
        self.state: State = "running" if lua.state.interrupts.active else "idle"
        self.stop: Stop | None = None
        self.stop_on_entry = False
        self._breakpoints = Breakpoints(SyntaxChecker(lua.settings.language), self.sources.known_text)
        self._calls = LuaCalls(lua, lambda: self.state)
        lua.state.interrupts.attended = self._attended
        self._lock = threading.RLock()
        self._listeners: tuple[Listener, ...] = ()
        self._filters: dict[Listener, frozenset[ExceptionFilter]] = {}
        self._engine: dict[bytes, Any] = {}
        self._commands: dict[bytes, Any] = {}
        self._forget: Callable[[], None] = lambda: None
        self._enabled = False
        self._python = PythonCalls()
        self._snapshot: list[Variable] = []

    def close(self) -> None:
        """Ends its thread; to be called when the interpreter ends. Any thread."""
        self._calls.close()

    @property
    def when_idle(self) -> Callable[[], None]:
        """Called by any thread when something waits while no code runs; has the Lua thread call `serve`."""
        return self._calls.when_idle

    @when_idle.setter
    def when_idle(self, notify: Callable[[], None]) -> None:
        self._calls.when_idle = notify

    # Clients

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """The clients that are attached."""
        return self._listeners

    @property
    def is_on(self) -> bool:
        """Whether anybody is attached."""
        return bool(self._listeners)

    def attach(self, listener: Listener) -> None:
        """Adds a client; the first one switches the debugger on. Doing it twice is fine."""
        with self._lock:
            if any(each is listener for each in self._listeners):
                return
            self._listeners = (*self._listeners, listener)
            if len(self._listeners) > 1:
                return
        self._settle()

    def detach(self, listener: Listener) -> None:
        """A client goes, and its breakpoints; when it was the last one, stopped code goes on."""
        with self._lock:
            self._listeners = tuple(each for each in self._listeners if each is not listener)
            self._filters.pop(listener, None)
            paths = self._breakpoints.forget(listener)
        self._push(paths)
        self._push_filters()
        if not self._listeners:
            self._settle()
            if self.state == "stopped":
                self._calls.post(lambda: (self._commands[b"resume"],), self._on_resumed)

    def _settle(self) -> None:
        """Has the Lua thread switch the debugger on or off, soon."""
        self._calls.do(self._switch)
        if self.is_on:
            self._calls.watch(lambda: self._breakpoints.any_conditions)

    def _switch(self) -> None:
        on = self.is_on
        if on and not self._engine:
            self._load()
        if not self._engine or on == self._enabled:
            return
        self._enabled = on
        self._engine[b"enable"](on)
        interrupts = self._lua.state.interrupts
        interrupts.is_compiling = interrupts.is_jit and not on
        self._lua.compiler.prepare = self._placing.prepare_cell if on else None
        if on:
            names = [f"={chunk}" for chunk in self._lua.sources]
            files = self._lua.state.host[b"debugger"][b"files"]
            names += [name.decode(errors="surrogateescape") for name in files]
            self._placing.begin(names)
            self._push_filters()

    def _load(self) -> None:
        state, lua = self._lua.state, self._lua
        self._calls.clear()
        host = state.host
        host[b"inline"], host[b"text"] = lua.formatter.inline, self._full_text
        host[b"python_begin"], host[b"python_calls"] = self._python.begin, self._python.calls
        control: Mapping[str, Callable[..., Any]] = {
            "wait": self._calls.wait,
            "answer": self._calls.answer,
            "stopped": self._on_stopped,
            "resumed": self._on_resumed,
            "write": self._on_write,
            "shown_line": self._shown_line,
            "expired": self._calls.mailbox.has_expired,
        }
        engine, commands, self._forget = load_engine(state, control)
        self._engine.update(engine)
        self._commands.update(commands)  # calls that wait for this have the dict already
        self._calls.quietly = self._engine[b"quietly"]
        self._placing = Placing(state.runtime, self._engine, self._breakpoints, self.sources, self._compiled)
        host[b"debugger"][b"prepare"] = state.binder.function(self._prepare_text)

    def _prepare_text(self, code: bytes, source: bytes) -> str | None:
        self._calls.clear()
        return self._placing.prepare_text(code, source)

    def _full_text(self, *values: Any) -> bytes:
        return self._lua.formatter.text(values).encode(errors="surrogateescape")

    def _ask(self, name: str, *args: Any, **options: Any) -> Any:
        """Has the Lua thread call a command of commands.lua; options as for `LuaCalls.ask`."""
        if not self.is_on:
            raise DebuggerError("the debugger is off: attach first")
        return self._calls.ask(self._commands, name, *args, **options)

    def serve(self) -> None:
        """Does what waits, between cells."""
        self._calls.serve()

    def _attended(self) -> None:
        """Running code listens, within the hook."""
        if not self._enabled and self.is_on:
            self._switch()

    # Cells

    def entered(self) -> None:
        """A cell begins."""
        if self.is_on and not self._calls.serving:
            self.serve()
            self._snapshot = self._list_globals()
        self.state = "running"
        if not self._enabled:
            return
        self._engine[b"begin"]()
        if self.stop_on_entry and not self._calls.serving:
            self.stop_on_entry = False
            self._engine[b"stop_soon"](b"entry")

    def left(self) -> None:
        """A cell has ended."""
        if self.state == "stopped":
            self._on_resumed()
            self._lua.stop_clock()
        self.state = "idle"
        if not self._calls.serving:
            self._calls.mailbox.abandon()
        if self._enabled:
            self._engine[b"finish"]()
            if not self._calls.serving:  # lists of variables stay good until a cell runs
                self._forget()
                self.serve()  # what came too late for the stop

    def _compiled(self, source: str, changed: Sequence[Breakpoint]) -> None:
        """A source has been compiled, which has moved or verified breakpoints."""
        known = self.sources.source_of(source)
        for listener in self._listeners:
            listener.source_loaded(known)
        for each in changed:
            each.owner.breakpoint_changed(each.status())

    # What Lua tells

    def _on_stopped(self, reason: bytes, thread: int, text: bytes, ids: bytes) -> None:
        self._calls.clear()
        self._forget()
        kind: StopReason = reason.decode()  # type: ignore[assignment]
        hit = tuple(int(each) for each in ids.split(b",")) if ids else ()
        self._python.stopped(sys._getframe(1))
        self.stop = Stop(kind, thread, text.decode(errors="backslashreplace"), hit)
        self._lua.frontend.flush()
        self._lua.stop_clock()
        self._snapshot = self._list_globals()
        self.state = "stopped"
        for listener in self._listeners:
            listener.stopped(self.stop)

    def _on_resumed(self, *_: object) -> None:
        """The code goes on: told by the command that lets it, or by the end of the cell."""
        if self.stop is None:
            return
        self.state, self.stop = "running", None
        self._lua.start_clock()
        for listener in self._listeners:
            listener.continued()

    def _shown_line(self, source: bytes, line: int, function_line: int) -> int:
        # Calls nothing in Lua: a coroutine's hook calls this, and the main thread may have one.
        path = self.sources.path_of(source.decode(errors="surrogateescape"))
        return self._breakpoints.shown_line(path, line, function_line)

    def _on_write(self, text: bytes, source: bytes, line: int) -> None:
        path = self.sources.path_of(source.decode(errors="surrogateescape"))
        self._tell("console", text.decode(errors="backslashreplace") + "\n", path, line)

    def _tell(self, category: OutputCategory, text: str, path: str, line: int) -> None:
        for listener in self._listeners:
            listener.output(category, text, path, line)

    # Breakpoints

    def set_breakpoints(
        self, listener: Listener, path: str, breakpoints: Sequence[SourceBreakpoint]
    ) -> list[BreakpointStatus]:
        """Replaces the breakpoints of a client in a source; answers what became of each, in order."""
        statuses, paths = self._breakpoints.replace_lines(listener, path, breakpoints)
        self._push(paths)
        return statuses

    def set_function_breakpoints(
        self, listener: Listener, breakpoints: Sequence[FunctionBreakpoint]
    ) -> list[BreakpointStatus]:
        """Replaces the function breakpoints of a client."""
        known = [source.path for source in self.sources.all()]
        statuses, paths = self._breakpoints.replace_functions(listener, breakpoints, known)
        self._push(paths)
        return statuses

    def set_exception_filters(self, listener: Listener, filters: Collection[ExceptionFilter]) -> None:
        """Which errors stop the code, for a client; it stops on what any client wants."""
        self._filters[listener] = frozenset(filters)
        self._push_filters()

    def breakpoint_lines(self) -> Mapping[str, list[SourceBreakpoint]]:
        """The breakpoints of all clients by path, with the lines where they are."""
        return self._breakpoints.by_path()

    def _push(self, paths: Collection[str]) -> None:
        def push() -> None:
            if self._enabled:
                self._placing.push(paths)

        if paths and (self.is_on or self._enabled):
            self._calls.do(push)

    def _push_filters(self) -> None:
        def push() -> None:
            if self._enabled:
                wanted = frozenset[ExceptionFilter]().union(*self._filters.values())  # by now
                self._engine[b"set_filters"]("raised" in wanted, "uncaught" in wanted)

        if self.is_on or self._enabled:
            self._calls.do(push)

    # Execution

    def stopped_threads(self) -> list[int]:
        """The ids of the threads that are held; the main one is when any is."""
        stop = self.stop
        if stop is None:
            return []
        return [stop.thread] if stop.thread == MAIN_THREAD else [MAIN_THREAD, stop.thread]

    def resume(self) -> None:
        """Lets the code go on."""
        self._need_stop()
        self._ask("resume", convert=self._on_resumed)

    def step(self, kind: StepKind, thread: int) -> None:
        """Goes on to the next line, into the next call, or out of the current one.

        A thread other than the one that has stopped is stepped from its innermost call.
        """
        self._need_stop()
        self._ask("step", kind, thread, convert=self._on_resumed)

    def pause(self) -> None:
        """Stops running code where it is, or where its call of a C or Python function has returned."""
        if self.state == "stopped":
            return
        if self.state == "idle":
            raise DebuggerError("no code is running that could be paused")

        def pause() -> None:
            if self.state == "running":
                self._engine[b"stop_soon"](b"pause")

        if self._lua.state.interrupts.can_poke:
            self._calls.do(pause)
        elif not self._calls.do_within(_NOTICE_SECONDS, pause):
            raise DebuggerError(
                "the code does not listen: it began before a debugger was attached, and LuaJIT has compiled "
                "it. Interrupt it and run it again"
            )

    def restart_frame(self, frame: int) -> None:
        """Always refused, with the reason."""
        self._need_stop()
        raise DebuggerError(
            "Lua cannot take back a call that has begun: what it has changed stays changed. Step out of it "
            "and call it again from the debug console, or run the cell again"
        )

    def _need_stop(self) -> Stop:
        stop = self.stop
        if stop is None:
            raise NotStoppedError(
                "the code is running: pause it first" if self.state == "running" else "no code is running"
            )
        return stop

    # Looking

    def threads(self) -> list[ThreadInfo]:
        """The main thread and the coroutines that have not ended."""
        if self.state == "idle" or not self.is_on:
            return [ThreadInfo(MAIN_THREAD, "main", "idle")]
        found: list[ThreadInfo] = self._ask("threads", convert=rows.threads)
        return found

    def stack(self, thread: int, start: int = 0, count: int = 0) -> tuple[list[StackFrame], int]:
        """The calls on a thread's stack, innermost first, and how many there are; `count` 0: up to 1,000."""
        self._need_stop()
        found: tuple[list[StackFrame], int] = self._ask(
            "stack",
            thread,
            start,
            count,
            convert=lambda listed, total: (self._frames(listed), int(total)),
        )
        return found

    def _frames(self, listed: Any) -> list[StackFrame]:
        return rows.frames(listed, self.sources, self._breakpoints)

    def scopes(self, frame: int) -> list[Scope]:
        """The groups of variables of a frame."""
        self._need_stop()
        found: list[Scope] = self._ask("scopes", frame, convert=rows.scopes)
        return found

    def variables(self, reference: int, filter: str = "", start: int = 0, count: int = 0) -> list[Variable]:
        """The variables of a scope, or a variable's children; `filter` is `named`, `indexed` or empty."""
        self._need_not_running()
        found: list[Variable] = self._ask(
            "variables", reference, filter, start, count, convert=rows.variables
        )
        return found

    def set_variable(self, reference: int, name: str, value: str) -> Variable:
        """Gives a child of `reference` the value of a Lua expression."""
        self._need_not_running()
        found: Variable = self._ask(
            "set_variable", reference, name, value, convert=rows.variable, seconds=_CODE_SECONDS
        )
        return found

    def set_expression(self, expression: str, value: str, frame: int | None) -> Variable:
        """Assigns the value of a Lua expression to what another one names."""
        self._need_not_running()
        found: Variable = self._ask(
            "set_expression", frame, expression, value, convert=rows.variable, seconds=_CODE_SECONDS
        )
        return found

    def evaluate(self, expression: str, frame: int | None, context: Context) -> Variable:
        """The value of an expression in a frame, or among the globals and the cells' locals."""
        self._need_not_running()
        code = console_code(expression) if context == "repl" else expression
        found: Variable = self._ask(
            "evaluate", frame, code, context, convert=rows.variable, seconds=_CODE_SECONDS
        )
        return found

    def cancel(self) -> None:
        """Ends the code that runs for a client's expression, if any does. Any thread."""
        self._calls.cancel()

    def complete(self, text: str, column: int, frame: int | None) -> Completions:
        """Candidates for the debug console at `column` of `text`."""
        from llmspell_kernel.lua.debugger.completion import complete

        self._need_not_running()
        return complete(self._lua, self._ask, text, column, frame)

    def exception_info(self, thread: int) -> ExceptionInfo:
        """The error that the code has stopped on."""
        stop = self._need_stop()
        if stop.reason != "exception":
            raise DebuggerError("the code has not stopped on an error")
        uncaught, name = self._ask(
            "error_here",
            convert=lambda uncaught, name=None: (bool(uncaught), name and name.decode(errors="replace")),
        )
        frames, _ = self.stack(stop.thread)
        places = [f"{frame.source.name}:{frame.line} in {frame.name}" for frame in frames if frame.source]
        return ExceptionInfo(name or "LuaError", stop.text, uncaught, "\n".join(places))

    def global_variables(self) -> list[Variable]:
        """The user's globals and the cells' locals; while code runs, as they were at its last stop."""
        if self.state == "running" or not self.is_on:
            return self._snapshot
        return self.variables(0)

    def _list_globals(self) -> list[Variable]:
        """The same, on the Lua thread."""
        results = self._commands[b"variables"](0, b"", 0, 0)
        return rows.variables(results)

    def rich_variable(self, name: str, frame: int | None) -> MimeBundle:
        """A variable as a notebook would show it."""
        self._need_not_running()
        found: MimeBundle = self._ask(
            "value", frame, name, convert=self._lua.formatter.format_results, seconds=_CODE_SECONDS
        )
        return found

    def copy_to_globals(self, name: str, frame: int | None, destination: str) -> Variable:
        """Makes the value of a frame's variable a global."""
        self._need_stop()
        found: Variable = self._ask("copy_to_globals", frame, name, destination, convert=rows.variable)
        return found

    def _need_not_running(self) -> None:
        if self.state == "running":
            raise NotStoppedError("the code is running: pause it first")
