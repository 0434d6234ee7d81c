"""What the globals of one runtime share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from llmspell_kernel.interpreter import ErrorReport, Frontend, Outcome, Waits

if TYPE_CHECKING:
    from llmspell_kernel.config.sections import Settings
    from llmspell_kernel.config.sections.storage import Backend
    from llmspell_kernel.library.state.service import State
    from llmspell_kernel.storage.contract import Storage


class CellWatcher(Protocol):
    """Wants to know of each cell and script. On the interpreter's thread; must be quick."""

    def cell_begins(self, code: str, number: int) -> ErrorReport | None:
        """It is about to run; an error that is answered is what it comes to: it does not run."""

    def cell_ends(self, code: str, number: int, outcome: Outcome) -> None:
        """It has run, or was kept from it. Must not raise."""


class Services:
    """The services behind the Lua globals, each made when it is first asked for.

    They work without Lua and without a kernel: `llmspell state` uses the same ones as `State`.

    Attributes:
        frontend: of the runtime they belong to; None outside of one.
        waits: that runtime's.
        watchers: who wants to know of cells.
    """

    def __init__(
        self,
        settings: Callable[[], Settings] | None = None,
        frontend: Frontend | None = None,
        waits: Waits | None = None,
    ) -> None:
        """`settings` are asked for when needed; by default they are what files and variables say."""
        self._given = settings
        self._settings: Settings | None = None
        self.frontend = frontend
        self.waits = waits
        self.watchers: list[CellWatcher] = []
        self._stores: dict[Backend, Storage] = {}
        self._closing: list[Callable[[], None]] = []

    @property
    def settings(self) -> Settings:
        """All of them; whoever changes them changes them for all services.

        Raises:
            SettingsError: they cannot be read or make no sense.
        """
        if self._settings is None:
            if self._given is not None:
                self._settings = self._given()
            else:
                from llmspell_kernel.config.loading import load

                self._settings = load().settings
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings

    def store(self, backend: Backend) -> Storage:
        """The store of this kind, the same one for all services.

        Raises:
            StorageError: it cannot be opened.
        """
        if backend not in self._stores:
            from llmspell_kernel.storage.opening import open_storage

            self._stores[backend] = open_storage(backend, self.settings.storage)
        return self._stores[backend]

    @cached_property
    def state(self) -> State:
        """Values by scope and key."""
        from llmspell_kernel.library.state.service import State

        return State(self)

    def at_close(self, function: Callable[[], None]) -> None:
        """Has it called when the services end, the last one first, before the stores are closed."""
        self._closing.append(function)

    def close(self) -> None:
        """Ends what the services hold. May be repeated."""
        while self._closing:
            self._closing.pop()()
        while self._stores:
            self._stores.popitem()[1].close()
