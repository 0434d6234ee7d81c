"""The hooks that come with the program, by name; each is switched on with options of its own."""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import OptionError, ScriptError

if TYPE_CHECKING:
    from llmspell_kernel.library.hook.builtin.contract import BuiltinHook
    from llmspell_kernel.library.services import Services

_CLASSES = {
    "logging": "observing:LoggingHook",
    "metrics": "observing:MetricsHook",
    "debugging": "observing:DebuggingHook",
    "caching": "caching:CachingHook",
    "rate_limit": "limiting:RateLimitHook",
    "retry": "limiting:RetryHook",
    "cost_tracking": "limiting:CostTrackingHook",
    "security": "security:SecurityHook",
}

NAMES = tuple(_CLASSES)
"""What they are called."""


class BuiltinHooks:
    """Those of one runtime."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._on: dict[str, BuiltinHook[Any]] = {}

    def enable_configured(self) -> None:
        """Switches on what the settings have on."""
        given = self._services.settings.hooks.builtin
        for name in _CLASSES:
            options = getattr(given, name)
            if options.enabled:
                self._switch_on(name, options)

    def enable(self, name: str, options: dict[str, Any]) -> None:
        """Switches one on, or on again with other options; those that are not given are the settings'.

        Raises:
            ScriptError: there is none of that name, or the options do not fit.
        """
        from msgspec import ValidationError, convert, structs

        configured = getattr(self._services.settings.hooks.builtin, self._checked(name))
        given = {key: _as_list(value) for key, value in options.items() if key != "enabled"}
        known = [each for each in structs.asdict(configured) if each != "enabled"]
        for key in given:
            if key not in known:
                raise OptionError.of(str(key), known, "Hook.enable")
        try:
            made = convert(
                {**structs.asdict(configured), **given, "enabled": True}, type(configured), strict=False
            )
        except ValidationError as error:
            problem = _problem(name, given) or error
            raise ScriptError(f"bad argument 'options' to 'Hook.enable' ({name}: {problem})") from None
        self._switch_on(name, made)

    def _switch_on(self, name: str, options: Any) -> None:
        self.disable(name)
        module, _, class_name = _CLASSES[name].partition(":")
        hook_class = getattr(importlib.import_module(f"{__name__}.{module}"), class_name)
        self._on[name] = hook = hook_class(self._services, options)
        hook.register(name)

    def disable(self, name: str) -> bool:
        """Switches one off; whether it was on. What it has found is forgotten.

        Raises:
            ScriptError: there is none of that name.
        """
        hook = self._on.pop(self._checked(name), None)
        if hook is not None:
            hook.unregister()
        return hook is not None

    def report(self, name: str) -> dict[str, Any]:
        """What one has found.

        Raises:
            ScriptError: there is none of that name, or it is not on.
        """
        hook = self._on.get(self._checked(name))
        if hook is None:
            raise ScriptError(f"the hook {name!r} is not on; switch it on with Hook.enable({name!r})")
        return hook.report()

    def tables(self) -> list[dict[str, Any]]:
        """What `Hook.builtin` tells."""
        from msgspec import structs

        configured = self._services.settings.hooks.builtin
        tables = []
        for name in _CLASSES:
            on = self._on.get(name)
            options = structs.asdict(getattr(configured, name) if on is None else on.options)
            del options["enabled"]
            text = (type(getattr(configured, name)).__doc__ or "").strip()
            tables.append({"name": name, "enabled": on is not None, "description": text, "options": options})
        return tables

    @staticmethod
    def _checked(name: str) -> str:
        if name not in _CLASSES:
            near = difflib.get_close_matches(name, _CLASSES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_CLASSES)}"
            raise ScriptError(f"there is no built-in hook {name!r}; {hint}")
        return name


def _problem(name: str, options: dict[str, Any]) -> str:
    """Which option does not fit, and what would, as for settings; empty if each does by itself."""
    from llmspell_kernel.config import schema
    from llmspell_kernel.config.checking import convert

    for key, value in options.items():
        node = schema.find(("hooks", "builtin", name, key))
        whole = isinstance(value, float) and value.is_integer()
        try:
            if node is not None:
                convert(node, int(value) if whole else value)
        except ValueError as error:
            return f"{key}: {error}"
    return ""


def _as_list(value: Any) -> Any:
    """A table of names and numbers, as costs may be given, as the list that the settings have."""
    if isinstance(value, dict):
        return [f"{key}={item}" for key, item in value.items()]
    return value
