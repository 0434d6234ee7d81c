"""What the debugger's core and its clients say to each other. Plain values: any thread may hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

State = Literal["idle", "running", "stopped"]
"""Whether Lua code runs: not at all, freely, or held at a place where it can be looked at."""

StopReason = Literal["breakpoint", "function breakpoint", "step", "pause", "entry", "exception"]

StepKind = Literal["over", "into", "out"]

ExceptionFilter = Literal["raised", "uncaught"]
"""Which errors stop the code: all of them (also those that a pcall will catch), or only those that nobody
catches."""

Context = Literal["watch", "hover", "repl", "clipboard", "variables"]
"""Why an expression is evaluated. Hover and watch show nothing but the value; repl also runs statements;
clipboard gives the whole value as text."""

OutputCategory = Literal["console", "stdout", "stderr"]

MAIN_THREAD = 1
"""The id of Lua's main thread; coroutines count from 2."""


@dataclass(frozen=True, slots=True)
class SourceBreakpoint:
    """A breakpoint as a client asks for it; line and the rest as in DAP's SourceBreakpoint.

    Attributes:
        line: counted from 1.
        condition: a Lua expression over the frame's variables; stops only where it is true.
        hit_condition: `5`, `== 5`, `> 5`, `>= 5`, `< 5`, `<= 5` or `% 5`, compared with how often the
            breakpoint was reached (with its condition true).
        log_message: text to write instead of stopping; expressions in braces are replaced by their values.
    """

    line: int
    condition: str = ""
    hit_condition: str = ""
    log_message: str = ""


@dataclass(frozen=True, slots=True)
class FunctionBreakpoint:
    """A breakpoint on every function defined under that name: `area`, `Shape.area` or `Shape:area`."""

    name: str
    condition: str = ""
    hit_condition: str = ""


@dataclass(frozen=True, slots=True)
class BreakpointStatus:
    """What became of a breakpoint.

    Attributes:
        id: the same for as long as the breakpoint is the same.
        verified: whether it will stop the code; if not, `message` says why.
        line: where it is; may be later than asked for. 0 if unknown.
        path: of the source, "" if unknown.
    """

    id: int
    verified: bool
    line: int
    path: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A piece of source code.

    Attributes:
        path: what the breakpoints of this source are set by: a file's absolute path, or a name.
        name: for people: `tour.lua`, `cell [3]`.
        reference: 0 for a file that a client can read itself, otherwise what `source_text` takes.
        own: part of the runtime, not the user's.
    """

    path: str
    name: str
    reference: int = 0
    own: bool = False


@dataclass(frozen=True, slots=True)
class StackFrame:
    """A call on a stack, valid until the code goes on.

    Attributes:
        line: counted from 1; 0 where there is none (functions written in C or Python).
        subtle: not Lua code of the user's.
        can_restart: whether `restart_frame` works on it.
    """

    id: int
    name: str
    source: Source | None
    line: int
    subtle: bool = False
    can_restart: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """A group of variables of a frame; `reference` is what `variables` takes."""

    name: str
    kind: Literal["locals", "upvalues", "varargs", "globals", "library"]
    reference: int
    named: int = 0
    indexed: int = 0
    expensive: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable, field or element.

    Attributes:
        value: as text on one line.
        type: `nil`, `boolean`, `integer`, `float`, `number` (LuaJIT), `string`, `table`, `function`,
            `thread`, `userdata`, or the `__name` of the metatable.
        reference: what `variables` takes to list its children; 0 if it has none.
        named: how many children are not `indexed`.
        indexed: how many elements its array part has.
        evaluate_name: the expression that gives this value in its frame, "" if there is none.
        read_only: `set_variable` will refuse.
        internal: not a variable of the program but something about it, such as `[metatable]`.
    """

    name: str
    value: str
    type: str
    reference: int = 0
    named: int = 0
    indexed: int = 0
    evaluate_name: str = ""
    read_only: bool = False
    internal: bool = False


@dataclass(frozen=True, slots=True)
class ThreadInfo:
    """A Lua thread: the main one or a coroutine; status as coroutine.status gives it."""

    id: int
    name: str
    status: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The code has stopped.

    Attributes:
        text: more on it, such as the error's message.
        breakpoints: ids of those that were hit.
    """

    reason: StopReason
    thread: int
    text: str = ""
    breakpoints: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ExceptionInfo:
    """The error that the code has stopped on.

    Attributes:
        name: `LuaError`, or what the error value's metatable calls itself (`__name`).
        message: the error as text.
        uncaught: nobody will catch it.
        traceback: as text.
    """

    name: str
    message: str
    uncaught: bool
    traceback: str


class Listener(Protocol):
    """A client of the debugger. It owns the breakpoints that it sets, which go when it detaches.

    Every method is called on the Lua thread and must return soon, without calling the debugger.
    """

    def stopped(self, stop: Stop) -> None:
        """The code has stopped; from now on it can be looked at."""

    def continued(self) -> None:
        """The code goes on: called before it does; frames and references are no longer valid."""

    def output(self, category: OutputCategory, text: str, path: str, line: int) -> None:
        """A log point, or a remark of the debugger's; `path` and `line` ("" and 0 if none) say where from."""

    def breakpoint_changed(self, status: BreakpointStatus) -> None:
        """A breakpoint of this listener's was verified, moved or found to be wrong."""

    def source_loaded(self, source: Source) -> None:
        """Lua has compiled a piece of source."""
