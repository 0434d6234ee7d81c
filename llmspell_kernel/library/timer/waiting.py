"""A script that has ended when its timers have."""

from __future__ import annotations

from collections.abc import Callable

from llmspell_kernel.interpreter import TIMER_FAILED, WAIT_INTERRUPTED, ErrorReport, Outcome, Script
from llmspell_kernel.library.timer.service import Timers
from llmspell_kernel.lua.interpreter import LuaInterpreter
from llmspell_kernel.lua.scripts import entered, exited

Serve = Callable[[Callable[[bool], bool]], None]
"""Calls what is to be called between cells until its argument answers true; raises KeyboardInterrupt.

That is asked before each call, with whether there is anything to call by now.
"""

# Without traceback: what is known of the place was shown when it happened.
_FAILED = ErrorReport("TimerError", TIMER_FAILED, ())
_INTERRUPTED = ErrorReport("KeyboardInterrupt", WAIT_INTERRUPTED, ())


class ScriptTimers:
    """The timers that are made from now on, by a script that is about to run."""

    def __init__(self, lua: LuaInterpreter, timers: Timers) -> None:
        self._lua = lua
        self._timers = timers
        self._before = timers.latest
        self._asked = lua.state.interrupts.asked

    def wait(self, script: Script, outcome: Outcome, serve: Serve) -> Outcome:
        """Waits for them, if the main chunk has come to its end; answers what the script has come to.

        Where it ends otherwise (an error, os.exit, an interrupt), they end with it.
        """
        if outcome.error is None and not outcome.payload:
            outcome = self._served(script, outcome, serve)
        for number in self._timers.waiting(self._before):
            self._timers.cancel(number)
        return outcome

    def _served(self, script: Script, outcome: Outcome, serve: Serve) -> Outcome:
        lua = self._lua
        failures: list[bool] = []
        exits: list[Outcome] = []

        def on_exit(code: int) -> Outcome:
            exits.append(exited(lua, code))
            return Outcome()

        leave = entered(lua, script)
        before, lua.on_exit = lua.on_exit, on_exit
        lua.endings.append(failures.append)

        def has_ended(is_due: bool) -> bool:
            waits = is_due or bool(self._timers.waiting(self._before))
            return bool(exits) or self._is_interrupted or not waits

        try:
            serve(has_ended)
        except KeyboardInterrupt:
            return Outcome(error=_INTERRUPTED)
        finally:
            lua.endings.remove(failures.append)
            lua.on_exit = before
            leave()
        if exits:
            return exits[0]
        error = _INTERRUPTED if self._is_interrupted else _FAILED if any(failures) else None
        return outcome if error is None else Outcome(error=error)

    @property
    def _is_interrupted(self) -> bool:
        return self._lua.state.interrupts.asked != self._asked
