"""As large.lua."""

from typing import Any

array: list[int] = []
keyed: dict[str, int] = {}


def fill(entries: int) -> None:
    for i in range(1, entries + 1):
        array.append(i)
        keyed["key " + str(i)] = i


def visit(array: Any, keyed: Any) -> tuple[Any, ...]:
    return array, keyed  # stop


def run(size: int) -> None:
    for _ in range(size):
        visit(array, keyed)
