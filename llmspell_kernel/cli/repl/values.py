"""Colours for values as the kernel writes them in plain text."""

from __future__ import annotations

import re

_LARGE = 200_000
_RESET = "\x1b[0m"

_PARTS = re.compile(
    r"""
      (?P<string>"(?:\\.|[^"\\\n])*"|\[(=*)\[.*?\]\2\])
    | (?P<key>\b[A-Za-z_]\w*(?=\ =\ ))
    | (?P<special><[^<>\n]*>|\{\.\.\.\}|\.\.\.\ \d[\d,]*\ more)
    | (?P<word>\b(?:nil|true|false)\b)
    | (?P<number>(?<![\w.])-?(?:0x[\da-fA-F.]+(?:p[+-]?\d+)?|\d+(?:\.\d*)?(?:e[+-]?\d+)?|inf|nan)\b)
    """,
    re.VERBOSE | re.DOTALL,
)
_COLOURS = {
    "string": "\x1b[32m",
    "key": "\x1b[34m",
    "special": "\x1b[2m",
    "word": "\x1b[35m",
    "number": "\x1b[36m",
}
"""The terminal's own sixteen colours: they can be read on light and on dark."""

_BEGINNINGS = re.compile(r'[{"\[<]|-?[\d.]|-?(?:inf|nan)\b|(?:nil|true|false)\b|(?:\S+ )?\{')


def coloured(text: str) -> str:
    """A value's text with colours; text that is not written as Lua writes values stays as it is."""
    if len(text) > _LARGE or "\x1b" in text or not _BEGINNINGS.match(text):
        return text
    return _PARTS.sub(_paint, text)


def _paint(match: re.Match[str]) -> str:
    return f"{_COLOURS[match.lastgroup or 'special']}{match[0]}{_RESET}"
