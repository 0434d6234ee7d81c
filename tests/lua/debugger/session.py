"""A debugger over a Lua shell: cells run on a thread of Lua's own, the test steers them from its own."""

from __future__ import annotations

import queue
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.lua.debugger.debugger import Debugger
from llmspell_kernel.lua.debugger.model import (
    BreakpointStatus,
    OutputCategory,
    Source,
    SourceBreakpoint,
    StackFrame,
    StepKind,
    Stop,
    Variable,
)

from ..shell import LuaShell

WAIT = 60.0
"""Seconds after which something that should have happened counts as not happening."""

T = TypeVar("T")


class Recorder:
    """A listener that keeps what it is told, in order; may be read by any thread."""

    def __init__(self) -> None:
        self.stops: queue.Queue[Stop | None] = queue.Queue()
        self.events: list[str] = []
        self.outputs: list[tuple[OutputCategory, str, str, int]] = []
        self.statuses: list[BreakpointStatus] = []
        self.sources: list[Source] = []

    def stopped(self, stop: Stop) -> None:
        self.events.append(f"stopped: {stop.reason}")
        self.stops.put(stop)

    def continued(self) -> None:
        self.events.append("continued")

    def output(self, category: OutputCategory, text: str, path: str, line: int) -> None:
        self.outputs.append((category, text, path, line))

    def breakpoint_changed(self, status: BreakpointStatus) -> None:
        self.statuses.append(status)

    def source_loaded(self, source: Source) -> None:
        self.sources.append(source)


@dataclass
class Cell:
    """A cell that is running, or has run."""

    code: str
    path: str
    future: Future[Outcome]

    def line(self, mark: str) -> int:
        """The line that ends in the comment `-- mark`."""
        return line_of(self.code, mark)


@dataclass
class Session:
    """One shell, its debugger and a recorder that is attached to it."""

    shell: LuaShell
    debugger: Debugger
    lua: ThreadPoolExecutor
    recorder: Recorder = field(default_factory=Recorder)

    # Running

    def next_path(self) -> str:
        """The path that the next cell will have."""
        return f"cell [{self.shell.number + 1}]"

    def start(self, code: str, *stops: str | SourceBreakpoint) -> Cell:
        """Runs a cell, which may stop, with breakpoints at the lines with these marks or as given."""
        code = textwrap.dedent(code).strip("\n")
        path = self.next_path()
        if stops:
            self.debugger.sources.know(path, code)
            self.set_breakpoints(path, code, *stops)
        future = self.lua.submit(self.shell.outcome, code)
        # A cell that ends wakes whoever waits for a stop.
        future.add_done_callback(lambda _: self.recorder.stops.put(None))
        return Cell(code, path, future)

    def start_endless(self, code: str) -> Cell:
        """Runs a cell that does not end by itself; it has come to its `io.read()`."""
        begun = threading.Event()
        self.shell.frontend.answers = [""]
        self.shell.frontend.on_read = begun.set
        cell = self.start(code)
        assert begun.wait(WAIT)
        return cell

    def set_breakpoints(self, path: str, code: str, *stops: str | SourceBreakpoint) -> list[BreakpointStatus]:
        """Breakpoints of a source, at the lines with these marks or as given."""
        wanted = [
            stop if isinstance(stop, SourceBreakpoint) else SourceBreakpoint(line_of(code, stop))
            for stop in stops
        ]
        return self.debugger.set_breakpoints(self.recorder, path, wanted)

    def finish(self, cell: Cell) -> str | None:
        """The result of a cell that now runs to its end without stopping or failing, without quotes."""
        outcome = self.outcome(cell)
        assert outcome.error is None, "\n".join(outcome.error.traceback)
        return None if outcome.result is None else str(outcome.result.data["text/plain"]).replace('"', "")

    def outcome(self, cell: Cell) -> Outcome:
        """What a cell comes to that now runs to its end without stopping."""
        outcome = cell.future.result(WAIT)
        stop = self.recorder.stops.get(timeout=WAIT)
        assert stop is None, f"it stopped once more: {stop}"
        return outcome

    def run(self, code: str) -> str | None:
        """The result of a cell that does not stop."""
        return self.finish(self.start(code))

    def on_lua(self, call: Callable[[], T]) -> T:
        """Has something done on Lua's thread, between cells."""
        return self.lua.submit(call).result(WAIT)

    # At a stop

    def wait_stop(self) -> Stop:
        """The next stop; the cell must not end before."""
        stop = self.recorder.stops.get(timeout=WAIT)
        assert stop is not None, f"the cell has ended without a stop; {self.shell.frontend.written}"
        assert self.debugger.state == "stopped"
        assert self.debugger.stop == stop
        return stop

    def frames(self, thread: int | None = None) -> list[StackFrame]:
        """The stack of a thread, of the one that has stopped unless told otherwise."""
        if thread is None:
            assert self.debugger.stop is not None
            thread = self.debugger.stop.thread
        frames, total = self.debugger.stack(thread)
        assert len(frames) == total
        return frames

    def names(self, thread: int | None = None) -> list[str]:
        """The names of the frames of Lua code, innermost first."""
        return [frame.name for frame in self.frames(thread) if not frame.subtle]

    def line(self) -> int:
        """Where the code has stopped."""
        return self.frames()[0].line

    def local_variables(self, frame: int = 0) -> dict[str, str]:
        """The values of a frame's locals by name."""
        return {variable.name: variable.value for variable in self.scope("locals", frame)}

    def scope(self, kind: str, frame: int = 0) -> list[Variable]:
        """The variables of one scope of a frame."""
        scopes = self.debugger.scopes(self.frames()[frame].id)
        (reference,) = (scope.reference for scope in scopes if scope.kind == kind)
        return self.debugger.variables(reference)

    def evaluate(self, expression: str, frame: int = 0) -> str:
        """The value of an expression in a frame."""
        return self.debugger.evaluate(expression, self.frames()[frame].id, "repl").value

    def step(self, kind: StepKind) -> int:
        """Steps in the stopped thread; the line where that ends."""
        assert self.debugger.stop is not None
        self.debugger.step(kind, self.debugger.stop.thread)
        assert self.wait_stop().reason == "step"
        return self.line()

    def resume(self) -> None:
        """Lets the code go on."""
        self.debugger.resume()

    def resume_to_stop(self) -> int:
        """Lets the code go on to its next stop; the line where that is."""
        self.debugger.resume()
        self.wait_stop()
        return self.line()

    def close(self) -> None:
        """Ends what still runs, and the thread."""
        for listener in self.debugger.listeners:
            self.debugger.detach(listener)
        self.shell.interpreter.interrupt()
        self.lua.submit(self.shell.interpreter.close).result(WAIT)
        self.lua.shutdown()


def line_of(code: str, mark: str) -> int:
    """The line of the code that ends in the comment `-- mark`."""
    (number,) = (n for n, line in enumerate(code.splitlines(), 1) if line.endswith(f"-- {mark}"))
    return number


@contextmanager
def debugged(language: str, **settings: object) -> Iterator[Session]:
    """A session over a fresh Lua state."""
    lua = ThreadPoolExecutor(1, thread_name_prefix="lua")
    shell = lua.submit(lambda: LuaShell(language, **settings)).result(WAIT)
    debugger = lua.submit(lambda: shell.interpreter.debugger).result(WAIT)

    def serve_soon() -> None:
        lua.submit(debugger.serve)

    debugger.when_idle = serve_soon
    session = Session(shell, debugger, lua)
    try:
        debugger.attach(session.recorder)
        yield session
    finally:
        session.close()
