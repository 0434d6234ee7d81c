"""Cells as hooks see them: before and after their code, and what they took."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import CancelledError
from llmspell_kernel.interpreter import ErrorReport, Outcome

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services

CPU_SECONDS = 1.0
"""How long a cell must have run before its use of the processor says anything."""

_LIMITS = {"LuaMemoryError": "memory", "CellTimeLimit": "time"}
"""The limits that end a cell, by the name of its error."""


class HookedCells:
    """Watches cells for the hook points of code and of performance."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._began = self._cpu = 0.0

    def cell_begins(self, code: str, number: int) -> ErrorReport | None:
        """Asks the hooks at `PreCodeExecution`; any answer but to go on keeps the cell from running."""
        hooks = self._services.hooks
        if hooks.wants("PreCodeExecution"):
            try:
                decision = hooks.run("PreCodeExecution", {"code": code, "number": number})
            except CancelledError as error:
                return _report("CancelledError", str(error))
            except KeyboardInterrupt:
                return _report("KeyboardInterrupt", "a hook at PreCodeExecution was interrupted")
            if decision.action != "continue":
                return _report(
                    "CancelledError", f"a hook at PreCodeExecution has answered {decision.action!r}"
                )
        self._began, self._cpu = time.monotonic(), time.process_time()
        return None

    def cell_ends(self, code: str, number: int, outcome: Outcome) -> None:
        """Tells the hooks how the cell has ended, and what it took."""
        if not self._began:  # the hooks came while it ran
            return
        seconds, cpu = time.monotonic() - self._began, time.process_time() - self._cpu
        self._began = 0.0
        hooks, error = self._services.hooks, outcome.error
        told: dict[str, Any] = {"number": number, "duration_ms": seconds * 1000}
        try:
            if hooks.wants("PostCodeExecution"):
                failure = None if error is None else {"name": error.name, "value": error.value}
                shown = outcome.result.data.get("text/plain") if outcome.result is not None else None
                hooks.observe(
                    "PostCodeExecution",
                    {**told, "code": code, "success": error is None, "error": failure, "result": shown},
                )
            if error is not None and error.name in _LIMITS and hooks.wants("ResourceLimitExceeded"):
                hooks.observe(
                    "ResourceLimitExceeded",
                    {**told, "resource": _LIMITS[error.name], "message": error.value},
                )
            self._performance(told, seconds, cpu)
        except KeyboardInterrupt:  # of a hook: the cell itself has ended
            return

    def _performance(self, told: dict[str, Any], seconds: float, cpu: float) -> None:
        hooks = self._services.hooks
        limits = hooks.settings.thresholds
        if hooks.wants("PerformanceThresholdExceeded") and 0 < limits.cell_seconds < seconds:
            told_limit = {"threshold_ms": limits.cell_seconds * 1000}
            hooks.observe("PerformanceThresholdExceeded", {**told, "metric": "cell_duration", **told_limit})
        if hooks.wants("MemoryUsageHigh") and 0 < limits.memory_mb < (used := _memory_mb()):
            hooks.observe("MemoryUsageHigh", {**told, "memory_mb": used, "threshold_mb": limits.memory_mb})
        if hooks.wants("CpuUsageHigh") and seconds >= CPU_SECONDS:
            percent = cpu / seconds * 100
            if 0 < limits.cpu_percent < percent:
                found = {"cpu_percent": percent, "threshold_percent": limits.cpu_percent}
                hooks.observe("CpuUsageHigh", {**told, **found})


def _memory_mb() -> float:
    """What the process has in memory."""
    try:
        with open("/proc/self/statm", "rb") as file:
            pages = int(file.read().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:  # no Linux
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes, on macOS


def _report(name: str, message: str) -> ErrorReport:
    return ErrorReport(name, message, [f"{name}: {message}"])
