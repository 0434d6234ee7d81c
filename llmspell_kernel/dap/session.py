"""What the adapter knows of one client, and what it tells the client without being asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from llmspell_kernel.dap.bodies import (
    Body,
    BreakpointEventBody,
    ContinuedBody,
    InvalidatedBody,
    LoadedSourceBody,
    OutputBody,
    SourceBody,
    StoppedBody,
)
from llmspell_kernel.dap.host import Host
from llmspell_kernel.dap.protocol import Message
from llmspell_kernel.dap.steering import Steering
from llmspell_kernel.dap.view import View
from llmspell_kernel.errors import DebuggerError, NoAnswerError

if TYPE_CHECKING:
    from llmspell_kernel.lua.debugger.debugger import Debugger
    from llmspell_kernel.lua.debugger.model import BreakpointStatus, OutputCategory, Source, Stop

_DESCRIPTIONS = {
    "breakpoint": "Paused on a breakpoint",
    "function breakpoint": "Paused on a function breakpoint",
    "step": "Paused after a step",
    "pause": "Paused",
    "entry": "Paused on entry",
    "exception": "Paused on an error",
}


_ATTEMPTS = 3


class Outbox:
    """Numbers messages and hands them over in that order. Any thread.

    While a request is handled (between `hold` and `release`), a stop that it leads to is held back, and
    everything after it: editors take an answer to `next` that comes after the stop for a new start.
    """

    def __init__(self, send: Callable[[Message], None]) -> None:
        """`send` must return soon and may be called by any thread."""
        self._send = send
        self._lock = threading.Lock()
        self._number = 0
        self._held: list[Message] | None = None

    def numbered(self, message: Message) -> Message:
        """The message with the next number, for one that leaves by another way."""
        with self._lock:
            return self._with_number(message)

    def _with_number(self, message: Message) -> Message:
        self._number += 1
        return {"seq": self._number, **message}

    def put(self, message: Message, *, later: bool = False) -> None:
        """Sends a message; with `later`, after the answer to the request that is being handled."""
        with self._lock:
            if self._held is not None and (later or self._held):
                self._held.append(message)
            else:
                self._send(self._with_number(message))

    def answer(self, message: Message) -> None:
        """Sends the answer to a request, past what is held back."""
        with self._lock:
            self._send(self._with_number(message))

    def hold(self) -> None:
        """A request is being handled."""
        with self._lock:
            self._held = []

    def release(self) -> None:
        """Its answer is on the way."""
        with self._lock:
            held, self._held = self._held, None
            for message in held or ():
                self._send(self._with_number(message))


class Session:
    """One client of the debugger. Requests are handled one at a time; events come from any thread.

    Attributes:
        authorised: the client has shown the token, or none is needed.
        initialized: `initialize` was answered.
        attached: it takes part: the debugger sends it events.
        no_debug: it wants its program run, but not debugged.
    """

    def __init__(
        self,
        debugger: Debugger,
        outbox: Outbox,
        *,
        steering: Steering,
        host: Host,
        token: str | None = None,
    ) -> None:
        self.debugger = debugger
        self.outbox = outbox
        self.steering = steering
        self.host = host
        self.token = token
        self.authorised = token is None
        self.view = View()
        self.initialized = False
        self.attached = False
        self.launched = False
        self.no_debug = False
        self.configured = False
        self.left = False
        self._told: Stop | None = None
        self._sources: dict[str, Source] = {}
        self._lock = threading.Lock()

    def emit(self, event: str, body: Body | None = None, *, later: bool = False) -> None:
        """Sends an event; with `later`, after the answer to the request that is being handled."""
        message: Message = {"type": "event", "event": event}
        if body is not None:
            message["body"] = msgspec.to_builtins(body)
        self.outbox.put(message, later=later)

    def say(self, text: str) -> None:
        """Shows a remark in the client's console."""
        self.emit("output", OutputBody(category="console", output=f"{text}\n"))

    def known_paths(self) -> list[str]:
        """The paths of all sources that the debugger knows."""
        return [source.path for source in self.debugger.sources.all()]

    def tell_stop(self) -> None:
        """Tells of the stop that the client came too late to hear of, if there is one."""
        stop = self.debugger.stop
        if stop is not None and stop is not self._told:
            self.stopped(stop)

    def join(self, *, steer: bool | None, debug: bool) -> None:
        """Takes part from now on; without `debug`, only as one who hears what the program writes.

        Raises:
            DebuggerError: the debugger cannot be switched on, or the client has left meanwhile.
        """
        with self._lock:
            if self.left:
                raise DebuggerError("this client has left")
            if debug:
                self.debugger.attach(self)
            self.no_debug = not debug
            self.attached = True
            self.steering.join(self, steer)

    def leave(self, *, terminate: bool) -> None:
        """Ends the client's part, once: its breakpoints go, and the code that it had stopped goes on."""
        with self._lock:
            left, self.left = self.left, True
        if not self.attached:
            return
        if left:
            self.debugger.detach(self)  # a request that was being answered may have set breakpoints
            return
        steered = self.steering.leave(self)
        if terminate:
            self.host.on_disconnect(True)  # before stopped code goes on: it shall not do anything more
        if not self.no_debug:
            self.debugger.detach(self)
            if steered:
                self._let_go()
        if not terminate:
            self.host.on_disconnect(False)

    def _let_go(self) -> None:
        """Has stopped code go on, also if it is busy with an expression of the client's first."""
        for _ in range(_ATTEMPTS):
            if self.debugger.state != "stopped":
                return
            try:
                self.debugger.resume()
            except NoAnswerError:
                continue
            except DebuggerError:
                return  # it went on by itself just now

    # Steering

    @property
    def name(self) -> str:
        """The client's name, for people."""
        return self.view.name

    @property
    def steers(self) -> bool:
        """Whether the client steers."""
        return self.steering.steers(self)

    def steers_now(self) -> None:
        """The client that steered before has gone."""
        self.say("This client steers now.")

    def steered_by(self, name: str) -> None:
        """Another client has taken over."""
        self.say(f"{name} steers now; this client looks.")

    def values_changed(self) -> None:
        """Another client has changed variables."""
        if self.view.client.supports_invalidated_event:
            self.emit("invalidated", InvalidatedBody(areas=["variables"]))

    def tell_others_of_changes(self) -> None:
        """This client has changed variables: the others should look again."""
        for other in self.steering.others(self):
            other.values_changed()

    # What the debugger tells, on the Lua thread

    def stopped(self, stop: Stop) -> None:
        """The code has stopped."""
        self.view.frames.forget()
        self._told = stop
        self.emit(
            "stopped",
            StoppedBody(
                reason=stop.reason,
                description=_DESCRIPTIONS[stop.reason],
                thread_id=stop.thread,
                all_threads_stopped=True,
                text=stop.text or None,
                hit_breakpoint_ids=list(stop.breakpoints),
            ),
            later=True,
        )

    def continued(self) -> None:
        """The code goes on; JupyterLab wants to know which thread it was that had stopped."""
        self.view.frames.forget()
        told, self._told = self._told, None
        stop = told or self.debugger.stop
        thread = 1 if stop is None else stop.thread
        self.emit("continued", ContinuedBody(thread_id=thread, all_threads_continued=True))

    def output(self, category: OutputCategory, text: str, path: str = "", line: int = 0) -> None:
        """Text for the client's console."""
        self.emit(
            "output",
            OutputBody(
                category=category,
                output=text,
                source=SourceBody(path=self.view.paths.to_client(path)) if path else None,
                line=self.view.line_to_client(line) if path and line else None,
            ),
        )

    def breakpoint_changed(self, status: BreakpointStatus) -> None:
        """A breakpoint was verified, moved or found to be wrong."""
        self.emit(
            "breakpoint", BreakpointEventBody(reason="changed", breakpoint=self.view.breakpoint(status))
        )

    def source_loaded(self, source: Source) -> None:
        """Lua has compiled a source, for the first time, under another name (a cell run again), or once more.

        JupyterLab has no use for it: it keeps track of cells itself.
        """
        known = self._sources.get(source.path)
        if known != source and not self.view.lab:
            self._sources[source.path] = source
            reason = "changed" if known else "new"
            self.emit("loadedSource", LoadedSourceBody(reason=reason, source=self.view.source(source)))
