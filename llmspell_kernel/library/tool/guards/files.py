"""Files within the allowed folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings


class FileGuard:
    """Files within the allowed folders, for one call of a tool."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
