"""The built-in hook that refuses tools and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from llmspell_kernel.config.sections import builtin_hooks as options
from llmspell_kernel.library.event.patterns import any_of
from llmspell_kernel.library.hook.builtin.contract import BuiltinHook, Place
from llmspell_kernel.library.hook.registered import HookContext
from llmspell_kernel.library.hook.results import HookResult


class SecurityHook(BuiltinHook[options.SecurityHook]):
    """Refuses tools and parameters."""

    def places(self) -> Iterable[Place]:
        """Before a tool is called, after all others have said what it is called with."""
        self._refused: list[dict[str, Any]] = []
        self._allowed, self._blocked = any_of(self.options.allowed_tools), any_of(self.options.blocked_tools)
        self._texts = any_of(self.options.blocked_texts)
        return [("BeforeToolExecution", self._check, "low")]

    def _check(self, context: HookContext) -> HookResult | None:
        rule = self._broken(context)
        if rule is None:
            return None
        if len(self._refused) < _KEPT:
            self._refused.append({"tool": context.name, "rule": rule})
        self.services.security_violation(f"hooks.builtin.security.{rule}", tool=context.name)
        return HookResult("cancel", text=f"hooks.builtin.security.{rule} forbids it")

    def _broken(self, context: HookContext) -> str | None:
        if not self._allowed(context.name):
            return "allowed_tools"
        if self._blocked(context.name):
            return "blocked_tools"
        if context.data.get("security_level") in self.options.blocked_levels:
            return "blocked_levels"
        if self.options.blocked_texts and any(map(self._texts, _texts(context.data.get("params")))):
            return "blocked_texts"
        return None

    def report(self) -> dict[str, Any]:
        """`refused`: the first tools and rules."""
        return {"refused": self._refused}


_KEPT = 1000


def _texts(value: Any) -> Iterator[str]:
    """All texts within a value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
