"""A place with what tools may use and what they may not, and somebody who is busy there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llmspell_kernel.library.tool.guards.files import FileGuard
from tests.library.tool.guarding import Audit, surroundings

SECRET = b"nobody must read this"


class Place:
    """An allowed folder, and beside it one that is not."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "allowed"
        self.outside = folder / "outside"
        self.root.mkdir()
        self.outside.mkdir()
        (self.outside / "secret.txt").write_bytes(SECRET)
        (self.root / "a.txt").write_bytes(b"inside")
        self.audit: Audit = []
        self.files = surroundings(self.root, audit=self.audit).files

    def guard(self, **options: object) -> FileGuard:
        """One with other settings of tools.file_operations."""
        return surroundings(self.root, tools={"file_operations": options}, audit=self.audit).files


@contextmanager
def repeating(function: Callable[[], None]) -> Iterator[None]:
    """Has another thread do it again and again."""
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            function()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
