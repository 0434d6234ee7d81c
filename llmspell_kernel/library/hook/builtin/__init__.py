"""The hooks that come with the program, by name; each is switched on with options of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services


class BuiltinHooks:
    """Those of one runtime."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._on: dict[str, Any] = {}
