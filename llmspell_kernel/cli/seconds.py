"""Times on the command line."""

from __future__ import annotations

import math
from typing import Any

import click

MOST_SECONDS = 1e9
"""About 30 years; the system cannot wait for much longer."""


class Seconds(click.FloatRange):
    """A number of seconds that the system can wait for."""

    def __init__(self, *, min_open: bool = False, most: float = MOST_SECONDS) -> None:
        super().__init__(min=0, max=most, min_open=min_open)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number.

        Raises:
            click.BadParameter: it is none, not finite, or out of the range.
        """
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return number

    def _describe_range(self) -> str:
        if self.max == MOST_SECONDS:
            return f"x{'>' if self.min_open else '>='}0"
        return super()._describe_range()
