"""Which pieces of source there are: files, cells and what code has loaded, by the paths that clients know."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from llmspell_kernel.errors import DebuggerError
from llmspell_kernel.lua.debugger.model import Source

_OWN = "=[llmspell]"
_NAME_LENGTH = 40


class Sources:
    """The sources of one Lua state.

    A chunk's *source* is what debug.getinfo gives: `@file`, `=name`, or the text itself. Its *path* is what
    clients set breakpoints by: a file's absolute path; for a cell what `locate` makes of its name and text.
    Any thread may call everything.

    Attributes:
        locate: the path of a chunk (its short name and text) that is no file.
    """

    def __init__(self, texts: Mapping[str, str], own_files: Mapping[str, str]) -> None:
        """`texts` are those of the cells, by chunk name; `own_files` those of the runtime's chunks."""
        self.locate: Callable[[str, str], str] = lambda chunk, _code: chunk
        self._cells = texts
        self._own_files = own_files
        self._lock = threading.Lock()
        self._texts: dict[str, str] = {}  # path -> text that has been seen
        self._sources: dict[str, Source] = {}  # path -> source
        self._named: dict[str, str] = {}  # short name of a chunk that is no file -> the path it had last
        self._references: list[str] = []  # paths, by reference from 1
        self._loaded: dict[str, str] = {}  # text of an unnamed chunk -> its path

    def know(self, path: str, code: str) -> None:
        """The text of a path, that may not have run yet."""
        self._texts[path] = code

    def path_of(self, source: str, code: str | None = None) -> str:
        """The path of a chunk; `code` is its text, where the caller has it."""
        if source.startswith("@"):
            return os.path.abspath(source[1:])
        if source.startswith(_OWN):
            own = self._own_files.get(source[1:])
            return own if own is not None else source[1:]
        if source.startswith("="):
            name = source[1:]
            text = self._cells.get(name, code)
            if text is not None:
                self._named[name] = self.locate(name, text)
            return self._named.get(name, name)
        return self._path_of_text(source)

    def _path_of_text(self, text: str) -> str:
        with self._lock:
            path = self._loaded.get(text)
            if path is None:
                path = self._loaded[text] = f"load [{len(self._loaded) + 1}]"
                self._texts[path] = text
            return path

    def source_of(self, source: str) -> Source:
        """What to tell clients of a chunk."""
        path = self.path_of(source)
        own = source.startswith(_OWN)
        if source.startswith("@"):
            name = os.path.basename(path)
        elif source.startswith("="):
            name = source[1:]
            if not own and name in self._cells:
                self.know(path, self._cells[name])
        else:
            first = source.strip().partition("\n")[0]
            name = f"{path}: {first[:_NAME_LENGTH]}"
        return self._remember(path, name, own=own)

    def _remember(self, path: str, name: str, *, own: bool) -> Source:
        with self._lock:
            known = self._sources.get(path)
            if known is not None and known.name == name:
                return known
            reference = known.reference if known else 0
            if not reference and not os.path.isfile(path):
                self._references.append(path)
                reference = len(self._references)
            found = self._sources[path] = Source(path, name, reference, own)
            return found

    def text(self, path: str | int) -> str:
        """The text of a path or reference.

        Raises:
            DebuggerError: there is no such source, or its file cannot be read.
        """
        if isinstance(path, int):
            if not 0 < path <= len(self._references):
                raise DebuggerError(f"there is no source with the reference {path}")
            path = self._references[path - 1]
        known = self.known_text(path)
        if known is None:
            raise DebuggerError(
                f"there is no source {path!r}: no cell has this text, and no such file can be read"
            )
        return known

    def known_text(self, path: str) -> str | None:
        """The text of a path, None if it is not known."""
        known = self._texts.get(path)
        if known is not None:
            return known
        for chunk, code in list(self._cells.items()):
            if self.locate(chunk, code) == path:
                self.know(path, code)
                return code
        try:
            return Path(path).read_text(errors="surrogateescape") if os.path.isabs(path) else None
        except OSError:
            return None

    def all(self) -> list[Source]:
        """Every source that has been told of, the runtime's own left out."""
        for chunk in list(self._cells):
            self.source_of("=" + chunk)
        with self._lock:
            return [source for source in self._sources.values() if not source.own]
