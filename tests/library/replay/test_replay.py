"""Comparing, and when something is to be done again."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.replay.comparing import Comparator, without_addresses, without_timings
from llmspell_kernel.library.replay.schedules import Cron, next_times

from ...lua.shell import LANGUAGES
from ..session.conftest import Shell, shell

__all__ = ["shell"]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_a_value_is_identical_to_itself(value: Any) -> None:
    report = Comparator().compare_json(value, json.loads(json.dumps(value)))
    assert report == {"identical": True, "similarity_score": 1.0, "summary": "identical"}


@given(JSON, JSON)
def test_scores_are_between_0_and_1_and_the_same_both_ways(first: Any, second: Any) -> None:
    there, back = Comparator().compare_json(first, second), Comparator().compare_json(second, first)
    assert 0 <= there["similarity_score"] <= 1
    assert there["identical"] == back["identical"] == ("differences" not in there)
    assert there["similarity_score"] == back["similarity_score"]


def test_differences_are_named_by_their_paths() -> None:
    first: dict[str, Any] = {"rows": [1, 2, {"x": "a"}], "gone": None, "kind": 1, "same": [[]]}
    second: dict[str, Any] = {
        "rows": [1, 3, {"x": "b"}, 4],
        "kind": "1",
        "same": [{}],
        "new key": {"p": 1, "q": 2},
    }
    report = Comparator().compare_json(first, second)
    assert [(each["kind"], each["path"]) for each in report["differences"]] == [
        ("missing", "$.gone"),
        ("type", "$.kind"),
        ("added", "$['new key']"),
        ("changed", "$.rows[1]"),
        ("changed", "$.rows[2].x"),
        ("added", "$.rows[3]"),
    ]
    assert report["summary"] == "7 of 9 values differ" and report["similarity_score"] == pytest.approx(
        2 / 9, abs=1e-6
    )


def test_tolerance_what_is_ignored_and_texts_of_json() -> None:
    comparator = Comparator(tolerance=0.01, ignore=["$.time"])
    assert comparator.compare_json({"x": 1.0, "time": 1}, {"x": 1.009, "time": 2})["identical"]
    assert comparator.compare_json({"time": 1}, {})["identical"]
    assert Comparator().compare_json('{"a": 1, "b": 2}', '{"b":2,"a":1}')["identical"]
    assert not Comparator().compare_json("text", "texts")["identical"]
    assert (
        Comparator().compare_json(1, 1.0)["identical"] and not Comparator().compare_json(1, True)["identical"]
    )
    assert without_addresses("table: 0x55d0c4a0 0x10") == "table: 0x... 0x10"


def test_what_tools_took_counts_as_the_same() -> None:
    shown = '{execution_time_ms = 0.25, n = 1} {"duration_ms": 1e-05} {"duration_ms":12, "ms": 3}'
    expected = '{execution_time_ms = ..., n = 1} {"duration_ms": ...} {"duration_ms":..., "ms": 3}'
    assert without_timings(shown) == expected


def moments(expression: str, after: str, count: int = 3, zone: str = "UTC") -> list[str]:
    """The next times in the zone's own clocks."""
    place = ZoneInfo(zone)
    start = datetime.fromisoformat(after).replace(tzinfo=place).timestamp()
    schedule = {"type": "cron", "expression": expression, "timezone": zone}
    times = next_times(schedule, start, count)
    return [datetime.fromtimestamp(each, place).strftime("%Y-%m-%d %H:%M") for each in times]


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("*/15 * * * *", "2026-06-01 10:07", ["2026-06-01 10:15", "2026-06-01 10:30", "2026-06-01 10:45"]),
        ("0 9 * * mon-fri", "2026-06-05 09:00", ["2026-06-08 09:00", "2026-06-09 09:00", "2026-06-10 09:00"]),
        ("30 23 31 * *", "2026-06-01 00:00", ["2026-07-31 23:30", "2026-08-31 23:30", "2026-10-31 23:30"]),
        ("0 0 29 2 *", "2026-06-01 00:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 13 * 5", "2026-06-01 00:00", ["2026-06-05 00:00", "2026-06-12 00:00", "2026-06-13 00:00"]),
        (
            "0 12 * jan,JUL 0",
            "2026-06-30 00:00",
            ["2026-07-05 12:00", "2026-07-12 12:00", "2026-07-19 12:00"],
        ),
        ("5/20 1 * * 7", "2026-06-01 00:00", ["2026-06-07 01:05", "2026-06-07 01:25", "2026-06-07 01:45"]),
        ("@daily", "2026-12-31 00:00", ["2027-01-01 00:00", "2027-01-02 00:00", "2027-01-03 00:00"]),
        (
            "0 22-23/1,3 * * *",
            "2026-06-01 23:30",
            ["2026-06-02 03:00", "2026-06-02 22:00", "2026-06-02 23:00"],
        ),
    ],
)
def test_cron(expression: str, after: str, expected: list[str]) -> None:
    assert moments(expression, after) == expected


