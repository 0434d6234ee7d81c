"""One event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

SCHEMA_VERSION = "1.0"
"""Of the table that scripts and watching clients get."""


class Event:
    """What was told, by whom, and what it belongs to. Immutable by agreement.

    Attributes:
        id: in the form of a UUID; no other event of any process has it.
        event_type: dotted, such as `tool.completed`.
        data: what its publisher told; nobody may change it.
        language: of the publisher: `lua` for scripts, `python` for everything else.
        time: in seconds since the epoch.
        sequence: grows by one with each event of this process.
        correlation_id: what happened for the same reason has the same.
        source: the component that told it, such as `tool:calculator`; may be empty.
        target: for whom it is meant; may be empty.
        tags: words to find it by.
        priority: a number that means what the publisher and its subscribers have agreed on.
        ttl: seconds until nobody gets it any more; None for never.
        size: about the bytes that its data take in memory.
    """

    __slots__ = (
        "correlation_id",
        "data",
        "event_type",
        "id",
        "language",
        "priority",
        "sequence",
        "size",
        "source",
        "tags",
        "target",
        "time",
        "ttl",
    )

    def __init__(
        self,
        event_type: str,
        data: Any,
        *,
        id: str,
        sequence: int,
        time: float,
        language: str = "python",
        correlation_id: str = "",
        source: str = "",
        target: str = "",
        tags: Sequence[str] = (),
        priority: int = 0,
        ttl: float | None = None,
        size: int = 0,
    ) -> None:
        self.id = id
        self.event_type = event_type
        self.data = data
        self.language = language
        self.time = time
        self.sequence = sequence
        self.correlation_id = correlation_id
        self.source = source
        self.target = target
        self.tags = tags
        self.priority = priority
        self.ttl = ttl
        self.size = size

    def is_over(self, now: float) -> bool:
        """Whether its time to live has passed, at a time since the epoch."""
        return self.ttl is not None and now > self.time + self.ttl

    @property
    def timestamp(self) -> str:
        """When it was told, in ISO 8601."""
        return datetime.fromtimestamp(self.time, UTC).isoformat()

    def table(self) -> dict[str, Any]:
        """The table that scripts get; what has no value is left out."""
        metadata: dict[str, Any] = {
            "correlation_id": self.correlation_id,
            "source": self.source or None,
            "target": self.target or None,
            "tags": list(self.tags),
            "priority": self.priority,
            "ttl": self.ttl,
        }
        return {
            "id": self.id,
            "event_type": self.event_type,
            "data": self.data,
            "language": self.language,
            "timestamp": self.timestamp,
            "sequence": self.sequence,
            "metadata": {name: value for name, value in metadata.items() if value is not None},
            "schema_version": SCHEMA_VERSION,
            "target_language": None,
            "serialization_version": SCHEMA_VERSION,
        }
