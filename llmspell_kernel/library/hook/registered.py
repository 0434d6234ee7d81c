"""One registered hook: when it is called, and when it rests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.hook.points import kind_of

PRIORITIES = ("highest", "high", "normal", "low", "lowest")
"""In the order in which hooks are called."""

SHARE_CALLS = 10
"""A threshold that is a share counts from so many calls on."""

Circuit = Literal["closed", "open", "half_open"]


class HookContext:
    """What a hook is told.

    Attributes:
        hook: itself.
        point: where it is called.
        kind: of the component: `tool`, `state`, `session` ...
        name: the component's own, such as the tool's; may be empty.
        data: what is about to happen or has happened. Changing it changes nothing: answer `modified`.
        correlation_id: what it belongs to.
        time: in seconds since the epoch.
    """

    __slots__ = ("correlation_id", "data", "hook", "kind", "name", "point", "time")

    def __init__(self, hook: RegisteredHook, data: dict[str, Any], correlation_id: str, time: float) -> None:
        self.hook = hook
        self.point = hook.point
        self.kind = kind_of(hook.point)
        name = data.get("tool") or data.get("session_id") or data.get("name") or ""
        self.name = name if isinstance(name, str) else ""
        self.data = data
        self.correlation_id = correlation_id
        self.time = time

    def table(self) -> dict[str, Any]:
        """The table that scripts get."""
        hook = self.hook
        return {
            "point": self.point,
            "component": {"type": self.kind, "name": self.name},
            "data": self.data,
            "correlation_id": self.correlation_id,
            "language": hook.language,
            "metadata": {
                "hook_id": hook.id,
                "hook_name": hook.name,
                "priority": hook.priority,
                "timestamp": datetime.fromtimestamp(self.time, UTC).isoformat(),
            },
        }


HookFunction = Callable[[HookContext], Any]
"""Answers what `results.understood` understands."""


class RegisteredHook:
    """A function at a point. It rests for a while after it has failed too often; any thread.

    Attributes:
        id: what it is known by.
        point: where it is called.
        function: what is called.
        priority: one of `PRIORITIES`.
        language: of the function.
        name: for people.
        description: for people.
        tags: words to find it by.
        calls: how often it was called.
        failures: how often it has failed.
        last_error: how it has failed last.
    """

    def __init__(
        self,
        number: int,
        point: str,
        function: HookFunction,
        *,
        priority: str,
        language: str,
        name: str,
        description: str,
        tags: Sequence[str],
    ) -> None:
        if priority not in PRIORITIES:
            raise ScriptError(f"Unknown hook priority: {priority}; choose one of {', '.join(PRIORITIES)}")
        self.number = number
        self.id = f"hook-{number}"
        self.point = point
        self.function = function
        self.priority = priority
        self.language = language
        self.name = name or f"{point}#{number}"
        self.description = description
        self.tags = tuple(tags)
        self.calls = self.failures = 0
        self.last_error = ""
        self._in_a_row = 0
        self._opened_at: float | None = None
        self._tried_at: float | None = None
        self._minute, self._in_minute = 0.0, 0
        self._running: set[int] = set()
        self._lock = threading.Lock()

    @property
    def order(self) -> tuple[int, int]:
        """Where it comes among those of its point."""
        return PRIORITIES.index(self.priority), self.number

    def begin(self, now: float, *, cooldown: float, per_minute: int) -> bool:
        """Whether it may be called now; then `end` must be called. Times are in seconds.

        It is not called for what it does itself, while it rests, and more often than `per_minute` (0 for any
        number).
        """
        here = threading.get_ident()
        if here in self._running:
            return False
        with self._lock:
            if self._opened_at is not None:
                since = self._opened_at if self._tried_at is None else self._tried_at
                if now - since < cooldown:
                    return False
                self._tried_at = now
            if per_minute and not self._within(now, per_minute):
                return False
            self.calls += 1
        self._running.add(here)
        return True

    def _within(self, now: float, per_minute: int) -> bool:
        if now - self._minute >= 60:
            self._minute, self._in_minute = now, 0
        self._in_minute += 1
        return self._in_minute <= per_minute

    def end(self, now: float, error: str | None, threshold: float) -> None:
        """It has been called; `error` says how it failed.

        Args:
            now: the time.
            error: None if it has not failed.
            threshold: failures in a row after which it rests; below 1 the share of its calls; 0 for never.
        """
        self._running.discard(threading.get_ident())
        with self._lock:
            if error is None:
                self._in_a_row = 0
                self._opened_at = self._tried_at = None
                return
            self.failures += 1
            self._in_a_row += 1
            self.last_error = error
            too_many = (
                self._in_a_row >= threshold
                if threshold >= 1
                else self.calls >= SHARE_CALLS and self.failures > threshold * self.calls
            )
            if threshold and (too_many or self._opened_at is not None):
                self._opened_at, self._tried_at = now, None

    @property
    def circuit(self) -> Circuit:
        """`closed`: it is called; `open`: it rests; `half_open`: it is being tried again."""
        if self._opened_at is None:
            return "closed"
        return "open" if self._tried_at is None else "half_open"

    def table(self) -> dict[str, Any]:
        """What `Hook.list` tells of it."""
        return {
            "id": self.id,
            "name": self.name,
            "hook_point": self.point,
            "priority": self.priority,
            "language": self.language,
            "version": "1.0.0",
            "description": self.description,
            "tags": list(self.tags),
            "circuit": self.circuit,
            "calls": self.calls,
            "failures": self.failures,
            "last_error": self.last_error or None,
        }
