"""Events for clients: the comm target `llmspell.events`.

A comm is opened with `{"pattern": "tool.*", "history": 10}`; both may be left out. From then on each event of
such a type comes as a message `{"event": {...}}`, the earlier ones first. Of more than `PER_SECOND` the rest
is left out, and counted as `dropped` in the next message. Closing the comm ends it.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmspell_kernel.kernel.comms import KernelComm
    from llmspell_kernel.kernel.requests import Message, Requests
    from llmspell_kernel.library.event.events import Event
    from llmspell_kernel.library.event.service import EventBus

COMM_TARGET = "llmspell.events"

PER_SECOND = 1000
"""Events that one comm gets in a second."""


class EventComms:
    """The comms on which clients of one kernel watch its events."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        requests.comms.register_target(COMM_TARGET, self._open)

    def _open(self, opened: KernelComm, message: Message) -> None:
        services = self._requests.runtime.services
        if not services.settings.events.enabled:
            opened.close({"error": "there are no events here: the setting events.enabled is false"})
            return
        given = message["content"].get("data") or {}
        if not _is_understood(given):
            text = f"a pattern (text) and a history (number of events) expected, got {json.dumps(given)}"
            opened.close({"error": text})
            return
        pattern, count = given.get("pattern", "*"), given.get("history", 0)
        bus, comm = services.events, EventComm(opened)
        number = comm.subscribe(bus, pattern, None if count is True else count)
        opened.on_close(lambda _message: bus.unsubscribe(number))


def _is_understood(given: object) -> bool:
    """Whether this says what is to be watched."""
    if not isinstance(given, dict) or not given.keys() <= {"pattern", "history"}:
        return False
    pattern, count = given.get("pattern", "*"), given.get("history", 0)
    return isinstance(pattern, str) and pattern != "" and isinstance(count, int) and count >= 0


class EventComm:
    """One client's comm. Any thread may send."""

    def __init__(self, comm: KernelComm) -> None:
        self._comm = comm
        self._lock = threading.Lock()
        self._second, self._sent, self._dropped = 0.0, 0, 0
        self._earlier: set[int] = set()

    def subscribe(self, bus: EventBus, pattern: str, earlier: int | None) -> str:
        """Sends so many earlier events (None for all), and then those to come; answers the subscription's id.

        What others publish meanwhile waits for the earlier ones, and is sent once.
        """
        with self._lock:
            number = bus.subscribe(pattern, self.send, language="comm")
            for event in bus.history(pattern, limit=earlier):
                self._send(event)
                self._earlier.add(event.sequence)
        return number

    def send(self, event: Event) -> None:
        """Sends an event, unless it was among the earlier ones."""
        with self._lock:
            if event.sequence not in self._earlier:
                self._send(event)

    def _send(self, event: Event) -> None:
        from llmspell_kernel.library.event.export import jsonable

        now = time.monotonic()
        if now - self._second >= 1:
            self._second, self._sent = now, 0
        if self._sent >= PER_SECOND:
            self._dropped += 1
            return
        self._sent += 1
        data: dict[str, Any] = {"event": jsonable(event.table())}
        if self._dropped:
            data["dropped"], self._dropped = self._dropped, 0
        self._comm.send(data)
