"""Who gets which events, and what waits for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from llmspell_kernel.library.event.events import Event
from llmspell_kernel.library.event.patterns import matcher

EventCallback = Callable[[Event], object]


class Subscription:
    """One subscriber: a queue, or a function that is called instead.

    Attributes:
        id: what it is known by.
        pattern: which types of events it is for.
        language: of the subscriber.
        callback: gets each event on the thread that publishes it; None if they are queued.
        name: what messages call the callback.
        dropped: events that were pushed out of the full queue, the oldest first.
        queue: what has not been received yet.
    """

    __slots__ = ("callback", "dropped", "id", "language", "matches", "name", "pattern", "queue")

    def __init__(
        self, number: str, pattern: str, language: str, capacity: int, callback: EventCallback | None
    ) -> None:
        """`capacity` is how many events the queue holds."""
        self.id = number
        self.pattern = pattern
        self.language = language
        self.callback = callback
        self.name = f"the handler of {pattern!r}"
        self.matches = matcher(pattern)
        self.queue: deque[Event] = deque(maxlen=capacity)
        self.dropped = 0

    def add(self, event: Event) -> None:
        """Queues an event; the oldest goes if there is no room."""
        if len(self.queue) == self.queue.maxlen:
            self.dropped += 1
        self.queue.append(event)

    def table(self) -> dict[str, Any]:
        """What `Event.list_subscriptions` tells of it."""
        return {
            "id": self.id,
            "pattern": self.pattern,
            "language": self.language,
            "callback": self.callback is not None,
            "waiting": len(self.queue),
            "dropped": self.dropped,
        }
