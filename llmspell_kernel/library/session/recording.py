"""Recording what runs in the current session, without the cell waiting for it."""

from __future__ import annotations

import atexit
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import LLMSpellError, StorageError
from llmspell_kernel.interpreter import MimeBundle, Outcome, Script

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.session.records import Run, Shown

STORE_SECONDS = 1.0
"""What has run is stored about this long after its end, or when somebody asks for it."""

DEFAULT_LIMIT = 1_000_000
"""Bytes of output that are kept of a run where no settings say otherwise."""

BATCH_SIZE = 1000
ANSWER_SECONDS = 30.0
MAX_NOTES = 1_000
"""Of what one run has stored."""

MAX_WAITING = 1_000
"""Runs that are kept while the store cannot be written; the oldest go."""


class Sink:
    """What one run shows, as it is shown. Any thread may add; nothing raises."""

    __slots__ = ("answers", "decoders", "dropped", "ids", "late", "limit", "result", "shown", "size")

    def __init__(self, limit: int) -> None:
        """`limit` is how many bytes are kept."""
        self.limit = limit
        self.size = 0
        self.dropped = 0
        self.shown: list[tuple[str, str, dict[str, Any] | None]] = []
        self.answers: list[str] = []
        self.ids: dict[str, int] = {}
        self.decoders: dict[str, Any] = {}
        self.result: MimeBundle | None = None
        """What the run came to; a front that shows it does not add to what the run has shown."""
        self.late: Any = None
        """Called when something comes after the end of the run."""

    def add_text(self, stream: str, text: str) -> None:
        """Text on a stream."""
        room = self.limit - self.size
        if len(text) > room:
            self.dropped += len(text) - max(room, 0)
            text = text[: max(room, 0)]
        if text:
            self.size += len(text)
            self.shown.append((stream, text, None))
        if self.late is not None:
            self.late()

    def add_bytes(self, stream: str, data: bytes) -> None:
        """Bytes on a stream; a character may be cut in two."""
        decoder = self.decoders.get(stream)
        if decoder is None:
            import codecs

            decoder = self.decoders[stream] = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self.add_text(stream, decoder.decode(data))

    def add_bundle(
        self, kind: str, bundle: MimeBundle, display_id: str | None = None, *, update: bool = False
    ) -> None:
        """A bundle, or another one in its place; of one that is too big the plain text is kept."""
        if self.result is not None and bundle is self.result:
            return
        data = dict(bundle.data)
        text = str(data.get("text/plain", ""))
        size = sum(len(each) if isinstance(each, str) else len(str(each)) for each in data.values())
        room = max(self.limit - self.size, 0)
        if size > room:
            text = text[:room]
            data = {"text/plain": text}
            self.dropped += size - len(text)
            size = len(text)
        self.size += size
        place = self.ids.get(display_id) if update and display_id is not None else None
        if place is not None:
            self.shown[place] = kind, text, data
        else:
            if display_id is not None:
                self.ids[display_id] = len(self.shown)
            self.shown.append((kind, text, data))
        if self.late is not None:
            self.late()

    def clear(self) -> None:
        """What was shown has been cleared."""
        self.shown.clear()
        self.ids.clear()
        self.size = 0


Record = Callable[[Sink], None]
"""What a front end has as `record`: what the running cell shows, and what is typed for it, goes there too."""


