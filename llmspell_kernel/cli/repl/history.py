"""The file of inputs, which every REPL of a user adds to."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from llmspell_kernel.cli.repl.options import IN_MEMORY

_SLACK = 1.25
"""The file is rewritten when it has that many times the entries that are kept."""


def default_file() -> Path:
    """`llmspell/repl_history` where programs keep such things."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(home, "llmspell", "repl_history")


class HistoryFile:
    """Inputs of all sessions, oldest first, in the format of prompt_toolkit; on one thread.

    Each input is added as it is entered, so that several REPLs may share the file. A file that cannot be
    read or written is done without; `problem` says why.
    """

    def __init__(self, file: str, size: int) -> None:
        """`file` as in `Options.history_file`; `size` entries are kept, 0 for all."""
        self.path = None if file == IN_MEMORY else Path(file).expanduser() if file else default_file()
        self.problem = ""
        self._size = size
        self._entries: list[str] | None = None

    @property
    def entries(self) -> Sequence[str]:
        """What was entered, as far as the file says at first, and since."""
        if self._entries is None:
            self._entries = self._read()
        return self._entries

    def append(self, text: str) -> None:
        """Adds an input, unless it is the same as the one before."""
        entries = self.entries
        if not text.strip() or (entries and entries[-1] == text):
            return
        assert self._entries is not None
        self._entries.append(text)
        self._write([text], os.O_APPEND)

    def clear(self) -> None:
        """Forgets everything, in the file too."""
        self._entries = []
        self._write([], os.O_TRUNC)

    def _read(self) -> list[str]:
        if self.path is None:
            return []
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            self._give_up("read", error)
            return []
        entries = parsed(data.decode("utf-8", "replace"))
        if self._size and len(entries) > self._size * _SLACK:
            entries = entries[-self._size :]
            self._replace(entries)
        return entries

    def _replace(self, entries: Sequence[str]) -> None:
        """Puts a shorter file in the place of a long one, never a half-written one."""
        assert self.path is not None
        path, self.path = self.path, self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self._write(entries, os.O_TRUNC)
            with suppress(OSError):
                os.replace(self.path, path)
        finally:
            self.path = path

    def _write(self, entries: Sequence[str], how: int) -> None:
        if self.path is None:
            return
        data = "".join(_shown(text) for text in entries).encode("utf-8", "replace")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | how, 0o600)
            try:
                os.write(file, data)
            finally:
                os.close(file)
        except OSError as error:
            self._give_up("written", error)

    def _give_up(self, what: str, error: OSError) -> None:
        why = f"the history file {self.path} cannot be {what}: {error.strerror}"
        self.problem = f"{why}; inputs are forgotten at the end"
        self.path = None


def parsed(text: str) -> list[str]:
    """The entries of a history file's text."""
    entries: list[list[str]] = []
    is_open = False
    for line in text.split("\n"):
        if line.startswith("+"):
            if not is_open:
                entries.append([])
            entries[-1].append(line[1:])
        is_open = line.startswith("+")
    return ["\n".join(lines) for lines in entries]


def _shown(text: str) -> str:
    lines = "".join(f"+{line}\n" for line in text.split("\n"))
    return f"\n# {time.strftime('%Y-%m-%d %H:%M:%S')}\n{lines}"
