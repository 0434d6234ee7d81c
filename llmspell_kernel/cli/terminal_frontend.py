"""What a script run from the command line may ask of its front: the process's own streams."""

from __future__ import annotations

import errno
import heapq
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import count
from typing import IO, TYPE_CHECKING

from llmspell_kernel.interpreter import MimeBundle, StreamName

if TYPE_CHECKING:
    from llmspell_kernel.library.session.recording import Sink

_RELEASE_SECONDS = 0.05
_DESCRIPTORS: dict[StreamName, int] = {"stdout": 1, "stderr": 2}

ReadLine = Callable[[str], str]
"""Shows a prompt and answers a line without its newline; raises EOFError."""


class TerminalFrontend:
    """The `Frontend` of a terminal or of pipes; see that protocol for what each method guarantees.

    Attributes:
        release: called, on a thread of its own, soon after something was written: the interpreter may hold
            more of it.
        copy: called with whatever is written, after it was written, by one thread at a time; must not raise.
        on_loss: called once when stdout takes no more: its reader has gone, the disk is full; must not raise.
    """

    def __init__(self, read_line: ReadLine | None = None) -> None:
        """Input is read by `read_line`, by default from stdin."""
        self._read_line = read_line or _line_of_stdin
        self.release: Callable[[], None] = lambda: None
        self.copy: Callable[[StreamName, bytes], None] = lambda stream, data: None
        self.on_loss: Callable[[OSError], None] = lambda error: None
        self._sink: Sink | None = None
        self._closed: set[StreamName] = set()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._cancelled: set[int] = set()
        self._posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.get_ident()
        self._written = threading.Event()
        self._writing = threading.RLock()  # a signal handler may find its own thread writing
        threading.Thread(target=self._keep_releasing, name="llmspell-output", daemon=True).start()

    def write(self, stream: StreamName, data: bytes) -> None:
        """Writes bytes as they are; what the stream does not take is dropped."""
        if self._sink is not None:
            self._sink.add_bytes(stream, data)
        self.put(stream, data)

    def put(self, stream: StreamName, data: bytes) -> None:
        """As `write`, for what the script has not written itself: no record has it."""
        with self._writing:
            rest = memoryview(data)
            while rest and stream not in self._closed:
                try:
                    rest = rest[os.write(_DESCRIPTORS[stream], rest) :]
                except BlockingIOError:
                    time.sleep(_RELEASE_SECONDS)  # a terminal that others have set to be non-blocking
                except OSError as error:
                    self._closed.add(stream)
                    # A stream that was closed from the beginning is the user's wish.
                    if stream == "stdout" and error.errno != errno.EBADF:
                        self.on_loss(error)
            self.copy(stream, data)
        self._written.set()

    def _keep_releasing(self) -> None:
        pause = threading.Event()
        while True:
            self._written.wait()
            pause.wait(_RELEASE_SECONDS)
            self._written.clear()
            self.release()

    def flush(self) -> None:
        """Nothing is held back."""

    def display(self, bundle: MimeBundle, *, display_id: str | None = None, update: bool = False) -> None:
        """Writes the plain text of a bundle; what has none is named."""
        text = bundle.data.get("text/plain", f"<{', '.join(bundle.data) or 'nothing'}>")
        sink, self._sink = self._sink, None
        self.write("stdout", f"{text}\n".encode(errors="surrogateescape"))
        if sink is not None:
            self._sink = sink
            sink.add_bundle("display", bundle, display_id, update=update)

    def record(self, sink: Sink) -> None:
        """From now on what is shown is also given to `sink`."""
        self._sink = sink

    def can_update(self) -> bool:
        """A terminal only appends."""
        return False

    def clear_output(self, *, wait: bool) -> None:
        """What was written stays."""

    def read_line(self, prompt: str, *, password: bool) -> str:
        """A line of stdin."""
        if not password:
            return self._read_line(prompt)
        from getpass import getpass

        return getpass(prompt)

    def ask_user(self, prompt: str) -> str:
        """A line that somebody types; what is piped in is for the script.

        Raises:
            EOFError: stdin is no terminal.
        """
        if sys.stdin is None or not sys.stdin.isatty():
            raise EOFError
        return self._read_line(prompt)

    def current_cell(self) -> object:
        """There is only one place for output."""
        return self

    def output_to(self, cell: object) -> AbstractContextManager[None]:
        """There is only one place for output."""
        return nullcontext()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Has `serve` call back when it is time. Any thread."""
        number = next(self._numbers)
        heapq.heappush(self._timers, (time.monotonic() + seconds, number, callback))
        if threading.get_ident() != self._thread:
            self.call_soon(lambda: None)  # `serve` looks again
        return lambda: self._cancelled.add(number)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Has `serve` call back. Any thread."""
        self._posted.put(callback)

    def serve(self, *, until: Callable[[], bool]) -> None:
        """Does what is to be done between the calls of Lua code, on its thread, until that is true."""
        while not until():
            with suppress(queue.Empty):
                self._posted.get(timeout=self._seconds_left())()
            self._call_timer()

    @property
    def has_timers(self) -> bool:
        """Whether any timer is still to call back."""
        while self._timers and self._timers[0][1] in self._cancelled:
            self._cancelled.remove(heapq.heappop(self._timers)[1])
        return bool(self._timers)

    def _seconds_left(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self.has_timers else None

    def _call_timer(self) -> None:
        if self.has_timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    def wake(self) -> None:
        """Interrupts what the main thread is blocked in."""
        os.kill(os.getpid(), signal.SIGINT)


def _line_of_stdin(prompt: str) -> str:
    if sys.stdin is None:
        raise EOFError
    if prompt:
        os.write(1, prompt.encode(errors="surrogateescape"))
    line = sys.stdin.buffer.readline()
    if not line:
        raise EOFError
    return line.decode(errors="surrogateescape").removesuffix("\n")


class CapturingFrontend(TerminalFrontend):
    """Keeps what goes to stdout; stderr is the process's own."""

    def __init__(self, read_line: ReadLine | None = None) -> None:
        """Nothing is captured yet."""
        super().__init__(read_line)
        self._kept: list[bytes] = []

    def put(self, stream: StreamName, data: bytes) -> None:
        """Keeps what goes to stdout."""
        if stream == "stdout":
            self._kept.append(data)
        else:
            super().put(stream, data)

    @property
    def output(self) -> bytes:
        """All of stdout so far."""
        return b"".join(self._kept)


def colours_by_default(stream: IO[str]) -> bool:
    """Whether a stream shows colours where no option says so: the environment, else a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
