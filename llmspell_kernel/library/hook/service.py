"""Functions that are called at points of what happens, and may change it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import CancelledError, ScriptError
from llmspell_kernel.library.hook.contract import Decision
from llmspell_kernel.library.hook.points import POINTS, check_point
from llmspell_kernel.library.hook.registered import HookContext, HookFunction, RegisteredHook
from llmspell_kernel.library.hook.results import CONTINUE, HookResult, check_changes, understood
from llmspell_kernel.library.made_once import half_made, made_once

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.hooks import Hooks as HookSettings
    from llmspell_kernel.library.hook.builtin import BuiltinHooks
    from llmspell_kernel.library.services import Services

_log = logging.getLogger("llmspell.hooks")

_EVENT_POINTS = frozenset(POINTS["event"])
_CELL_POINTS = frozenset((*POINTS["kernel"], *POINTS["performance"], "ResourceLimitExceeded"))
_NONE: tuple[RegisteredHook, ...] = ()


class Hooks:
    """The hooks of one runtime. Any thread may call anything.

    What a hook does wrong never breaks what it watches: it is told on stderr and as the event `hook.failed`.
    """

    def __init__(self, services: Services, settings: HookSettings | None = None) -> None:
        """By default with the settings of the services, asked for when the first hook is registered."""
        self.making = services.making
        self._services = services
        self._given = settings
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._hooks: dict[str, RegisteredHook] = {}
        self._at: dict[str, tuple[RegisteredHook, ...]] = {}

    @property
    def settings(self) -> HookSettings:
        """Of hooks."""
        return self._given or self._services.settings.hooks

    @made_once
    def builtin(self) -> BuiltinHooks:
        """The hooks that come with the program."""
        from llmspell_kernel.library.hook.builtin import BuiltinHooks

        return BuiltinHooks(self._services)

    # Registering

    def register(
        self,
        point: str,
        function: HookFunction,
        priority: str = "normal",
        *,
        language: str = "python",
        name: str = "",
        description: str = "",
        tags: Sequence[str] = (),
    ) -> RegisteredHook:
        """From now on has `function` called at a point; at `SystemStartup`, if that is past, at once.

        Args:
            point: one of `points.POINTS`, or `custom:` and a name.
            function: gets a HookContext; what it may answer is told at `results.understood`. It is called on
                the thread that comes to the point.
            priority: `highest`, `high`, `normal`, `low` or `lowest`; of the same, who came first is first.
            language: of the function.
            name: for people.
            description: for people.
            tags: words to find it by.

        Raises:
            ScriptError: no such point or priority.
        """
        check_point(point)
        hook = RegisteredHook(
            next(self._numbers),
            point,
            function,
            priority=priority,
            language=language,
            name=name,
            description=description,
            tags=tags,
        )
        with self._lock:
            self._hooks[hook.id] = hook
            self._sort(point)
        if point in _CELL_POINTS:
            self._judge_cells()
        if point == "SystemStartup" and self._services.has_started and self.wants(point):
            self._call(hook, {})
        return hook

    def unregister(self, number: str) -> bool:
        """Ends a hook; whether there was one of this id."""
        with self._lock:
            hook = self._hooks.pop(number, None)
            if hook is not None:
                self._sort(hook.point)
        return hook is not None

    def _sort(self, point: str) -> None:
        here = sorted((each for each in self._hooks.values() if each.point == point), key=_order)
        if here and self.settings.enabled:
            self._at[point] = tuple(here)
        else:
            self._at.pop(point, None)

    def _judge_cells(self) -> None:
        from llmspell_kernel.library.hook.watching import HookedCells

        with self.making:
            if self._services.judge is None:
                self._services.judge = HookedCells(self._services)

    def hooks(
        self, point: str = "", *, language: str = "", priority: str = "", tag: str = ""
    ) -> list[RegisteredHook]:
        """Those that fit all that is given, in the order in which they were registered."""
        with self._lock:
            found = list(self._hooks.values())
        return [
            each
            for each in found
            if (not point or each.point == point)
            and (not language or each.language == language)
            and (not priority or each.priority == priority)
            and (not tag or tag in each.tags)
        ]

    # Calling

    def wants(self, point: str) -> bool:
        """Whether anything is registered there: a look into a dictionary, so ask before making `data`."""
        return point in self._at

    def run(self, point: str, data: dict[str, Any]) -> Decision:
        """Calls the hooks of this point, the highest priority first.

        Each sees what those before it have modified. The first that answers more than to go on or `modified`
        is the last that is called.

        Raises:
            CancelledError: one of them has cancelled it.
        """
        for hook in self._at.get(point, _NONE):
            result = self._call(hook, data)
            match result.kind:
                case "continue":
                    continue
                case "modified":
                    data = {**data, **{str(key): value for key, value in result.data.items()}}
                case "cancel":
                    raise CancelledError.of(point, hook.name, result.text)
                case "replace":
                    return Decision("replace", data, value=result.data)
                case "redirect":
                    return Decision("redirect", data, target=result.text)
                case "retry":
                    return Decision("retry", data, delay=result.delay, attempts=result.attempts)
                case "skip":
                    return Decision("skip", data)
        return Decision("continue", data)

    def observe(self, point: str, data: dict[str, Any]) -> None:
        """Calls the hooks of a point that is past: what they answer changes nothing."""
        for hook in self._at.get(point, _NONE):
            self._call(hook, data)

    def _call(self, hook: RegisteredHook, data: dict[str, Any]) -> HookResult:
        settings = self.settings
        started = time.monotonic()
        cooldown = settings.circuit_breaker_cooldown_ms / 1000
        if not hook.begin(started, cooldown=cooldown, per_minute=settings.rate_limit_per_minute):
            return CONTINUE
        error, result = None, CONTINUE
        context = HookContext(hook, data, self._services.events.correlation_id, time.time())
        try:
            result = understood(hook.function(context))
            if result.kind == "modified":
                check_changes(hook.point, data, result.data)
        except Exception as failure:  # noqa: BLE001 - the border to hooks, which are other people's code
            error, result = str(failure) or type(failure).__name__, CONTINUE
        finally:
            now = time.monotonic()
            limit = settings.timeout_ms / 1000
            if error is None and hook.language != "lua" and 0 < limit < now - started:
                error = f"it took {now - started:.3g} s, and {limit:.3g} s are the limit (hooks.timeout_ms)"
                result = CONTINUE
            hook.end(now, error, settings.circuit_breaker_threshold)
        if error is not None:
            self._failed(hook, error)
        return result

    def _failed(self, hook: RegisteredHook, error: str) -> None:
        rests = hook.circuit == "open"
        told = {
            "hook": hook.name,
            "id": hook.id,
            "hook_point": hook.point,
            "error": error,
            "failures": hook.failures,
            "circuit": hook.circuit,
        }
        text = f"the hook {hook.name!r} at {hook.point} has failed: {error}"
        if rests:
            seconds = self.settings.circuit_breaker_cooldown_ms / 1000
            text += f"\nit has failed too often and rests for {seconds:g} s"
        frontend = self._services.frontend
        if frontend is None:
            _log.warning("%s", text)
        else:
            frontend.write("stderr", text.encode(errors="backslashreplace") + b"\n")
        self._services.events.publish(
            "hook.failed", told, source="hook", hooked=hook.point not in _EVENT_POINTS
        )

    def close(self) -> None:
        """Forgets all hooks."""
        with self._lock:
            self._hooks.clear()
            self._at.clear()


def made_hooks(services: Services) -> Hooks:
    """The hooks of a runtime, with the built-in ones that its settings have on."""
    hooks = Hooks(services)
    if hooks.settings.enabled:
        half_made(services, "hooks", hooks)  # they register themselves there
        hooks.builtin.enable_configured()
    return hooks


def _order(hook: RegisteredHook) -> tuple[int, int]:
    return hook.order


def as_filter(given: str | Mapping[str, Any] | None) -> dict[str, str]:
    """The filter of `Hook.list` as the arguments of `Hooks.hooks`.

    Raises:
        ScriptError: a key that is none.
    """
    if given is None:
        return {}
    if isinstance(given, str):
        return {"point": given}
    names = {"hook_point": "point", "language": "language", "priority": "priority", "tag": "tag"}
    for key in given:
        if key not in names:
            raise ScriptError(f"Hook.list has no filter {key!r}; it takes {', '.join(names)}")
    return {names[key]: str(value) for key, value in given.items()}
