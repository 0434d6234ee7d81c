"""Built-in hooks that count calls: rate limit, retry, cost."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from llmspell_kernel.config.sections import builtin_hooks as options
from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.event.patterns import any_of, matcher
from llmspell_kernel.library.hook.builtin.contract import BuiltinHook, Place, matching_points
from llmspell_kernel.library.hook.registered import HookContext
from llmspell_kernel.library.hook.results import HookResult

_MINUTE = 60.0


class RateLimitHook(BuiltinHook[options.RateLimitHook]):
    """Refuses what happens too often."""

    def places(self) -> Iterable[Place]:
        """At all points that the options name."""
        self._recent: dict[str, deque[float]] = {}
        self._refused: Counter[str] = Counter()
        return [(point, self._check, "high") for point in matching_points(self.options.points)]

    def _check(self, context: HookContext) -> HookResult | None:
        name = f"{context.point} {context.name}".strip() if self.options.per_component else ""
        now = time.monotonic()
        with self.lock:
            recent = self._recent.setdefault(name, deque(maxlen=self.options.per_minute))
            if len(recent) < self.options.per_minute or now - recent[0] >= _MINUTE:
                recent.append(now)
                return None
            self._refused[name or "all"] += 1
            wait = _MINUTE - (now - recent[0])
        return HookResult(
            "cancel",
            text=f"more than {self.options.per_minute} in a minute; the next may come in {wait:.1f} s",
        )

    def report(self) -> dict[str, Any]:
        """`refused`: how often, by what was refused."""
        return {"refused": dict(self._refused)}


class RetryHook(BuiltinHook[options.RetryHook]):
    """Calls tools that have failed again."""

    def places(self) -> Iterable[Place]:
        """When a tool has failed."""
        self._retries: Counter[str] = Counter()
        self._is_for = any_of(self.options.tools)
        return [("ToolError", self._again, "low")]

    def _again(self, context: HookContext) -> HookResult | None:
        attempt = int(context.data.get("attempt", 1))
        if (
            attempt >= self.options.max_attempts
            or context.data.get("error_type") not in self.options.errors
            or not self._is_for(context.name)
        ):
            return None
        self._retries[context.name] += 1
        delay = self.options.delay_ms / 1000 * self.options.backoff ** (attempt - 1)
        return HookResult("retry", delay=delay, attempts=self.options.max_attempts)

    def report(self) -> dict[str, Any]:
        """`retries`: how often, by tool."""
        return {"retries": dict(self._retries)}


class CostTrackingHook(BuiltinHook[options.CostTrackingHook]):
    """Adds up what tools cost, and refuses more than a budget."""

    def places(self) -> Iterable[Place]:
        """Before a call the budget is looked at, after it the cost is added."""
        self._costs = [_cost(each) for each in self.options.costs]
        self._spent: dict[str, float] = {}
        self._calls: Counter[str] = Counter()
        return [
            ("BeforeToolExecution", self._check, "high"),
            ("AfterToolExecution", self._add, "lowest"),
            ("ToolError", self._add, "lowest"),
            ("AfterAgentExecution", self._add, "lowest"),
        ]

    @property
    def _total(self) -> float:
        return sum(self._spent.values())

    def _price(self, name: str) -> float:
        return next((cost for matches, cost in self._costs if matches(name)), 0.0)

    def _check(self, context: HookContext) -> HookResult | None:
        budget, price = self.options.budget, self._price(context.name)
        if not budget or not price or self._total + price <= budget:
            return None
        return HookResult("cancel", text=f"it costs {price:g}, and {self._total:g} of {budget:g} are spent")

    def _add(self, context: HookContext) -> None:
        told = context.data.get("cost")
        cost = float(told) if isinstance(told, int | float) else self._price(context.name)
        self._calls[context.name] += 1
        self._spent[context.name] = self._spent.get(context.name, 0.0) + cost

    def report(self) -> dict[str, Any]:
        """`total`, `budget`, and `cost` and `calls` by tool."""
        return {
            "total": self._total,
            "budget": self.options.budget,
            "cost": dict(self._spent),
            "calls": dict(self._calls),
        }


def _cost(text: str) -> tuple[Any, float]:
    pattern, _, cost = text.rpartition("=")
    try:
        return matcher(pattern.strip()), float(cost)
    except ValueError:
        raise ScriptError(
            f"hooks.builtin.cost_tracking.costs: {text!r} is no name and cost such as http-requester=0.01"
        ) from None
