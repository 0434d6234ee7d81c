"""The thread that owns the history's file: batches, retries, and goes on in memory when the file is lost."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from llmspell_kernel.kernel.history import COMMIT_SECONDS, Close, Command, Query
from llmspell_kernel.kernel.history_store import (
    Cell,
    FileIdentity,
    HistoryStore,
    is_busy,
    is_corrupt,
    move_aside,
)

_Answer = TypeVar("_Answer")


class HistoryWriter:
    """Serves the commands of one `History`. Made and used on one thread."""

    def __init__(
        self,
        location: Path | None,
        language: str,
        warn: Callable[[str], None],
        commands: queue.SimpleQueue[Command],
        hurry: threading.Event,
    ) -> None:
        """Nothing is opened yet; `location` is None for a history in memory."""
        self._location = location
        self._language = language
        self._warn = warn
        self._commands = commands
        self._hurry = hurry
        self._store: HistoryStore | None = None
        self._before: FileIdentity | None = None
        self._unsaved: list[Cell] = []

    def serve(self) -> None:
        """Handle commands until told to close."""
        while True:
            try:
                command = self._commands.get(timeout=COMMIT_SECONDS if self._unsaved else None)
            except queue.Empty:
                self._save()
                continue
            if isinstance(command, tuple):
                # The cells that run now are not disturbed: this thread sleeps until there is a batch.
                self._hurry.wait(COMMIT_SECONDS)
            self._hurry.clear()
            pending = [command]
            while not self._commands.empty():
                pending.append(self._commands.get())
            if self._handle(pending):
                return

    def _handle(self, pending: Sequence[Command]) -> bool:
        """Store and answer in order; true when it is time to end."""
        closing = False
        for command in pending:
            if isinstance(command, Query):
                self._save()
                self._answer(command)
            elif isinstance(command, Close):
                closing = True
            else:
                self._unsaved.append(command)
        self._save()
        if closing:
            self._close()
        return closing

    def _close(self) -> None:
        if self._unsaved:
            self._warn(
                f"history: {len(self._unsaved)} cells were not kept, another process holds {self._location}"
            )
        if self._store is not None:
            self._store.close()

    def _save(self) -> None:
        """Store what is unsaved; while another process holds the file it stays for the next time."""
        if not self._unsaved:
            return
        try:
            self._run(lambda store: store.add(self._unsaved))
        except sqlite3.OperationalError as problem:
            if not is_busy(problem):
                raise
        else:
            self._unsaved.clear()

    def _answer(self, query: Query) -> None:
        try:
            query.answer.set_result(self._run(query.work))
        except BaseException as problem:
            if is_busy(problem):
                query.answer.set_result(query.otherwise)
            else:  # a mistake in this program: it ends this thread, and the one who asked hears why
                query.answer.set_exception(problem)
                raise

    def _run(self, work: Callable[[HistoryStore], _Answer]) -> _Answer:
        """Do the work; when the file turns out to be lost, do it in memory."""
        try:
            if self._store is None:
                self._before = FileIdentity.of(self._location) if self._location else None
                self._store = HistoryStore(self._location, self._language)
            return work(self._store)
        except (sqlite3.Error, OSError) as problem:
            if self._location is None or is_busy(problem):
                raise
            return work(self._go_on_in_memory(self._location, problem))

    def _go_on_in_memory(self, location: Path, problem: Exception) -> HistoryStore:
        lost, self._store, self._location = self._store, None, None
        if lost is not None:
            lost.close()
        advice = "check the file and its directory"
        if is_corrupt(problem):
            aside = move_aside(location, lost.identity if lost else self._before)
            advice = (
                f"the corrupt file is now {aside}" if aside else "move the file away if it is still there"
            )
        self._warn(
            f"history: {location} cannot be used ({problem}); cells are kept until this kernel ends; {advice}"
        )
        self._store = HistoryStore(None, self._language, session=lost.session if lost else None)
        return self._store
