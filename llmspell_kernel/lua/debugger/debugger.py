"""The debugger of one Lua state, as its clients use it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import DebuggerError, NotStoppedError
from llmspell_kernel.interpreter import Completions, MimeBundle, Outcome
from llmspell_kernel.lua.debugger import rows
from llmspell_kernel.lua.debugger.breakpoints import Breakpoints, one_line_functions
from llmspell_kernel.lua.debugger.console import console_code
from llmspell_kernel.lua.debugger.inspection import load_inspection
from llmspell_kernel.lua.debugger.instrumentation import instrument
from llmspell_kernel.lua.debugger.mailbox import ANSWER_SECONDS, Mailbox
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
from llmspell_kernel.lua.debugger.sources import Sources
from llmspell_kernel.lua.debugger.syntax_check import SyntaxChecker

if TYPE_CHECKING:
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_FOLDER = Path(__file__).parent
_POLL_SECONDS = 0.05
_WATCH_SECONDS = 0.25
_CODE_SECONDS = 10.0
"""How long an expression of a client's may run."""
_FUNCTION = "\0function"
"""Behind a path: the breakpoints of the functions defined there."""


class Debugger:
    """Stops the code of one Lua state where its clients want it, and shows what is there.

    Threads: clients call from any thread; what needs Lua is done by the Lua thread, within the stopped code,
    within the running code (which listens within milliseconds, unless it is inside one long call) or between
    cells. Every call ends: with `NoAnswerError` if the Lua thread does not answer. `entered`, `left`, `serve` and
    `prepare` belong to the Lua thread.

    While nobody is attached nothing is installed, and code is compiled as it is.

    Attributes:
        sources: what there is to show.
        state: what the code does.
        stop: where it has stopped, if it has.
        when_idle: called (any thread) when something waits while no code runs; has the Lua thread call `serve`.
        stop_on_entry: the next cell stops at its first line.
    """

    def __init__(self, lua: LuaInterpreter) -> None:
        self._lua = lua
        self.sources = Sources(lua.sources, lua.state.own_files)
        self.state: State = "running" if lua.state.interrupts.active else "idle"
        self.stop: Stop | None = None
        self.when_idle: Callable[[], None] = lambda: None
        self.stop_on_entry = False
        self._breakpoints = Breakpoints(SyntaxChecker(lua.settings.language), self.sources.known_text)
        self._mailbox = Mailbox()
        self._lua_thread = lua.thread
        self._lock = threading.RLock()
        self._listeners: tuple[Listener, ...] = ()
        self._filters: dict[Listener, frozenset[ExceptionFilter]] = {}
        self._clear: Callable[[], None] = lambda: None
        """To be called first by what Lua calls: within a coroutine that was resumed, lupa takes what is on the
        main thread's stack for part of the value of a table's field, until a function has been called."""
        self._engine: Any = None
        self._commands: Any = None
        self._forget: Callable[[], None] = lambda: None
        self._enabled = False
        self._serving = False
        self._ids = itertools.count(1)
        self._chunks: dict[str, tuple[str, set[int]]] = {}  # path -> source, lines that are part of its code
        self._snapshot: list[Variable] = []
        self._watcher: threading.Thread | None = None

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
                self._post(lambda: (self._commands[b"resume"],), self._on_resumed)

    def _settle(self) -> None:
        """Has the Lua thread switch the debugger on or off, soon."""
        self._do(self._switch)
        if self.is_on and self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="llmspell-debugger", daemon=True)
            self._watcher.start()

    def _switch(self) -> None:
        on = self.is_on
        if on and self._engine is None:
            self._load()
        if self._engine is None or on == self._enabled:
            return
        self._enabled = on
        self._engine[b"enable"](on)
        interrupts = self._lua.state.interrupts
        interrupts.is_compiling = interrupts.is_jit and not on
        self._lua.compiler.prepare = self._prepare_cell if on else None
        if on:
            self._chunks = {
                self.sources.path_of(f"={chunk}"): (f"={chunk}", set()) for chunk in self._lua.sources
            }
            self._push_filters()
        else:
            self._chunks.clear()

    def _load(self) -> None:
        state, lua = self._lua.state, self._lua
        self._clear = state.runtime.execute(b"return function() end")
        host = state.host
        host[b"inline"], host[b"text"] = lua.formatter.inline, self._full_text
        control = state.table()
        for name, function in {
            "wait": self._wait,
            "answer": self._answer,
            "stopped": self._on_stopped,
            "resumed": self._on_resumed,
            "write": self._on_write,
            "expired": self._mailbox.has_expired,
        }.items():
            control[name.encode()] = function
        threads = state.late_chunk(_FOLDER / "threads.lua", host)
        host[b"level_of"] = threads[b"level_of"]
        variables, evaluation = load_inspection(state)
        self._engine = state.late_chunk(_FOLDER / "engine.lua", host, control, threads, evaluation)
        commands = state.late_chunk(_FOLDER / "commands.lua", host, self._engine, threads, variables, evaluation)
        self._commands, self._forget = dict(commands[b"commands"].items()), commands[b"forget"]
        host[b"debugger"][b"prepare"] = state.binder.function(self._prepare_text)
        state.interrupts.attended = self._attended

    def _full_text(self, *values: Any) -> bytes:
        return self._lua.formatter.text(values).encode(errors="surrogateescape")

    # Doing things on the Lua thread

    @property
    def _is_lua_thread(self) -> bool:
        return threading.get_ident() == self._lua_thread

    def _do(self, action: Callable[[], object]) -> None:
        """Has the Lua thread call `action`; here at once, and elsewhere without waiting."""
        if self._is_lua_thread:
            action()
            return

        def prepare() -> Sequence[Any]:
            action()
            return (self._nothing,)

        self._post(prepare, lambda *_: None)

    @staticmethod
    def _nothing(*_: object) -> None:
        return None

    def _post(
        self,
        prepare: Callable[[], Sequence[Any]],
        convert: Callable[..., Any],
        seconds: float = ANSWER_SECONDS,
    ) -> Future[Any]:
        future = self._mailbox.post(prepare, convert, seconds)
        if self.state == "running":
            self._lua.state.interrupts.poke(urgent=True)
        elif self.state == "idle":
            self.when_idle()
        return future

    def _ask(
        self,
        name: str,
        *args: Any,
        convert: Callable[..., Any] = lambda *_: None,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        """Calls a command of commands.lua on the Lua thread and waits for what `convert` makes of its results."""
        if not self.is_on:
            raise DebuggerError("the debugger is off: attach first")

        def prepare() -> Sequence[Any]:
            return (self._commands[name.encode()], *map(self._to_lua, args))

        if self._is_lua_thread and self.state != "stopped":
            future = self._mailbox.post(prepare, convert, seconds)
            self.serve()
        else:
            future = self._post(prepare, convert, seconds)
        return self._mailbox.answer_to(future, seconds)

    @staticmethod
    def _to_lua(value: Any) -> Any:
        return value.encode(errors="surrogateescape") if isinstance(value, str) else value

    def _wait(self, may_block: bool) -> Sequence[Any] | None:
        """The next command for the Lua side; None when there is none, or the cell has to end."""
        interrupts, gate = self._lua.state.interrupts, self._lua.gate
        self._clear()
        was_open = gate.open
        try:
            gate.open = interrupts.active
            while not interrupts.ending():
                command = self._mailbox.take(_POLL_SECONDS if may_block else 0)
                if command is not None or not may_block:
                    return tuple(command) if command is not None else None
        finally:
            gate.open = was_open
        return None

    def _answer(self, ok: bool, *results: Any) -> None:
        self._clear()
        self._mailbox.answer(ok, *results)

    def serve(self) -> None:
        """Does what waits, between cells."""
        while (command := self._mailbox.take(0)) is not None:
            function, *args = command
            if function is self._nothing:
                self._mailbox.answer(True)
            else:
                self._run(function, args)

    def _run(self, function: Any, args: Sequence[Any]) -> None:
        answered = False

        def body() -> Outcome:
            nonlocal answered
            results = self._lua.state.call(self._engine[b"quietly"], function, *args)
            answered = True
            self._mailbox.answer(*results)
            return Outcome()

        self._serving = True
        try:
            outcome = self._lua.guard(body)
        finally:
            self._serving = False
        if not answered:
            message = outcome.error.value if outcome.error else "it was ended"
            self._mailbox.answer(False, message.encode(errors="surrogateescape"))

    def _attended(self) -> None:
        """Running code listens, within the hook."""
        if not self._enabled and self.is_on:
            self._switch()

    def _watch(self) -> None:
        """Has running code listen now and then while there may be code of a client's that does not end."""
        pause = threading.Event()
        while True:
            pause.wait(_WATCH_SECONDS)
            if self.state == "idle" or not self.is_on:
                continue
            if self._mailbox.has_expired() or (self.state == "running" and self._breakpoints.any_conditions):
                self._lua.state.interrupts.poke(urgent=True)

    # Cells

    def entered(self) -> None:
        """A cell begins."""
        if self.is_on and not self._serving:
            self.serve()
            self._snapshot = self._list_globals()
        self.state = "running"
        if not self._enabled:
            return
        self._engine[b"begin"]()
        if self.stop_on_entry:
            self.stop_on_entry = False
            self._engine[b"stop_soon"](b"entry")

    def left(self) -> None:
        """A cell has ended."""
        if self.state == "stopped":
            self._on_resumed()
        self.state = "idle"
        if self._enabled:
            self._engine[b"finish"]()
            if not self._serving:  # lists of variables stay good until a cell runs
                self._forget()

    def _prepare_cell(self, code: str, chunk: str) -> list[tuple[int, str]]:
        return self._prepare(code, f"={chunk}")[0]

    def _prepare_text(self, code: bytes, source: bytes) -> str | None:
        """What code to load in place of a file's or a string's; None for the same."""
        text = code.decode(errors="surrogateescape")
        edits, apply = self._prepare(text, source.decode(errors="surrogateescape"))
        if not edits:
            return None
        return f"local __llmspell_break = ... return function(...) {apply(text)}\nend"

    def _prepare(self, code: str, source: str) -> tuple[list[tuple[int, str]], Callable[[str], str]]:
        """A source is about to be compiled: the insertions that make its breakpoints part of it."""
        path = self.sources.path_of(source, code)
        self.sources.know(path, code)
        known = self.sources.source_of(source)
        changed = self._breakpoints.seen(path)
        lines = self._breakpoints.code_lines(path)
        assert lines is not None
        self._engine[b"begin_source"](self._to_lua(source))
        sites = self._breakpoints.sites(path, self._ids)
        made = instrument(lines, sites)
        inserted = set()
        for site in sites:
            if site.id in made.missing:
                continue
            inserted.add(-site.line if site.function else site.line)
            key = path + _FUNCTION if site.function else path
            condition = site.condition.encode(errors="surrogateescape") or None
            self._engine[b"add_site"](site.id, self._to_lua(key), self._to_lua(source), site.line, condition)
        self._chunks[path] = (source, inserted)
        self._push_now(path)
        for listener in self._listeners:
            listener.source_loaded(known)
        for each in changed:
            each.owner.breakpoint_changed(each.status())
        return made.edits, made.apply

    # What Lua tells

    def _on_stopped(self, reason: bytes, thread: int, text: bytes, ids: bytes) -> None:
        self._clear()
        self._forget()
        kind: StopReason = reason.decode()  # type: ignore[assignment]
        hit = tuple(int(each) for each in ids.split(b",")) if ids else ()
        self.stop = Stop(kind, thread, text.decode(errors="backslashreplace"), hit)
        self._lua.frontend.flush()
        self._snapshot = self._list_globals()
        self.state = "stopped"
        for listener in self._listeners:
            listener.stopped(self.stop)

    def _on_resumed(self, *_: object) -> None:
        """The code goes on: told by the command that lets it, or by the end of the cell."""
        if self.stop is None:
            return
        self.state, self.stop = "running", None
        for listener in self._listeners:
            listener.continued()

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
        if paths and (self.is_on or self._enabled):
            self._do(lambda: self._push_all(paths))

    def _push_all(self, paths: Collection[str]) -> None:
        for path in paths:
            self._push_now(path)

    def _push_now(self, path: str) -> None:
        """Tells the engine which breakpoints a source has, and which of them are not part of its code."""
        if not self._enabled:
            return
        code = self._breakpoints.code_lines(path)
        source, inserted = self._chunks.get(path, ("", set()))
        on_lines, in_functions, late = [], [], []
        for line, each in self._breakpoints.active(path):
            found = one_line_functions(code, each.function, line) if code and each.function else []
            (in_functions if found else on_lines).append(rows.breakpoint_row(line, each))
            if source and (-line if found else line) not in inserted:
                late.append({"line": line, "path": path + _FUNCTION, "first": line} if found else {"line": line, "path": path})
        self._engine[b"set_points"](self._to_lua(path), self._table(on_lines))
        self._engine[b"set_points"](self._to_lua(path + _FUNCTION), self._table(in_functions))
        if source:
            unique = [row for index, row in enumerate(late) if row not in late[:index]]
            self._engine[b"set_late"](self._to_lua(source), self._table(unique))

    def _table(self, listed: Sequence[Mapping[str, Any]]) -> Any:
        from llmspell_kernel.lua.values import to_lua

        return to_lua(self._lua.state.runtime, listed)

    def _push_filters(self) -> None:
        wanted = frozenset[ExceptionFilter]().union(*self._filters.values())

        def push() -> None:
            if self._enabled:
                self._engine[b"set_filters"]("raised" in wanted, "uncaught" in wanted)

        if self.is_on or self._enabled:
            self._do(push)

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
        """Stops running code at the next line it comes to."""
        if self.state == "stopped":
            return
        if self.state == "idle":
            raise DebuggerError("no code is running that could be paused")

        def pause() -> None:
            if self.state == "running":
                self._engine[b"stop_soon"](b"pause")

        self._do(pause)

    def restart_frame(self, frame: int) -> None:
        """Always refused, with the reason."""
        self._need_stop()
        raise DebuggerError(
            "Lua cannot take back a call that has begun: what it has changed stays changed. Step out of it and call "
            "it again from the debug console, or run the cell again"
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
        """The calls on a thread's stack, innermost first, and how many there are; `count` 0 means all."""
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
        return rows.frames(listed, self.sources, self._breakpoints.function_name)

    def scopes(self, frame: int) -> list[Scope]:
        """The groups of variables of a frame."""
        self._need_stop()
        found: list[Scope] = self._ask("scopes", frame, convert=rows.scopes)
        return found

    def variables(self, reference: int, filter: str = "", start: int = 0, count: int = 0) -> list[Variable]:
        """The variables of a scope, or the children of a variable; `filter` is `named`, `indexed` or empty."""
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
            "error_here", convert=lambda uncaught, name=None: (bool(uncaught), name and name.decode(errors="replace"))
        )
        frames, _ = self.stack(stop.thread)
        places = [f"{frame.source.name}:{frame.line} in {frame.name}" for frame in frames if frame.source]
        return ExceptionInfo(name or "LuaError", stop.text, uncaught, "\n".join(places))

    def global_variables(self) -> list[Variable]:
        """The user's globals and the cells' locals; while code runs, as they were when it began or stopped last."""
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
