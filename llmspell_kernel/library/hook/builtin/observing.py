"""Built-in hooks that only look on: logging, metrics, debugging."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from llmspell_kernel.config.sections import builtin_hooks as options
from llmspell_kernel.library.hook.builtin.contract import BuiltinHook, Place, matching_points
from llmspell_kernel.library.hook.registered import HookContext

_log = logging.getLogger("llmspell.hooks")

_PAIRS = {
    "AfterToolExecution": "tool",
    "ToolError": "tool",
    "AfterAgentExecution": "agent",
    "PostCodeExecution": "cell",
}
"""The points that tell how long something took."""

SHOWN = 500
"""Characters of data that a line of the log has at most."""


class LoggingHook(BuiltinHook[options.LoggingHook]):
    """Writes down what happens."""

    def places(self) -> Iterable[Place]:
        """At all points that the options name."""
        return [(point, self._write, "lowest") for point in matching_points(self.options.points)]

    def _write(self, context: HookContext) -> None:
        self._lines += 1
        name = f" {context.name}" if context.name else ""
        text = f"{context.point}:{name or ' ' + context.kind} [{context.correlation_id}]"
        if self.options.include_data:
            data = repr(context.data)
            text += " " + (data if len(data) <= SHOWN else data[:SHOWN] + "...")
        if self.options.output == "stderr" and self.services.frontend is not None:
            self.services.frontend.write("stderr", text.encode(errors="backslashreplace") + b"\n")
        else:
            _log.log(logging.getLevelNamesMapping()[self.options.level.upper()], "%s", text)

    _lines = 0

    def report(self) -> dict[str, Any]:
        """How many lines it has written."""
        return {"lines": self._lines}


class MetricsHook(BuiltinHook[options.MetricsHook]):
    """Counts what happens, and how long tools and cells take."""

    def places(self) -> Iterable[Place]:
        """At all points that the options name."""
        self._counts: Counter[str] = Counter()
        self._times: dict[str, list[float]] = {}
        return [(point, self._count, "lowest") for point in matching_points(self.options.points)]

    def _count(self, context: HookContext) -> None:
        took = context.data.get("duration_ms")
        kind = _PAIRS.get(context.point)
        with self.lock:
            self._counts[context.point] += 1
            if kind is None or not isinstance(took, int | float):
                return
            found = self._times.setdefault(f"{kind}:{context.name}" if context.name else kind, [0, 0.0, 0.0])
            found[0] += 1
            found[1] += took
            found[2] = max(found[2], took)

    def report(self) -> dict[str, Any]:
        """`points`: how often each was come to; `durations`: count, mean_ms and max_ms of each component."""
        durations = {
            name: {"count": int(count), "mean_ms": total / count, "max_ms": longest}
            for name, (count, total, longest) in sorted(self._times.items())
        }
        return {"points": dict(sorted(self._counts.items())), "durations": durations}


class DebuggingHook(BuiltinHook[options.DebuggingHook]):
    """Keeps what hooks were told last."""

    def places(self) -> Iterable[Place]:
        """At all points that the options name."""
        self._kept: deque[dict[str, Any]] = deque(maxlen=self.options.size)
        return [(point, self._keep, "lowest") for point in matching_points(self.options.points)]

    def _keep(self, context: HookContext) -> None:
        self._kept.append(
            {
                "point": context.point,
                "component": {"type": context.kind, "name": context.name},
                "data": context.data,
                "correlation_id": context.correlation_id,
                "timestamp": datetime.fromtimestamp(context.time, UTC).isoformat(),
            }
        )

    def report(self) -> dict[str, Any]:
        """`contexts`: what was kept, the oldest first."""
        return {"contexts": list(self._kept)}
