"""The bus of several processes: events travel through a PostgreSQL database.

Each process adds its events to the table `event_log` and notifies the others of the rows' numbers; what an
event says is in the row, which only its tenant can read. Rows are kept for an hour, so that a process that
has lost its connection for a moment misses nothing. Two threads of each process see to it: one writes, one
listens; whoever publishes does not wait for them.
"""

from __future__ import annotations

import hashlib
import logging
import os
import select
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from msgspec import MsgspecError, msgpack

from llmspell_kernel.errors import StorageError
from llmspell_kernel.library.event.events import Event
from llmspell_kernel.library.event.export import jsonable

if TYPE_CHECKING:
    from llmspell_kernel.library.event.buffers import Buffer
    from llmspell_kernel.storage.postgres.schema import Connection
    from llmspell_kernel.storage.postgres.store import PostgresStorage

_log = logging.getLogger("llmspell.events")

BATCH = 200
"""Events that one statement adds; the numbers of so many fit into a notification (8,000 bytes)."""

KEEP_SECONDS = 3600.0
OVERLAP_SECONDS = 30.0
"""How far back a process looks that was cut off: rows are numbered in another order than they are seen."""

_TIDY_SECONDS = 60.0
_CLOSE_SECONDS = 2.0
_PAUSES = (0.1, 0.3, 0.5, 1.0, 1.0, 2.0, 5.0)
"""Seconds before each further attempt to connect."""

_ADD = """
WITH added AS (
    INSERT INTO event_log (origin, event)
    SELECT %(origin)s, event FROM unnest(%(events)s::bytea[]) WITH ORDINALITY AS given (event, place)
    ORDER BY place RETURNING id
)
SELECT pg_notify(%(channel)s, %(origin)s || ' ' || string_agg(id::text, ',' ORDER BY id)) FROM added"""
_READ = "SELECT event FROM event_log WHERE id = ANY(%s) ORDER BY id"
_CATCH_UP = """
SELECT event FROM event_log
WHERE created_at > now() - %s * interval '1 second' AND origin <> %s ORDER BY id"""
_TIDY = "DELETE FROM event_log WHERE created_at < now() - %s * interval '1 second'"

_FIELDS = ("language", "time", "correlation_id", "source", "target", "tags", "priority", "ttl")


