"""What the other services know of the bus."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Bus(Protocol):
    """Takes events. Any thread."""

    def publish(
        self, event_type: str, data: Any, *, source: str = "", correlation_id: str | None = None
    ) -> object:
        """Tells everybody who has subscribed; never raises because of one of them.

        `event_type` is dotted, such as `tool.completed`. Without a correlation id the event has the running
        one, see `correlated`.
        """

    def correlated(self, correlation_id: str | None = None) -> AbstractContextManager[str]:
        """What is published within belongs together under this id, a new one if none runs yet."""

    def call(self, pattern: str, callback: Callable[[Any], object]) -> Callable[[], None]:
        """From now on `callback` gets each event whose type matches; answers what ends it."""
