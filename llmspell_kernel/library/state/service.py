"""Values by scope and key, in the store that the settings name.

Nothing is kept here: what one process has written the next one reads. A stored value is MessagePack of the
exact value: None, bool, int, float, str, bytes, list, or dict with such keys.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from msgspec import msgpack

from llmspell_kernel.errors import ConflictError, LLMSpellError, ScriptError, StorageError
from llmspell_kernel.library.state.scopes import prefix, split, stored_key
from llmspell_kernel.storage.contract import LAST_KEY, PAGE, Entry, Storage

if TYPE_CHECKING:
    from llmspell_kernel.library.hook.contract import Decision, HookPoints
    from llmspell_kernel.library.services import Services

NAMESPACE = "state"
ATTEMPTS = 50
"""How often a transaction is begun, when others are faster."""

T = TypeVar("T")

_encode = msgpack.Encoder().encode
_decode: Callable[[bytes], Any] = msgpack.Decoder().decode


class Facts(NamedTuple):
    """What is known of a stored value beside it.

    Attributes:
        scope: its scope.
        key: its key.
        version: how often it has been written.
        size_bytes: what it takes in the store.
        expires_at: when it ends, in seconds since the epoch; None for never.
    """

    scope: str
    key: str
    version: int
    size_bytes: int
    expires_at: float | None


class State:
    """What `State` and `llmspell state` do. Any thread.

    All methods raise `StorageError` if the store cannot be reached or written, `StorageKeyError` for a key
    that cannot be kept, and `CancelledError` if a hook has stopped them.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._running = threading.local()
        self._purges = False

    @property
    def storage(self) -> Storage:
        """The store; opened when it is first needed."""
        settings = self._services.settings.runtime.state_persistence
        return self._services.store(settings.backend_type if settings.enabled else "memory")

    @property
    def _hooks(self) -> HookPoints:
        return self._services.hooks

    # Values

    def get(self, scope: str, key: str) -> Any:
        """The value; None if there is none, and for null."""
        data = self.get_packed(scope, key)
        return None if data is None else _decode(data)

    def get_packed(self, scope: str, key: str) -> bytes | None:
        """The value as it is stored."""
        stored = stored_key(scope, key)
        if self._reads_are_hooked:
            return self._hooked_read(self._hooks, scope, key)
        entry = self._guard(self.storage.get, stored)
        return None if entry is None else entry.value

    @property
    def _reads_are_hooked(self) -> bool:
        hooks = self._hooks
        return hooks.wants("BeforeStateRead") or hooks.wants("AfterStateRead")

    def _hooked_read(self, hooks: HookPoints, scope: str, key: str, operation: str = "load") -> bytes | None:
        if hooks.wants("BeforeStateRead"):
            decision = hooks.run("BeforeStateRead", {"scope": scope, "key": key, "operation": operation})
            if decision.action in ("replace", "skip"):
                return None if decision.value is None else _encode(decision.value)
            scope, key = _place(decision, scope, key)
        entry = self._guard(self.storage.get, stored_key(scope, key))
        value = None if entry is None else entry.value
        if hooks.wants("AfterStateRead"):
            shown = None if value is None else _decode(value)
            given = {"scope": scope, "key": key, "operation": operation, "value": shown}
            decision = hooks.run("AfterStateRead", given)
            if decision.action in ("replace", "skip"):
                value = None if decision.value is None else _encode(decision.value)
            elif decision.data.get("value") != shown:
                value = _encode(decision.data.get("value"))
        return value

    def set(self, scope: str, key: str, value: Any, *, expires_in: float | None = None) -> None:
        """Writes a value; None removes it.

        Args:
            scope: the scope.
            key: the key.
            value: the exact value.
            expires_in: seconds until it ends; None for never.

        Raises:
            ScriptError: the value takes more than the settings allow.
        """
        self.set_packed(scope, key, _packed(value), expires_in=expires_in)

    def set_packed(
        self, scope: str, key: str, data: bytes | None, *, expires_in: float | None = None
    ) -> None:
        """As `set`, for a value as it is stored."""
        stored = stored_key(scope, key)
        hooks = self._hooks
        if hooks.wants("BeforeStateWrite"):
            shown = None if data is None else _decode(data)
            given = {"scope": scope, "key": key, "operation": "save", "value": shown}
            decision = hooks.run("BeforeStateWrite", given)
            if decision.action == "skip":
                return
            value = decision.value if decision.action == "replace" else decision.data.get("value")
            if value is not shown:
                data = None if value is None else _encode(value)
            scope, key = _place(decision, scope, key)
            stored = stored_key(scope, key)
        if data is None:
            self._remove(scope, key)
        else:
            self._write(scope, key, stored, data, expires_in)

    def _write(self, scope: str, key: str, stored: str, data: bytes, expires_in: float | None) -> None:
        settings = self._services.settings
        limit = settings.runtime.state_persistence.max_state_size_bytes
        if len(data) > limit:
            raise ScriptError(
                f"the value of {key!r} in scope {scope!r} takes {len(data):,} bytes, and {limit:,} are the "
                "limit (runtime.state_persistence.max_state_size_bytes): keep it under several keys, as an "
                "artifact, or raise the limit"
            )
        storage = self.storage
        if expires_in is not None:
            self._purge_later()
        try:
            storage.set(NAMESPACE, stored, data, expires_in=expires_in)
        except ConflictError:
            self._running.conflict = True
            raise
        self._written("state.changed", scope, key, data)

    def _purge_later(self) -> None:
        """Has what has expired removed when the services end: nothing else would ever look at it again."""
        if not self._purges:
            self._purges = True
            self._services.at_close(self._purge)

    def _purge(self) -> None:
        with contextlib.suppress(StorageError):  # what is left is invisible, and the next one tries again
            self.storage.purge()

    def delete(self, scope: str, key: str) -> bool:
        """Removes a value; whether there was one."""
        hooks = self._hooks
        stored_key(scope, key)
        if hooks.wants("BeforeStateWrite"):
            given = {"scope": scope, "key": key, "operation": "delete", "value": None}
            decision = hooks.run("BeforeStateWrite", given)
            if decision.action in ("skip", "replace"):
                return False
            scope, key = _place(decision, scope, key)
        return self._remove(scope, key)

    def _remove(self, scope: str, key: str) -> bool:
        found = self._guard(self.storage.delete, stored_key(scope, key))
        if found:
            self._written("state.deleted", scope, key, None)
        return found

    def _written(self, event: str, scope: str, key: str, data: bytes | None) -> None:
        """Tells those who want to know, after a write."""
        if self._hooks.wants("AfterStateWrite"):
            operation = "save" if data is not None else "delete"
            value = None if data is None else _decode(data)
            self._hooks.run(
                "AfterStateWrite", {"scope": scope, "key": key, "operation": operation, "value": value}
            )
        told = getattr(self._running, "told", None)
        if told is None:
            self._tell(event, scope, key)
        else:
            told.append((event, scope, key))

    def _tell(self, event: str, scope: str, key: str) -> None:
        """Tells the record of the running code, and the bus if the settings want that."""
        services = self._services
        services.current.note(event, scope=scope, key=key)
        events = services.settings.events
        if events.enabled and events.emit_state_events:
            services.events.publish(event, {"scope": scope, "key": key}, source="state")

    def _guard(self, method: Callable[[str, str], T], stored: str) -> T:
        """Calls the store, and remembers that a transaction has to begin anew."""
        try:
            return method(NAMESPACE, stored)
        except ConflictError:
            self._running.conflict = True
            raise

    # What is there

    def exists(self, scope: str, key: str) -> bool:
        """Whether there is a value; hooks are asked as for reading it."""
        if self._reads_are_hooked:
            stored_key(scope, key)
            return self._hooked_read(self._hooks, scope, key, "exists") is not None
        return self._guard(self.storage.get, stored_key(scope, key)) is not None

    def facts(self, scope: str, key: str) -> Facts | None:
        """What is known of a value; None if there is none."""
        entry = self._guard(self.storage.get, stored_key(scope, key))
        return None if entry is None else _facts(entry)

    def keys(self, scope: str, start: str = "") -> list[str]:
        """The keys of a scope in order, those that begin with `start`."""
        first = prefix(scope)
        return [stored[len(first) :] for stored in self._stored_keys(first + start)]

    def _stored_keys(self, start: str) -> Iterator[str]:
        after = ""
        while True:
            page = self.storage.keys(NAMESPACE, start, after=after)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]

    def entries(self, scope: str | None = None, start: str = "") -> Iterator[Entry]:
        """The stored entries of a scope, or of all, in order."""
        first = start if scope is None else prefix(scope) + start
        after = ""
        while True:
            page = self.storage.scan(NAMESPACE, first, after=after)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].key

    def all(self, scope: str) -> dict[str, Any]:
        """The values of a scope by key; hooks are asked about each."""
        first = len(prefix(scope))
        if self._reads_are_hooked:
            keys = [entry.key[first:] for entry in self.entries(scope)]
            found = ((key, self._hooked_read(self._hooks, scope, key)) for key in keys)
            return {key: _decode(data) for key, data in found if data is not None}
        return {entry.key[first:]: _decode(entry.value) for entry in self.entries(scope)}

    def all_facts(self, scope: str | None = None, start: str = "") -> Iterator[Facts]:
        """What is known of the values of a scope, or of all."""
        return map(_facts, self.entries(scope, start))

    def scopes(self) -> list[str]:
        """The scopes that have keys, in order."""
        found: list[str] = []
        after = ""
        while page := self.storage.keys(NAMESPACE, after=after, limit=1):
            scope, _ = split(page[0])
            found.append(scope)
            after = prefix(scope) + LAST_KEY
        return found

    def clear(self, scope: str) -> int:
        """Removes all values of a scope; how many there were."""

        def remove() -> int:
            return sum(self.delete(scope, key) for key in self.keys(scope))

        return self.transaction(remove)

    # Several steps at once

    def transaction(self, body: Callable[[], T]) -> T:
        """Calls `body`; what it does here happens as a whole, or, if it raises, not at all.

        One within another is undone by itself.
        If another writer was faster, `body` is called again, at most `ATTEMPTS` times.

        Raises:
            ConflictError: others were faster each time.
        """
        if getattr(self._running, "told", None) is not None:
            return self._within(self._running.told, body)
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(random.uniform(0, min(0.001 * 2**attempt, 0.1)))
            self._running.conflict, self._running.told = False, []
            try:
                with self.storage.transaction():
                    result = body()
            except LLMSpellError as error:
                # A script sees a conflict as an error of its own: what matters is that one has happened.
                conflict = self._running.conflict or isinstance(error, ConflictError)
                if not conflict or attempt == ATTEMPTS - 1:
                    raise
                continue
            finally:
                told, self._running.told = self._running.told, None
            for event, scope, key in told:
                self._tell(event, scope, key)
            return result
        raise AssertionError("the last attempt returns or raises")

    def _within(self, told: list[tuple[str, str, str]], body: Callable[[], T]) -> T:
        """A transaction in one that has something to tell at its end."""
        before = len(told)
        try:
            with self.storage.transaction():
                return body()
        except BaseException:
            del told[before:]
            raise

    def _sleep(self, seconds: float) -> None:
        waits = self._services.waits
        if waits is None:
            time.sleep(seconds)
        else:
            waits.sleep(seconds)

    def compare_and_set(self, scope: str, key: str, expected: Any, value: Any) -> bool:
        """Writes a value if `expected` is there (None for nothing); whether it did.

        Numbers are equal as in Lua. Runs the hooks of StateConflict if something else is there.
        """
        return self.compare_and_set_packed(scope, key, _packed(expected), _packed(value))

    def compare_and_set_packed(
        self, scope: str, key: str, expected: bytes | None, value: bytes | None
    ) -> bool:
        """As `compare_and_set`, for values as they are stored."""
        return self.transaction(lambda: self._compare_and_set(scope, key, expected, value))

    def _compare_and_set(self, scope: str, key: str, expected: bytes | None, value: bytes | None) -> bool:
        found = self.get_packed(scope, key)
        if found is None or expected is None:
            fits = found is None and expected is None
        else:
            fits = same(_decode(found), _decode(expected))
        if fits:
            self.set_packed(scope, key, value)
            return True
        hooks = self._hooks
        if hooks.wants("StateConflict"):
            given = {"expected": expected, "found": found, "value": value}
            shown = {name: None if each is None else _decode(each) for name, each in given.items()}
            data = {"scope": scope, "key": key, **shown}
            decision = hooks.run("StateConflict", data)
            if decision.action == "replace":
                self.set(scope, key, decision.value)
                return True
        return False

    def increment(self, scope: str, key: str, by: float = 1) -> float:
        """Adds to a number, 0 if there is none yet; answers the sum. What expires keeps its time.

        Raises:
            ScriptError: the value is no number, or the sum goes beyond 64 bits.
        """
        return self.transaction(lambda: self._increment(scope, key, by))

    def _increment(self, scope: str, key: str, by: float) -> float:
        entry = self._guard(self.storage.get, stored_key(scope, key))
        data = self._hooked_read(self._hooks, scope, key) if self._reads_are_hooked else entry and entry.value
        found = 0 if data is None else _decode(data)
        if isinstance(found, bool) or not isinstance(found, int | float):
            kind = type(found).__name__
            raise ScriptError(
                f"the value of {key!r} in scope {scope!r} is no number but a {kind}; set it to one"
            )
        total = found + by
        if isinstance(total, int) and not -(2**63) <= total < 2**63:
            raise ScriptError(f"{key!r} in scope {scope!r} would be {total}, which is beyond 64 bits")
        expires_at = None if entry is None else entry.expires_at
        left = None if expires_at is None else max(expires_at - time.time(), 0.001)
        self.set(scope, key, total, expires_in=left)
        return total


def _packed(value: Any) -> bytes | None:
    return None if value is None else _encode(value)


def same(one: Any, other: Any) -> bool:
    """Whether two exact values are equal in Lua's eyes: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(key in other and same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, list | dict) and isinstance(other, list | dict):
        return not one and not other
    return bool(one == other)


def _facts(entry: Entry) -> Facts:
    scope, key = split(entry.key)
    return Facts(scope, key, entry.version, len(entry.value), entry.expires_at)


def _place(decision: Decision, scope: str, key: str) -> tuple[str, str]:
    """Where hooks have moved an access to."""
    return str(decision.data.get("scope", scope)), str(decision.target or decision.data.get("key") or key)
