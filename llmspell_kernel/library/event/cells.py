"""The events of cells and scripts: `kernel.cell.started`, `completed` and `failed`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from llmspell_kernel.interpreter import Outcome

if TYPE_CHECKING:
    from llmspell_kernel.library.event.service import EventBus

_SOURCE = "kernel"


class CellEvents:
    """Watches cells for a bus: those that begin when it is there."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._began = 0.0

    def cell_begins(self, code: str, number: int) -> None:
        """Tells that a cell begins."""
        self._bus.correlation.begin_unit()
        self._began = time.monotonic()
        self._bus.publish("kernel.cell.started", {"number": number}, source=_SOURCE)

    def cell_ends(self, code: str, number: int, outcome: Outcome) -> None:
        """Tells how it has ended."""
        told: dict[str, Any] = {"number": number}
        if self._began:
            told["duration_ms"] = (time.monotonic() - self._began) * 1000
        self._began = 0.0
        if outcome.error is None:
            self._bus.publish("kernel.cell.completed", told, source=_SOURCE)
        else:
            told["error"] = {"name": outcome.error.name, "value": outcome.error.value}
            self._bus.publish("kernel.cell.failed", told, source=_SOURCE)
