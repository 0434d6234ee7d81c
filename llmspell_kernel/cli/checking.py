"""Finding mistakes in scripts without running them."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from llmspell_kernel.cli.sources import read_script, script_of
from llmspell_kernel.cli.terminal_frontend import CapturingFrontend
from llmspell_kernel.errors import LuaSyntaxError, UsageError
from llmspell_kernel.lua.globals import Globals, globals_of
from llmspell_kernel.lua.interpreter import LuaInterpreter
from llmspell_kernel.lua.lexer import KEYWORDS
from llmspell_kernel.lua.scripts import compiled
from llmspell_kernel.runtime import Runtime, RuntimeSettings

_OF_SCRIPTS = frozenset(("arg", "ARGS", "_ENV"))
_OTHER_LUAS = frozenset("bit bit32 jit loadstring module setfenv getfenv unpack utf8".split())
"""Globals of some Lua: scripts for several look whether they are there."""
_NOTHING = frozenset(("null", "None", "NULL", "undefined"))
_PLACE = re.compile(r"^.*?:(?P<line>\d+): (?P<message>.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake; `line` and `column` count from 1, 0 where there is none, and `hint` may be empty."""

    file: str
    line: int
    column: int
    kind: Literal["file", "syntax", "global"]
    message: str
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON, without the file's name; null for what there is not."""
        return {name: value or None for name, value in asdict(self).items() if name != "file"}


class Checker:
    """Checks scripts for one Lua."""

    def __init__(self, settings: RuntimeSettings, known: Iterable[str] = ()) -> None:
        """`known` are globals that exist though nothing shows it.

        Raises:
            LanguageUnavailableError: no such Lua here.
        """
        runtime = Runtime(CapturingFrontend(), settings)
        assert isinstance(runtime.interpreter, LuaInterpreter)
        self._lua = runtime.interpreter
        there = (name.decode(errors="replace") for name in self._lua.state.globals if isinstance(name, bytes))
        self._there = {*there, *_OF_SCRIPTS, *known}
        self._files: dict[str, Globals] = {}

    def problems(self, file: str) -> list[Problem]:
        """What is wrong with a script, in the order of its lines."""
        try:
            source = read_script(file)
        except UsageError as error:
            message = str(error).removeprefix(f"{file} ").removeprefix("is ")
            message = message.replace(f"there is no file {file}", "there is no such file", 1)
            return [Problem(file, 0, 0, "file", message)]
        try:
            compiled(self._lua, source, script_of(file, ()).name)
        except LuaSyntaxError as error:
            return [_syntax_problem(file, error)]
        return self._unknown_globals(file, source)

    def _unknown_globals(self, file: str, source: bytes) -> list[Problem]:
        used = globals_of(_text(source))
        known = self._there | used.assigned | self._loaded(used, os.path.dirname(file), set())
        tested = {use.name for use in used.read if use.tested} | _OTHER_LUAS
        return [
            Problem(
                file, use.line, use.column, "global", f"unknown global '{use.name}'", _advice(use.name, known)
            )
            for use in used.read
            if use.name not in known and use.name not in tested
        ]

    def _loaded(self, used: Globals, directory: str, seen: set[str]) -> set[str]:
        """The globals that files which a script loads from beside itself set."""
        names: set[str] = set()
        for loader, name in used.loaded:
            if loader == "require":
                stem = os.path.join(directory, *name.split("."))
                candidates = [f"{stem}.lua", os.path.join(stem, "init.lua")]
            else:
                candidates = [os.path.join(directory, name)]
            for path in candidates:
                if path in seen:
                    continue
                seen.add(path)
                if (found := self._globals_of(path)) is not None:
                    names |= found.assigned | self._loaded(found, directory, seen)
                    break
        return names

    def _globals_of(self, path: str) -> Globals | None:
        if path not in self._files:
            try:
                with open(path, "rb") as file:
                    self._files[path] = globals_of(_text(file.read()))
            except OSError:
                return None
        return self._files[path]


def _text(source: bytes) -> str:
    """The text without a first line that is for the shell; places stay."""
    text = source.decode(errors="surrogateescape").removeprefix("\ufeff")
    return f"--{text[2:]}" if text.startswith("#!") else text


def _syntax_problem(file: str, error: LuaSyntaxError) -> Problem:
    place = _PLACE.match(str(error))
    if place is None:
        return Problem(file, 0, 0, "syntax", str(error), error.hint)
    return Problem(file, int(place["line"]), 0, "syntax", place["message"], error.hint)


def _advice(name: str, known: set[str]) -> str:
    if name in _NOTHING:
        return "Lua's name for no value is nil"
    close = difflib.get_close_matches(name, [*known, *KEYWORDS], n=1, cutoff=0.7)
    if not close:
        close = [each for each in known if each.lower() == name.lower()][:1]
    return f"did you mean '{close[0]}'?" if close else ""