def test_cron_where_clocks_change() -> None:
    # 2026-03-29 02:00 becomes 03:00 in Berlin; 2026-10-25 03:00 becomes 02:00.
    zone = "Europe/Berlin"
    assert moments("30 2 * * *", "2026-03-28 12:00", 2, zone) == ["2026-03-29 03:30", "2026-03-30 02:30"]
    assert moments("30 2 * * *", "2026-10-24 12:00", 2, zone) == ["2026-10-25 02:30", "2026-10-26 02:30"]


def test_cron_is_what_looking_at_each_minute_finds() -> None:
    chance = random.Random(7)
    for _ in range(20):
        minute, hour = chance.randrange(60), chance.randrange(24)
        day, weekday = chance.choice(["*", "1-7", "*/9", "31"]), chance.choice(["*", "1", "0,3", "sat"])
        cron = Cron(f"{minute},{(minute + 7) % 60} {hour} {day} * {weekday}", UTC)
        start = datetime(2026, chance.randrange(1, 13), 1, tzinfo=UTC).timestamp()
        found = []
        for number in range(1, 20 * 24 * 60):
            moment = datetime.fromtimestamp(start + 60 * number, UTC)
            days = {"*": True, "1-7": moment.day <= 7, "*/9": moment.day % 9 == 1, "31": moment.day == 31}[
                day
            ]
            names = {"*": True, "1": moment.isoweekday() == 1, "0,3": moment.isoweekday() in (7, 3)}
            week = names.get(weekday, moment.isoweekday() == 6)
            fits = (days or week) if day[0] != "*" and weekday != "*" else (days and week)
            if fits and moment.hour == hour and moment.minute in (minute, (minute + 7) % 60):
                found.append(moment.timestamp())
        times = cron.times(start)
        assert [next(times) for _ in found] == found


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("* * * *", "five fields expected"),
        ("60 * * * *", "'60' is no minute; 0 to 59 are"),
        ("* * 0 * *", "'0' is no day of the month"),
        ("* * * foo *", "'foo' is no month"),
        ("5-1 * * * *", "'5-1' is no minute: it has no values"),
        ("*/0 * * * *", "it has no values"),
        ("a,, * * * *", "is no minute"),
    ],
)
def test_what_is_no_cron(expression: str, message: str) -> None:
    with pytest.raises(ScriptError, match="cron expression") as caught:
        Cron(expression)
    assert message in str(caught.value)


def test_once_and_intervals() -> None:
    once = {"type": "once", "delay_seconds": 5, "created_at": 100.0}
    assert next_times(once, 100, 3) == [105] and next_times(once, 105, 3) == []
    every = {"type": "interval", "initial_delay_seconds": 1, "interval_seconds": 10, "created_at": 100.0}
    assert next_times(every, 100, 3) == [101, 111, 121] and next_times(every, 121, 2) == [131, 141]
    assert next_times(every | {"max_executions": 2}, 100, 3) == [101, 111]
    assert next_times(every, 1e9, 1)[0] > 1e9