class EventLink:
    """Sends the events of one process to the others of its tenant, and brings theirs."""

    def __init__(
        self, store: PostgresStorage, deliver: Callable[[Event], None], waiting: Buffer[Event]
    ) -> None:
        """Begins to listen.

        Args:
            store: where the events travel through.
            deliver: gets each event of another process once, on a thread of the link's.
            waiting: for events that are to be sent.
        """
        self._store = store
        self._deliver = deliver
        self._origin = os.urandom(8).hex()
        self._channel = "llmspell_events_" + hashlib.sha256(store.tenant_id.encode()).hexdigest()[:16]
        self._waiting = waiting
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._listening = threading.Event()
        self._told = False
        self._wake_read, self._wake_write = os.pipe()
        self._threads = [
            threading.Thread(target=work, name=f"llmspell-events-{name}", daemon=True)
            for name, work in (("out", self._keep_sending), ("in", self._keep_listening))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def dropped(self) -> int:
        """Events that were not sent, because the database was away for too long."""
        return self._waiting.dropped

    def wait_listening(self, seconds: float) -> bool:
        """Waits until what others send arrives; whether it does by then."""
        return self._listening.wait(seconds)

    # Sending

    def send(self, event: Event) -> None:
        """Has an event sent soon. Any thread; never raises."""
        with self._changed:
            self._waiting.add(event, event.size)
            self._changed.notify()

    def _keep_sending(self) -> None:
        tidied = time.monotonic()
        connection: Connection | None = None
        attempt = 0
        while True:
            batch = self._next_batch()
            if not batch:
                break
            try:
                connection = connection or self._store.connect()
                self._add(connection, batch)
                attempt = 0
                if time.monotonic() - tidied > _TIDY_SECONDS:
                    tidied = time.monotonic()
                    connection.execute(_TIDY, [KEEP_SECONDS])
            except (psycopg.Error, StorageError) as error:
                _close(connection)
                connection = None
                self._lost(error)
                if self._ending.wait(_PAUSES[min(attempt, len(_PAUSES) - 1)]):
                    break
                attempt += 1
        _close(connection)

    def _next_batch(self) -> list[Event]:
        """What is to be sent; nothing when the link ends. It waits until `_add` has taken it away."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending.is_set())
            return [self._waiting[place] for place in range(min(len(self._waiting), BATCH))]

    def _add(self, connection: Connection, batch: Sequence[Event]) -> None:
        given = {
            "origin": self._origin,
            "channel": self._channel,
            "events": [_packed(each) for each in batch],
        }
        connection.execute(_ADD, given)
        sent = {each.id for each in batch}
        with self._changed:
            while self._waiting and self._waiting[0].id in sent:
                self._waiting.take()
            self._changed.notify_all()

    # Listening

    def _keep_listening(self) -> None:
        attempt, since = 0, time.monotonic()
        connection: Connection | None = None
        first = True
        while not self._ending.is_set():
            try:
                connection = self._store.connect()
                connection.execute(f"LISTEN {self._channel}")
                if not first:
                    self._catch_up(connection, time.monotonic() - since + OVERLAP_SECONDS)
                first, attempt, self._told = False, 0, False
                self._listening.set()
                self._listen(connection)
            except (psycopg.Error, StorageError, OSError) as error:
                if self._listening.is_set():
                    since = time.monotonic()
                    self._listening.clear()
                self._lost(error)
                self._ending.wait(_PAUSES[min(attempt, len(_PAUSES) - 1)])
                attempt += 1
            finally:
                _close(connection)
                connection = None

    def _listen(self, connection: Connection) -> None:
        """Brings what others send, until the link ends or the connection is lost."""
        while not self._ending.is_set():
            select.select([connection.fileno(), self._wake_read], [], [])
            # While rows are read, more notifications may arrive: those are no news on the socket any more.
            while found := list(connection.notifies(timeout=0)):
                for notification in found:
                    origin, _, numbers = notification.payload.partition(" ")
                    if origin != self._origin and numbers:
                        self._bring(connection, _READ, [[int(number) for number in numbers.split(",")]])

    def _catch_up(self, connection: Connection, seconds: float) -> None:
        self._bring(connection, _CATCH_UP, [min(seconds, KEEP_SECONDS), self._origin])

    def _bring(self, connection: Connection, query: Any, values: list[Any]) -> None:
        for (packed,) in connection.execute(query, values).fetchall():
            event = _unpacked(packed)
            if event is None or event.id in self._seen:
                continue
            self._seen[event.id] = None
            if len(self._seen) > self._waiting.capacity:
                self._seen.popitem(last=False)
            self._deliver(event)

    # Both

    def _lost(self, error: Exception) -> None:
        if not self._told and not self._ending.is_set():
            self._told = True
            _log.warning("Events do not reach other processes for now: %s", error)

    def close(self) -> None:
        """Sends what waits, if that is possible soon, and ends."""
        with self._changed:
            if self._listening.is_set():
                self._changed.wait_for(lambda: not self._waiting, _CLOSE_SECONDS)
            self._ending.set()
            self._changed.notify_all()
        os.write(self._wake_write, b"x")
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(_CLOSE_SECONDS)
        if not any(thread.is_alive() for thread in self._threads):
            os.close(self._wake_read)
            os.close(self._wake_write)


def _close(connection: Connection | None) -> None:
    if connection is not None:
        with suppress(psycopg.Error):
            connection.close()


def _packed(event: Event) -> bytes:
    fields = {name: getattr(event, name) for name in _FIELDS}
    table = {"id": event.id, "event_type": event.event_type, "data": event.data, **fields}
    try:
        return msgpack.encode(table)
    except (TypeError, ValueError, OverflowError, MsgspecError):
        return msgpack.encode(jsonable(table))


def _unpacked(packed: bytes) -> Event | None:
    """An event of another process; None for what a later version has written in another form."""
    try:
        table = msgpack.decode(packed)
        return Event(sequence=0, **table)
    except (MsgspecError, TypeError):
        return None
