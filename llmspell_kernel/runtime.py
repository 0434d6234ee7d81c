"""The one place that puts a language, the library and the magics together for a front."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from llmspell_kernel.errors import DebuggerError, LanguageUnavailableError
from llmspell_kernel.interpreter import (
    Completeness,
    Completions,
    Frontend,
    Interpreter,
    MimeBundle,
    Outcome,
    Script,
)
from llmspell_kernel.library.services import RunningCode, Services
from llmspell_kernel.lua.state import LANGUAGES, LuaSettings
from llmspell_kernel.magics import load_variables, may_use_magics
from llmspell_kernel.records import record, replaced

if TYPE_CHECKING:
    from llmspell_kernel.config.sections import Settings
    from llmspell_kernel.library.timer.waiting import ScriptTimers
    from llmspell_kernel.lua.binding import LuaTable
    from llmspell_kernel.lua.debugger.debugger import Debugger
    from llmspell_kernel.lua.interpreter import LuaInterpreter
    from llmspell_kernel.magics.execution import Magics
    from llmspell_kernel.magics.session import History
    from llmspell_kernel.magics.settings import Setting

LIBRARY = {
    "comm": "comm",
    "display": "display",
    "plot": "plot",
    "timer": "timer",
    "widgets": "widgets",
    "config": "Config",
    "llmspell": "llmspell",
    "json": "JSON",
    "debug": "Debug",
    "streaming": "Streaming",
    "state": "State",
    "event": "Event",
    "session": "Session",
    "artifact": "Artifact",
    "replay": "Replay",
    "hook": "Hook",
    "tool": "Tool",
}
"""The folders of `library/`, and the global that each gives to scripts."""

LANGUAGE_NAMES = (*LANGUAGES, "echo")


@record
class RuntimeSettings:
    """What a runtime is made of.

    Attributes:
        lua: the language; its name may also be `echo`.
        config: what scripts see as `Config`; by default what files, profiles and variables say.
        without: folders of `library/` whose globals the settings switch off.
        services: those that are made at the start, because the settings give them something to do.
    """

    lua: LuaSettings = LuaSettings()
    config: Callable[[], Settings] | None = None
    without: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


def runtime_settings(settings: Settings) -> RuntimeSettings:
    """What the settings of files, environment and command line mean for a runtime.

    Of several limits on the same thing the lowest counts.
    """
    engine, limits = settings.engines.lua, settings.runtime.security
    level = engine.security_level
    return RuntimeSettings(
        LuaSettings(
            language="lua54" if settings.default_engine == "lua" else settings.default_engine,
            trusted=level == "unrestricted",
            machine_code=level == "privileged",
            stdlib=engine.stdlib,
            memory_limit=int(lowest(engine.max_memory_bytes, limits.max_memory_bytes)),
            time_limit=lowest(
                engine.timeout_ms / 1000,
                settings.runtime.script_timeout_seconds,
                limits.max_execution_time_ms / 1000,
            ),
            persistent_locals=settings.kernel.persistent_locals,
            files=limits.allow_file_access,
            processes=limits.allow_process_spawn,
            highest_memory_limit=limits.max_memory_bytes,
            highest_time_limit=limits.max_execution_time_ms / 1000,
        ),
        config=lambda: settings,
        without=_switched_off(settings),
        services=_busy_from_the_start(settings),
    )


def _busy_from_the_start(settings: Settings) -> tuple[str, ...]:
    """The services that have something to do before a script asks for them."""
    busy = {
        "events": settings.events.enabled and (settings.events.export.stdout or settings.events.export.file),
        "hooks": settings.hooks.enabled and settings.hooks.builtin != type(settings.hooks.builtin)(),
    }
    return tuple(name for name, is_busy in busy.items() if is_busy)


def _switched_off(settings: Settings) -> tuple[str, ...]:
    """The folders of `library/` whose globals are nil."""
    enabled = {
        "tool": settings.tools.enabled,
        "event": settings.events.enabled,
        "hook": settings.hooks.enabled,
        "session": settings.runtime.sessions.enabled,
        "artifact": settings.runtime.sessions.enabled,
    }
    return tuple(folder for folder, is_on in enabled.items() if not is_on)


def lowest(*limits: float) -> float:
    """The lowest of some limits, where 0 stands for no limit."""
    return min((limit for limit in limits if limit > 0), default=0)


class Runtime:
    """Runs cells for a front. Belongs to the thread that makes it, but for `interrupt`.

    Attributes:
        history: the input history that magics show; the front sets it if it keeps one.
        services: what stands behind the globals.
    """

    def __init__(self, frontend: Frontend, settings: RuntimeSettings | None = None) -> None:
        """Makes the language and everything scripts can call.

        Raises:
            LanguageUnavailableError: no such language here.
        """
        self.settings = settings or RuntimeSettings()
        self.frontend = frontend
        self.history: History | None = None
        self._offered: list[Callable[[], Iterable[Setting]]] = []
        self._lua: LuaInterpreter | None = None
        self._variables: LuaTable | None = None
        self.services = Services(self.settings.config, frontend)
        self.interpreter = self._make_interpreter()
        self.services.waits = self.interpreter.waits
        self.services.another_runtime = self._another
        self.gate = self.interpreter.gate
        self.waits = self.interpreter.waits
        self.info = self.interpreter.info
        for name in self.settings.services:
            getattr(self.services, name)
        self.services.start()

    def _another(self, frontend: Frontend, language: str) -> Runtime:
        """See `Services`."""
        return isolated_runtime(frontend, self.settings, language)

    def _make_interpreter(self) -> Interpreter:
        language = self.settings.lua.language
        if language == "echo":
            from llmspell_kernel.echo import EchoInterpreter

            return EchoInterpreter(self.frontend)
        if language not in LANGUAGES:
            raise LanguageUnavailableError.of(language, LANGUAGE_NAMES)
        from llmspell_kernel.lua.interpreter import LuaInterpreter

        interpreter = LuaInterpreter(self.frontend, self.settings.lua)
        for name in LIBRARY:
            if name not in self.settings.without:
                binding = importlib.import_module(f"llmspell_kernel.library.{name}.lua")
                binding.install(interpreter, self.services)
        self._lua = interpreter
        self.services.shown = self._shown
        self._variables = load_variables(interpreter.state)
        interpreter.state.restrict()
        return interpreter

    def offer_settings(self, settings: Callable[[], Iterable[Setting]]) -> None:
        """Adds the front's own settings, made when they are asked for, to those that `%config` shows."""
        self._offered.append(settings)

    @cached_property
    def _magics(self) -> Magics:
        from llmspell_kernel.magics.execution import Magics
        from llmspell_kernel.magics.lua_settings import lua_settings

        lua = self._lua
        assert lua is not None
        return Magics(
            lua,
            variables=self._variables,
            settings=lambda: [*lua_settings(lua), *(each for offered in self._offered for each in offered())],
            history=lambda: self.history,
            services=self.services,
        )

    def _may_use_magics(self, code: str) -> bool:
        return self._lua is not None and may_use_magics(code)

    def execute(self, code: str, *, number: int, store: bool = True) -> Outcome:
        """Runs one cell; never raises."""
        running = RunningCode(code, number, time.monotonic(), None, store)
        return self._watched(running, lambda code: self._execute(code, number=number, store=store))

    def _watched(self, running: RunningCode, run: Callable[[str], Outcome]) -> Outcome:
        """Runs code among those who decide about it and want to know of it."""
        services = self.services
        services.running = running
        decided = running if services.judge is None else services.judge.before(running)
        if isinstance(decided, RunningCode):
            services.running = running = decided
        code, number, *_ = running
        for each in services.watchers:
            each.cell_begins(code, number)
        outcome = decided if isinstance(decided, Outcome) else run(code)
        if services.judge is not None:
            outcome = services.judge.after(running, outcome)
        for each in services.watchers:
            each.cell_ends(code, number, outcome)
        return outcome

    def _execute(self, code: str, *, number: int, store: bool = True) -> Outcome:
        if self._may_use_magics(code):
            outcome = self._magics.execute(code, number=number, store=store)
            if outcome is not None:
                return outcome
        return self.interpreter.run(code, number=number, store=store)

    def execute_script(
        self, source: str | bytes, script: Script, *, number: int = 0, stays: bool = False
    ) -> Outcome:
        """Runs a script; never raises. See `lua.scripts.run_script`; in other languages it is a cell."""
        text = source if isinstance(source, str) else source.decode(errors="replace")
        lua = self._lua
        if lua is None:
            return self.interpreter.run(text, number=number, store=False)
        from llmspell_kernel.lua.scripts import run_script

        running = RunningCode(text, number, time.monotonic(), script)
        return self._watched(
            running, lambda code: run_script(lua, source if code == text else code, script, stays=stays)
        )

    def _shown(self, value: object) -> Outcome:
        """See `Services`."""
        lua, running = self._lua, self.services.running
        assert lua is not None
        assert running is not None
        packed = lua.state.table()
        packed[b"n"], packed[1] = 1, lua.exchange.to_lua(value)
        if running.script is None:
            return lua.guard(lambda: lua.show_results(packed, running.number if running.store else None))
        from llmspell_kernel.lua.scripts import script_result

        return lua.guard(lambda: Outcome(result=script_result(lua, packed)))

    def script_timers(self) -> ScriptTimers | None:
        """Those that are made from now on; None in languages that have none."""
        if self._lua is None or self.services.timers is None:
            return None
        from llmspell_kernel.library.timer.waiting import ScriptTimers

        return ScriptTimers(self._lua, self.services.timers)

    def call(self, function: Callable[[], object]) -> Outcome:
        """Calls a Python function, which may call Lua ones, within the limits of a cell; never raises."""
        if self._lua is None:
            function()
            return Outcome()

        def body() -> Outcome:
            function()
            return Outcome()

        return self._lua.guard(body)

    def evaluate(self, expression: str) -> Outcome:
        """The value of one expression, without a trace in the history."""
        return self.interpreter.evaluate(expression)

    def complete(self, code: str, cursor: int) -> Completions:
        """Candidates at the cursor."""
        if self._may_use_magics(code):
            found = self._magics.complete(code, cursor)
            if found is not None:
                return found
        return self.interpreter.complete(code, cursor)

    def inspect(self, code: str, cursor: int, *, detail: int = 0) -> MimeBundle | None:
        """Help on the name at the cursor."""
        if self._may_use_magics(code):
            return self._magics.inspect(code, cursor, detail=detail)
        return self.interpreter.inspect(code, cursor, detail=detail)

    def is_complete(self, code: str) -> Completeness:
        """Whether Enter should run the code."""
        return self.interpreter.is_complete(code)

    @property
    def debugger(self) -> Debugger:
        """The language's debugger. Any thread.

        Raises:
            DebuggerError: this language has none.
        """
        if self._lua is None:
            raise DebuggerError(f"{self.info.name} has no debugger; start a Lua kernel")
        return self._lua.debugger

    def interrupt(self) -> bool:
        """Ends the running or expected cell, if there is one; answers whether. Any thread."""
        return self.interpreter.interrupt()

    def expect(self, expected: bool) -> None:
        """A cell will run soon, or will not after all: an interrupt in between is kept for it."""
        self.interpreter.expect(expected)

    def release_output(self) -> None:
        """Has what running code has written handed over soon. Any thread."""
        self.interpreter.release_output()

    def close(self) -> None:
        """Frees what the language and the services hold."""
        self.services.close()
        self.interpreter.close()


def isolated_runtime(frontend: Frontend, settings: RuntimeSettings, language: str) -> Runtime:
    """A runtime with the same settings, but for the language, that begins empty and leaves nothing behind.

    Belongs to the calling thread.
    """
    lua = replaced(settings.lua, language=language or settings.lua.language)
    # What events are exported and sent to is others' as well.
    busy = tuple(name for name in settings.services if name != "events")
    runtime = Runtime(frontend, replaced(settings, lua=lua, services=busy))
    runtime.services.forgets = True
    return runtime