def test_scripts(shell: Shell) -> None:
    assert shell.run(
        "Replay.modes.exact, Replay.modes.modified, Replay.modes.simulate, Replay.modes.debug"
    ) == ('"exact"\t"modified"\t"simulate"\t"debug"')
    assert shell.run(
        "local c = Replay.create_config() return c.mode, c.timeout_seconds, c.compare_results"
    ) == ('"exact"\t300\ttrue')
    assert shell.run(
        "local m = Replay.create_modification('cells.1.code', 'x') return m.path, m.enabled"
    ) == ('"cells.1.code"\ttrue')
    assert shell.run(
        "local s = Replay.schedules.once(60) return s.type, s:next_time() > 0, #s:next_times(5)"
    ) == ('"once"\ttrue\t1')
    assert shell.run("#Replay.schedules.interval(1, 2, 3):next_times(10)") == "3"
    assert shell.run("Replay.schedules.cron('0 0 1 1 *', 'UTC'):next_time(0) == 31536000") == "true"
    shell.run("r = Replay.create_comparator():compare_json({a = 1, b = {1, 2}}, {a = 1, b = {1, 3}})")
    assert shell.run("r.identical, r.summary, r.differences[1].path") == (
        'false\t"1 of 3 values differ"\t"$.b[1]"'
    )
    assert shell.run("Replay.create_comparator{tolerance = 1}:compare_json({1}, {2}).identical") == "true"
    assert shell.run("Replay.create_comparator():compare_json({0/0, 1}, {0/0, 1}).identical") == "true"
    assert shell.run("Replay.create_comparator():compare_json({0/0}, {1}).identical") == "false"
    for code, message in (
        ("Replay.schedules.cron('@daily'):next_times(-1)", "a whole number from 0 to 1,000,000 expected"),
        ("Replay.schedules.cron('@daily'):next_times(1.5)", "got 1.5"),
        ("Replay.create_config('fast')", "one of exact, modified, simulate, debug expected, got 'fast'"),
        ("Replay.schedules.cron('x')", "five fields expected"),
        ("Replay.schedules.cron('* * * * *', 'Mars')", "no time zone 'Mars'"),
        ("Replay.schedules.once(-1)", "bad argument 'delay_seconds' to 'Replay.schedules.once'"),
        ("Replay.create_comparator().compare_json({}, {})", "call it as comparator:compare_json(...)"),
        ("Replay.create_comparator{exact = 1}:compare_json(1, 1)", "there is no option 'exact'"),
    ):
        assert message in shell.fail(code).value


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_lua(language: str, tmp_path: Any) -> None:
    from llmspell_kernel.runtime import Runtime, runtime_settings

    from ..session.conftest import RecordedFrontend, settings_for

    settings = runtime_settings(settings_for(tmp_path))
    from llmspell_kernel.records import replaced

    runtime = Runtime(RecordedFrontend(), replaced(settings, lua=replaced(settings.lua, language=language)))
    code = (
        "id = Session.builder():name('n'):build() Session.set_current(id) print(_VERSION)\n"
        "return Artifact.get(id, Artifact.store(id, 'x', 'n', 'c')).content"
    )
    assert runtime.execute(code, number=1).error is None
    runtime.services.sessions.set_current(None)
    outcome = runtime.execute("Session.replay(id).cells[1].replayed.stdout", number=2)
    assert outcome.result is not None, outcome
    assert runtime.info.version[:3] in str(outcome.result.data["text/plain"]) or language == "luajit"
    runtime.close()


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("create_modification('bogus', 1)", "no path 'bogus'; write such as cells.3.code"),
        ("create_modification('cells.1.code')", "is the code that runs instead, a string; got nothing"),
        ("schedules.interval(1, 2, 0)", "bad argument 'max_executions'"),
        ("schedules.interval(1/0, 2)", "bad argument 'initial_delay_seconds'"),
        ("schedules.once(1e15)", "bad argument 'delay_seconds'"),
        ("schedules.cron('@daily'):next_times(1, 1/0)", "bad argument 'after'"),
        ("schedules.interval(0, 1):next_times(3, 0/0)", "bad argument 'after'"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(shell: Shell, code: str, problem: str) -> None:
    assert problem in shell.fail(f"Replay.{code}").value
