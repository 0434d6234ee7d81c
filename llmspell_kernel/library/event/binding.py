"""The bus as scripts use it: on the thread that owns the Lua state, with Lua functions as subscribers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import LuaCallError
from llmspell_kernel.library.callbacks import Callback
from llmspell_kernel.library.event.buffers import Buffer
from llmspell_kernel.library.event.events import Event
from llmspell_kernel.lua.values import decode

if TYPE_CHECKING:
    from llmspell_kernel.library.event.subscriptions import EventCallback
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.binding import LuaFunction, LuaTable
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_DEEPEST = 1000
"""How many events may lead to each other, each published by what is called for the one before."""

Flat = tuple[Any, ...]
"""What event.lua makes a table of."""


class _Handler:
    """A script's function that has subscribed; `number` is its subscription's id."""

    __slots__ = ("called", "function", "name", "number")

    def __init__(self, name: str, called: Callback, function: LuaFunction) -> None:
        self.name = name
        self.called = called
        self.function = function
        self.number = ""


class ScriptEvents:
    """What `Event` calls.

    A script's functions are called in the order of the events: at once for those that are published on this
    thread, unless one of them is running, and else when the cell has ended or waits in `receive`.
    """

    def __init__(self, lua: LuaInterpreter, services: Services) -> None:
        self._lua = lua
        self._bus = services.events
        self._services = services
        settings = services.settings.events
        self._waiting: Buffer[tuple[_Handler, Event, int]] = Buffer(
            settings.buffer_size, settings.buffer_size_bytes
        )
        self._lock = threading.Lock()  # of what waits: other threads add to it
        self._is_calling = self._is_posted = False
        self._depth = 0  # how many events have led to each other until now

    def adopt(self, call: LuaFunction) -> None:
        """A function of event.lua that calls another one with an event, and answers true."""
        self._call = call

    def publish(
        self,
        event_type: bytes,
        data: Any,
        correlation_id: bytes | None = None,
        ttl: float | None = None,
        language: bytes = b"lua",
        source: bytes = b"script",
        target: bytes = b"",
        tags: LuaTable | None = None,
        priority: float = 0,
    ) -> bool:
        """Publishes an event; false if the settings leave out its type."""
        event = self._bus.publish(
            decode(event_type),
            self._lua.exchange.to_python(data, argument="'data' to 'Event.publish'"),
            correlation_id=None if correlation_id is None else decode(correlation_id),
            ttl=ttl,
            language=decode(language),
            source=decode(source),
            target=decode(target),
            tags=() if tags is None else tuple(map(str, self._lua.exchange.to_python(tags))),
            priority=int(priority),
            strict=True,
        )
        return event is not None

    def subscribe(self, pattern: bytes, language: bytes, function: LuaFunction | None) -> str:
        """Queues the events that match, or has a function called; answers the subscription's id."""
        text = decode(pattern)
        if function is None:
            return self._bus.subscribe(text, language=decode(language))
        handler = _Handler(f"the handler of {text!r}", Callback(self._lua, self._call), function)
        handler.number = self._bus.subscribe(text, self._callback(handler), language=decode(language))
        return handler.number

    def _callback(self, handler: _Handler) -> EventCallback:
        def receive(event: Event) -> None:
            here = threading.get_ident() == self._lua.thread
            depth = self._depth + 1 if here else 1
            if depth > _DEEPEST:
                self._failed(handler, event, f"it causes itself: {_DEEPEST:,} events have led to each other")
                return
            with self._lock:
                self._waiting.add((handler, event, depth), event.size)
            if here:
                self._call_waiting()
            elif not self._is_posted and self._services.frontend is not None:
                self._is_posted = True
                self._services.frontend.call_later(0, self._call_posted)

        return receive

    def _call_posted(self) -> None:
        self._is_posted = False
        self._call_waiting()

    def _call_waiting(self) -> None:
        """Calls what waits, also what the functions themselves publish."""
        if self._is_calling:
            return
        self._is_calling = True
        try:
            while (found := self._next()) is not None:
                handler, event, self._depth = found
                if self._bus.has(handler.number):
                    self._call_one(handler, event)
        except BaseException:  # the cell ends: what it has not been told by now it does not want to hear
            with self._lock:
                self._waiting.clear()
            raise
        finally:
            self._is_calling, self._depth = False, 0

    def _next(self) -> tuple[_Handler, Event, int] | None:
        with self._lock:
            return self._waiting.take() if self._waiting else None

    def _call_one(self, handler: _Handler, event: Event) -> None:
        try:
            if handler.called(handler.function, *self._flat(event)) == (True,):
                return
        except LuaCallError as error:
            if isinstance(error.value, BaseException):  # the cell ends
                raise error.value from None
            self._failed(handler, event, str(error))
            return
        # Between cells the traceback was shown already.
        self._bus.handler_failed(event, handler.name, RuntimeError("see the traceback on stderr"))

    def _failed(self, handler: _Handler, event: Event, why: str) -> None:
        text = f"{handler.name} has failed at {event.event_type}: {why}\n"
        self._lua.frontend.write("stderr", text.encode(errors="backslashreplace"))
        self._bus.handler_failed(event, handler.name, RuntimeError(why))

    def receive(self, number: bytes, seconds: float) -> Flat | None:
        """The next event of a subscription; None if none comes in time."""
        event = self._bus.receive(decode(number), seconds, self._services.waits, self._call_waiting)
        return None if event is None else self._flat(event)

    def unsubscribe(self, number: bytes) -> bool:
        """Ends a subscription; whether there was one."""
        return self._bus.unsubscribe(decode(number))

    def subscriptions(self) -> Any:
        """A table for each."""
        return self._lua.exchange.to_lua(self._bus.subscriptions())

    def stats(self) -> Any:
        """The bus's counters."""
        return self._lua.exchange.to_lua(self._bus.stats())

    def history(
        self,
        pattern: bytes,
        correlation_id: bytes | None = None,
        since: float | None = None,
        limit: float | None = None,
    ) -> Any:
        """Earlier events as a list of tables."""
        found = self._bus.history(
            decode(pattern),
            correlation_id=None if correlation_id is None else decode(correlation_id),
            since=int(since or 0),
            limit=None if limit is None else int(limit),
        )
        return self._lua.exchange.to_lua([_without_none(event.table()) for event in found], keeps_null=True)

    def correlated(self, correlation_id: bytes | None, function: LuaFunction) -> Flat:
        """Calls a function under a correlation id of its own, a new one by default; answers its results."""
        with self._bus.correlated(
            self._bus.correlation.new() if correlation_id is None else decode(correlation_id)
        ):
            return self._lua.state.call(function)

    def _flat(self, event: Event) -> Flat:
        tags = self._lua.exchange.to_lua(list(event.tags)) if event.tags else None
        return (
            event.id.encode(),
            event.event_type.encode("utf-8", "surrogatepass"),
            self._lua.exchange.to_lua(event.data, keeps_null=True),
            event.language.encode(),
            event.timestamp.encode(),
            event.sequence,
            event.correlation_id.encode("utf-8", "surrogatepass"),
            event.source.encode("utf-8", "surrogatepass") or None,
            event.target.encode("utf-8", "surrogatepass") or None,
            event.priority,
            event.ttl,
            tags,
        )


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if value is not None}
