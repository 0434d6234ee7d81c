"""The bus: what components tell each other."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import CancelledError, NoSuchThingError, ScriptError
from llmspell_kernel.library.event.buffers import Buffer, size_of
from llmspell_kernel.library.event.cells import CellEvents
from llmspell_kernel.library.event.correlation import Correlation
from llmspell_kernel.library.event.events import Event
from llmspell_kernel.library.event.patterns import matcher
from llmspell_kernel.library.event.subscriptions import EventCallback, Subscription

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.events import Events
    from llmspell_kernel.interpreter import Waits
    from llmspell_kernel.library.event.link import EventLink
    from llmspell_kernel.library.services import Services

_log = logging.getLogger("llmspell.events")

Exporter = Callable[[Event], object]

_KNOWN_TYPES = 1000
"""How many types the bus remembers the subscribers of."""


class EventBus:
    """Takes events and hands them to who has subscribed. Any thread may call anything.

    The order in which one thread publishes is the order in which each subscriber gets them. What a subscriber
    does wrong harms neither the publisher nor the others.

    Attributes:
        correlation: what belongs together.
        exporters: get each event after its subscribers, on the thread that publishes; must not raise.
    """

    def __init__(self, services: Services, settings: Events | None = None) -> None:
        """By default with the settings of the services."""
        self._services = services
        self._hooks = services.hooks
        self._settings = settings = settings or services.settings.events
        self._lock = threading.RLock()
        self._history = self._buffer()
        self._subscriptions: dict[str, Subscription] = {}
        self._by_type: dict[str, tuple[Subscription, ...]] = {}
        self._wakers: tuple[Callable[[], None], ...] = ()
        self._counts: Counter[str] = Counter()
        self._refused = self._filtered = self._failed = self._too_large = 0
        self._sequence = 0
        self._second, self._in_second = 0.0, 0
        self._origin = str(uuid.UUID(bytes=os.urandom(16), version=4))[:24]
        self.correlation = Correlation(services)
        self._closed = False
        self.exporters: list[Exporter] = []
        alone = not settings.enabled or services.forgets
        if not alone and (settings.export.stdout or settings.export.file):
            from llmspell_kernel.library.event.export import exporters

            self.exporters.extend(exporters(settings.export, services.frontend))
        self._wanted = self._filter(settings)
        self._link = None if alone else self._linked()
        services.watchers.append(CellEvents(self))
        services.at_close(self.close)

    @staticmethod
    def _filter(settings: Events) -> Callable[[str, str], bool] | None:
        from llmspell_kernel.library.event.filtering import wanted

        return wanted(settings.filtering)

    def _buffer(self, capacity: int | None = None) -> Buffer[Event]:
        return Buffer(capacity or self._settings.buffer_size, self._settings.buffer_size_bytes)

    def _linked(self) -> EventLink | None:
        """What connects this bus with those of other processes, if the settings want it."""
        kept = self._services.settings.runtime.state_persistence
        backend = self._settings.backend
        if backend == "auto" and kept.enabled and kept.backend_type == "postgres":
            backend = "postgres"
        if backend != "postgres":
            return None
        from llmspell_kernel.library.event.linking import linked

        link = linked(self._services, self.deliver, self._buffer())
        if link is not None:
            self.exporters.append(link.send)
        return link

    @property
    def link(self) -> EventLink | None:
        """What connects this bus with those of other processes; None if it is alone."""
        return self._link

    # Publishing

    def publish(
        self,
        event_type: str,
        data: Any,
        *,
        source: str = "",
        correlation_id: str | None = None,
        language: str = "python",
        strict: bool = False,
        hooked: bool = True,
        **more: Any,
    ) -> Event | None:
        """Tells everybody who has subscribed; answers the event, None if it was not taken.

        It is not taken if the bus is switched off, if the settings filter it out, if there are too many in
        this second, if it is too large, and if a hook stops it.

        Args:
            event_type: dotted, such as `tool.completed`.
            data: what there is to tell; nobody may change it afterwards.
            source: the component that tells it, such as `tool:calculator`.
            correlation_id: by default the running one, see `correlated`.
            language: of the publisher.
            strict: raise where a limit or a hook refuses it.
            hooked: whether hooks are asked; not for what a failed one has caused.
            more: `target`, `tags`, `priority` and `ttl` of the event.

        Raises:
            ScriptError: more events, or more data, than the settings allow; only with `strict`.
            CancelledError: a hook has stopped it; only with `strict`.
        """
        if self._closed or not self._settings.enabled:
            return None
        if self._wanted is not None and not self._wanted(event_type, source):
            self._filtered += 1
            return None
        if not self._may_publish(strict):
            return None
        hooks = self._hooks
        if hooked and hooks.wants("BeforeEventEmit"):
            try:
                decision = hooks.run("BeforeEventEmit", _told(event_type, data, source))
            except CancelledError:
                if strict:
                    raise
                return None
            if decision.action == "skip":
                return None
            data = decision.value if decision.action == "replace" else decision.data.get("data")
        if language == "python" and not self._settings.emit_timing_events:
            data = _without_times(data)
        size = size_of(data)
        if size > self._settings.max_event_size_bytes:
            self._refuse(event_type, size, strict)
            return None
        event = self._publish(
            event_type,
            data,
            size=size,
            source=source,
            correlation_id=self.correlation_id if correlation_id is None else correlation_id,
            language=language,
            **more,
        )
        if hooked and hooks.wants("AfterEventEmit"):
            hooks.observe("AfterEventEmit", _told(event_type, data, source) | {"id": event.id})
        return event

    def _refuse(self, event_type: str, size: int, strict: bool) -> None:
        """It is too large."""
        limit = self._settings.max_event_size_bytes
        text = (
            f"the data of the event {event_type!r} take {size:,} bytes, and {limit:,} are the limit "
            "(events.max_event_size_bytes): publish where they are, such as a key of State or an artifact, "
            "or raise the limit"
        )
        self._too_large += 1
        if strict:
            raise ScriptError(text)
        _log.warning("%s", text)

    def _publish(self, event_type: str, data: Any, **about: Any) -> Event:
        with self._lock:
            self._sequence = sequence = self._sequence + 1
            event = Event(
                event_type,
                data,
                id=f"{self._origin}{sequence & 0xFFFFFFFFFFFF:012x}",
                sequence=sequence,
                time=time.time(),
                **about,
            )
            callbacks = self._add(event)
        self._call(event, callbacks)
        return event

    def deliver(self, event: Event) -> None:
        """Hands on an event of another process; `sequence` becomes this process's next."""
        event.size = size_of(event.data)
        with self._lock:
            self._sequence = event.sequence = self._sequence + 1
            callbacks = self._add(event)
        self._call(event, callbacks, exports=False)

    def _add(self, event: Event) -> list[Subscription]:
        """Puts it where it is kept; answers who is to be called."""
        self._history.add(event, event.size)
        self._counts[self._counted(event.event_type)] += 1
        subscriptions = self._by_type.get(event.event_type)
        if subscriptions is None:
            subscriptions = self._matching(event.event_type)
        callbacks = []
        for each in subscriptions:
            if each.callback is None:
                each.queue.add(event, event.size)
            else:
                callbacks.append(each)
        return callbacks

    def _counted(self, event_type: str) -> str:
        """What it is counted as: types beyond those that are known are counted together."""
        return event_type if event_type in self._counts or len(self._counts) < _KNOWN_TYPES else "(others)"

    def _matching(self, event_type: str) -> tuple[Subscription, ...]:
        if len(self._by_type) >= _KNOWN_TYPES:
            self._by_type.clear()
        found = tuple(each for each in self._subscriptions.values() if each.matches(event_type))
        self._by_type[event_type] = found
        return found

    def _call(self, event: Event, callbacks: Sequence[Subscription], *, exports: bool = True) -> None:
        for wake in self._wakers:
            wake()
        for each in callbacks:
            if not self.has(each.id):  # the one before it has ended it
                continue
            try:
                assert each.callback is not None
                each.callback(event)
            except Exception as error:  # noqa: BLE001 - the border to handlers, which are other people's code
                self.handler_failed(event, each.name, error)
        if exports:
            for export in self.exporters:
                export(event)

    def handler_failed(self, event: Event, handler: str, error: BaseException) -> None:
        """Notes that a subscriber's function has failed. Never raises."""
        self._failed += 1
        if self._hooks.wants("EventHandlerError"):
            told = _told(event.event_type, event.data, event.source)
            self._hooks.observe("EventHandlerError", {**told, "handler": handler, "error": str(error)})

    def _may_publish(self, strict: bool) -> bool:
        limit = self._settings.max_events_per_second
        if not limit:
            return True
        with self._lock:
            now = time.monotonic()
            if now - self._second >= 1.0:
                self._second, self._in_second = now, 0
            self._in_second += 1
            if self._in_second <= limit:
                return True
            self._refused += 1
        if strict:
            raise ScriptError(
                f"more than {limit} events in a second; publish fewer, or raise events.max_events_per_second"
            )
        return False

    @property
    def correlation_id(self) -> str:
        """The running one, see `Correlation`."""
        return self.correlation.running

    def correlated(self, correlation_id: str | None = None) -> AbstractContextManager[str]:
        """What is published within belongs together under this id, a new one if none runs yet."""
        return self.correlation.under(correlation_id or self.correlation.running)

    # Subscribing

    def subscribe(
        self,
        pattern: str,
        callback: EventCallback | None = None,
        *,
        language: str = "python",
        capacity: int | None = None,
    ) -> str:
        """From now on keeps the events whose type matches, or calls back; answers the subscription's id.

        Args:
            pattern: see `patterns.matcher`.
            callback: gets each event on the thread that publishes it, at once. Without one they wait in a
                queue for `receive`.
            language: of the subscriber.
            capacity: events that the queue holds; `events.buffer_size` by default.
        """
        if not pattern:
            raise ScriptError("the pattern is empty; give a type of events such as tool.completed, or *")
        made = Subscription(str(uuid.uuid4()), pattern, language, self._buffer(capacity), callback)
        with self._lock:
            self._subscriptions[made.id] = made
            self._by_type.clear()
        return made.id

    def call(self, pattern: str, callback: EventCallback) -> Callable[[], None]:
        """From now on `callback` gets each event whose type matches; answers what ends it."""
        number = self.subscribe(pattern, callback)

        def end() -> None:
            self.unsubscribe(number)

        return end

    def unsubscribe(self, number: str) -> bool:
        """Ends a subscription; whether there was one of this id."""
        with self._lock:
            found = self._subscriptions.pop(number, None)
            self._by_type.clear()
        for wake in self._wakers:
            wake()
        return found is not None

    def has(self, number: str) -> bool:
        """Whether there is a subscription of this id."""
        return number in self._subscriptions

    def receive(
        self,
        number: str,
        timeout: float,
        waits: Waits | None = None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Event | None:
        """The next event of a subscription; None if none comes in `timeout` seconds, or if it ends meanwhile.

        Args:
            number: the subscription's id.
            timeout: seconds.
            waits: how the thread that runs cells waits; any other thread needs none.
            meanwhile: called before and after each event that is published while it waits.

        Raises:
            NoSuchThingError: there is no such subscription.
            KeyboardInterrupt: the cell was interrupted.
        """
        subscription = self._subscriptions.get(number)
        if subscription is None or subscription.callback is not None:
            raise NoSuchThingError(
                f"No active subscription found with id {number!r}; give what Event.subscribe has answered"
            )
        event = self._take(subscription)
        if event is not None or timeout <= 0:
            return event
        found: list[Event] = []

        def ready() -> bool:
            meanwhile()
            if number not in self._subscriptions:
                return True
            if (event := self._take(subscription)) is not None:
                found.append(event)
            return bool(found)

        if waits is not None:
            with self._waking(waits.wake):
                waits.until(ready, timeout)
        else:
            self._wait(ready, timeout)
        return found[0] if found else None

    def _take(self, subscription: Subscription) -> Event | None:
        now = time.time()
        with self._lock:
            while subscription.queue:
                event = subscription.queue.take()
                if not event.is_over(now):
                    return event
        return None

    def _wait(self, ready: Callable[[], bool], timeout: float) -> None:
        woken, end = threading.Event(), time.monotonic() + timeout
        with self._waking(woken.set):
            while not ready() and (left := end - time.monotonic()) > 0:
                woken.wait(left)
                woken.clear()

    @contextmanager
    def _waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Has it called with each event."""
        with self._lock:
            self._wakers = (*self._wakers, wake)
        try:
            yield
        finally:
            with self._lock:
                left = list(self._wakers)
                left.remove(wake)
                self._wakers = tuple(left)

    # Looking back

    def history(
        self,
        pattern: str = "*",
        *,
        correlation_id: str | None = None,
        since: int = 0,
        limit: int | None = None,
    ) -> list[Event]:
        """Earlier events, the oldest first; with `limit`, the latest ones.

        Args:
            pattern: see `patterns.matcher`.
            correlation_id: what they belong to.
            since: a sequence number; only those after it.
            limit: how many at most.
        """
        now, matches = time.time(), matcher(pattern)
        with self._lock:
            kept = list(self._history)
        found = [
            each
            for each in kept
            if each.sequence > since
            and (correlation_id is None or each.correlation_id == correlation_id)
            and matches(each.event_type)
            and not each.is_over(now)
        ]
        return found if limit is None else found[max(len(found) - limit, 0) :]

    def subscriptions(self) -> list[dict[str, Any]]:
        """A table for each, in the order in which they were made."""
        with self._lock:
            return [each.table() for each in self._subscriptions.values()]

    def stats(self) -> dict[str, Any]:
        """Counters of the bus and of its subscriptions."""
        with self._lock:
            subscriptions = list(self._subscriptions.values())
            return {
                "event_bus_stats": {
                    "events_processed": sum(self._counts.values()),
                    "rate_limit_violations": self._refused,
                    "buffer_size": len(self._history),
                    "buffer_size_bytes": self._history.size,
                    "buffer_capacity": self._history.capacity,
                    "events_filtered": self._filtered,
                    "events_too_large": self._too_large,
                    "handler_failures": self._failed,
                    "events_by_type": dict(sorted(self._counts.items())),
                },
                "bridge_stats": {
                    "active_subscriptions": len(subscriptions),
                    "subscriptions_by_language": dict(Counter(each.language for each in subscriptions)),
                    "events_waiting": sum(len(each.queue) for each in subscriptions),
                    "events_dropped": sum(each.queue.dropped for each in subscriptions),
                },
            }

    def close(self) -> None:
        """Ends all subscriptions, and whoever waits for one. May be repeated."""
        if self._link is not None and not self._closed:
            self._link.close()
        self._closed = True
        with self._lock:
            self._subscriptions.clear()
            self._by_type.clear()
        for wake in self._wakers:
            wake()


def _without_times(data: Any) -> Any:
    """What a component tells, but not how long it took."""
    if isinstance(data, dict) and "duration_ms" in data:
        return {key: value for key, value in data.items() if key != "duration_ms"}
    return data


def _told(event_type: str, data: Any, source: str) -> dict[str, Any]:
    """What hooks get of an event."""
    return {"event_type": event_type, "data": data, "source": source}
