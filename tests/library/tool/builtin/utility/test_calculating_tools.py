"""calculator and datetime-handler."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.builtin.utility.formulas import FUNCTIONS, Formula, FormulaError
from tests.library.tool.guarding import Caller


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    caller = Caller(Settings())
    yield caller
    caller.close()


@pytest.mark.parametrize(
    ("formula", "result"),
    [
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("2^3^2", 512),
        ("2 ** 3", 8),
        ("-2^2", -4),
        ("2^-1", 0.5),
        ("7 % 3 + 1K + 5m", 1001.005),
        ("0x10 + 0b11 + 1e2", 119),
        ("sin(pi / 2) + cos(0) + sin(pi() / 2)", 3),
        ("log(2, 8) + log(1000) + ln(e)", 7),
        ("round(2.5) + round(-2.5) + round(5, 12)", 10),
        ("min(3, 1, 2) + max(3, 1, 2)", 4),
        ("1 < 2 and not_zero or 0", 3),
        ("1 == 1 && 2 != 2 || !0", 1),
        ("if(x > 5, x, 1 / 0)", 10),
        ("factorial(5) + gcd(12, 18) + hypot(3, 4)", 131),
        ("x * y.z", 20),
        ("--1", 1),
    ],
)
def test_formulas(call: Caller, formula: str, result: float) -> None:
    answer = call("calculator", input=formula, variables={"x": 10, "y.z": 2, "not_zero": 3})
    assert answer["result"] == pytest.approx(result)
    assert answer["input"] == formula
    assert answer["result_type"] == ("integer" if isinstance(result, int) else "float")
    assert answer["variables"]["x"] == 10


def test_a_formula_may_be_called_expression(call: Caller) -> None:
    assert call("calculator", operation="evaluate", expression="6 * 7")["result"] == 42


@pytest.mark.parametrize(
    ("formula", "result"),
    [
        ("9007199254740993 + 0", 9007199254740993),
        ("-(x * 1023 - 1)", -9214364837600035838),
        ("x + 1 - x % 10", 9007199254740991),
        ("-x % 10", -3),
        ("max(x, 0x1F) - abs(-1)", 9007199254740992),
        ("2 ^ 62 + floor(x) - round(x)", 2**62),
        ("x * 3 / 3 + factorial(3)", 9007199254740999),
        ("7 / 2", 3.5),
        ("2 ^ 63", 2.0**63),
        ("9223372036854775807 + 1", 2.0**63),
        ("9007199254740993.0", 2.0**53),
    ],
)
def test_whole_numbers_are_exact_or_floats(call: Caller, formula: str, result: float) -> None:
    answer = call("calculator", input=formula, variables={"x": 9007199254740993})
    assert (answer["result"], type(answer["result"])) == (result, type(result))
    assert answer["result_type"] == ("integer" if isinstance(result, int) else "float")


@pytest.mark.parametrize(
    ("formula", "problem"),
    [
        ("9^9^9", "too big"),
        ("9**9**9**9", "too big"),
        ("factorial(1000000)", "170 is the most"),
        ("1 / 0", "division by zero"),
        ("0^-1", "division by zero"),
        ("5 % 0", "division by zero"),
        ("sqrt(-1)", "no real number"),
        ("(-8) ^ 0.5", "no real number"),
        ("ln(0)", "no real number"),
        ("1e400", "too big"),
        ("0x" + "f" * 300, "too big"),
        ("(" * 200 + "1" + ")" * 200, "nested more than 100"),
        ("-" * 5000 + "1", "nested more than 100"),
        ("1" + "+1" * 6000, "10,000"),
        ("2 +", "at the end: a number"),
        ("2 3", "at character 3: an operator"),
        ("2 $ 3", "at character 3"),
        ("(1", "')' was expected"),
        ("sine(1)", "did you mean sin?"),
        ("nope + 1", "unknown variable 'nope'"),
        ("min()", "0 arguments"),
        ("__import__('os')", "at character 12"),
        ("x.__class__", "unknown variable"),
    ],
)
def test_wrong_formulas_fail_without_an_error(call: Caller, formula: str, problem: str) -> None:
    envelope = call.services.tools.call("calculator", {"input": formula})
    assert not envelope.success
    assert envelope.error is not None
    assert problem in envelope.error["message"]
    assert envelope.error["input"] == formula


def test_long_sums(call: Caller) -> None:
    assert call("calculator", input="+".join(["1"] * 4000))["result"] == 4000


def test_validate_formula(call: Caller) -> None:
    answer = call("calculator", operation="validate", input="x + sin(y) * pi")
    assert answer == {
        "valid": True, "input": "x + sin(y) * pi", "variables": ["x", "y"], "functions": ["sin"],
    }  # fmt: skip
    assert "at the end" in call("calculator", operation="validate", input="1 +")["error"]


def test_functions_of_formulas(call: Caller) -> None:
    answer = call("calculator", operation="functions")
    assert {each["name"] for each in answer["functions"]} == set(FUNCTIONS)
    assert answer["constants"]["pi"] == math.pi
    assert "^" in answer["operators"]


def test_no_formula(call: Caller) -> None:
    with pytest.raises(ParameterError, match="input is missing"):
        call("calculator", operation="evaluate")
    with pytest.raises(ParameterError, match="variables"):
        call("calculator", input="x", variables={"x": "1"})


@given(st.text("0123456789.+-*/%^()<>=!&|, xepi", max_size=40))
@hypothesis_settings(max_examples=300, deadline=None)
def test_whatever_is_written_is_computed_or_refused(text: str) -> None:
    try:
        value = Formula(text).compute({"x": 2.0})
    except FormulaError:
        return
    assert math.isfinite(value)


@given(st.lists(st.tuples(st.sampled_from("+-*"), st.integers(0, 999)), min_size=1, max_size=8))
@hypothesis_settings(max_examples=100, deadline=None)
def test_sums_and_products_are_those_of_python(parts: list[tuple[str, int]]) -> None:
    text = "1" + "".join(f" {sign} {number}" for sign, number in parts)
    assert Formula(text).compute({}) == pytest.approx(eval(text))


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2024-01-31", "2024-01-31T00:00:00+00:00"),
        ("2024-01-31T10:30:00Z", "2024-01-31T10:30:00+00:00"),
        ("2024-01-31 10:30:00.5+02:00", "2024-01-31T10:30:00.500000+02:00"),
        ("March 5, 2024 3pm", "2024-03-05T15:00:00+00:00"),
        ("Wed, 31 Jan 2024 10:00:00 +0100", "2024-01-31T10:00:00+01:00"),
        ("31/01/2024", "2024-01-31T00:00:00+00:00"),
        ("May 2024", "2024-05-01T00:00:00+00:00"),
        (1700000000, "2023-11-14T22:13:20+00:00"),
        ("1700000000000", "2023-11-14T22:13:20+00:00"),
    ],
)
def test_dates_are_read(call: Caller, text: object, iso: str) -> None:
    answer = call("datetime-handler", input=text)
    assert answer["parsed"] == answer["iso"] == iso
    assert answer["timestamp"] == datetime.fromisoformat(iso).timestamp()


@pytest.mark.parametrize(
    "text", ["tomorrow", "2024-02-30", "", "5pm EST", "9" * 300, float("nan"), 1e300, "99999999999999999999"]
)
def test_what_is_no_date(call: Caller, text: object) -> None:
    with pytest.raises(ParameterError, match="input"):
        call("datetime-handler", operation="parse", input=text)


def test_now(call: Caller) -> None:
    answer = call("datetime-handler", operation="now", timezone="Asia/Kolkata")
    found = datetime.fromisoformat(answer["datetime"])
    assert abs(found - datetime.now(UTC)) < timedelta(minutes=1)
    assert found.utcoffset() == timedelta(hours=5, minutes=30)
    assert answer["timezone"] == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("zone", "converted"),
    [
        ("America/New_York", "2024-07-01T08:00:00-04:00"),
        ("+05:45", "2024-07-01T17:45:00+05:45"),
        ("UTC", "2024-07-01T12:00:00+00:00"),
    ],
)
def test_time_zones(call: Caller, zone: str, converted: str) -> None:
    answer = call(
        "datetime-handler", operation="convert_timezone", input="2024-07-01T12:00Z", target_timezone=zone
    )
    assert answer["converted"] == converted
    assert answer["to_timezone"] == zone


@pytest.mark.parametrize(
    "zone", ["Nowhere/City", "../../etc/passwd", "/etc/localtime", "Europe", "+99:00", "a\0b"]
)
def test_unknown_zones(call: Caller, zone: str) -> None:
    with pytest.raises(ParameterError, match="no time zone is called"):
        call("datetime-handler", operation="now", timezone=zone)


@pytest.mark.parametrize(
    ("operation", "text", "amount", "unit", "result"),
    [
        ("add", "2024-01-31", 1, "months", "2024-02-29T00:00:00+01:00"),
        ("add", "2024-02-29", 1, "year", "2025-02-28T00:00:00+01:00"),
        ("subtract", "2024-03-31", 1, "month", "2024-02-29T00:00:00+01:00"),
        ("add", "2024-12-15", 1, "quarters", "2025-03-15T00:00:00+01:00"),
        # The clocks go forward on the 31st of March at 2:00.
        ("add", "2024-03-30T12:00", 1, "days", "2024-03-31T12:00:00+02:00"),
        ("add", "2024-03-30T12:00", 24, "hours", "2024-03-31T13:00:00+02:00"),
        ("add", "2024-03-30T02:30", 1, "day", "2024-03-31T03:30:00+02:00"),
        ("subtract", "2024-10-28T12:00", 1, "weeks", "2024-10-21T12:00:00+02:00"),
        ("add", "2024-01-01", 1.5, "days", "2024-01-02T12:00:00+01:00"),
        ("add", "2024-01-01", 90, "minutes", "2024-01-01T01:30:00+01:00"),
        ("add", "2024-01-01", 1500, "milliseconds", "2024-01-01T00:00:01.500000+01:00"),
    ],
)
def test_arithmetic_of_dates(
    call: Caller, operation: str, text: str, amount: float, unit: str, result: str
) -> None:
    answer = call(
        "datetime-handler",
        operation=operation,
        input=text,
        amount=amount,
        unit=unit,
        timezone="Europe/Berlin",
    )
    assert answer["result"] == result


@pytest.mark.parametrize(
    ("amount", "unit", "problem"),
    [
        (1e9, "years", "beyond the years"),
        (0.5, "months", "whole months"),
        (1e300, "days", "beyond the years"),
    ],
)
def test_dates_out_of_reach(call: Caller, amount: float, unit: str, problem: str) -> None:
    with pytest.raises(ParameterError, match=problem):
        call("datetime-handler", operation="add", input="2024-01-01", amount=amount, unit=unit)


def test_units_that_may_be_meant(call: Caller) -> None:
    with pytest.raises(ParameterError, match=r"is one of microseconds, .*did you mean 'hours'"):
        call("datetime-handler", operation="add", input="2024-01-01", amount=1, unit="Hours")


@pytest.mark.parametrize(
    ("unit", "amount"),
    [
        ("hours", 11721.5),
        ("second", 42197400),
        ("days", 11721.5 / 24),
        ("months", 16),
        ("quarters", 5),
        ("year", 1),
    ],
)
def test_difference_in_units(call: Caller, unit: str, amount: float) -> None:
    dates = {"start": "2024-01-01", "end": "2025-05-03T09:30:00"}
    found = call("datetime-handler", operation="difference", unit=unit, **dates)
    assert (found["amount"], found["unit"]) == (amount, unit.removesuffix("s") + "s")
    back = {"start": dates["end"], "end": dates["start"]}
    assert call("datetime-handler", operation="difference", unit=unit, **back)["amount"] == -amount


def test_difference(call: Caller) -> None:
    found = call("datetime-handler", operation="difference", start="2024-01-31", end="2024-02-29T12:00:01")
    difference = found["difference"]
    assert difference["total_seconds"] == 29.5 * 86400 + 1
    assert difference["human"] == "29 days, 12 hours, 1 second"
    assert (difference["days"], difference["months"], difference["negative"]) == (29, 1, False)
    back = call("datetime-handler", operation="difference", start="2024-02-01", end="2023-02-01")[
        "difference"
    ]
    assert (back["years"], back["months"], back["negative"]) == (-1, -12, True)


def test_info(call: Caller) -> None:
    info = call("datetime-handler", operation="info", input="2024-02-29T13:14:15Z")["info"]
    assert {
        "weekday": "Thursday", "day_of_year": 60, "week": 9, "quarter": 1, "leap_year": True,
        "days_in_month": 29, "is_weekend": False, "month_name": "February", "hour": 13,
    }.items() <= info.items()  # fmt: skip


def test_formats(call: Caller) -> None:
    formats = call("datetime-handler", operation="formats", input="2024-02-29T00:00:00Z")["formats"]
    examples = {each["name"]: each["example"] for each in formats}
    assert examples["iso8601"] == "2024-02-29T00:00:00+00:00"
    assert examples["rfc2822"] == "Thu, 29 Feb 2024 00:00:00 +0000"
    assert examples["unix"] == "1709164800"
    written = call("datetime-handler", input="2024-02-29", format="%d. %B %Y %%s %:z")
    assert written["parsed"] == "29. February 2024 %s +00:00"
    assert call("datetime-handler", input="2024-02-29", format="us_date")["parsed"] == "02/29/2024"


@pytest.mark.parametrize("form", ["%999999999d", "%Q", "%Y" * 200, "100%"])
def test_wrong_formats(call: Caller, form: str) -> None:
    with pytest.raises(ParameterError, match="format must be"):
        call("datetime-handler", input="2024-02-29", format=form)


@given(
    when=st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
    unit=st.sampled_from(["seconds", "minutes", "hours", "days", "weeks"]),
    amount=st.integers(-1000, 1000),
)
@hypothesis_settings(max_examples=50, deadline=None)
def test_there_and_back(call: Caller, when: datetime, unit: str, amount: int) -> None:
    there: Any = call("datetime-handler", operation="add", input=when.isoformat(), amount=amount, unit=unit)
    back = call("datetime-handler", operation="subtract", input=there["result"], amount=amount, unit=unit)
    assert datetime.fromisoformat(back["result"]) == when.replace(tzinfo=UTC)


def test_needed_parameters(call: Caller) -> None:
    for operation, needed in {
        "add": "amount", "difference": "start", "convert_timezone": "target_timezone", "parse": "input",
    }.items():  # fmt: skip
        with pytest.raises(ParameterError, match=re.escape(needed)):
            call("datetime-handler", operation=operation)
