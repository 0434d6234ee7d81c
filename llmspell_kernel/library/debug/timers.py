"""How long things took: timers, and what they come to together."""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections import deque
from typing import Any, NamedTuple

from llmspell_kernel.errors import NoSuchThingError

MAX_TIMERS = 10_000
"""Timers that ended are kept up to this many; the oldest go."""


class Mark(NamedTuple):
    """A lap or an event of a timer, `at` milliseconds after its start."""

    kind: str
    name: str
    at: float
    data: Any


class Timer:
    """One measurement, in milliseconds."""

    def __init__(self, name: str, inside: tuple[str, ...]) -> None:
        """`inside` are the names of the timers that ran already."""
        self.name = name
        self.inside = inside
        self.marks: list[Mark] = []
        self.took: float | None = None
        self._started = time.perf_counter()

    def elapsed(self) -> float:
        """Since the start; of one that has ended, until then."""
        return (time.perf_counter() - self._started) * 1000 if self.took is None else self.took


class Timers:
    """The timers of one runtime."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._running: dict[str, Timer] = {}
        self._ended: deque[tuple[str, Timer]] = deque(maxlen=MAX_TIMERS)

    def start(self, name: str) -> str:
        """Starts a timer; answers its id."""
        timer_id = f"timer-{next(self._numbers)}"
        self._running[timer_id] = Timer(name, tuple(each.name for each in self._running.values()))
        return timer_id

    def stop(self, timer_id: str) -> float:
        """Ends a timer; answers what it took. One that has ended keeps its time."""
        timer = self._running.pop(timer_id, None)
        if timer is None:
            return self._find(timer_id).elapsed()
        timer.took = timer.elapsed()
        self._ended.append((timer_id, timer))
        return timer.took

    def mark(self, timer_id: str, kind: str, name: str, data: Any = None) -> float:
        """Notes a lap or an event; answers when."""
        timer = self._find(timer_id)
        at = timer.elapsed()
        timer.marks.append(Mark(kind, name, at, data))
        return at

    def elapsed(self, timer_id: str) -> float:
        """See `Timer.elapsed`."""
        return self._find(timer_id).elapsed()

    @property
    def running(self) -> int:
        """How many have not ended."""
        return len(self._running)

    def summary(self) -> list[dict[str, Any]]:
        """What the timers of each name come to, the longest in all first; times in milliseconds."""
        by_name: dict[str, list[Timer]] = {}
        for _, timer in self._ended:
            by_name.setdefault(timer.name, []).append(timer)
        rows = [_row(name, timers) for name, timers in by_name.items()]
        return sorted(rows, key=lambda row: -row["total_ms"])

    def report(self) -> str:
        """The summary as a table for people."""
        rows = self.summary()
        if not rows:
            return "no timer has ended yet"
        width = max(len("timer"), *(len(row["name"]) for row in rows))
        lines = [f"{'timer':{width}}  count   total ms    mean ms     min ms     max ms"]
        lines += [
            f"{row['name']:{width}}  {row['count']:5}  {row['total_ms']:9.3f}  {row['mean_ms']:9.3f}  "
            f"{row['min_ms']:9.3f}  {row['max_ms']:9.3f}"
            for row in rows
        ]
        return "\n".join(lines)

    def json(self) -> str:
        """The summary, with the laps and events of each timer, as JSON text."""
        ended = [
            {
                "id": timer_id,
                "name": timer.name,
                "duration_ms": timer.took,
                "inside": list(timer.inside),
                "laps": [{"name": mark.name, "at_ms": mark.at} for mark in timer.marks if mark.kind == "lap"],
                "events": [
                    {"name": mark.name, "at_ms": mark.at, "metadata": mark.data}
                    for mark in timer.marks
                    if mark.kind == "event"
                ],
            }
            for timer_id, timer in self._ended
        ]
        return json.dumps({"summary": self.summary(), "timers": ended}, indent=2, default=str)

    def flame_graph(self) -> str:
        """Lines of `outer;inner microseconds` for flamegraph.pl and speedscope: times without inner ones."""
        own: dict[str, float] = {}
        for _, timer in self._ended:
            stack = ";".join((*timer.inside, timer.name))
            own[stack] = own.get(stack, 0.0) + (timer.took or 0.0)
            if timer.inside:
                outer = ";".join(timer.inside)
                own[outer] = own.get(outer, 0.0) - (timer.took or 0.0)
        return "\n".join(f"{stack} {max(round(took * 1000), 0)}" for stack, took in sorted(own.items()))

    def _find(self, timer_id: str) -> Timer:
        if timer_id in self._running:
            return self._running[timer_id]
        for each, timer in reversed(self._ended):
            if each == timer_id:
                return timer
        raise NoSuchThingError(f"no timer {timer_id!r}; Debug.timer(name) makes one")


def _row(name: str, timers: list[Timer]) -> dict[str, Any]:
    times = [timer.took or 0.0 for timer in timers]
    return {
        "name": name,
        "count": len(times),
        "total_ms": sum(times),
        "mean_ms": statistics.fmean(times),
        "median_ms": statistics.median(times),
        "min_ms": min(times),
        "max_ms": max(times),
    }
