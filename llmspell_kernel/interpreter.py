"""The contract between a language and the fronts that show it.

A front (the Jupyter kernel, and whatever else runs cells) owns one `Interpreter` and hands it a
`Frontend`. The interpreter runs code and asks the front end for what a language alone cannot do:
show a value, read a line, clear what was shown. Neither knows the other's implementation.

Threads: every method of `Interpreter` is called on the one thread that created it, except `interrupt`,
which any thread may call at any time. A `Frontend` method may be called from any thread.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, NamedTuple, Protocol

from llmspell_kernel.records import record

StreamName = Literal["stdout", "stderr"]

MimeData = dict[str, Any]
"""MIME type -> JSON-able value, as in Jupyter's `data` field; binary types hold base64 text."""


@record
class MimeBundle:
    """A value as the front ends can show it: `data` by MIME type and `metadata` by MIME type."""

    data: MimeData
    metadata: dict[str, Any] = {}


class Frontend(Protocol):
    """What running code may ask of whoever shows it.

    Output belongs to the cell that runs, or to the one that `output_to` names.
    """

    def write(self, stream: StreamName, data: bytes) -> None:
        """Append bytes to a text stream; order over both streams is kept. Never raises."""

    def flush(self) -> None:
        """Show now what was written."""

    def display(self, bundle: MimeBundle, *, display_id: str | None = None, update: bool = False) -> None:
        """Show a bundle; with `update`, replace what was shown under `display_id`."""

    def can_update(self) -> bool:
        """Whether the cell's client replaces what it has shown (a notebook) or only appends (a terminal)."""

    def clear_output(self, *, wait: bool) -> None:
        """Clear what the current cell has shown; with `wait`, only when new output arrives."""

    def read_line(self, prompt: str, *, password: bool) -> str:
        """One line typed by the user, without its newline.

        Raises:
            StdinUnavailableError: the client does not allow input.
            EOFError: the user ended the input.
        """

    def current_cell(self) -> object:
        """The cell that output goes to now, to be given to `output_to` later; opaque."""

    def output_to(self, cell: object) -> AbstractContextManager[None]:
        """Within it, output goes to the cell that an earlier `current_cell` answered."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Has `callback` called once on the interpreter's thread, between cells; answers what cancels it."""

    def wake(self) -> None:
        """Ends a blocking call (sleep, network) of the interpreter's thread with KeyboardInterrupt."""


@record
class ErrorReport:
    """A failed cell, as Jupyter's `error` message wants it."""

    name: str
    value: str
    traceback: Sequence[str]


@record
class Outcome:
    """What a cell came to: a `result` to show (or none), or an `error`; `payload` as in execute_reply."""

    result: MimeBundle | None = None
    error: ErrorReport | None = None
    payload: Sequence[dict[str, Any]] = ()


@record
class Script:
    """Code that runs as a script and not as a cell: what it is called, and what it is given.

    Attributes:
        name: how messages call it and what `arg[0]` says; a path, or a name such as `stdin`.
        arguments: `...` of its main chunk, `arg` and `ARGS`.
        directory: where it lies; `require` and `dofile` look there first. None for nowhere.
        is_cell: it is compiled as a cell: it shares their locals, and a last expression is its result.
        waits: in a kernel, it has ended only when its timers have, as in a process of its own.
    """

    name: str
    arguments: Sequence[str] = ()
    directory: str | None = None
    is_cell: bool = False
    waits: bool = False

    def as_metadata(self) -> dict[str, Any]:
        """As `metadata.llmspell.script` of an execute_request."""
        return {
            "name": self.name,
            "arguments": list(self.arguments),
            "directory": self.directory,
            "is_cell": self.is_cell,
            "waits": self.waits,
        }


class Completion(NamedTuple):
    """One candidate; `kind` is a word of JupyterLab's type icons (function, keyword, module ...)."""

    text: str
    kind: str
    signature: str = ""


@record
class Completions:
    """Candidates that replace `code[start:end]`; positions count Unicode code points."""

    start: int
    end: int
    matches: Sequence[Completion] = ()


@record
class Completeness:
    """Whether code can run as it stands, and the indent of the next line if it cannot."""

    status: Literal["complete", "incomplete", "invalid", "unknown"]
    indent: str = ""


@record
class LanguageInfo:
    """Who the interpreter is, in the words of kernel_info_reply."""

    name: str
    version: str
    implementation: str
    file_extension: str
    mimetype: str
    pygments_lexer: str
    codemirror_mode: str
    banner: str
    help_links: Sequence[Mapping[str, str]] = ()


