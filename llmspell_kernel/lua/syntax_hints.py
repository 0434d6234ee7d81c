"""What Lua's message about refused code leaves unsaid: the character itself, another language's habit."""

from __future__ import annotations

import re
import unicodedata

from llmspell_kernel.lua.lexer import LITERALS, Token, TokenKind, tokenize

_NEAR = re.compile(r":(?P<line>\d+): [^\n]* near '(?P<near>[^\n]+)'$")
_BYTE = re.compile(r"<\\(\d+)>$")
_CONST = re.compile(r"attempt to assign to const variable '(?P<name>[^']+)'")
_SILENT = LITERALS | {TokenKind.COMMENT}

_HABITS = {
    "!=": "In Lua, not equal is written ~=",
    "!": "In Lua, negation is written: not x",
    "&&": "In Lua, && is written: and",
    "||": "In Lua, || is written: or",
    "++": "Lua has no ++: write x = x + 1",
    "?": "Lua has no ? operator: write condition and a or b, or use if",
    **{
        f"{sign}=": f"Lua has no {sign}=: write x = x {sign} ..."
        for sign in ("+", "-", "*", "/", "%", "^", "..")
    },
}
_MEANT = {
    "QUOTATION MARK": "Typographic quote: use \" or '",
    "ACUTE ACCENT": "Accent as a quote: use '",
    "DASH": "Typographic dash: use -",
    "HYPHEN": "Typographic hyphen: use -",
    "MINUS SIGN": "Typographic minus sign: use -",
    "HORIZONTAL ELLIPSIS": "Typographic ellipsis: use ...",
    "NOT EQUAL TO": _HABITS["!="],
    "LESS-THAN OR EQUAL TO": "Write <=",
    "GREATER-THAN OR EQUAL TO": "Write >=",
    "MULTIPLICATION SIGN": "Write *",
    "DIVISION SIGN": "Write /",
}
"""What somebody meant by a character in whose Unicode name this is."""


def const_name(message: str) -> str | None:
    """The constant that code Lua refused assigns to, None if that is not the matter."""
    found = _CONST.search(message)
    return found["name"] if found else None


def explained(message: str, code: str) -> tuple[str, str]:
    """Lua's message, naming a character where Lua names a byte of it, and a line of advice (or nothing)."""
    place = _NEAR.search(message)
    if place is None:
        return message, ""
    near = place["near"]
    tokens = [
        token for token in tokenize(code) if token.line == int(place["line"]) and token.kind not in _SILENT
    ]
    if (byte := _BYTE.match(near)) and int(byte[1]) >= 0x80:
        stray = next((each for token in tokens for each in token.text if not each.isascii()), None)
        if stray is None or 0xD800 <= ord(stray) < 0xE000:
            return message, ""
        shown = stray if stray.isprintable() and not unicodedata.combining(stray) else f"U+{ord(stray):04X}"
        return f"{message[: place.start('near')]}{shown}'", _advice(stray)
    return message, _habit(tokens, near)


def _advice(stray: str) -> str:
    name = unicodedata.name(stray, "")
    for part, advice in _MEANT.items():
        if part in name:
            return advice
    name = f"U+{ord(stray):04X} {name}".rstrip()
    if stray.isspace() or unicodedata.category(stray) in ("Zs", "Cf"):
        return f"Invisible character {name}: replace it by a space or delete it"
    if stray.isalpha():
        return "A name may have only the letters a-z and A-Z, digits and _"
    return f"{name} has a meaning only inside strings and comments"


def _habit(tokens: list[Token], near: str) -> str:
    for index, token in enumerate(tokens):
        if token.text != near:
            continue
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if following is not None and following.start == token.end and token.text + following.text in _HABITS:
            return _HABITS[token.text + following.text]
        return _HABITS.get(token.text, "")
    return ""
