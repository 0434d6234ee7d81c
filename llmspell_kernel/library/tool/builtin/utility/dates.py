"""Dates, times and time zones."""

from __future__ import annotations

import calendar
import math
import re
import warnings
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.builtin.support import missing, needed, wrong
from llmspell_kernel.library.tool.contract import Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

MAX_LENGTH = 200
"""Characters of a date or a format."""

Unit = Literal[
    "microseconds",
    "milliseconds",
    "seconds",
    "minutes",
    "hours",
    "days",
    "weeks",
    "months",
    "quarters",
    "years",
]
_MONTHS = {"months": 1, "quarters": 3, "years": 12}
_DAYS = {"days": 1, "weeks": 7}
_SECONDS = {"microseconds": 1e-6, "milliseconds": 1e-3, "seconds": 1.0, "minutes": 60.0, "hours": 3600.0}

_EPOCH = re.compile(r"[+-]?\d{9,13}(?:\.\d+)?", re.ASCII)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?", re.ASCII | re.IGNORECASE)
_DIRECTIVE = re.compile(r"%(?:-?[aAbBcCdDeFgGHIjklmMnpPrRsStTuUVwWxXyYzZf%]|:z)?", re.ASCII)

FORMATS = {
    "iso8601": "%Y-%m-%dT%H:%M:%S%:z",
    "rfc2822": "%a, %d %b %Y %H:%M:%S %z",
    "date": "%Y-%m-%d",
    "time": "%H:%M:%S",
    "datetime": "%Y-%m-%d %H:%M:%S",
    "us_date": "%m/%d/%Y",
    "eu_date": "%d/%m/%Y",
    "german_date": "%d.%m.%Y",
    "long_date": "%B %d, %Y",
    "week_date": "%G-W%V-%u",
    "ordinal_date": "%Y-%j",
    "compact": "%Y%m%d%H%M%S",
    "unix": "%s",
}


