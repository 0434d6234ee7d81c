"""Text output: what Lua, Python and child processes write, on its way to the front ends.

Bytes are kept in one buffer in the order they were written, whatever their stream, and leave as few
messages: when a cell ends, before anything else is shown, when the buffer is full, and otherwise every
`FLUSH_SECONDS`.
"""

from __future__ import annotations

import codecs
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import TextIOBase
from typing import TYPE_CHECKING, Any

from llmspell_kernel.interpreter import SignalGate, StreamName

if TYPE_CHECKING:
    from llmspell_kernel.library.session.recording import Sink
    from llmspell_kernel.magics.session import Captured

FLUSH_SECONDS = 0.05
FLUSH_BYTES = 512 * 1024

Publish = Callable[[str, dict[str, Any], Any], None]
"""Publishes a message: type, content, parent."""


class Cell:
    """The request that output belongs to, and how much it has written.

    While there is a `sink`, what it takes is not shown. What is shown also goes to `record`, if there is one.
    """

    __slots__ = ("dropped", "muted", "parent", "record", "sink", "written")

    def __init__(self, parent: Any, *, muted: bool = False, sink: Captured | None = None) -> None:
        self.parent = parent
        self.sink = sink
        self.record: Sink | None = None
        self.muted = muted
        self.written = 0
        self.dropped = 0


