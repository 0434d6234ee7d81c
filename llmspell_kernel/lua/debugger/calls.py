"""Has the Lua thread do things, whatever it is doing."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.lua.debugger.mailbox import ANSWER_SECONDS, Convert, Mailbox
from llmspell_kernel.lua.debugger.model import State

if TYPE_CHECKING:
    from llmspell_kernel.lua.binding import LuaFunction
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
_WATCH_SECONDS = 0.25


class LuaCalls:
    """Calls that any thread makes and the Lua thread carries out.

    Stopped code and code that listens in its hook take them by `wait` and answer by `answer`, which the Lua
    side calls; between cells `serve` carries them out.

    Attributes:
        mailbox: the calls that wait.
        when_idle: called (any thread) when something waits while no code runs; has the Lua thread call
            `serve`.
        quietly: the Lua function that calls another one without stopping in it.
        serving: whether a call is being carried out between cells.
    """

    quietly: LuaFunction

    def __init__(self, lua: LuaInterpreter, state: Callable[[], State]) -> None:
        self._lua = lua
        self._state = state
        self.mailbox = Mailbox()
        self.when_idle: Callable[[], None] = lambda: None
        self.serving = False
        self._clear: Callable[[], None] | None = None
        self._watcher: threading.Thread | None = None
        self._closed = threading.Event()

    # Any thread

    def do(self, action: Callable[[], object]) -> None:
        """Has the Lua thread call `action`; here at once, and elsewhere without waiting."""
        if self._is_lua_thread:
            action()
        else:
            self._post_action(action).add_done_callback(_complain)

    def do_within(self, seconds: float, action: Callable[[], object]) -> bool:
        """As `do`, but waits; if the Lua thread has not called `action` in time, it will not."""
        if self._is_lua_thread:
            action()
            return True
        future = self._post_action(action)
        with contextlib.suppress(TimeoutError):
            future.result(seconds)
        return not future.cancel()

    def _post_action(self, action: Callable[[], object]) -> Future[Any]:
        def prepare() -> Sequence[Any]:
            action()
            return (_nothing,)

        return self.post(prepare, lambda *_: None)

    def post(
        self, prepare: Callable[[], Sequence[Any]], convert: Convert, seconds: float = ANSWER_SECONDS
    ) -> Future[Any]:
        """Leaves a call; `prepare` gives the Lua function and its arguments on the Lua thread."""
        future = self.mailbox.post(prepare, convert, seconds)
        if self._state() == "running":
            self._lua.state.interrupts.poke(urgent=True)
        elif self._state() == "idle":
            self.when_idle()
        return future

    def ask(
        self,
        functions: Mapping[bytes, LuaFunction],
        name: str,
        *args: Any,
        convert: Convert = lambda *_: None,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        """Calls one of `functions` and waits for what `convert` makes of its results.

        Raises:
            DebuggerError: the function failed, or (NoAnswerError) there was no answer in time.
        """

        def prepare() -> Sequence[Any]:
            return (functions[name.encode()], *map(to_lua, args))

        if self._is_lua_thread and self._state() != "stopped":
            future = self.mailbox.post(prepare, convert, seconds)
            self.serve()
        else:
            future = self.post(prepare, convert, seconds)
        return self.mailbox.answer_to(future, seconds)

    def cancel(self) -> None:
        """Ends the call that is being carried out, if one is."""
        self.mailbox.cancel()
        self._lua.state.interrupts.poke(urgent=True)

    def watch(self, is_urgent: Callable[[], bool]) -> None:
        """From now on running code listens again where it may not have heard, and where a call may not end.

        It does so all the time while `is_urgent` says so. To be called by one thread at a time.
        """
        if self._watcher is None:
            self._watcher = threading.Thread(
                target=self._watch, args=(is_urgent,), name="llmspell-debugger", daemon=True
            )
            self._watcher.start()

    def _watch(self, is_urgent: Callable[[], bool]) -> None:
        while not self._closed.wait(_WATCH_SECONDS):
            is_running = self._state() == "running"
            if self.mailbox.has_expired() or (is_running and (is_urgent() or not self.mailbox.is_empty)):
                self._lua.state.interrupts.poke(urgent=True)

    def close(self) -> None:
        """Ends the thread that watches. Any thread; may be repeated."""
        self._closed.set()

    @property
    def _is_lua_thread(self) -> bool:
        return threading.get_ident() == self._lua.thread

    # The Lua thread

    def clear(self) -> None:
        """To be called first by what Lua calls.

        Within a coroutine that was resumed, lupa takes what is on the main thread's stack for part of the
        value of a table's field, until a function has been called.
        """
        if self._clear is None:
            made = self._lua.state.runtime.execute(b"return function() end")
            self._clear = made[-1] if isinstance(made, tuple) else made
        self._clear()

    def wait(self, may_block: bool) -> Sequence[Any] | None:
        """The next function to call and its arguments; None when there is none, or the cell has to end."""
        interrupts, gate = self._lua.state.interrupts, self._lua.gate
        self.clear()
        was_open = gate.open
        try:
            gate.open = interrupts.active
            while not interrupts.ending():
                command = self.mailbox.take(_POLL_SECONDS if may_block else 0)
                if command is not None or not may_block:
                    return tuple(command) if command is not None else None
        finally:
            gate.open = was_open
        return None

    def answer(self, ok: bool, *results: Any) -> None:
        """What the function that was taken last has returned or raised."""
        self.clear()
        self.mailbox.answer(ok, *results)

    def serve(self) -> None:
        """Carries out what waits, between cells."""
        while (command := self.mailbox.take(0)) is not None:
            function, *args = command
            if function is _nothing:
                self.mailbox.answer(True)
            else:
                self._run(function, args)

    def _run(self, function: LuaFunction, args: Sequence[Any]) -> None:
        answered = False

        def body() -> Outcome:
            nonlocal answered
            results = self._lua.state.call(self.quietly, function, *args)
            answered = True
            self.mailbox.answer(*results)
            return Outcome()

        self.serving = True
        try:
            outcome = self._lua.guard(body)
        finally:
            self.serving = False
        if not answered:
            message = outcome.error.value if outcome.error else "it was ended"
            self.mailbox.answer(False, message.encode(errors="surrogateescape"))


def to_lua(value: Any) -> Any:
    """Text as Lua has it; everything else as it is."""
    return value.encode(errors="surrogateescape") if isinstance(value, str) else value


def _complain(done: Future[Any]) -> None:
    """Nobody waits for the answer: what went wrong is told to the log."""
    if not done.cancelled() and (error := done.exception()) is not None:
        _log.error("the debugger could not do as it was asked", exc_info=error)


def _nothing(*_: object) -> None:
    """Stands for a call that has been carried out already."""