TIMER_FAILED = "a function that was called by a timer has failed"
WAIT_INTERRUPTED = "interrupted while it waited for its timers"
"""How a script can fail whose main chunk has ended well."""


class SignalGate:
    """Whether a SIGINT may raise KeyboardInterrupt in the thread that runs cells.

    The interpreter opens it while code runs; a front shuts it around what must not be torn apart, such
    as sending a message of several frames. A signal that finds it shut is not lost: the front also
    calls `Interpreter.interrupt`, which ends the cell at the next instruction of its own language.

    It belongs to the thread that made it. Signals do not reach others, so for them `shut` does nothing.

    Attributes:
        open: whether it is.
        heard: a signal has come of which the interpreter may not know yet, although it has ended a call of
            the operating system's. Before code goes on or has ended, the interpreter calls `settle`.
        settle: returns when the interpreter knows of all signals that were heard. On the gate's thread only,
            where it holds no lock.
    """

    __slots__ = ("_owner", "heard", "open", "settle")

    def __init__(self) -> None:
        self.open = self.heard = False
        self.settle: Callable[[], None] = lambda: None
        self._owner = threading.get_ident()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Keeps the gate shut; afterwards it is as it was."""
        if threading.get_ident() != self._owner:
            yield
            return
        before, self.open = self.open, False
        try:
            yield
        finally:
            self.open = before


class Waits:
    """What the thread that runs cells waits for, so that an interrupt ends it on whichever thread that is.

    A signal ends what the main thread is blocked in; other threads cannot be reached so. What a library
    function has to wait for, it therefore waits for here. `wake` may be called by any thread; everything
    else belongs to the thread that runs cells.

    Attributes:
        ending: tells whether the running cell has been asked to end. Any thread.
        thread: ident of that thread, which has made this.
    """

    def __init__(self, ending: Callable[[], bool]) -> None:
        """`ending` tells whether the running cell has been asked to end."""
        self.ending = ending
        self._woken = threading.Event()
        self.thread = threading.get_ident()

    def sleep(self, seconds: float) -> None:
        """Waits that long.

        Raises:
            KeyboardInterrupt: the cell has been asked to end.
        """
        self.until(lambda: False, seconds)

    def until(self, ready: Callable[[], bool], seconds: float | None = None) -> bool:
        """Waits until `ready` answers true; whoever changes its answer calls `wake`. False after `seconds`.

        Raises:
            KeyboardInterrupt: the cell has been asked to end.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            self._woken.clear()
            self.check()
            if ready():
                return True
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return False
            self._woken.wait(left)

    def check(self) -> None:
        """Does not wait at all.

        Raises:
            KeyboardInterrupt: the cell has been asked to end.
        """
        if self.ending():
            raise KeyboardInterrupt

    def wake(self) -> None:
        """Has the waiting thread look again."""
        self._woken.set()


class Interpreter(ABC):
    """A language that runs cells for a front."""

    info: LanguageInfo
    gate: SignalGate
    waits: Waits

    @abstractmethod
    def run(self, code: str, *, number: int, store: bool = True) -> Outcome:
        """Run one cell. Never raises: whatever the code does ends up in the outcome.

        Args:
            code: the cell as it was sent.
            number: the execution count it is shown under.
            store: whether `In`, `Out` and `_` remember it.
        """

    @abstractmethod
    def evaluate(self, expression: str) -> Outcome:
        """The value of one expression (`user_expressions`), without a trace in the history."""

    @abstractmethod
    def complete(self, code: str, cursor: int) -> Completions:
        """Candidates at `cursor` (code points). Runs no user code."""

    @abstractmethod
    def inspect(self, code: str, cursor: int, *, detail: int = 0) -> MimeBundle | None:
        """Help on the name at `cursor`, with its source when `detail` is 1; none if nothing is known."""

    @abstractmethod
    def is_complete(self, code: str) -> Completeness:
        """Whether Enter should run the code."""

    @abstractmethod
    def interrupt(self) -> bool:
        """End the running or expected cell soon. Any thread.

        Returns:
            Whether there is one: else nothing was done.
        """

    def expect(self, expected: bool) -> None:
        """A cell will run soon, or will not after all: an interrupt in between is kept for it."""
        return

    def release_output(self) -> None:
        """Hand over soon what running code has written and the interpreter still holds. Any thread."""
        return

    def close(self) -> None:
        """Free what the interpreter holds. Later calls are errors."""
        self.interrupt()
