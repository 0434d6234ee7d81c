"""Expressions that are shown at each stop."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from llmspell_kernel.errors import UsageError

Evaluate = Callable[[str], str]
"""The value of an expression as text, or what is wrong with it."""


class Watches:
    """Watched expressions by number, and what they were at the last stop."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._expressions: dict[int, str] = {}
        self._last: dict[int, str] = {}

    @property
    def numbers(self) -> list[int]:
        """Of all, in order."""
        return list(self._expressions)

    def add(self, expression: str) -> int:
        """Watches an expression; answers its number."""
        number = next(self._numbers)
        self._expressions[number] = expression
        return number

    def remove(self, number: int | None) -> None:
        """Forgets one, or all.

        Raises:
            UsageError: there is none of that number.
        """
        if number is None:
            self._expressions.clear()
        elif self._expressions.pop(number, None) is None:
            known = ", ".join(map(str, self._expressions)) or "none"
            raise UsageError(f"there is no watched expression {number}; there are: {known}")

    def line(self, number: int, evaluate: Evaluate) -> str:
        """One, with its value now and the one before if it has changed."""
        expression = self._expressions[number]
        before, now = self._last.get(number), evaluate(expression)
        self._last[number] = now
        changed = f"  (was {before})" if before is not None and before != now else ""
        return f"watch {number}: {expression} = {now}{changed}"
