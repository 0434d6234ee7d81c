"""An event from a script to a script's function, and what hooks cost that nobody has registered."""

from __future__ import annotations

import fnmatch
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.client import BenchmarkError
from benchmarks.kernels import Contest
from benchmarks.measure import Counts, Result, Target, batches, in_turns
from llmspell_kernel import Client, start_embedded_kernel
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.config.sections.storage import Storage
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.state.scopes import stored_key
from llmspell_kernel.library.state.service import State

_EVENTS = 500
_WRITES = 100

_SUBSCRIBE = "Event.on('bench.*', function(e) heard = e.data.number end)"
_PUBLISH = f"""
for i = 1, {_EVENTS} do
  Event.publish('bench.order', {{number = i, name = 'Ada'}})
  assert(heard == i)
end"""


def _published(kernel: Client) -> list[float]:
    """Seconds from publishing in Lua to the end of the Lua function that has subscribed, of one event."""
    started = time.perf_counter()
    result = kernel.execute(_PUBLISH)
    if result.status != "ok":
        raise BenchmarkError(f"Event came back with {result.error}")
    return [(time.perf_counter() - started) / _EVENTS]


class _PlainBus:
    """The same by hand: functions by pattern, and an event that says who, when and what."""

    def __init__(self) -> None:
        self._subscribers: list[tuple[str, Callable[[dict[str, Any]], None]]] = []
        self._sequence = 0

    def on(self, pattern: str, function: Callable[[dict[str, Any]], None]) -> None:
        self._subscribers.append((pattern, function))

    def publish(self, event_type: str, data: Any) -> None:
        self._sequence += 1
        event = {
            "id": str(uuid.uuid4()),
            "event_type": event_type,
            "data": data,
            "timestamp": datetime.now(UTC).isoformat(),
            "sequence": self._sequence,
            "metadata": {"correlation_id": "none", "tags": []},
        }
        for pattern, function in self._subscribers:
            if fnmatch.fnmatchcase(event_type, pattern):
                function(event)


def callbacks(contest: Contest, counts: Counts) -> list[Result]:
    """Ours from Lua to Lua, against Python to Python."""
    del contest
    rounds, _ = batches(counts.executes)
    bus, heard = _PlainBus(), [0]

    def hear(event: dict[str, Any]) -> None:
        heard[0] = event["data"]["number"]

    def publish() -> list[float]:
        started = time.perf_counter()
        for number in range(_EVENTS):
            bus.publish("bench.order", {"number": number, "name": "Ada"})
        return [(time.perf_counter() - started) / _EVENTS]

    bus.on("bench.*", hear)
    with start_embedded_kernel() as kernel:
        kernel.execute(_SUBSCRIBE)
        _published(kernel)
        times = in_turns(rounds * 2, lambda: _published(kernel), publish)
    target = Target(0.00005, of="ours")
    return [Result("Event.publish to its function, Lua to Lua", "s", *times, target, "plain Python")]


class _Unhooked(State):
    """`State` as it would be if there were no hooks."""

    def set_packed(
        self, scope: str, key: str, data: bytes | None, *, expires_in: float | None = None
    ) -> None:
        assert data is not None
        self._write(scope, key, stored_key(scope, key), data, expires_in)

    def _written(self, event: str, scope: str, key: str, data: bytes | None) -> None:
        return


def unused_hooks(contest: Contest, counts: Counts) -> list[Result]:
    """A write of `State` on SQLite, with and without the places where it asks for hooks."""
    del contest
    rounds, _ = batches(counts.executes)
    with TemporaryDirectory() as folder:
        settings = Settings(storage=Storage(base_dir=str(Path(folder) / "data")))
        services = Services(lambda: settings)
        hooked, unhooked = State(services), _Unhooked(services)

        def writes(state: State) -> list[float]:
            started = time.perf_counter()
            for number in range(_WRITES):
                state.set("bench", f"key{number}", number)
            return [(time.perf_counter() - started) / _WRITES]

        writes(hooked)
        times = in_turns(rounds * 4, lambda: writes(hooked), lambda: writes(unhooked))
        services.close()
    title = "State.set with hooks that nobody has registered"
    return [Result(title, "s", *times, Target(1.05), "without hooks")]
