"""Who gets which events, and what waits for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmspell_kernel.library.event.buffers import Buffer
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
        queue: what has not been received yet.
    """

    __slots__ = ("callback", "id", "language", "matches", "name", "pattern", "queue")

    def __init__(
        self, number: str, pattern: str, language: str, queue: Buffer[Event], callback: EventCallback | None
    ) -> None:
        """`queue` is for what is not received at once."""
        self.id = number
        self.pattern = pattern
        self.language = language
        self.callback = callback
        self.name = f"the handler of {pattern!r}"
        self.matches = matcher(pattern)
        self.queue = queue

    def table(self) -> dict[str, Any]:
        """What `Event.list_subscriptions` tells of it."""
        return {
            "id": self.id,
            "pattern": self.pattern,
            "language": self.language,
            "callback": self.callback is not None,
            "waiting": len(self.queue),
            "dropped": self.queue.dropped,
        }
