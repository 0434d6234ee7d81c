"""As stop.lua."""

from typing import Any


def visit(number: int) -> tuple[Any, ...]:
    name, ratio, even = "visit " + str(number), number / 7, number % 2 == 0
    values, record = [1, 2, 3, 4, 5], {"first": number, "second": name}
    return name, ratio, even, values, record  # stop


def run(size: int) -> None:
    for number in range(1, size + 1):
        visit(number)