class Running:
    """A run that is under way, or that was and is still to be stored."""

    __slots__ = (
        "begun",
        "code",
        "duration",
        "failed",
        "home",
        "number",
        "script",
        "sequence",
        "sink",
        "started",
        "stored",
    )

    def __init__(
        self,
        session: str | None,
        code: str,
        number: int,
        script: Script | None,
        limit: int,
        notebook: str = "",
    ) -> None:
        """Of a session, or else of that of a notebook, which is looked up when it is stored."""
        self.home = session, notebook if session is None else ""
        self.code = code
        self.number = number
        self.script = script
        self.started = time.time()
        self.begun = time.perf_counter()
        self.duration = 0.0
        self.failed = False
        self.sequence = 0
        self.sink = Sink(limit)
        self.stored: list[dict[str, Any]] = []

    def end(self, outcome: Outcome) -> None:
        """It has come to this."""
        self.duration = time.perf_counter() - self.begun
        if outcome.result is not None:
            self.sink.add_bundle("result", outcome.result)
            self.sink.result = outcome.result
        if outcome.error is not None:
            self.failed = True
            error = outcome.error
            text = f"{error.name}: {error.value}"
            self.sink.add_bundle(
                "error", MimeBundle({"text/plain": text, "traceback": list(error.traceback)})
            )

    def as_run(self) -> Run:
        """As it is stored."""
        from llmspell_kernel.library.session.records import Run

        script = self.script
        return Run(
            sequence=self.sequence,
            code=self.code,
            number=self.number,
            script="" if script is None else script.name,
            arguments=() if script is None else tuple(script.arguments),
            directory="" if script is None else script.directory or "",
            is_cell=script is None or script.is_cell,
            started_at=self.started,
            duration=self.duration,
            failed=self.failed,
            shown=tuple(_joined(list(self.sink.shown))),
            answers=tuple(self.sink.answers),
            stored=tuple(self.stored),
            dropped=self.sink.dropped,
        )


def _joined(shown: Sequence[tuple[str, str, dict[str, Any] | None]]) -> list[Shown]:
    """Neighbours on one stream as one."""
    from llmspell_kernel.library.session.records import Shown

    found: list[Shown] = []
    pieces: list[str] = []
    for index, (kind, text, data) in enumerate(shown):
        if data is not None:
            found.append(Shown(kind, text, data))
            continue
        pieces.append(text)
        if index + 1 == len(shown) or shown[index + 1][0] != kind:
            found.append(Shown(kind, "".join(pieces)))
            pieces = []
    return found