class DatetimeHandler(Tool):
    """Reads, shifts, compares and formats dates and times, in any time zone.

    Dates are read in ISO 8601 and most ways people write them, and as Unix seconds or milliseconds; one
    without a zone is in `timezone`, or UTC. Days, weeks, months and years are counted by the calendar: a day
    later is the same time of day, also when the clocks change meanwhile; hours and shorter units are exact.
    """

    name, category, level = "datetime-handler", "utility", "safe"
    aliases = ("datetime", "date-time-handler")
    example: ClassVar[dict[str, Any]] = {
        "operation": "add",
        "input": "2024-01-31T10:00:00Z",
        "amount": 1,
        "unit": "months",
    }

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal["parse", "now", "convert_timezone", "add", "subtract", "difference", "info", "formats"],
            Meta(description="What to do."),
        ] = "parse"
        input: Annotated[str | int | float | None, Meta(description="The date; now if not given.")] = None
        timezone: Annotated[
            str, Meta(description="The zone of dates that name none, such as Europe/Berlin or +02:00; UTC.")
        ] = ""
        target_timezone: Annotated[str, Meta(description="The zone to convert to.")] = ""
        amount: Annotated[float | None, Meta(description="How many units to add or subtract.")] = None
        unit: Annotated[
            Literal[Unit, "second", "minute", "hour", "day", "week", "month", "year"],
            Meta(description="Of the amount that is added, or that the difference is."),
        ] = "days"
        start: Annotated[str | int | float | None, Meta(description="difference: from when.")] = None
        end: Annotated[str | int | float | None, Meta(description="difference: till when; now.")] = None
        format: Annotated[
            str, Meta(description="How the answer is written: %Y-%m-%d ..., or a name of `formats`.")
        ] = ""

    @operation("parse", needs=("input",))
    def parse(self, given: Parameters, tools: Surroundings) -> object:
        """Reads `input`: {parsed, timezone, timestamp, iso}."""
        found = self._input(given)
        if given.target_timezone:
            found = found.astimezone(self._zone(given.target_timezone))
        return {
            "parsed": self._written(found, given),
            "iso": found.isoformat(),
            "timezone": _zone_name(found),
            "timestamp": _number(found.timestamp()),
        }

    @operation("now")
    def now(self, given: Parameters, tools: Surroundings) -> object:
        """The time: {datetime, timezone, timestamp}."""
        found = datetime.now(self._zone(given.timezone or given.target_timezone))
        return {
            "datetime": self._written(found, given),
            "timezone": _zone_name(found),
            "timestamp": found.timestamp(),
        }

    @operation("convert_timezone", needs=("target_timezone",))
    def convert_timezone(self, given: Parameters, tools: Surroundings) -> object:
        """Tells `input` in `target_timezone`: {converted, original, from_timezone, to_timezone}."""
        found = self._input(given)
        converted = found.astimezone(self._zone(given.target_timezone))
        return {
            "converted": self._written(converted, given),
            "original": found.isoformat(),
            "from_timezone": _zone_name(found),
            "to_timezone": given.target_timezone,
        }

    @operation("add", needs=("amount",))
    def add(self, given: Parameters, tools: Surroundings) -> object:
        """Later than `input`: {result, original, amount, unit}."""
        return self._shifted(given, 1)

    @operation("subtract", needs=("amount",))
    def subtract(self, given: Parameters, tools: Surroundings) -> object:
        """Earlier than `input`: {result, original, amount, unit}."""
        return self._shifted(given, -1)

    @operation("difference", needs=("start",))
    def difference(self, given: Parameters, tools: Surroundings) -> object:
        """From `start` to `end`: {difference: {total_seconds, days, ...}, amount, unit, start, end}."""
        start = self._read("start", given.start, given)
        end = datetime.now(UTC) if given.end is None else self._read("end", given.end, given)
        seconds = (end - start).total_seconds()
        rest = abs(end - start)
        return {
            "difference": {
                "total_seconds": _number(seconds),
                "total_minutes": _number(seconds / 60),
                "total_hours": _number(seconds / 3600),
                "total_days": _number(seconds / 86400),
                "total_weeks": _number(seconds / 604800),
                "months": _months_between(start, end),
                "years": math.trunc(_months_between(start, end) / 12),
                "days": rest.days,
                "hours": rest.seconds // 3600,
                "minutes": rest.seconds // 60 % 60,
                "seconds": rest.seconds % 60,
                "negative": seconds < 0,
                "human": _human(rest, negative=seconds < 0),
            },
            "amount": _amount_between(start, end, _plural(given.unit)),
            "unit": _plural(given.unit),
            "start": start.isoformat(),
            "end": end.isoformat(),
        }

    @operation("info")
    def info(self, given: Parameters, tools: Surroundings) -> object:
        """All about `input`: {info: {year, month, day, weekday, week, quarter, leap_year, ...}}."""
        found = self._input(given)
        week = found.isocalendar()
        offset = found.utcoffset() or timedelta()
        return {
            "info": {
                "iso": found.isoformat(),
                "year": found.year,
                "month": found.month,
                "month_name": calendar.month_name[found.month],
                "day": found.day,
                "hour": found.hour,
                "minute": found.minute,
                "second": found.second,
                "microsecond": found.microsecond,
                "weekday": calendar.day_name[found.weekday()],
                "weekday_number": found.isoweekday(),
                "is_weekend": found.isoweekday() > 5,
                "day_of_year": found.timetuple().tm_yday,
                "week": week.week,
                "week_year": week.year,
                "quarter": (found.month + 2) // 3,
                "days_in_month": calendar.monthrange(found.year, found.month)[1],
                "leap_year": calendar.isleap(found.year),
                "timestamp": _number(found.timestamp()),
                "timezone": _zone_name(found),
                "utc_offset_seconds": int(offset.total_seconds()),
                "is_dst": bool(found.dst()),
            }
        }

    @operation("formats")
    def formats(self, given: Parameters, tools: Surroundings) -> object:
        """Named formats, with `input` or now as the example: {formats: [{name, format, example}]}."""
        found = self._input(given)
        return {
            "formats": [
                {"name": name, "format": text, "example": _format(found, text)}
                for name, text in FORMATS.items()
            ]
        }

    def _input(self, given: Parameters) -> datetime:
        if given.input is None:
            return datetime.now(self._zone(given.timezone))
        return self._read("input", given.input, given)

    def _read(self, parameter: str, value: Any, given: Parameters) -> datetime:
        if value is None:
            raise missing(self.name, parameter, "a date such as 2024-01-31T10:00:00Z")
        zone = self._zone(given.timezone)
        text = str(value).strip()
        if len(text) > MAX_LENGTH:
            raise wrong(self.name, parameter, "a date", value)
        try:
            if isinstance(value, int | float) or _EPOCH.fullmatch(text):
                seconds = float(text)
                return datetime.fromtimestamp(seconds / 1000 if abs(seconds) >= 1e11 else seconds, zone)
            found = self._parsed(text)
        except (ValueError, OverflowError, OSError) as error:
            raise ParameterError(
                self.name,
                [
                    f"{parameter} {value!r} is no date that can be read ({error}); "
                    "2024-01-31T10:00:00+01:00 is always understood"
                ],
            ) from error
        return found if found.tzinfo is not None else found.replace(tzinfo=zone)

    def _parsed(self, text: str) -> datetime:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
        with needed(self.name, "python-dateutil"):
            from dateutil import parser
        # What is not said is the first: a month is its first day, not today's.
        first = datetime.combine(date.today().replace(month=1, day=1), datetime.min.time())
        with warnings.catch_warnings():
            # An abbreviation of a zone means different zones in different countries: it is refused.
            warnings.simplefilter("error")
            try:
                return parser.parse(text, default=first)
            except Warning as error:
                raise ValueError("its time zone is not known by that name: use an offset") from error

    def _zone(self, name: str) -> tzinfo:
        name = name.strip()
        if name.upper() in ("", "UTC", "Z", "GMT"):
            return UTC
        if name.lower() == "local":
            local = datetime.now().astimezone().tzinfo
            assert local is not None
            return local
        if match := _OFFSET.fullmatch(name):
            from datetime import timezone

            offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
            if offset < timedelta(hours=24):
                return timezone(-offset if match[1] == "-" else offset)
        from zoneinfo import ZoneInfo

        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            # ZoneInfo takes names for paths: some are folders, or lead out of its own.
            raise ParameterError(
                self.name, [f"no time zone is called {name[:80]!r}; examples: Europe/Berlin, UTC, +02:00"]
            ) from error

    def _shifted(self, given: Parameters, sign: int) -> object:
        found = self._input(given)
        amount = given.amount
        assert amount is not None
        unit = _plural(given.unit)
        if unit in _MONTHS and not (amount * _MONTHS[unit]).is_integer():
            raise ParameterError(
                self.name, [f"amount must be a number of whole months, not {amount:g} {unit}"]
            )
        try:
            shifted = _shift(found, amount * sign, unit)
        except (OverflowError, ValueError) as error:
            raise ParameterError(
                self.name, [f"{amount:g} {unit} from {found.isoformat()} is beyond the years 1 to 9999"]
            ) from error
        return {
            "result": self._written(shifted, given),
            "original": found.isoformat(),
            "amount": _number(amount),
            "unit": unit,
        }

    def _written(self, found: datetime, given: Parameters) -> str:
        if not given.format:
            return found.isoformat()
        text = FORMATS.get(given.format, given.format)
        bad = [each for each in _DIRECTIVE.findall(text) if each == "%"]
        if len(text) > MAX_LENGTH or bad:
            raise wrong(
                self.name, "format", "up to 200 characters with directives such as %Y-%m-%d, or a name", text
            )
        return _format(found, text)


