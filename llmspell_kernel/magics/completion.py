"""Candidates where magics are typed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence

from llmspell_kernel.interpreter import Completion, Completions
from llmspell_kernel.magics.arguments import dashed
from llmspell_kernel.magics.parsing import Part, at_top_level, blank_magics
from llmspell_kernel.magics.registry import CELL_MAGICS, LINE_MAGICS, Magic
from llmspell_kernel.magics.session import Session
from llmspell_kernel.magics.settings import shown_value
from llmspell_kernel.magics.variables import variables

_NAME = re.compile(r"[ \t]*(?P<question>\?{0,2})(?P<typed>%%?\w*)")
_WORD = re.compile(r"(?:\\.|[^\s\"'\\=<>|;&])*\Z")


def magic_names(code: str, cursor: int, parts: Sequence[Part]) -> Completions | None:
    """Names of magics, where one is being typed; None elsewhere."""
    start = max(code.rfind("\n", 0, cursor), code.rfind("\r", 0, cursor)) + 1
    typed = _NAME.fullmatch(code, start, cursor)
    if typed is None or not at_top_level(blank_magics(code, parts)[:start]):
        return None
    word, begin = typed["typed"], typed.start("typed")
    names = [f"%{name}" for name in sorted(LINE_MAGICS)] if not word.startswith("%%") else []
    if not code[:start].strip() or typed["question"]:
        names += [f"%%{name}" for name in sorted(CELL_MAGICS)]
    matches = [Completion(name, "magic") for name in names if name.startswith(word)]
    return Completions(begin, cursor, matches)


def complete(session: Session, code: str, cursor: int, parts: Sequence[Part]) -> Completions:
    """What may stand at the cursor in a cell of these parts."""
    here = next((part for part in parts if part.kind != "lua" and part.start <= cursor <= part.end), None)
    if here is None:
        return session.lua.complete(blank_magics(code, parts), cursor)
    if here.kind == "shell":
        return _paths(code, cursor, lambda entry: True)
    magic = (CELL_MAGICS if here.kind == "cell" else LINE_MAGICS).get(here.name)
    if here.kind == "help":
        behind = "?" in code[code.index(here.name, here.start) : cursor]
        return Completions(cursor, cursor) if behind else session.lua.complete(code, cursor)
    if magic is None:
        return Completions(cursor, cursor)
    in_body = here.kind == "cell" and cursor >= here.end - len(here.body) and here.body != ""
    if in_body and magic.takes != "lua":
        return Completions(cursor, cursor)
    if (word := _word(code, cursor)).startswith("-") and not in_body:
        options = [dashed(name) for name in magic.usage.options]
        return _among(word, cursor, options, "option")
    if magic.takes == "lua":
        return session.lua.complete(lua_behind(code, parts, here), cursor)
    return _argument(session, magic, here, code, cursor)


def lua_behind(code: str, parts: Sequence[Part], here: Part) -> str:
    """The Lua of a cell, with that behind the magic `here`; all else is blanks."""
    view = blank_magics(code, parts)
    begin = code.index(here.name, here.start) + len(here.name)
    if here.kind == "cell":
        begin = here.end - len(here.body)
    return view[:begin] + code[begin : here.end] + view[here.end :]


def _argument(session: Session, magic: Magic, here: Part, code: str, cursor: int) -> Completions:
    word = _word(code, cursor)
    match magic.takes:
        case "file" | "lua_file" | "folder" if not session.lua.settings.files:
            return Completions(cursor, cursor)
        case "file":
            return _paths(code, cursor, lambda entry: True)
        case "lua_file":
            return _paths(code, cursor, lambda entry: entry.is_dir() or entry.name.endswith(".lua"))
        case "folder":
            return _paths(code, cursor, os.DirEntry.is_dir)
        case "environment":
            return _among(word, cursor, sorted(os.environ), "variable")
        case "setting":
            settings = {setting.name: setting for setting in session.settings()}
            name, equals, _ = code[here.start : cursor].partition("=")
            if not equals:
                return _among(word, cursor, settings, "property")
            setting = settings.get(name.split()[-1].rpartition(".")[2])
            return _among(word, cursor, [shown_value(setting.get())] if setting else [], "value")
        case "type":
            kinds = {each.kind for each in variables(session)}
            return _among(word, cursor, sorted(kinds), "type")
        case _:
            return Completions(cursor, cursor)


def _word(code: str, cursor: int) -> str:
    found = _WORD.search(code, 0, cursor)
    return found[0] if found else ""


def _among(word: str, cursor: int, names: Iterable[str], kind: str) -> Completions:
    matches = [Completion(name, kind) for name in names if name.startswith(word)]
    return Completions(cursor - len(word), cursor, matches)


def _paths(code: str, cursor: int, wanted: Callable[[os.DirEntry[str]], bool]) -> Completions:
    """Entries of the folder that the word at the cursor names."""
    word = _word(code, cursor)
    folder, slash, begun = word.rpartition("/")
    place = os.path.expanduser(re.sub(r"\\(.)", r"\1", folder + slash)) or "."
    begun = re.sub(r"\\(.)", r"\1", begun)
    matches = []
    try:
        with os.scandir(place) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                hidden = entry.name.startswith(".") and not begun.startswith(".")
                if entry.name.startswith(begun) and not hidden and wanted(entry):
                    name = re.sub(r"([\s\"'\\])", r"\\\1", entry.name) + "/" * entry.is_dir()
                    matches.append(Completion(folder + slash + name, "path"))
    except OSError:
        matches = []
    return Completions(cursor - len(word), cursor, matches)