class Recorder:
    """Watches the cells of a runtime; a thread of its own stores them.

    Trouble with the store never reaches a cell: `flush` raises it, and the runs are kept for another try.
    """

    def __init__(self, services: Services, limit: int, warn: Callable[[str], None]) -> None:
        """Nothing is opened yet. A cell that is running now is recorded from here on.

        Args:
            services: those of the runtime.
            limit: how many bytes of output of each run are kept.
            warn: told once, on the recorder's own thread, that what runs cannot be stored, and why.
        """
        self._warn = warn
        self._warned = False
        self._services = services
        self._limit = limit
        self._running: Running | None = None
        self._queue: queue.SimpleQueue[Running | _Question | None] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = self._is_over = False
        self._waiting: list[Running] = []
        self._cleaned = False
        self.problem: LLMSpellError | None = None
        if services.running is not None:
            self.cell_begins(services.running.code, services.running.number)

    # On the thread that runs cells

    def cell_begins(self, code: str, number: int) -> None:
        """Notes it, if a session is current."""
        current = self._services.current
        what = self._services.running
        self._running = None
        if what is None or not what.store or (current.session_id is None and not current.jupyter):
            return
        if current.session_id is None and self._thread is None:
            self._put(None)
        session, notebook = current.session_id, current.jupyter
        self._running = running = Running(session, code, number, what.script, self._limit, notebook)
        record: Record | None = getattr(self._services.frontend, "record", None)
        if record is not None:
            record(running.sink)

    def cell_ends(self, code: str, number: int, outcome: Outcome) -> None:
        """Hands it over."""
        running, self._running = self._running, None
        if running is None:
            return
        running.end(outcome)
        running.sink.late = lambda: self._put(running)
        self._put(running)

    def note(self, kind: str, fields: dict[str, Any]) -> None:
        """The running code has stored something."""
        running = self._running
        if running is not None and len(running.stored) < MAX_NOTES:
            running.stored.append({"kind": kind, **fields})

    def _put(self, running: Running | None) -> None:
        """Hands over what has run; None before: the session is there while its first cell runs."""
        self._queue.put(running or _Question())
        if self._thread is None:
            self._start()
        if self._queue.qsize() >= BATCH_SIZE:
            self._hurry.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closed:
                thread = threading.Thread(target=self._serve, name="llmspell-recorder", daemon=True)
                with suppress(
                    RuntimeError
                ):  # Python 3.12 starts none when it ends: the cell is not kept then
                    thread.start()
                    self._thread = thread
                    atexit.register(self.close)

    # Any thread

    def flush(self) -> None:
        """Returns when all that has ended until now is stored.

        Raises:
            StorageError: it cannot be.
        """
        thread = self._thread
        if thread is None or thread is threading.current_thread() or not thread.is_alive():
            return
        question = _Question()
        self._queue.put(question)
        self._hurry.set()
        if self._is_over:  # nobody has answered what came after its end
            return
        if not question.answered.wait(ANSWER_SECONDS):
            raise StorageError(
                f"what ran is not stored after {ANSWER_SECONDS:g} s; the store does not answer"
            )
        if question.problem is not None:
            raise StorageError(f"what ran is not stored: {question.problem}")

    def close(self) -> None:
        """Stores what is left. May be repeated."""
        with self._starting:
            self._closed = True
        atexit.unregister(self.close)
        if self._thread is not None:
            self._queue.put(None)
            self._hurry.set()
            self._thread.join(ANSWER_SECONDS)

    # The thread

    def _serve(self) -> None:
        try:
            self._keep_storing()
        finally:
            self._is_over = True
            while not self._queue.empty():
                if isinstance(item := self._queue.get(), _Question):
                    item.answered.set()

    def _keep_storing(self) -> None:
        ending = False
        while not ending:
            item = self._queue.get()
            # The cells that run now are not disturbed: this thread sleeps until there is a batch, or a hurry.
            self._hurry.wait(STORE_SECONDS)
            self._hurry.clear()
            items = [item]
            while not self._queue.empty():
                items.append(self._queue.get())
            for each in items:
                if isinstance(each, Running) and each not in self._waiting:
                    self._waiting.append(each)
            self._store()
            for each in items:
                if isinstance(each, _Question):
                    each.problem = self.problem
                    each.answered.set()
            ending = None in items

    def _store(self) -> None:
        """Stores what waits; what could not be stored goes on waiting."""
        sessions, language = self._services.sessions, self._services.current.language
        waiting, self._waiting = self._waiting[-MAX_WAITING:], []
        self.problem = None
        session = target = None
        home: tuple[str | None, str] = None, ""
        try:
            if not waiting:  # a notebook's session is there while its first cell runs
                target = sessions.current
            while waiting:
                home = session, notebook = waiting[0].home
                batch = [each for each in waiting if each.home == home]
                target = session or self._services.current.of_notebook(notebook)
                runs = [each.as_run() for each in batch]
                for each, sequence in zip(batch, sessions.runs.add(target, runs, language), strict=True):
                    each.sequence = sequence
                waiting = [each for each in waiting if each.home != home]
            if not self._cleaned:
                self._cleaned = True
                sessions.clean_up()
        except StorageError as problem:
            self.problem, self._waiting = problem, waiting
            self._complain(problem)
        except LLMSpellError as problem:
            if session is None:
                self._complain(problem)  # a notebook has no session
            # Else the session has ended or was deleted meanwhile: it takes no more.
            self._waiting = [each for each in waiting if each.home != home]
            self._services.current.leave(target or "")

    def _complain(self, problem: LLMSpellError) -> None:
        if not self._warned:
            self._warned = True
            self._warn(f"what runs is not recorded: {problem}")


class _Question:
    """Somebody waits until all before it is stored."""

    __slots__ = ("answered", "problem")

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.problem: LLMSpellError | None = None
