"""What belongs together."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services

_here: ContextVar[str] = ContextVar("correlation_id", default="")


class Correlation:
    """The ids of one runtime under which things happen. Any thread.

    A thread that something is handed to takes the id with it by `contextvars.copy_context`.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._unit = ""
        self._lock = threading.Lock()

    @property
    def running(self) -> str:
        """That of `under`, else of the request whose code runs, else one of the script's own."""
        running = _here.get() or self._services.request_id()
        if running:
            return running
        with self._lock:
            self._unit = self._unit or self.new()
            return self._unit

    @staticmethod
    def new() -> str:
        """An id that nothing has."""
        return str(uuid.uuid4())

    def begin_unit(self) -> None:
        """What comes now belongs to nothing earlier; for fronts without requests."""
        with self._lock:
            self._unit = ""

    @contextmanager
    def under(self, correlation_id: str) -> Iterator[str]:
        """What happens within, on this thread, has this id."""
        token = _here.set(correlation_id)
        try:
            yield correlation_id
        finally:
            _here.reset(token)
