from __future__ import annotations

import re

import pytest

from llmspell_kernel.errors import DebuggerError
from llmspell_kernel.lua.debugger.conditions import (
    HitCondition,
    LogPart,
    check_expression,
    check_log_message,
    inlined,
    parse_hit_condition,
    parse_log_message,
)
from tests.lua.sources import LUAS, compile_error


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("3", HitCondition("==", 3)),
        (" == 3 ", HitCondition("==", 3)),
        (">3", HitCondition(">", 3)),
        (">= 3", HitCondition(">=", 3)),
        ("<3", HitCondition("<", 3)),
        ("<=3", HitCondition("<=", 3)),
        ("% 3", HitCondition("%", 3)),
        ("%1", HitCondition("%", 1)),
        ("0", HitCondition("==", 0)),
    ],
)
def test_hit_conditions(text: str, parsed: HitCondition) -> None:
    assert parse_hit_condition(text) == parsed


@pytest.mark.parametrize(
    "text", ["", "x", "= 3", "3 times", "-1", "> x", "1.5", "!= 3", "5 5", "1" * 5000, "²"]
)
def test_other_hit_conditions_are_refused_with_advice(text: str) -> None:
    with pytest.raises(DebuggerError, match="write a number, or one of == > >= < <= % and a number"):
        parse_hit_condition(text)


def test_every_zeroth_time_is_refused() -> None:
    with pytest.raises(DebuggerError, match="divides by zero"):
        parse_hit_condition("% 0")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("plain 'text", ["plain 'text"]),
        ("x is {x}", ["x is ", ("x",)]),
        ("{a}{ b + 1 } }", [("a",), ("b + 1",), " }"]),
        ("{ {1, {2}}[1] }!", [("{1, {2}}[1]",), "!"]),
        (
            '{\'}\' .. "{\\"}"} {[[}]]} {[==[}]]]==]}',
            [('\'}\' .. "{\\"}"',), " ", ("[[}]]",), " ", ("[==[}]]]==]",)],
        ),
        (r"\{x\} {x} \n", ["{x} ", ("x",), r" \n"]),
        ("{x --[[ } ]]}", [("x --[[ } ]]",)]),
        ("größe: {größe}€", ["größe: ", ("größe",), "€"]),
        ("{t[1]}", [("t[1]",)]),
        ("two\nlines {f(\n1)}", ["two\nlines ", ("f(\n1)",)]),
    ],
)
def test_log_messages(text: str, parts: list[str | tuple[str]]) -> None:
    expected = [LogPart(part, False) if isinstance(part, str) else LogPart(part[0], True) for part in parts]
    assert parse_log_message(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = {x", "brace at character 5 of the log message is not closed"),
        ("{a} {'}", "brace at character 5 of the log message is not closed"),
        ("{ {a }", "brace at character 1 of the log message is not closed"),
        ("a {}", "braces at character 3 of the log message are empty"),
        ("a { }", "braces at character 3 of the log message are empty"),
    ],
)
def test_log_messages_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(DebuggerError, match=re.escape(message)):
        parse_log_message(text)


@pytest.mark.parametrize("lua", LUAS)
@pytest.mark.parametrize(
    "text",
    [
        "x",
        "x == 1 and not y",
        "f{1}.g 'x'",
        "(x)",
        "x -- why",
        "[[a\nb]] == x",
        "...",
        "function() return 1 end",
    ],
)
def test_expressions_are_accepted(lua: str, text: str) -> None:
    check_expression(text, compile_error(lua))


@pytest.mark.parametrize("lua", LUAS)
@pytest.mark.parametrize(
    "text",
    ["x = 1", "x, y", "x;", "if x then end", "x ==", "1 end, function() return 2", "x) or (y", "local x", ""],
)
def test_other_code_is_no_condition(lua: str, text: str) -> None:
    with pytest.raises(
        DebuggerError, match=re.escape(f"condition {text!r} is not a Lua expression: ")
    ) as caught:
        check_expression(text, compile_error(lua))
    reason = str(caught.value).split("expression: ", 1)[1]
    assert not re.search(r"c\]?:\d+:", reason)
    assert ("use ==" in reason) == (text == "x = 1")


def test_log_messages_are_checked_by_part() -> None:
    check = compile_error("lua54")
    check_log_message(parse_log_message("x = {x}, {y[1]}"), check)
    with pytest.raises(DebuggerError, match="expression in the log message 'y y' is not a Lua expression"):
        check_log_message(parse_log_message("x = {x}, {y y}"), check)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x == 1", "x == 1"),
        ("x --[[a\nb]] ==\n 1 -- c", "x == 1"),
        ("s == [[a b]] or s=='--'", "s == [[a b]] or s == '--'"),
        ("s == [[\na]]", ""),
        ("s == 'a\\\nb'", ""),
        ("select('#', ...) > 1", ""),
    ],
)
def test_what_can_be_part_of_a_line(text: str, line: str) -> None:
    assert inlined(text) == line
