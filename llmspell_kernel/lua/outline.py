"""What code that has not run yet tells of its tables and functions.

Everything here reads text only, takes any text and never raises. Strings and comments are not told apart from
code where names are sought: a wrong candidate now and then costs less than reading a long cell twice.
"""

from __future__ import annotations

import re
from collections import deque

from llmspell_kernel.lua.lexer import LITERALS, NESTING, Token, TokenKind, significant, string_content

_METHOD = re.compile(r"\bfunction\s+([\w.]+):\w+\s*\(")


def constructor_fields(source: str) -> dict[str, str]:
    """The string keys of the table constructor `source`, each with its value's source text."""
    tokens = significant(source)
    if not tokens or tokens[0].text != "{":
        return {}
    fields: dict[str, str] = {}
    depth = index = 0
    while index < len(tokens):
        depth += NESTING.get(tokens[index].text, 0)
        if depth == 1 and tokens[index].text in ("{", ",", ";"):
            key, value = _key(tokens, index + 1)
            if key is not None:
                after = _element_end(tokens, value)
                if value < after:
                    fields[key] = source[tokens[value].start : tokens[after - 1].end]
                index = after
                continue
        index += 1
    return fields


def assigned_fields(code: str, name: str) -> dict[str, bool]:
    """The fields of `name` (dotted) that `code` assigns to, and whether each is a function."""
    if f"{name}." not in code and f"{name}:" not in code:
        return {}
    pattern = re.compile(
        rf"(?P<function>\bfunction\s+)?(?<![\w.:]){re.escape(name)}[.:](?P<field>[^\W\d]\w*)\s*"
        r"(?:(?P<call>\()|=(?!=)\s*(?P<value>function\b)?)"
    )
    fields: dict[str, bool] = {}
    for match in pattern.finditer(code):
        if not match["call"] or match["function"]:
            fields[match["field"]] = bool(match["function"] or match["value"])
    return fields


def assigned_constructor(code: str, name: str, cursor: int) -> str | None:
    """The table constructor that `code` assigns to the variable `name` last before `cursor`.

    None if it assigns none, or something else after it.
    """
    pattern = re.compile(rf"(?<![\w.:]){re.escape(name)}\s*=(?!=)\s*")
    found = [
        match
        for match in pattern.finditer(code, 0, cursor)
        if code[: match.start()].rstrip()[-1:] not in ("{", ",")
    ]
    if not found or not code.startswith("{", found[-1].end()):
        return None
    start, depth = found[-1].end(), 0
    for token in significant(code[start:cursor]):
        depth += NESTING.get(token.text, 0)
        if depth == 0:
            return code[start : start + token.end]
    return None


def labels(code: str) -> list[str]:
    """The names between double colons."""
    return list(dict.fromkeys(re.findall(r"::\s*([^\W\d]\w*)\s*::", code)))


def definition_line(code: str, name: str) -> int | None:
    """The line (from 1) where `code` last defines `name` (dotted), none if it does not."""
    if name.rpartition(".")[2].rpartition(":")[2] not in code:
        return None
    dotted = re.escape(name.replace(":", ".")).replace(r"\.", "[.:]")
    pattern = re.compile(
        rf"\bfunction\s+{dotted}\s*\(|^[ \t]*(?:local\s+)?{dotted}\s*(?:<\w+>\s*)?=(?!=)", re.MULTILINE
    )
    found = deque(pattern.finditer(code), maxlen=1)
    if not found:
        return None
    last = found[0]
    start = last.end() - len(last[0].lstrip())
    return code.count("\n", 0, start) + 1


def table_of_self(code: str, cursor: int) -> str | None:
    """The table (dotted) whose method's text `cursor` is in or after: what `self` probably inherits from."""
    name = None
    for match in _METHOD.finditer(code, 0, cursor):
        name = match[1]
    return name


def _key(tokens: list[Token], index: int) -> tuple[str | None, int]:
    """The string key of the element at `index` and the index of its value."""
    texts = [token.text for token in tokens[index : index + 4]]
    if len(texts) > 1 and tokens[index].kind is TokenKind.NAME and texts[1] == "=":
        return texts[0], index + 2
    if len(texts) > 3 and texts[0] == "[" and texts[2:] == ["]", "="] and tokens[index + 1].kind in LITERALS:
        return string_content(tokens[index + 1]), index + 4
    return None, index


def _element_end(tokens: list[Token], index: int) -> int:
    """The index after the value that starts at `index`: of its separator, or of the closing bracket."""
    depth = 0
    for place in range(index, len(tokens)):
        text = tokens[place].text
        if depth == 0 and text in (",", ";", "}"):
            return place
        depth += NESTING.get(text, 0)
    return len(tokens)
