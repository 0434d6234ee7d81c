"""Which tools there are: those of the package, of other distributions, and of the script."""

from __future__ import annotations

import difflib
import importlib
import logging
from collections.abc import Callable

from llmspell_kernel.errors import ToolError, UnknownToolError
from llmspell_kernel.library.tool.builtin import ALIASES, BUILTIN
from llmspell_kernel.library.tool.contract import Tool
from llmspell_kernel.library.tool.entries import ClassEntry, Entry

_log = logging.getLogger("llmspell.tools")


class Registry:
    """Tools by name. A tool's module is imported when the tool is first asked for.

    Of two tools of the same name the script's counts, then the built-in one.
    """

    def __init__(self) -> None:
        self._made: dict[str, Entry] = {}
        self._script: dict[str, Entry] = {}
        self._plugins: dict[str, Callable[[], Entry]] | None = None
        self._told: set[str] = set()

    def names(self) -> list[str]:
        """All of them, in order, without importing any."""
        return sorted({*self._script, *BUILTIN, *self._found_plugins()})

    def resolve(self, name: str) -> str | None:
        """The name of the tool that is called so, or otherwise; None if there is none."""
        hyphened = name.replace("_", "-")
        for each in (name, hyphened, ALIASES.get(hyphened, "")):
            if each in self._script or each in BUILTIN:
                return each
        plugins = self._found_plugins()
        return next((each for each in (name, hyphened) if each in plugins), None)

    def find(self, name: str) -> Entry | None:
        """The tool; None if there is none.

        Raises:
            ToolError: it is another distribution's, and broken.
        """
        entry = self._script.get(name) or self._made.get(name)
        if entry is not None:
            return entry
        resolved = self.resolve(name)
        return None if resolved is None else self._make(resolved)

    def get(self, name: str) -> Entry:
        """The tool.

        Raises:
            UnknownToolError: there is none.
        """
        entry = self.find(name)
        if entry is None:
            raise UnknownToolError.of(name, self.near(name))
        return entry

    def all(self) -> list[Entry]:
        """Every tool, in order of names; all are imported, and what is broken is left out with a warning."""
        found = []
        for name in self.names():
            try:
                found.append(self.get(name))
            except ToolError as error:
                if name not in self._told:
                    self._told.add(name)
                    _log.warning("%s", error)
        return found

    def near(self, name: str) -> list[str]:
        """Names of tools that may have been meant."""
        return difflib.get_close_matches(name.replace("_", "-").lower(), self.names(), 3)

    def add(self, entry: Entry) -> None:
        """Adds a script's tool; one of the script's with that name is replaced.

        Raises:
            ToolError: there is a tool of that name that is not the script's.
        """
        if entry.name not in self._script and self.resolve(entry.name) is not None:
            raise ToolError(f"there is a tool {entry.name!r} already: choose another name")
        self._script[entry.name] = entry

    def remove(self, name: str) -> bool:
        """Removes a script's tool; whether there was one. Other tools stay."""
        return self._script.pop(name, None) is not None

    def _make(self, name: str) -> Entry:
        if name in self._script:
            return self._script[name]
        if name not in self._made:
            self._made[name] = _builtin(BUILTIN[name]) if name in BUILTIN else self._found_plugins()[name]()
        return self._made[name]

    def _found_plugins(self) -> dict[str, Callable[[], Entry]]:
        if self._plugins is None:
            from llmspell_kernel.library.tool.plugins import plugins

            self._plugins = plugins()
        return self._plugins


def _builtin(place: str) -> Entry:
    module, _, name = place.partition(":")
    tool = getattr(importlib.import_module(f"llmspell_kernel.library.tool.builtin.{module}"), name)
    assert issubclass(tool, Tool)
    return ClassEntry(tool)
