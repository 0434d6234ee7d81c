"""What code that is replayed may ask of its front: nobody sees it, all of it is kept."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from llmspell_kernel.errors import StdinUnavailableError
from llmspell_kernel.interpreter import MimeBundle, StreamName
from llmspell_kernel.library.session.recording import Sink
from llmspell_kernel.lua.values import decode


class _Place:
    """Where output goes: a run's sink, or for a while what captures it."""

    __slots__ = ("captured", "held", "outer", "sink", "stream")

    def __init__(self, sink: Sink, outer: _Place | None = None, captured: Any = None) -> None:
        self.sink = sink
        self.outer = outer
        self.captured = captured
        self.held: list[bytes] = []
        self.stream: StreamName = "stdout"

    def write(self, stream: StreamName, data: bytes) -> None:
        """Held until something else comes: a character may be cut in two."""
        if stream != self.stream:
            self.release()
            self.stream = stream
        self.held.append(data)

    def release(self) -> None:
        """Hands on what is held."""
        if not self.held:
            return
        data = b"".join(self.held)
        self.held.clear()
        if self.captured is None or not self.captured.add_text(self.stream, decode(data)):
            if self.outer is not None:
                self.outer.write(self.stream, data)
            else:
                self.sink.add_text(self.stream, decode(data))


class ReplayFrontend:
    """The `Frontend` of a replay; see that protocol for what each method guarantees."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._here = _Place(Sink(0))
        self._answers: list[str] = []
        self._timers: list[tuple[float, int, Callable[[], None], _Place]] = []
        self._numbers = count()
        self._cancelled: set[int] = set()

    def begin(self, sink: Sink, answers: tuple[str, ...]) -> None:
        """From here on output goes to `sink`, and who asks for input gets these answers."""
        self._here = _Place(sink)
        self._answers = list(answers)

    def finish(self) -> None:
        """All that was written is in the sink."""
        self._here.release()

    def run_due_timers(self) -> None:
        """Calls back, as between two cells; what they write goes to the run that started them."""
        while self._timers and self._timers[0][0] <= time.monotonic():
            _, number, callback, place = heapq.heappop(self._timers)
            if number not in self._cancelled:
                with self.output_to(place):
                    callback()
                    place.release()

    def write(self, stream: StreamName, data: bytes) -> None:
        """Keeps it."""
        self._here.write(stream, data)

    def flush(self) -> None:
        """Nobody waits for it."""

    def display(self, bundle: MimeBundle, *, display_id: str | None = None, update: bool = False) -> None:
        """Keeps it."""
        self._here.release()
        place: _Place | None = self._here
        while place is not None:
            captured = place.captured
            if captured is not None and captured.add_output(bundle, display_id, update=update):
                return
            place = place.outer
        self._here.sink.add_bundle("display", bundle, display_id, update=update)

    def can_update(self) -> bool:
        """As a notebook."""
        return True

    def clear_output(self, *, wait: bool) -> None:
        """Forgets what was kept."""
        self._here.release()
        captured = self._here.captured
        if captured is None or not captured.clear():
            self._here.sink.clear()

    def read_line(self, prompt: str, *, password: bool) -> str:
        """What was answered when it ran first.

        Raises:
            StdinUnavailableError: no answer was recorded.
        """
        if password or not self._answers:
            raise StdinUnavailableError("no answer was recorded that a replay could give here")
        return self._answers.pop(0)

    def current_cell(self) -> object:
        """The place of the running code."""
        return self._here

    @contextmanager
    def output_to(self, cell: object) -> Iterator[None]:
        """Sends output to an earlier place."""
        before = self._here
        self._here = cell if isinstance(cell, _Place) else before
        try:
            yield
        finally:
            self._here.release()
            self._here = before

    @contextmanager
    def capture(self, captured: Any) -> Iterator[None]:
        """Keeps what the running code shows apart."""
        before = self._here
        self._here = _Place(before.sink, before, captured)
        try:
            yield
        finally:
            self._here.release()
            self._here = before

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Between two runs, if it is time then."""
        number = next(self._numbers)
        heapq.heappush(self._timers, (time.monotonic() + seconds, number, callback, self._here))
        return lambda: self._cancelled.add(number)

    def wake(self) -> None:
        """A replay waits through the runtime's own `waits`."""
