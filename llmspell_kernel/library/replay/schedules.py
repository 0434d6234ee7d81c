"""When something is to be done again: once, at intervals, or as cron says."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any

from llmspell_kernel.errors import ScriptError

_YEARS = 8
"""How far cron's next time is looked for: long enough for a February 29 over a century's end."""

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_DAYS = "sun mon tue wed thu fri sat".split()
_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")


class Cron:
    """A cron expression: five fields, or one of `@hourly` and the like.

    If both the day of the month and the day of the week are restricted, either is enough, as in cron. Times
    are those of `zone`, or of this machine. What would come twice when clocks are set back comes once; what
    would be skipped when they are set forward comes after the gap.
    """

    def __init__(self, expression: str, zone: tzinfo | None = None) -> None:
        """Reads it.

        Raises:
            ScriptError: it is no such expression.
        """
        self.expression = expression
        self._zone = zone
        fields = _SHORT.get(expression.strip().lower(), expression).split()
        if len(fields) != len(_FIELDS):
            raise ScriptError(
                f"cron expression {expression!r}: five fields expected (minute, hour, day of the month, "
                f"month, day of the week), got {len(fields)}"
            )
        sets = [_values(text, *field) for text, field in zip(fields, _FIELDS, strict=True)]
        self._minutes, self._hours, self._days, self._months = map(sorted, sets[:4])
        self._weekdays = {each % 7 for each in sets[4]}
        self._either_day = fields[2][0] != "*" and fields[4][0] != "*"

    def times(self, after: float) -> Iterator[float]:
        """The times after a time, in seconds since the epoch."""
        local = datetime.fromtimestamp(after, self._zone) if self._zone else datetime.fromtimestamp(after)
        start = local.replace(tzinfo=None, second=0, microsecond=0) - timedelta(hours=2)
        last = after
        for naive in self._naive(start):
            moment = self._moment(naive)
            if moment > last:
                last = moment
                yield moment

    def _moment(self, naive: datetime) -> float:
        """The first time at which clocks show this, or would."""
        if self._zone is None:
            return naive.timestamp()
        return naive.replace(tzinfo=self._zone).astimezone(UTC).timestamp()

    def _naive(self, start: datetime) -> Iterator[datetime]:
        for year in range(start.year, min(start.year + _YEARS, 9999) + 1):
            for month in self._months:
                if (year, month) < (start.year, start.month):
                    continue
                for day in range(1, monthrange(year, month)[1] + 1):
                    date = datetime(year, month, day)
                    if date.date() < start.date() or not self._fits(date):
                        continue
                    for hour in self._hours:
                        for minute in self._minutes:
                            yield date.replace(hour=hour, minute=minute)

    def _fits(self, date: datetime) -> bool:
        in_month = date.day in self._days
        in_week = date.isoweekday() % 7 in self._weekdays
        return in_month or in_week if self._either_day else in_month and in_week


def _values(text: str, name: str, low: int, high: int, words: Any) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ScriptError(f"cron expression: {part!r} is no {name}; write such as 5, 1-5, */10 or 1,15")
        first, last, step = match.groups()
        if first == "*":
            start, end = low, high
        else:
            start = _number(first, name, low, high, words)
            # `5/10` means from 5 on.
            end = _number(last, name, low, high, words) if last else (high if step else start)
        if end < start or step == "0":
            raise ScriptError(f"cron expression: {part!r} is no {name}: it has no values")
        found.update(range(start, end + 1, int(step or 1)))
    return found


def _number(text: str, name: str, low: int, high: int, words: Any) -> int:
    word = text.lower()[:3]
    if word in words and len(text) >= len(word):
        return int(list(words).index(word)) + (1 if low == 1 else 0)
    if not text.isdigit() or not low <= int(text) <= high:
        raise ScriptError(f"cron expression: {text!r} is no {name}; {low} to {high} are")
    return int(text)


def next_times(schedule: dict[str, Any], after: float, count: int) -> list[float]:
    """The next times of a schedule, in seconds since the epoch; fewer than `count` if it ends before.

    Raises:
        ScriptError: it is no schedule.
    """
    kind, start = schedule.get("type"), float(schedule.get("created_at", after))
    if kind == "once":
        times: Iterator[float] = iter([start + schedule["delay_seconds"]])
    elif kind == "interval":
        times = _interval(schedule, start, after)
    elif kind == "cron":
        times = Cron(schedule["expression"], zone_of(schedule.get("timezone"))).times(after)
    else:
        raise ScriptError(f"a schedule is what Replay.schedules has made; got one of type {kind!r}")
    return list(islice((each for each in times if each > after), count))


def _interval(schedule: dict[str, Any], start: float, after: float) -> Iterator[float]:
    every, most = schedule["interval_seconds"], schedule.get("max_executions")
    first = start + schedule["initial_delay_seconds"]
    number = max(0, int((after - first) // every))
    while most is None or number < most:
        yield first + number * every
        number += 1


def zone_of(name: str | None) -> tzinfo | None:
    """A time zone by its name, such as Europe/Berlin; None for this machine's.

    Raises:
        ScriptError: there is none of this name.
    """
    if name is None:
        return None
    if name.upper() == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ScriptError(f"no time zone {name!r}; write such as UTC or Europe/Berlin") from error
