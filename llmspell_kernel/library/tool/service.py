"""The tools of a runtime: finding, describing and calling them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmspell_kernel.library.tool.calling import Calling
from llmspell_kernel.library.tool.entries import Entry
from llmspell_kernel.library.tool.envelope import Envelope
from llmspell_kernel.library.tool.registry import Registry
from llmspell_kernel.library.tool.surroundings import Surroundings

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.tool.guards.files import FileGuard


class Tools:
    """The service behind `Tool`, `tool_request` and `llmspell tool`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.registry = Registry()
        self._calling = Calling(services, self.registry)
        self.approvals = self._calling.approvals

    # Finding

    def names(self) -> list[str]:
        """All of them, in order."""
        return self.registry.names()

    def exists(self, name: str) -> bool:
        """Whether there is a tool that is called so."""
        return self.registry.resolve(name) is not None

    def find(self, name: str) -> Entry | None:
        """The tool that is called so; None if there is none."""
        return self.registry.find(name)

    def get(self, name: str) -> Entry:
        """The tool that is called so.

        Raises:
            UnknownToolError: there is none.
        """
        return self.registry.get(name)

    def files_of(self, entry: Entry) -> FileGuard:
        """The files that a tool may touch."""
        return Surroundings(self._services.settings, entry.name).files

    @property
    def answer_limit(self) -> int:
        """Bytes that an answer may take as JSON."""
        return self._services.settings.tools.max_output_size

    def categories(self) -> list[str]:
        """Those that have tools, in order."""
        return sorted({entry.category for entry in self.registry.all()})

    def discover(self, category: str = "", tag: str = "") -> list[Entry]:
        """The tools of a category, in whose name or description the tag occurs."""
        return self.search([tag] if tag else [], category)

    def search(self, words: Sequence[str], category: str = "") -> list[Entry]:
        """The tools in whose name, description, category or operations one of the words occurs.

        Those come first in which more of the words occur, then those that fit better. Without words: all.

        Raises:
            CancelledError: a hook has stopped it.
        """
        hooks = self._services.hooks
        asked: dict[str, Any] = {"words": list(words), "category": category}
        if hooks.wants("BeforeToolDiscovery"):
            asked = hooks.run("BeforeToolDiscovery", asked).data
        found = self._found([str(word) for word in asked["words"]], str(asked["category"]))
        if hooks.wants("AfterToolDiscovery"):
            told = {**asked, "tools": [entry.name for entry in found]}
            left = hooks.run("AfterToolDiscovery", told).data.get("tools", ())
            found = [entry for entry in found if entry.name in left]
        return found

    def _found(self, words: Sequence[str], category: str) -> list[Entry]:
        wanted = {word.lower() for word in words if word}
        found = []
        for entry in self.registry.all():
            if category and entry.category != category:
                continue
            scores = [score for word in wanted if (score := _score(entry, word))]
            if scores or not wanted:
                found.append((-len(scores), -sum(scores), entry.name, entry))
        return [entry for *_, entry in sorted(found, key=lambda each: each[:3])]

    # Calling

    def call(self, name: str, params: Mapping[str, Any], *, seconds: float | None = None) -> Envelope:
        """Calls a tool.

        Args:
            name: its name, or another name of it.
            params: its parameters.
            seconds: it may take, if less than the settings say.

        Raises:
            UnknownToolError: there is none.
            ParameterError: the parameters do not fit.
            ToolError: it could not do it, or took too long.
            NotAllowedError: a guard or the user forbids it.
            CancelledError: a hook has stopped it.
            KeyboardInterrupt: the cell has been asked to end.
        """
        return self._calling.call(name, params, seconds)


def _score(entry: Entry, word: str) -> int:
    """How well a word fits; 0 if not at all."""
    if word in entry.name or word.replace("_", "-") in entry.name:
        return 10 if word == entry.name else 5
    if word in entry.category:
        return 3
    if word in entry.description.lower():
        return 2
    return int(any(word in each.name or word in each.help.lower() for each in entry.operations.values()))
