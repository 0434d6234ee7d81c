"""Hooks as scripts use them: Lua functions that are called on the thread that owns the Lua state."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.library.hook.points import POINTS
from llmspell_kernel.library.hook.registered import HookContext, HookFunction, RegisteredHook
from llmspell_kernel.library.hook.service import as_filter
from llmspell_kernel.library.limited_calls import LimitedCalls
from llmspell_kernel.lua.values import decode

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.binding import LuaFunction, LuaTable
    from llmspell_kernel.lua.interpreter import LuaInterpreter

SHUTDOWN_SECONDS = 2.0
"""How long the end of a kernel waits for a script's functions at `SystemShutdown`."""


class HookTimeError(ScriptError):
    """A hook's function has taken longer than it may."""

    @classmethod
    def of(cls, seconds: float) -> HookTimeError:
        """For a limit of so many seconds."""
        return cls(f"it ran longer than {seconds:g} s (hooks.timeout_ms)")


class ScriptHooks:
    """What `Hook` calls."""

    def __init__(self, lua: LuaInterpreter, services: Services) -> None:
        self._lua = lua
        self._services = services
        self._hooks = services.hooks
        self._calls = LimitedCalls(lua)

    def adopt(self, call: LuaFunction) -> None:
        """A function of hook.lua that calls another one with a context, and answers its result packed."""
        self._call = call

    # Registering

    def register(
        self,
        point: bytes,
        function: LuaFunction,
        priority: bytes,
        name: bytes,
        description: bytes,
        tags: LuaTable | None,
    ) -> str:
        """Has a Lua function called at a point; answers the hook's id."""
        hook = self._hooks.register(
            decode(point),
            self._function(function),
            decode(priority),
            language="lua",
            name=decode(name),
            description=decode(description),
            tags=[] if tags is None else [str(each) for each in self._exact(tags)],
        )
        return hook.id

    def _function(self, function: LuaFunction) -> HookFunction:
        lua = self._lua

        def call(context: HookContext) -> Any:
            if threading.get_ident() == lua.thread:
                return self._answer(function, context)
            self._post(function, context)
            return None

        return call

    def _answer(self, function: LuaFunction, context: HookContext) -> Any:
        """What the function answers; it runs within the running cell, or else like a cell of its own."""
        answers: list[Any] = []
        failures: list[ScriptError] = []
        seconds = self._hooks.settings.timeout_ms / 1000

        def body() -> Outcome:
            try:
                table = self._lua.exchange.to_lua(context.table())
                answers.append(
                    self._calls.call(
                        seconds,
                        lambda: self._lua.state.call(self._call, function, table),
                        HookTimeError.of,
                    )
                )
            except ScriptError as error:
                failures.append(error)
            return Outcome()

        state = self._lua.state
        with nullcontext() if state.interrupts.active else state.spare_memory():
            outcome = self._lua.guard(body)
        if failures:
            raise failures[0]
        if not answers:
            if outcome.error is not None and outcome.error.name == "KeyboardInterrupt":
                raise KeyboardInterrupt
            raise ScriptError(outcome.error.value if outcome.error is not None else "it was ended")
        return self._exact(answers[0][0]) if answers[0] else None

    def _post(self, function: LuaFunction, context: HookContext) -> None:
        """Has the function called on its thread later; what it answers changes nothing any more."""
        done = threading.Event()

        def run() -> None:
            try:
                self._answer(function, context)
            except (ScriptError, KeyboardInterrupt) as error:
                text = f"a hook at {context.point} has failed: {error}\n"
                self._lua.frontend.write("stderr", text.encode(errors="backslashreplace"))
            finally:
                done.set()

        self._lua.frontend.call_later(0, run)
        if context.point == "SystemShutdown":
            done.wait(SHUTDOWN_SECONDS)

    def _exact(self, value: Any) -> Any:
        return self._lua.exchange.to_python(value)

    def unregister(self, number: bytes) -> bool:
        """Ends a hook; whether there was one."""
        return self._hooks.unregister(decode(number))

    def list(self, given: Any) -> Any:
        """A table for each hook that fits a filter."""
        found = self._hooks.hooks(**as_filter(None if given is None else self._exact(given)))
        return self._lua.exchange.to_lua([_without_none(each) for each in found])

    def points(self) -> Any:
        """The points by kind of component."""
        return self._lua.exchange.to_lua({kind: list(points) for kind, points in POINTS.items()})

    # Calling

    def run(self, point: bytes, data: Any) -> Any:
        """Calls the hooks at a point of the script's own; answers what they have decided.

        Raises:
            ScriptError: the point is one of the program's.
            CancelledError: one of them has cancelled it.
        """
        name = decode(point)
        if not name.startswith("custom:"):
            raise ScriptError(
                f"bad argument 'point' to 'Hook.run' (a name that begins with custom: expected, got {name!r})"
            )
        given = self._exact(data) or {}
        if not isinstance(given, dict):
            raise ScriptError("bad argument 'data' to 'Hook.run' (a table with keys expected)")
        decision = self._hooks.run(name, given)
        table = {
            "action": decision.action,
            "data": decision.data,
            "value": decision.value,
            "target": decision.target or None,
            "delay_ms": decision.delay * 1000 if decision.action == "retry" else None,
            "max_attempts": decision.attempts if decision.action == "retry" else None,
        }
        return self._lua.exchange.to_lua({key: value for key, value in table.items() if value is not None})

    # The hooks that come with the program

    def enable(self, name: bytes, options: Any) -> None:
        """Switches one on, with these options."""
        self._hooks.builtin.enable(decode(name), {} if options is None else self._exact(options) or {})

    def disable(self, name: bytes) -> bool:
        """Switches one off; whether it was on."""
        return self._hooks.builtin.disable(decode(name))

    def builtin(self) -> Any:
        """A table for each of them."""
        return self._lua.exchange.to_lua(self._hooks.builtin.tables())

    def report(self, name: bytes) -> Any:
        """What one of them has found."""
        return self._lua.exchange.to_lua(self._hooks.builtin.report(decode(name)))


def _without_none(hook: RegisteredHook) -> dict[str, Any]:
    return {name: value for name, value in hook.table().items() if value is not None}
