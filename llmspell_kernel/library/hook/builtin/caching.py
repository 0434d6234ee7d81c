"""The built-in hook that keeps the results of tools."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from msgspec import msgpack

from llmspell_kernel.config.sections import builtin_hooks as options
from llmspell_kernel.library.event.patterns import any_of
from llmspell_kernel.library.hook.builtin.contract import BuiltinHook, Place
from llmspell_kernel.library.hook.registered import HookContext
from llmspell_kernel.library.hook.results import HookResult


class CachingHook(BuiltinHook[options.CachingHook]):
    """Answers a tool call that was made before with what it came to then."""

    def places(self) -> Iterable[Place]:
        """Last before a call, so that others may still refuse it, and first after it."""
        self._kept: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        self._asked: set[bytes] = set()
        self._hits = self._misses = 0
        self._may = any_of(self.options.tools)
        self._may_not = any_of(self.options.except_tools)
        self._levels = frozenset(self.options.levels)
        return [
            ("BeforeToolExecution", self._look, "lowest"),
            ("AfterToolExecution", self._keep, "lowest"),
        ]

    def _look(self, context: HookContext) -> HookResult | None:
        data = context.data
        if data.get("security_level") not in self._levels or not self._is_for(context.name):
            return None
        key = _key(data)
        if key is None:
            return None
        kept = self._kept.get(key)
        if kept is None or kept[0] < time.monotonic():
            self._misses += 1
            if len(self._asked) >= self.options.max_entries:  # calls that have failed
                self._asked.clear()
            self._asked.add(key)
            return None
        self._hits += 1
        return HookResult("replace", msgpack.decode(kept[1]))

    def _keep(self, context: HookContext) -> None:
        data = context.data
        result, key = data.get("result"), _key(data)
        if key is None or key not in self._asked:
            return
        self._asked.discard(key)
        if not isinstance(result, dict) or result.get("success") is False:
            return
        self._kept[key] = time.monotonic() + self.options.ttl_seconds, msgpack.encode(result)
        self._kept.move_to_end(key)
        if len(self._kept) > self.options.max_entries:
            self._kept.popitem(last=False)

    def _is_for(self, tool: str) -> bool:
        return bool(tool) and self._may(tool) and not self._may_not(tool)

    def report(self) -> dict[str, Any]:
        """`hits`, `misses` and how many `entries` there are."""
        return {"hits": self._hits, "misses": self._misses, "entries": len(self._kept)}


def _key(data: dict[str, Any]) -> bytes | None:
    """What tells one call from others; None for parameters that cannot be compared so."""
    try:
        return msgpack.encode([data.get("tool"), data.get("params")], order="deterministic")
    except (TypeError, ValueError):
        return None
