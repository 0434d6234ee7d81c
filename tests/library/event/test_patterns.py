"""Which types of events a pattern is for."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmspell_kernel.library.event.patterns import any_of, matcher


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("user.created", ["user.created"], ["user.create", "user.created2", "xuser.created", "userxcreated"]),
        ("user.*", ["user.a", "user.a.b", "user."], ["user", "users.a"]),
        ("*", ["", "a", "a.b\nc"], []),
        ("*.failed", ["tool.failed", "a.b.failed", ".failed"], ["failed", "tool.failed.x"]),
        ("a*b*c", ["abc", "a1b2c", "abbcc"], ["acb", "ab"]),
        ("a**b", ["ab", "axb"], ["a"]),
        ("a?c", ["abc", "a.c"], ["ac", "abbc"]),
        ("a+(b)", ["a+(b)"], ["aab"]),
        ("Tool.*", ["Tool.x"], ["tool.x"]),
    ],
)
def test_patterns(pattern: str, fits: list[str], does_not: list[str]) -> None:
    test = matcher(pattern)
    assert [text for text in fits if not test(text)] == []
    assert [text for text in does_not if test(text)] == []


@given(
    st.lists(st.text(alphabet="ab.", max_size=4), min_size=1, max_size=4),
    st.text(alphabet="ab.", max_size=12),
)
def test_stars_are_parts_in_order(parts: list[str], text: str) -> None:
    def fits(text: str, parts: list[str]) -> bool:
        first, *rest = parts
        if not text.startswith(first):
            return False
        left = text[len(first) :]
        return left == "" if not rest else any(fits(left[at:], rest) for at in range(len(left) + 1))

    assert matcher("*".join(parts))(text) == fits(text, parts)


def test_no_pattern_takes_long() -> None:
    began = time.perf_counter()
    assert not matcher("*a" * 40 + "b")("a" * 20_000)
    assert time.perf_counter() - began < 1


def test_several() -> None:
    test = any_of(["a.*", "b"])
    assert test("a.x") and test("b") and not test("c") and not any_of([])("a")
