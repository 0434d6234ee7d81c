"""Running again what has run, apart from everything that lasts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from llmspell_kernel.errors import LLMSpellError, ScriptError
from llmspell_kernel.interpreter import Frontend, Script, Waits
from llmspell_kernel.library.replay.frontend import ReplayFrontend
from llmspell_kernel.library.replay.modifications import Modification
from llmspell_kernel.library.session.options import checked
from llmspell_kernel.library.session.recording import Running

if TYPE_CHECKING:
    from llmspell_kernel.library.services import AnotherRuntime
    from llmspell_kernel.library.session.records import Run, SessionRecord

Mode = Literal["exact", "modified", "simulate", "debug"]
MODES: tuple[Mode, ...] = ("exact", "modified", "simulate", "debug")

DEFAULT_SECONDS = 300.0
_GRACE_SECONDS = 5.0
_KINDS: dict[str, type | tuple[type, ...]] = {
    "mode": str,
    "compare_results": bool,
    "timeout_seconds": (int, float),
    "stop_on_error": bool,
    "ignore_addresses": bool,
    "ignore_timings": bool,
    "metadata": dict,
    "from_step": int,
    "to_step": int,
}


class Options(NamedTuple):
    """How to replay.

    Attributes:
        mode: `exact`; `modified`, with other code in some places; `simulate`, which runs nothing; `debug`,
            which stops at the first difference.
        compare_results: whether what is shown is compared with what was shown.
        timeout_seconds: for all of it.
        stop_on_error: whether to stop at the first run that fails.
        modifications: other code; only where the mode is `modified` or `simulate`.
        first: sequence number of the first run; what comes before is left out.
        last: of the last run.
        ignore_addresses: whether addresses of objects are taken for equal.
        ignore_timings: whether the times that tools took are.
        metadata: the caller's own; goes into the report.
    """

    mode: Mode = "exact"
    compare_results: bool = True
    timeout_seconds: float = DEFAULT_SECONDS
    stop_on_error: bool = False
    modifications: tuple[Modification, ...] = ()
    first: int = 1
    last: int | None = None
    ignore_addresses: bool = True
    ignore_timings: bool = True
    metadata: dict[Any, Any] = {}

    @classmethod
    def parse(cls, given: dict[Any, Any], where: str) -> Options:
        """Of the table that scripts give.

        Raises:
            ScriptError: an option that there is not, or a value that does not fit.
        """
        rest = dict(given)
        changes = rest.pop("modifications", None) or []
        found = checked(rest, _KINDS, where)
        mode = str(found.get("mode", "modified" if changes else "exact")).lower()
        if mode not in MODES:
            raise ScriptError(f"'{where}': no mode {mode!r}; choose one of: {', '.join(MODES)}")
        seconds = float(found.get("timeout_seconds", DEFAULT_SECONDS))
        if not seconds > 0:
            raise ScriptError(f"'{where}': timeout_seconds must be more than 0, got {seconds:g}")
        if not isinstance(changes, list):
            raise ScriptError(f"'{where}': modifications: a list expected, got {changes!r}")
        parsed = [made for each in changes if (made := Modification.parse(each)) is not None]
        if parsed and mode not in ("modified", "simulate"):
            raise ScriptError(f"'{where}': modifications need mode 'modified', not {mode!r}")
        return cls(
            mode=mode,
            compare_results=found.get("compare_results", True),
            timeout_seconds=seconds,
            stop_on_error=found.get("stop_on_error", False),
            modifications=tuple(parsed),
            first=found.get("from_step", 1),
            last=found.get("to_step"),
            ignore_addresses=found.get("ignore_addresses", True),
            ignore_timings=found.get("ignore_timings", True),
            metadata=found.get("metadata", {}),
        )

    def code_of(self, run: Run) -> str | None:
        """What runs in place of a run; None for nothing."""
        for each in self.modifications:
            if each.sequence == run.sequence:
                return each.code
        return run.code


class Player:
    """One replay, on a thread of its own, with a runtime of its own.

    Attributes:
        played: what each run came to this time, in order, while it goes on.
        failure: why it could not go on at all.
    """

    def __init__(
        self,
        make: Callable[[Frontend, str], AnotherRuntime],
        session: SessionRecord,
        runs: Sequence[Run],
        options: Options,
        limit: int,
        stops: Callable[[Run, Run], bool],
    ) -> None:
        """`stops` is asked after each run, with the recorded one and this one; `limit` is for its output."""
        self._make = make
        self._session = session
        self._runs = runs
        self._options = options
        self._limit = limit
        self._stops = stops
        self._runtime: AnotherRuntime | None = None
        self._stopping = threading.Event()
        self._woken: Callable[[], None] = lambda: None
        self.played: list[tuple[Run, Run | None]] = []
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._play, name="llmspell-replay", daemon=True)

    def play(self, waits: Waits | None) -> bool:
        """Returns when it is over; whether it was in time. Its thread may be stuck if it was not.

        Raises:
            KeyboardInterrupt: whoever waits was interrupted; the replay has been stopped.
            LLMSpellError: it could not begin.
        """
        seconds = self._options.timeout_seconds
        if waits is not None:
            self._woken = waits.wake
        self._thread.start()
        try:
            if waits is None:
                self._thread.join(seconds)
                in_time = not self._thread.is_alive()
            else:
                in_time = waits.until(lambda: not self._thread.is_alive() or self._stopping.is_set(), seconds)
        except BaseException:
            self._stop()
            raise
        if not in_time:
            self._stop()
        else:
            self._thread.join(_GRACE_SECONDS)
        if isinstance(self.failure, LLMSpellError):
            raise self.failure
        if self.failure is not None:
            raise ScriptError(f"the replay has failed: {self.failure!r}") from self.failure
        return in_time

    def _stop(self) -> None:
        self._stopping.set()
        end = time.monotonic() + _GRACE_SECONDS
        while self._thread.is_alive() and time.monotonic() < end:
            if self._runtime is not None:
                self._runtime.interrupt()
            self._thread.join(0.05)

    def _play(self) -> None:
        try:
            frontend = ReplayFrontend()
            runtime = self._runtime = self._make(frontend, self._session.language)
            runtime.services.sessions.adopt(self._session)
            try:
                self._play_with(runtime, frontend)
            finally:
                runtime.close()
        except BaseException as error:  # noqa: BLE001 - the border of the thread: `play` raises it
            self.failure = error
        finally:
            self._stopping.set()
            self._woken()

    def _play_with(self, runtime: AnotherRuntime, frontend: ReplayFrontend) -> None:
        for run in self._runs:
            if self._stopping.is_set():
                return
            code = self._options.code_of(run)
            if code is None:
                self.played.append((run, None))
                continue
            frontend.run_due_timers()
            again = self._run(runtime, frontend, run, code)
            if self._stopping.is_set():
                return
            self.played.append((run, again))
            if self._stops(run, again) or (self._options.stop_on_error and again.failed):
                return

    def _run(self, runtime: AnotherRuntime, frontend: ReplayFrontend, run: Run, code: str) -> Run:
        script = Script(run.script, run.arguments, run.directory or None, run.is_cell) if run.script else None
        running = Running(None, code, run.number, script, self._limit)
        running.sequence = run.sequence
        frontend.begin(running.sink, run.answers)
        if script is None:
            outcome = runtime.execute(code, number=run.number)
        else:
            outcome = runtime.execute_script(code, script)
        frontend.finish()
        running.end(outcome)
        return running.as_run()
