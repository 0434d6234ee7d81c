"""Cells as hooks see them: before and after their code, and what they took."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import CancelledError
from llmspell_kernel.interpreter import ErrorReport, MimeBundle, Outcome
from llmspell_kernel.library.services import RunningCode
from llmspell_kernel.records import replaced

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services

CPU_SECONDS = 1.0
"""How long a cell must have run before its use of the processor says anything."""

_LIMITS = {"LuaMemoryError": "memory", "CellTimeLimit": "time"}
"""The limits that end a cell, by the name of its error."""


class HookedCells:
    """Lets hooks decide about cells, and tells them of limits and performance."""

    def __init__(self, services: Services) -> None:
        """The code that runs now has begun already: it is told of as far as it is still to come."""
        self._services = services
        self._began = 0.0 if services.running is None else services.running.began
        self._cpu = time.process_time()

    def before(self, running: RunningCode) -> RunningCode | Outcome:
        """Asks the hooks at `PreCodeExecution`, which may change the code or keep it from running."""
        decided: RunningCode | Outcome = running
        if self._services.hooks.wants("PreCodeExecution"):
            try:
                decided = self._decided(running)
            except CancelledError as error:
                decided = _failed("CancelledError", str(error))
            except KeyboardInterrupt:
                decided = _failed("KeyboardInterrupt", "a hook at PreCodeExecution was interrupted")
        self._began = 0.0 if isinstance(decided, Outcome) else time.monotonic()
        self._cpu = time.process_time()
        return decided

    def _decided(self, running: RunningCode) -> RunningCode | Outcome:
        told = {"code": running.code, "number": running.number}
        decision = self._services.hooks.run("PreCodeExecution", told)
        match decision.action:
            case "continue":
                code = decision.data["code"]
                text = code.decode(errors="surrogateescape") if isinstance(code, bytes) else code
                return running._replace(code=text)
            case "skip":
                return Outcome()
            case "replace":
                return self._services.shown(decision.value)
        return _failed(
            "CancelledError",
            f"a hook at PreCodeExecution has answered {decision.action!r}, which code does not know; "
            "'skip', 'replace', 'modified' and 'cancel' can be done",
        )

    def after(self, running: RunningCode, outcome: Outcome) -> Outcome:
        """Tells the hooks how the cell has ended, and what it took; they may give it another result."""
        if not self._began:  # it did not run
            return outcome
        seconds, cpu = time.monotonic() - self._began, time.process_time() - self._cpu
        self._began = 0.0
        hooks, error = self._services.hooks, outcome.error
        told: dict[str, Any] = {"number": running.number, "duration_ms": seconds * 1000}
        try:
            if hooks.wants("PostCodeExecution"):
                outcome = self._revised(running, outcome, told)
            if error is not None and error.name in _LIMITS and hooks.wants("ResourceLimitExceeded"):
                hooks.observe(
                    "ResourceLimitExceeded",
                    {**told, "resource": _LIMITS[error.name], "message": error.value},
                )
            self._performance(told, seconds, cpu)
        except KeyboardInterrupt:  # of a hook: the cell itself has ended
            pass
        return outcome

    def _revised(self, running: RunningCode, outcome: Outcome, told: dict[str, Any]) -> Outcome:
        """What the hooks at `PostCodeExecution` make of how it has ended."""
        error = outcome.error
        failure = None if error is None else {"name": error.name, "value": error.value}
        shown = outcome.result.data.get("text/plain") if outcome.result is not None else None
        about = {"code": running.code, "success": error is None, "error": failure, "result": shown}
        try:
            decision = self._services.hooks.run("PostCodeExecution", {**told, **about})
        except CancelledError as refused:
            return outcome if error is not None else _failed("CancelledError", str(refused))
        if decision.action == "replace":
            return replaced(self._services.shown(decision.value), payload=outcome.payload)
        text = decision.data["result"]
        if text != shown:
            return replaced(outcome, result=MimeBundle({"text/plain": str(text)}))
        return outcome

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


def _failed(name: str, message: str) -> Outcome:
    return Outcome(error=ErrorReport(name, message, [f"{name}: {message}"]))
