"""Settings that `%config` lists and, where it can be done in a running kernel, changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llmspell_kernel.errors import MagicError

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `get` answers its value; `change` sets it, None where only a restart can.

    `change` gets a value of the type that `get` answers, and raises MagicError for one that will not do.
    """

    name: str
    help: str
    get: Callable[[], Value]
    change: Callable[[Value], None] | None = None


def shown_value(value: Value) -> str:
    """A value as `%config` shows it and reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else f"{value:.15g}"


_BOOLEANS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}


def read_value(text: str, like: Value) -> Value:
    """What the user typed, as a value of the type of `like`.

    Raises:
        MagicError: it is none of that type.
    """
    if isinstance(like, str):
        return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
    if isinstance(like, bool):
        if text.lower() not in _BOOLEANS:
            raise MagicError(f"wants true or false, not {text}")
        return _BOOLEANS[text.lower()]
    try:
        number = float(text)
        value = int(number) if isinstance(like, int) else number
        valid = number >= 0 and (isinstance(like, float) or value == number)
    except (ValueError, OverflowError):
        valid = False
    if not valid:
        kind = "whole number" if isinstance(like, int) else "number"
        raise MagicError(f"wants a {kind} from 0 on, not {text}")
    return value
