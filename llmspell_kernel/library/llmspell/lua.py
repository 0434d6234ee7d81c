"""The Lua face of the global `llmspell`, and what has variables brought back at the first cell."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from llmspell_kernel import __version__
from llmspell_kernel.lua.state import beside

if TYPE_CHECKING:
    from llmspell_kernel.interpreter import Outcome
    from llmspell_kernel.library.llmspell.persistence import Persistence
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.interpreter import LuaInterpreter


def install(lua: LuaInterpreter, services: Services) -> None:
    """Gives scripts the global `llmspell`."""
    start = _FirstCell(lua, services)
    services.watchers.append(start)
    services.persistence = start.persistence

    lua.state.library(
        "llmspell",
        beside(__file__, "llmspell.lua"),
        {
            "version": lambda: __version__,
            "is_on": lambda: start.made and start.persistence().is_on,
            "switch": lambda on: start.persistence().switch(on=on),
            "status": lambda: start.persistence().described(),
        },
    )


class _FirstCell:
    """Looks before the first cell whether variables were kept; later it does next to nothing."""

    def __init__(self, lua: LuaInterpreter, services: Services) -> None:
        self._lua = lua
        self._services = services
        self._begun = False
        self._own: tuple[bytes, ...] = ()
        self.made = False
        self.persistence = cache(self._persistence)

    def _persistence(self) -> Persistence:
        from llmspell_kernel.library.llmspell.persistence import Persistence

        self.made = True
        return Persistence(self._lua, self._services, self._own)

    def cell_begins(self, code: str, number: int) -> None:
        """See `CellWatcher`."""
        del code, number
        if not self._begun:
            self._begun = True
            name = self._services.notebook
            if name:
                self._own = tuple(self._lua.state.globals.keys())
                if was_on(name):
                    self.persistence().bring_back()
        elif self.made:
            self.persistence().cell_begins()

    def cell_ends(self, code: str, number: int, outcome: Outcome) -> None:
        """See `CellWatcher`."""
        del code, number, outcome
        if self.made:
            self.persistence().cell_ended()


def was_on(name: str) -> bool:
    """Whether variables of a kernel of this name are kept on this machine; costs microseconds."""
    import os

    return os.path.exists(marker(name))


def marker(name: str) -> str:
    """The file that is there as long as variables of a kernel of this name are kept."""
    import hashlib

    from jupyter_core.paths import jupyter_data_dir

    return f"{jupyter_data_dir()}/llmspell/persist/{hashlib.sha256(name.encode()).hexdigest()[:32]}"
