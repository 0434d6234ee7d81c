"""The examples of tools, made ready to be called."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmspell_kernel.library.tool.contract import EXAMPLE_FOLDER

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.entries import Entry
    from llmspell_kernel.library.tool.guards.files import FileGuard


@contextmanager
def ready(entry: Entry, files: FileGuard) -> Iterator[dict[str, Any] | None]:
    """Parameters of a tool's example, with the files that it needs in a folder that is gone afterwards.

    None if it has no example, or needs files and there is no folder for them that tools may use.
    """
    if entry.example is None or not entry.example_files:
        yield None if entry.example is None else dict(entry.example)
        return
    places = (Path(tempfile.gettempdir()), *files.roots)
    place = next((each for each in places if files.allows(each) and _is_writable(each)), None)
    if place is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="llmspell-example-", dir=place) as folder:
        for name, content in entry.example_files.items():
            Path(folder, name).write_bytes(content)
        yield _moved(entry.example, folder)


def _is_writable(folder: Path) -> bool:
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


def _moved(value: Any, folder: str) -> Any:
    """The same with paths in this folder."""
    if isinstance(value, str):
        return value.replace(EXAMPLE_FOLDER, folder)
    if isinstance(value, Mapping):
        return {key: _moved(each, folder) for key, each in value.items()}
    return [_moved(each, folder) for each in value] if isinstance(value, list | tuple) else value
