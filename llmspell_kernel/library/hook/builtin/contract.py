"""What a built-in hook is."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from llmspell_kernel.library.event.patterns import any_of
from llmspell_kernel.library.hook.points import POINTS
from llmspell_kernel.library.hook.registered import HookFunction

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services

Options = TypeVar("Options")

ALL_POINTS = tuple(point for points in POINTS.values() for point in points)

Place = tuple[str, HookFunction, str]
"""A point, what is called there, and its priority."""


class BuiltinHook(ABC, Generic[Options]):
    """Functions at some points that belong together. What they find ends with them.

    Attributes:
        options: as the settings or a script have them.
        lock: for what it counts, at points that any thread may come to.
    """

    def __init__(self, services: Services, options: Options) -> None:
        """Nothing is registered yet."""
        self.services = services
        self.options = options
        self.lock = threading.Lock()
        self._ids: list[str] = []

    @abstractmethod
    def places(self) -> Iterable[Place]:
        """Where what is called."""

    @abstractmethod
    def report(self) -> dict[str, Any]:
        """What it has found; can be a Lua table."""

    def register(self, name: str) -> None:
        """Has its functions called from now on; they are known as `name`."""
        hooks = self.services.hooks
        description = " ".join((type(self).__doc__ or "").split())
        for point, function, priority in self.places():
            made = hooks.register(
                point, function, priority, name=name, description=description, tags=("builtin",)
            )
            self._ids.append(made.id)

    def unregister(self) -> None:
        """They are called no more."""
        while self._ids:
            self.services.hooks.unregister(self._ids.pop())


def matching_points(patterns: Iterable[str]) -> list[str]:
    """The points that match one of the patterns."""
    test = any_of(list(patterns))
    return [point for point in ALL_POINTS if test(point)]
