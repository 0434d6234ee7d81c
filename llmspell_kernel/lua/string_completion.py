"""Candidates inside quotes: keys of tables, modules for `require`, and paths of files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress

MAX_ENTRIES = 10_000
"""Entries of one folder that are looked at."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_PART = re.compile(r"[\w-]+")


def key_text(key: bytes, code: str, start: int, end: int) -> str | None:
    """A table's key as it is written from `start`, which is after the opening quote, to `end`.

    The closing quote and bracket come with it unless they follow already. None if that quote cannot hold it.
    """
    quote = code[start - 1]
    if quote == "[":
        text = key.decode("utf-8", "replace")
        if text.encode() != key or "]" in text or _CONTROL.search(text):
            return None
        quote = "]" + "=" * _level(code, start) + "]"
    else:
        # What is no UTF-8 and what is not printed becomes \ddd, which stays apart from a digit that follows.
        text = key.decode("utf-8", "surrogateescape").replace("\\", "\\\\").replace(quote, "\\" + quote)
        text = _CONTROL.sub(lambda match: _ESCAPES.get(match[0], f"\\{ord(match[0]):03d}"), text)
        text = re.sub("[\udc80-\udcff]", lambda match: f"\\{ord(match[0]) - 0xDC00:03d}", text)
    if code.startswith(quote, end):
        return text
    return text + quote + ("" if code.startswith("]", end) else "]")


def key_end(code: str, start: int, end: int) -> int:
    """The end of the key from `start`: `end`, or if its quote and bracket follow, the place before them."""
    quote = code[start - 1]
    rest = re.compile(rf"[^\n\\{quote}]*(?={quote}\s*\])").match(code, end) if quote in "\"'" else None
    return rest.end() if rest else end


def module_matches(typed: str, known: list[str], search_path: str) -> list[str]:
    """Names for `require` that begin with `typed`: the known ones, and files along the search path.

    A folder with Lua files is there as `name.`.
    """
    found = {name for name in known if name.startswith(typed) and name != "_G"}
    folder, _, partial = typed.rpartition(".")
    prefix = f"{folder}." if folder else ""
    for template in search_path.split(";"):
        before, mark, after = template.partition("?")
        if mark and "?" not in after:
            base, _, stem = (before + prefix.replace(".", "/") + partial).rpartition("/")
            found.update(prefix + name for name in _modules_in(base or "/", partial, stem, after))
    return sorted(found, key=lambda name: (name.startswith("_"), name))


def file_matches(typed: str) -> tuple[int, list[tuple[str, str]]]:
    """Where in `typed` the last part of the path begins, and what it may become: text and kind."""
    folder, slash, partial = typed.rpartition("/")
    if "\0" in typed or "\n" in typed:
        return 0, []
    matches = []
    for entry in _entries(folder + slash or "."):
        if entry.name.startswith(partial) and (partial or not entry.name.startswith(".")):
            is_folder = _is_folder(entry)
            matches.append((entry.name + "/" if is_folder else entry.name, "folder" if is_folder else "file"))
    matches = [(_printable(text), kind) for text, kind in matches if '"' not in text and "\\" not in text]
    matches.sort(key=lambda match: (match[0].startswith("."), match[0].rstrip("/").lower()))
    return len(folder + slash), matches


def _level(code: str, start: int) -> int:
    """The level of the long bracket that opens right before `start`."""
    opening = re.search(r"\[(=*)\[\Z", code[:start])
    return len(opening[1]) if opening else 0


def _modules_in(folder: str, partial: str, stem: str, after: str) -> Iterator[str]:
    """Last parts of module names that begin with `partial`; their files begin with `stem`."""
    lead = len(stem) - len(partial)
    for entry in _entries(folder):
        if not entry.name.startswith(stem):
            continue
        if not after.startswith("/") and entry.name.endswith(after):
            name = entry.name[lead : len(entry.name) - len(after)]
            if _PART.fullmatch(name):
                yield name
        elif _PART.fullmatch(entry.name[lead:]) and _is_folder(entry):
            if after.startswith("/") and os.path.exists(entry.path + after):
                yield entry.name[lead:]
            if any(inner.name.endswith(".lua") for inner in _entries(entry.path)):
                yield entry.name[lead:] + "."


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """What is in a folder, nothing if it cannot be read."""
    with suppress(OSError), os.scandir(folder) as entries:
        for _, entry in zip(range(MAX_ENTRIES), entries, strict=False):
            yield entry


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):
        return entry.is_dir()
    return False


def _printable(name: str) -> str:
    """A file name that can be sent; what is not UTF-8 in it is replaced."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