def _format(found: datetime, text: str) -> str:
    offset = found.strftime("%z")
    # For %s the C library would take the zone of the process.
    own = {"%:z": f"{offset[:3]}:{offset[3:5]}" if offset else "", "%s": str(int(found.timestamp()))}
    return found.strftime(_DIRECTIVE.sub(lambda match: own.get(match[0], match[0]), text))


def _shift(found: datetime, amount: float, unit: str) -> datetime:
    if not math.isfinite(amount):
        raise ValueError("not a number")
    if unit in _SECONDS:
        elapsed = found.astimezone(UTC) + timedelta(seconds=amount * _SECONDS[unit])
        return elapsed.astimezone(found.tzinfo)
    if unit in _DAYS:
        days = amount * _DAYS[unit]
        whole = math.trunc(days)
        shifted = _existing(found + timedelta(days=whole))
        return shifted if whole == days else _shift(shifted, (days - whole) * 86400, "seconds")
    months = amount * _MONTHS[unit]
    year, month = divmod(found.year * 12 + found.month - 1 + int(months), 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    last = calendar.monthrange(year, month + 1)[1]
    return _existing(found.replace(year=year, month=month + 1, day=min(found.day, last), fold=0))


def _existing(found: datetime) -> datetime:
    """A time of day that is skipped when clocks go forward becomes the one that many minutes later."""
    return found.astimezone(UTC).astimezone(found.tzinfo)


def _amount_between(start: datetime, end: datetime, unit: str) -> int | float:
    """Months and longer units are whole ones."""
    if unit in _MONTHS:
        return math.trunc(_months_between(start, end) / _MONTHS[unit])
    size = timedelta(seconds=_SECONDS[unit]) if unit in _SECONDS else timedelta(days=_DAYS[unit])
    return _number((end - start) / size)


def _plural(unit: str) -> str:
    return unit if unit.endswith("s") else unit + "s"


def _months_between(start: datetime, end: datetime) -> int:
    """Whole months by the calendar of the start's zone; negative if the end is first."""
    if end < start:
        return -_months_between(end, start)
    end = end.astimezone(start.tzinfo)
    months = (end.year - start.year) * 12 + end.month - start.month
    # The 31st of a month without one is its last day.
    day = min(start.day, calendar.monthrange(end.year, end.month)[1])
    early = (end.day, end.time()) < (day, start.time())
    return months - early


def _human(rest: timedelta, *, negative: bool) -> str:
    parts = [
        (rest.days, "day"),
        (rest.seconds // 3600, "hour"),
        (rest.seconds // 60 % 60, "minute"),
        (rest.seconds % 60, "second"),
    ]
    said = [f"{count} {name}{'' if count == 1 else 's'}" for count, name in parts if count]
    return ("-" if negative else "") + (", ".join(said) or "0 seconds")


def _number(value: float) -> int | float:
    return int(value) if value.is_integer() else value


def _zone_name(found: datetime) -> str:
    return str(getattr(found.tzinfo, "key", None) or found.tzname() or "UTC")
