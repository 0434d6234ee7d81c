"""The input history: every stored cell of every session, over restarts and over kernels."""

from __future__ import annotations

import atexit
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Union

if TYPE_CHECKING:
    from llmspell_kernel.kernel.history_store import Cell, HistoryStore, StoredCell

IN_MEMORY = ":memory:"
COMMIT_SECONDS = 1.0
BATCH_SIZE = 200
ANSWER_SECONDS = 15.0
"""A query gives up after this; SQLite itself waits a third of it for other writers."""

HistoryRow = tuple[int, int, str] | tuple[int, int, tuple[str, str | None]]
"""(session, line number, input), or (session, line number, (input, output)), as in history_reply."""


_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Query:
    """Work for the writer thread whose result somebody waits for; `otherwise` if others hold the file."""

    work: Callable[[HistoryStore], Any]
    otherwise: Any
    answer: Future[Any]


class Close:
    """Tells the writer thread to store what is left and end."""


Command = Union["Cell", Query, Close]


def default_path() -> Path:
    """`llmspell/history.sqlite` in Jupyter's data directory."""
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "llmspell" / "history.sqlite"


def _ignore(message: str) -> None:
    del message


class History:
    """A file of cells that several kernels, each with its own session, read and write at once.

    A thread of its own holds the SQLite connection; it starts, and the file is opened, with the first
    cell or query. Cells are committed about `COMMIT_SECONDS` after they were appended, before the next
    query is answered, and on `close` (which a normal exit of Python calls).

    Trouble never reaches the caller: with a file that cannot be written, or is corrupt (it is renamed
    to `<name>.corrupt-<date>`), `warn` hears it once and the session goes on in memory.

    Threads: any thread may call any method; `warn` is called on the history's own thread.
    """

    def __init__(
        self, path: Path | str | None, language: str, *, warn: Callable[[str], None] = _ignore
    ) -> None:
        """Nothing is opened yet.

        Args:
            path: the file, ":memory:" to keep nothing, or None for `default_path()`.
            language: `tail` and `search` give the cells of this language.
            warn: told, in one line, when history is not kept as it should be.
        """
        self._path = path
        self._language = language
        self._warn = warn
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = self._is_over = False

    def append(self, number: int, source: str, output: str | None = None) -> None:
        """Add a cell under its execution count. Takes some microseconds; never raises or waits."""
        self._commands.put((number, source, output))
        if self._thread is None:
            self._start()
        if self._commands.qsize() >= BATCH_SIZE:
            self._hurry.set()

    @property
    def session(self) -> int:
        """The number of the current session; 0 when the file does not answer."""
        return self._ask(lambda store: store.session, otherwise=0)

    def tail(self, n: int, *, output: bool = False) -> list[HistoryRow]:
        """The last `n` cells over all sessions, oldest first."""
        count = _bounded(max(n, 0))
        return _rows(self._ask(lambda store: store.tail(count), otherwise=[]), output=output)

    def search(
        self, pattern: str = "*", *, n: int | None = None, unique: bool = False, output: bool = False
    ) -> list[HistoryRow]:
        """The last `n` (all when None) cells whose input matches a glob, oldest first.

        `*` matches any characters, newlines too, `?` one, `[a-z]` one of a set; upper and lower case differ.
        With `unique`, equal inputs are given once, at their latest place.
        """
        count = -1 if n is None else _bounded(max(n, 0))
        nothing: list[StoredCell] = []
        found = self._ask(lambda store: store.search(pattern, count, unique=unique), otherwise=nothing)
        return _rows(found, output=output)

    def range(
        self, session: int = 0, start: int = 1, stop: int | None = None, *, output: bool = False
    ) -> list[HistoryRow]:
        """Lines `start` up to and without `stop` of one session.

        Session 0 is the current one and -1 the one before; a negative line counts from the session's end.
        """
        which, first = _bounded(session), _bounded(start)
        end = None if stop is None else _bounded(stop)
        nothing: list[StoredCell] = []
        found = self._ask(lambda store: store.range(which, first, end), otherwise=nothing)
        return _rows(found, output=output)

    def flush(self) -> None:
        """Return when everything appended so far is stored."""
        self._ask(lambda store: None, otherwise=None)

    def close(self) -> None:
        """Store what is left and end the thread; waits for other writers only so long. May be repeated."""
        with self._starting:
            self._closed = True
            thread = self._thread
        if thread is None:
            return
        atexit.unregister(self.close)
        self._commands.put(Close())
        self._hurry.set()
        thread.join(ANSWER_SECONDS)

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None or self._closed:
                return
            thread = threading.Thread(target=self._serve, name="llmspell-history", daemon=True)
            with suppress(RuntimeError):  # Python 3.12 starts none when it ends: the cell is not kept then
                thread.start()
                self._thread = thread
                atexit.register(self.close)

    def _serve(self) -> None:
        try:
            self._keep_serving()
        finally:
            self._is_over = True
            while not self._commands.empty():
                if isinstance(query := self._commands.get(), Query):
                    query.answer.set_result(query.otherwise)

    def _keep_serving(self) -> None:
        # SQLite takes milliseconds to import and to open: not beside the first cell.
        self._hurry.wait(COMMIT_SECONDS)
        from llmspell_kernel.kernel.history_writer import HistoryWriter

        location = None if self._path == IN_MEMORY else Path(self._path or default_path())
        HistoryWriter(location, self._language, self._warn, self._commands, self._hurry).serve()

    def _ask(self, work: Callable[[HistoryStore], _Answer], *, otherwise: _Answer) -> _Answer:
        """What `work` makes of the store once the cells appended so far are in it."""
        self._start()
        if self._closed or self._thread is None or not self._thread.is_alive():
            return otherwise
        query = Query(work, otherwise, Future())
        self._commands.put(query)
        self._hurry.set()
        if self._is_over:  # nobody has answered what came after its end
            return otherwise
        try:
            answer: _Answer = query.answer.result(ANSWER_SECONDS)
        except TimeoutError:
            return otherwise
        return answer


def _bounded(number: int) -> int:
    """SQLite's integers end; no history has that many cells."""
    return max(-(2**53), min(number, 2**53))


def _rows(found: Sequence[StoredCell], *, output: bool) -> list[HistoryRow]:
    if output:
        return [(session, line, (source, result)) for session, line, source, result in found]
    return [(session, line, source) for session, line, source, _ in found]
