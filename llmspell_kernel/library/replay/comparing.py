"""Comparing values, and what runs have shown."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from typing import Any

MAX_DIFFERENCES = 1000
"""How many a comparison lists; all are counted."""

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")

_TIMING = re.compile(r"\b((?:execution_time|duration)_ms(?:\"\])?\"?\s*[:=]\s*)\d[\d.]*(?:e-?\d+)?")
"""As Lua's values and JSON show it."""


class Comparator:
    """Compares JSON-like values place by place."""

    def __init__(self, *, tolerance: float = 0.0, ignore: Sequence[str] = ()) -> None:
        """Numbers may differ by `tolerance`; places whose path is in `ignore` may differ as they like."""
        self._tolerance = tolerance
        self._ignored = frozenset(ignore)

    def compare_json(self, expected: Any, actual: Any) -> dict[str, Any]:
        """What differs; two texts that are both JSON are compared as what they say.

        The report has `identical`, `similarity_score` (the part of the values that are equal, 0 to 1),
        `summary`, and `differences` if there are any: `path`, `kind` (changed, type, missing, added),
        `expected`, `actual`.
        """
        if isinstance(expected, str) and isinstance(actual, str):
            both = _parsed(expected), _parsed(actual)
            if None not in both:
                expected, actual = both
        walk = _Walk(self._tolerance, self._ignored)
        walk.compare(expected, actual, "$")
        identical = walk.different == 0
        report: dict[str, Any] = {
            "identical": identical,
            "similarity_score": 1.0 if identical else round(1 - walk.different / max(walk.total, 1), 6),
            "summary": "identical" if identical else f"{walk.different:,} of {walk.total:,} values differ",
        }
        if not identical:
            report["differences"] = walk.differences
        return report


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


class _Walk:
    """One comparison under way."""

    def __init__(self, tolerance: float, ignored: frozenset[str]) -> None:
        self._tolerance = tolerance
        self._ignored = ignored
        self.total = 0
        self.different = 0
        self.differences: list[dict[str, Any]] = []

    def compare(self, expected: Any, actual: Any, path: str) -> None:
        if path in self._ignored:
            return
        if isinstance(expected, dict) and isinstance(actual, dict) and (expected or actual):
            for key in sorted({*expected, *actual}, key=str):
                self._compare_at(expected, actual, key, _step(path, key))
        elif isinstance(expected, list) and isinstance(actual, list) and (expected or actual):
            for index in range(max(len(expected), len(actual))):
                place = f"{path}[{index}]"
                if index >= len(actual):
                    self._note("missing", place, expected[index], None)
                elif index >= len(expected):
                    self._note("added", place, None, actual[index])
                else:
                    self.compare(expected[index], actual[index], place)
        else:
            self._compare_leaves(expected, actual, path)

    def _compare_at(self, expected: dict[Any, Any], actual: dict[Any, Any], key: Any, path: str) -> None:
        if key not in actual:
            self._note("missing", path, expected[key], None)
        elif key not in expected:
            self._note("added", path, None, actual[key])
        else:
            self.compare(expected[key], actual[key], path)

    def _compare_leaves(self, expected: Any, actual: Any, path: str) -> None:
        numbers = _is_number(expected) and _is_number(actual)
        same_type = numbers or type(expected) is type(actual)
        # An empty table is a list or a dict.
        empty = expected in ([], {}) and actual in ([], {})
        near = numbers and abs(expected - actual) <= self._tolerance
        both_nan = numbers and repr(expected) == repr(actual) == "nan"
        if empty or near or both_nan or (same_type and expected == actual):
            self.total += 1
        else:
            self._note("changed" if same_type else "type", path, expected, actual)

    def _note(self, kind: str, path: str, expected: Any, actual: Any) -> None:
        if path in self._ignored:
            return
        count = max(_leaves(expected), _leaves(actual))
        self.total += count
        self.different += count
        if len(self.differences) < MAX_DIFFERENCES:
            found = {"path": path, "kind": kind, "expected": expected, "actual": actual}
            self.differences.append({key: each for key, each in found.items() if each is not None})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _leaves(value: Any) -> int:
    if isinstance(value, dict) and value:
        return sum(_leaves(each) for each in value.values())
    if isinstance(value, list) and value:
        return sum(_leaves(each) for each in value)
    return 1


def _step(path: str, key: Any) -> str:
    return f"{path}.{key}" if isinstance(key, str) and key.isidentifier() else f"{path}[{key!r}]"


def unified_diff(expected: str, actual: str, *, first: str = "recorded", second: str = "replayed") -> str:
    """What `diff -u` would say; empty if there is no difference."""
    lines = difflib.unified_diff(expected.splitlines(), actual.splitlines(), first, second, lineterm="")
    return "\n".join(lines)


def without_addresses(text: str) -> str:
    """Text in which all addresses of objects (0x55d0c4...) are the same: they are others in each process."""
    return _ADDRESS.sub("0x...", text)


def without_timings(text: str) -> str:
    """Text in which what tools took (`execution_time_ms`, `duration_ms`) is the same."""
    return _TIMING.sub(r"\1...", text)
