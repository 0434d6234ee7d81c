"""TOML files as flat lists of keys and values, each with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmspell_kernel.errors import SettingsError

Key = tuple[str, ...]

_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")
_TABLE = re.compile(r"\s*\[\[?(?P<name>[^\[\]]+)\]\]?\s*(?:#.*)?$")
_LONG_QUOTES = ('"""', "'''")
_TOKEN = re.compile(r"""\"{3}|'{3}|"(?:[^"\\]|\\.)*"|'[^']*'|#.*|[\[\]{}]""")


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a file that has a value, or an empty table."""

    key: Key
    value: Any
    line: int


def read_document(path: Path | str) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        SettingsError: it cannot be read or is no TOML; with the line.
    """
    return parse_document(read_text(path), str(path))


def read_text(path: Path | str) -> str:
    """The text of a file of settings.

    Raises:
        SettingsError: it cannot be read or is no text.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise SettingsError.at(
            str(path), "there is no such file; `llmspell config init` writes one"
        ) from error
    except IsADirectoryError as error:
        raise SettingsError.at(str(path), "is a directory; name a TOML file in it") from error
    except OSError as error:
        raise SettingsError.at(str(path), f"cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError.at(f"{path}:{line}", "is not UTF-8 text; settings are TOML files") from error


def parse_document(text: str, name: str) -> dict[str, Any]:
    """The tables of a TOML text; `name` is for messages.

    Raises:
        SettingsError: it is no TOML; with the line.
    """
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = _AT.search(message)
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        problem = _AT.sub("", message)
        raise SettingsError.at(
            f"{name}:{line}", f"is not TOML: {problem[:1].lower()}{problem[1:]}"
        ) from error


def entries(document: Mapping[str, Any], text: str = "") -> list[Entry]:
    """Every value of a document with its key; lines are looked up in its `text`, 0 where it is not known."""
    lines = key_lines(text)
    return [Entry(key, value, _line(lines, key)) for key, value in flat(document)]


def flat(table: Mapping[str, Any], above: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every value with its whole key; a table only if it is empty."""
    for name, value in table.items():
        key = (*above, name)
        if isinstance(value, dict) and value:
            yield from flat(value, key)
        else:
            yield key, value


def _line(lines: Mapping[Key, int], key: Key) -> int:
    """Of the key, or of the inline table it is in."""
    for length in range(len(key), 0, -1):
        line = lines.get(key[:length])
        if line is not None:
            return line
    return 0


def key_lines(text: str) -> dict[Key, int]:
    """The line of each key and table header; the text must be TOML."""
    found: dict[Key, int] = {}
    table: Key = ()
    closing, depth = "", 0  # the quotes that end a long string, the brackets that are open
    for number, line in enumerate(text.splitlines(), 1):
        rest = line
        if not closing and depth == 0:
            header = _TABLE.match(line)
            if header:
                table = _parts(header["name"])[0]
                found.setdefault(table, number)
                continue
            parts, position = _parts(line)
            if not parts or line[position : position + 1] != "=":
                continue
            key = (*table, *parts)
            for length in range(len(table) + 1, len(key) + 1):
                found.setdefault(key[:length], number)
            rest = line[position + 1 :]
        closing, depth = _state_after(rest, closing, depth)
    return found


def _parts(text: str) -> tuple[Key, int]:
    """A dotted key at the start of the text, and where it ends."""
    parts: list[str] = []
    position = 0
    while match := _PART.match(text, position):
        parts.append(next(group for group in match.groups() if group is not None))
        position = match.end()
        if text[position : position + 1] != ".":
            break
        position += 1
    return tuple(parts), position


def _state_after(rest: str, closing: str, depth: int) -> tuple[str, int]:
    """What is open at the end of a line, or of the part of it that holds a value."""
    position = 0
    while True:
        if closing:
            end = rest.find(closing, position)
            if end < 0:
                return closing, depth
            position, closing = end + len(closing), ""
        token = _TOKEN.search(rest, position)
        if token is None:
            return "", depth
        position = token.end()
        if token[0] in _LONG_QUOTES:
            closing = token[0]
        else:
            depth += (token[0] in "[{") - (token[0] in "]}")
