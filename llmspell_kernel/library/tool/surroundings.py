"""What a tool may touch of the world."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import ToolTimeoutError

if TYPE_CHECKING:
    from llmspell_kernel.config.sections import Settings
    from llmspell_kernel.library.tool.guards.environment import EnvironmentGuard
    from llmspell_kernel.library.tool.guards.files import FileGuard
    from llmspell_kernel.library.tool.guards.network import NetworkGuard
    from llmspell_kernel.library.tool.guards.processes import ProcessGuard


class Surroundings:
    """The world as one call of a tool sees it: files, network, processes, environment, behind their guards.

    Belongs to that call, on whatever thread or in whatever process it runs.

    Attributes:
        settings: all settings.
        tool: the name of the tool.
        deadline: when the call must have ended, by the monotonic clock; infinity for never.
        seconds: that the call may take altogether.
        cancelled: set when nobody waits for the call any more.
    """

    def __init__(
        self,
        settings: Settings,
        tool: str,
        *,
        deadline: float = float("inf"),
        audit: Callable[[str, dict[str, Any]], None] | None = None,
    ) -> None:
        """`audit` gets each privileged act and what it acts on."""
        self.settings = settings
        self.tool = tool
        self.deadline = deadline
        self.seconds = deadline - time.monotonic()
        self.cancelled = threading.Event()
        self._at_cancel: list[Callable[[], None]] = []
        self._audit = audit

    @cached_property
    def files(self) -> FileGuard:
        """Files within the allowed folders."""
        from llmspell_kernel.library.tool.guards.files import FileGuard

        return FileGuard(self)

    @cached_property
    def network(self) -> NetworkGuard:
        """Connections to allowed hosts."""
        from llmspell_kernel.library.tool.guards.network import NetworkGuard

        return NetworkGuard(self)

    @cached_property
    def processes(self) -> ProcessGuard:
        """Programs on the list."""
        from llmspell_kernel.library.tool.guards.processes import ProcessGuard

        return ProcessGuard(self)

    @cached_property
    def environment(self) -> EnvironmentGuard:
        """Variables that are no secrets."""
        from llmspell_kernel.library.tool.guards.environment import EnvironmentGuard

        return EnvironmentGuard(self)

    @property
    def seconds_left(self) -> float:
        """Until the deadline.

        Raises:
            ToolTimeoutError: it has passed, or nobody waits any more.
        """
        left = self.deadline - time.monotonic()
        if left <= 0 or self.cancelled.is_set():
            raise ToolTimeoutError(f"{self.tool}: the time for this call is over")
        return left

    def cancel(self) -> None:
        """Nobody waits for the call any more. Any thread."""
        self.cancelled.set()
        while self._at_cancel:
            self._at_cancel.pop()()

    def at_cancel(self, function: Callable[[], None]) -> None:
        """Has it called, on another thread, when nobody waits any more: it ends what this call waits for."""
        self._at_cancel.append(function)
        if self.cancelled.is_set():
            self.cancel()

    def audit(self, act: str, **details: Any) -> None:
        """Notes a privileged act, before it is done; `act` is such as `file.write` or `process.start`."""
        if self._audit is not None:
            self._audit(act, details)