class CellOutput:
    """The text streams of all cells. Any thread may write and flush.

    Output goes to the cell that the writing thread (or context) is in: the one it was started from, or
    the running one.
    """

    def __init__(self, publish: Publish, gate: SignalGate, limit: int) -> None:
        """`limit` is the number of bytes a cell may write; 0 for no limit."""
        self._publish = publish
        self.gate = gate
        self.limit = limit
        self._lock = threading.Lock()
        self._sending = threading.RLock()
        self._segments: list[tuple[Cell, StreamName, bytes]] = []
        self._size = 0
        self._in_flight = False
        self._decoders: dict[StreamName, codecs.IncrementalDecoder] = {}
        self._here: ContextVar[Cell | None] = ContextVar("cell", default=None)
        self.current = Cell({})
        self.before_tick: Callable[[], None] = lambda: None
        """Called (on the ticker's thread) before each regular flush: who holds text may hand it over."""
        self._ticking = threading.Event()
        self._is_ticking = False
        self._closed = False
        self._ticker = threading.Thread(target=self._tick, name="llmspell-output", daemon=True)
        self._ticker.start()

    @property
    def cell(self) -> Cell:
        """The cell that output goes to now."""
        return self._here.get() or self.current

    @contextmanager
    def to(self, cell: Cell) -> Iterator[None]:
        """Sends the output of this context to another cell."""
        token = self._here.set(cell)
        try:
            yield
        finally:
            self._here.reset(token)

    def follow_threads(self) -> None:
        """From now on a thread writes to the cell that started it, for as long as it lives.

        Changes `threading.Thread.start` of this process.
        """
        start = threading.Thread.start

        def start_in_cell(thread: threading.Thread) -> None:
            cell, run = self.cell, thread.run

            def run_in_cell() -> None:
                with self.to(cell):
                    run()

            vars(thread)["run"] = run_in_cell
            start(thread)

        setattr(threading.Thread, "start", start_in_cell)  # noqa: B010 - a method, which mypy protects

    def write(self, stream: StreamName, data: bytes) -> None:
        """Adds bytes; never raises. What is over the cell's limit is dropped and counted."""
        cell = self._here.get() or self.current
        size = len(data)
        if cell.muted or not size:
            return
        if self.limit and cell.written + size > self.limit:
            if cell.dropped or cell.written >= self.limit:
                cell.dropped += size
                return
            keep = self.limit - cell.written
            cell.dropped += size - keep
            data, size = data[:keep], keep
        cell.written += size
        with self._lock:
            self._segments.append((cell, stream, data))
            self._size += size
        if self._size > FLUSH_BYTES:
            self.flush()
        elif not self._is_ticking:
            self._is_ticking = True
            self._ticking.set()

    def flush(self, *, final: bool = False) -> None:
        """Sends what is buffered; `final` also sends the bytes of a character that was never completed.

        When it returns, all that was written before has left, also what another thread was just sending.
        """
        if not (self._segments or self._in_flight or (final and self._decoders)):
            return
        with self.gate.shut(), self._sending:
            nested = self._in_flight
            # Before the buffer is emptied: who looks at both without a lock sees one of them.
            self._in_flight = True
            try:
                self._flush(final)
            finally:
                self._in_flight = nested

    def _flush(self, final: bool) -> None:
        with self._lock:
            segments, self._segments, self._size = self._segments, [], 0
        for cell, stream, data in _joined(segments):
            self._send(cell, stream, self._decode(stream, data, False))
        if final:
            for stream in list(self._decoders):
                self._send(self.cell, stream, self._decode(stream, b"", True))
            self._decoders.clear()

    def take_unfinished_line(self) -> str:
        """The end of what the cell wrote to stdout and nobody has seen yet, if it is a line without its end.

        It is taken away: what asks for input shows it as the prompt.
        """
        with self._lock:
            tail = b""
            for index in range(len(self._segments) - 1, -1, -1):
                cell, stream, data = self._segments[index]
                head, newline, end = data.rpartition(b"\n")
                if stream != "stdout":
                    return ""
                tail = end + tail
                if newline or index == 0:
                    kept = [(cell, stream, head + newline)] if newline else []
                    self._segments[index:] = kept
                    break
        return tail.decode(errors="backslashreplace")

    def finish(self, cell: Cell) -> None:
        """A cell has ended: everything leaves, and a notice of what was dropped."""
        self.flush(final=True)
        if cell.dropped:
            notice = (
                f"\n[{cell.dropped:,} more bytes of output were dropped: this cell reached its limit of "
                f"{self.limit:,} bytes. Raise it with the kernel's option output_limit, e.g. "
                f"%config output_limit = {self.limit * 10}]\n"
            )
            cell.dropped = 0
            self._send(cell, "stderr", notice)

    def close(self) -> None:
        """Sends the rest and ends the ticker."""
        self.flush(final=True)
        self._closed = True
        self._ticking.set()

    def _decode(self, stream: StreamName, data: bytes, final: bool) -> str:
        if not final and stream not in self._decoders:
            try:
                return data.decode()
            except UnicodeDecodeError:
                # Perhaps a character cut in two: from here on this cell's stream is decoded piece by piece.
                self._decoders[stream] = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        return self._decoders[stream].decode(data, final)

    def _send(self, cell: Cell, stream: StreamName, text: str) -> None:
        if text and not (cell.sink is not None and cell.sink.add_text(stream, text)):
            if cell.record is not None:
                cell.record.add_text(stream, text)
            self._publish("stream", {"name": stream, "text": text}, cell.parent)

    def _tick(self) -> None:
        pause = threading.Event()
        while not self._closed:
            self._ticking.wait()
            while not self._closed:
                pause.wait(FLUSH_SECONDS)
                self.before_tick()
                if not self._segments:
                    break
                self.flush()
            self._ticking.clear()
            self._is_ticking = False
            if self._segments:
                self._is_ticking = True
                self._ticking.set()


def _joined(segments: list[tuple[Cell, StreamName, bytes]]) -> Iterator[tuple[Cell, StreamName, bytes]]:
    """Neighbours of one cell and stream as one."""
    start = 0
    for index in range(1, len(segments) + 1):
        cell, stream, _ = segments[start]
        if index < len(segments) and segments[index][0] is cell and segments[index][1] == stream:
            continue
        yield cell, stream, b"".join([data for _, _, data in segments[start:index]])
        start = index


class TextStream(TextIOBase):
    """sys.stdout and sys.stderr of the kernel's Python, over the same buffer as Lua's output."""

    encoding = "utf-8"
    errors = "surrogateescape"

    def __init__(self, output: CellOutput, name: StreamName) -> None:
        self._output = output
        self.name = name

    def write(self, text: str) -> int:
        """Adds text; lone surrogates are the bytes they stand for."""
        self._output.write(self.name, text.encode("utf-8", "surrogateescape"))
        return len(text)

    def flush(self) -> None:
        """Sends what is buffered."""
        self._output.flush()

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Never; colours are understood all the same."""
        return False
