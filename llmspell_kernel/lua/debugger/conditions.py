r"""What users write beside a breakpoint: conditions, hit conditions and log messages.

Everything here is text work; `SyntaxCheck` is how Lua itself is asked, for example the compiler of cells.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from llmspell_kernel.errors import DebuggerError
from llmspell_kernel.lua.lexer import significant

SyntaxCheck = Callable[[str], str | None]
"""Gives Lua's message for code that it refuses, None for code that it accepts."""


class HitCondition(NamedTuple):
    """A condition on how often a breakpoint was reached: `==`, `>`, `>=`, `<`, `<=` or `%`, and a number."""

    operator: str
    number: int


class LogPart(NamedTuple):
    """A piece of a log message: literal text, or an expression whose value goes there."""

    text: str
    is_expression: bool


_HIT_CONDITION = re.compile(r"\s*(==|>=?|<=?|%|)\s*([0-9]{1,15})\s*")
_MESSAGE_PLACE = re.compile(r"\A[^\n]*?:[0-9]+: ")
_LITERAL = re.compile(r"(?:\\[{}]|[^{])+")
# In an expression: what may hold braces that are none, and the braces. The last alternatives are openings of
# strings that do not end.
_IN_EXPRESSION = re.compile(
    r"""(?P<skipped>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|--\[(?P<level>=*)\[.*?\](?P=level)\]"""
    r"""|\[(?P<equals>=*)\[.*?\](?P=equals)\])|(?P<brace>[{}])|(?P<open>["'])""",
    re.DOTALL,
)


def parse_hit_condition(text: str) -> HitCondition:
    """Reads `5` (the same as `== 5`), `> 5`, `>= 5`, `< 5`, `<= 5` or `% 5` (every fifth time).

    Raises:
        DebuggerError: it is none of them.
    """
    match = _HIT_CONDITION.fullmatch(text)
    if not match:
        raise DebuggerError(
            f"hit condition {text!r} is not understood; write a number, or one of == > >= < <= % and a number"
        )
    number = int(match[2])
    if match[1] == "%" and number == 0:
        raise DebuggerError(f"hit condition {text!r} divides by zero; write % and a number from 1")
    return HitCondition(match[1] or "==", number)


def parse_log_message(text: str) -> list[LogPart]:
    r"""Cuts a log message into text and `{expression}`; `\{` and `\}` stand for braces as text.

    Raises:
        DebuggerError: a brace is not closed, or holds nothing.
    """
    parts = []
    position = 0
    while position < len(text):
        if literal := _LITERAL.match(text, position):
            parts.append(LogPart(literal[0].replace(r"\{", "{").replace(r"\}", "}"), False))
            position = literal.end()
            continue
        end = _expression_end(text, position + 1)
        expression = text[position + 1 : end].strip()
        if not expression:
            raise DebuggerError(
                f"the braces at character {position + 1} of the log message are empty; "
                r"write an expression into them, or \{ for a brace as text"
            )
        parts.append(LogPart(expression, True))
        position = end + 1
    return parts


def check_log_message(parts: list[LogPart], check: SyntaxCheck) -> None:
    """Asks Lua about the expressions of a log message.

    Raises:
        DebuggerError: one is no expression.
    """
    for part in parts:
        if part.is_expression:
            check_expression(part.text, check, "expression in the log message")


def check_expression(text: str, check: SyntaxCheck, what: str = "condition") -> None:
    """Asks Lua whether `text` is one expression; messages call it `what`.

    Raises:
        DebuggerError: it is not; with Lua's message.
    """
    # The line end closes a comment; the brackets refuse lists and statements that `return` lets through.
    message = check(f"return {text}\n") or check(f"local _ = ({text}\n)")
    if message is None:
        return
    reason = _MESSAGE_PLACE.sub("", message)
    advice = "; use == to compare" if check(f"{text}\n") is None and "=" in text else ""
    raise DebuggerError(f"{what} {text!r} is not a Lua expression: {reason}{advice}")


def inlined(text: str) -> str:
    """An expression that Lua accepts, as part of a line of any function; "" if it cannot be.

    What cannot: strings over several lines, and `...`, which is another function's there.
    """
    tokens = significant(text)
    if any(token.text == "..." or "\n" in token.text or "\r" in token.text for token in tokens):
        return ""
    return " ".join(token.text for token in tokens)


def _expression_end(text: str, start: int) -> int:
    """Where the brace is that closes the one before `start`."""
    depth = 1
    for match in _IN_EXPRESSION.finditer(text, start):
        if match["open"]:
            break
        if match["brace"]:
            depth += 1 if match["brace"] == "{" else -1
            if depth == 0:
                return match.start()
    raise DebuggerError(
        f"the brace at character {start} of the log message is not closed; write {{expression}}, "
        r"or \{ for a brace as text"
    )
