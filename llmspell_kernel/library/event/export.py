"""Events outside of the bus: as JSON, to the output or to a file."""

from __future__ import annotations

import json
import logging
import math
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmspell_kernel.library.event.events import Event

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.events import Export
    from llmspell_kernel.interpreter import Frontend

_log = logging.getLogger("llmspell.events")


def exporters(settings: Export, frontend: Frontend | None) -> list[Callable[[Event], None]]:
    """What writes events down as the settings say; each may be called by any thread and never raises."""
    found: list[Callable[[Event], None]] = []
    indent = 2 if settings.pretty_json else None

    def text(event: Event) -> str:
        return json.dumps(jsonable(event.table()), ensure_ascii=False, indent=indent) + "\n"

    if settings.stdout:
        found.append(lambda event: _write_out(frontend, text(event)))
    if settings.file:
        file = _EventFile(Path(settings.file).expanduser())
        found.append(lambda event: file.write(text(event)))
    return found


def _write_out(frontend: Frontend | None, text: str) -> None:
    if frontend is not None:
        frontend.write("stdout", text.encode(errors="backslashreplace"))
    elif sys.stdout is not None:
        sys.stdout.write(text)


class _EventFile:
    """A file to which events are added; one that cannot be written is told of once, and left alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._failed = False

    def write(self, text: str) -> None:
        with self._lock:
            if self._failed:
                return
            try:
                # Opened for each: other processes may write the same file, and it may be moved away.
                with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(text)
            except OSError as error:
                self._failed = True
                _log.warning("Events cannot be written to %s (events.export.file): %s", self._path, error)


def jsonable(value: Any) -> Any:
    r"""A value as JSON can say it: keys are texts, bytes that are not UTF-8 `\xNN`, NaN and infinity null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {str(jsonable(key)): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    return str(value)
