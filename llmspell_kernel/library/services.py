"""What the globals of one runtime share."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from llmspell_kernel.interpreter import Frontend, MimeBundle, Outcome, Script, Waits
from llmspell_kernel.library.made_once import made_once
from llmspell_kernel.library.session.current import CurrentSession

if TYPE_CHECKING:
    from llmspell_kernel.config.sections import Settings
    from llmspell_kernel.config.sections.storage import Backend
    from llmspell_kernel.library.artifact.service import Artifacts
    from llmspell_kernel.library.event.service import EventBus
    from llmspell_kernel.library.hook.service import Hooks
    from llmspell_kernel.library.llmspell.persistence import Persistence
    from llmspell_kernel.library.session.service import Sessions
    from llmspell_kernel.library.state.service import State
    from llmspell_kernel.library.timer.service import Timers
    from llmspell_kernel.library.tool.service import Tools
    from llmspell_kernel.storage.contract import Storage


class RunningCode(NamedTuple):
    """A cell or a script.

    Attributes:
        began: when it did, by the monotonic clock.
        script: what it is called, if it is one.
        store: whether histories have it.
    """

    code: str
    number: int
    began: float
    script: Script | None = None
    store: bool = True


class CellWatcher(Protocol):
    """Wants to know of each cell and script. On the interpreter's thread; must be quick and not raise."""

    def cell_begins(self, code: str, number: int) -> None:
        """It is about to run, or to be said to have run where somebody has decided for it."""

    def cell_ends(self, code: str, number: int, outcome: Outcome) -> None:
        """It has run, or was kept from it.

        One that began to watch while it ran has not seen it begin.
        """


class CellJudge(Protocol):
    """Decides about each cell and script, before and after all watchers. On their thread; must not raise."""

    def before(self, running: RunningCode) -> RunningCode | Outcome:
        """What is to run, or what it has come to without running."""

    def after(self, running: RunningCode, outcome: Outcome) -> Outcome:
        """What it has come to. One that came while it ran has not been asked before."""


class AnotherRuntime(Protocol):
    """A runtime of its own, for code that must not touch what lasts; belongs to the thread that makes it."""

    services: Services

    def execute(self, code: str, *, number: int, store: bool = True) -> Outcome:
        """Runs one cell; never raises."""

    def execute_script(self, source: str | bytes, script: Script) -> Outcome:
        """Runs a script; never raises."""

    def interrupt(self) -> bool:
        """Ends the running code. Any thread."""

    def close(self) -> None:
        """Frees what it holds."""


class Services:
    """The services behind the Lua globals, each made when it is first asked for.

    They work without Lua and without a kernel: `llmspell state` uses the same ones as `State`. Any thread may
    ask; they are the same ones for all.

    Attributes:
        frontend: of the runtime they belong to; None outside of one.
        waits: that runtime's.
        watchers: who wants to know of cells.
        judge: who decides about cells; None where nobody does.
        shown: a value of Python's as what the running code has come to.
        running: the code that runs, or ran last.
        current: the session that is current.
        another_runtime: makes one for a language by its name, on the calling thread; None where nobody can.
        timers: those of scripts; None outside of a runtime.
        forgets: nothing lasts here: all stores are in memory.
        making: held while one of them is made.
        notebook: the key of the notebook that the runtime is for, or else what no other kernel's restarts go
            by; empty outside of kernels.
        document: that notebook's path, as it is called now; empty without one.
        is_gone: whether it is not there any more; asked when the kernel ends.
        connection_file: the kernel's, if it has no notebook, so that nobody finds it again once it has ended.
        comes_back: whether somebody starts the kernel again; asked when it ends.
        persistence: makes what keeps the user's variables; None where there are none.
    """

    def __init__(
        self,
        settings: Callable[[], Settings] | None = None,
        frontend: Frontend | None = None,
        waits: Waits | None = None,
    ) -> None:
        """`settings` are asked for when needed; by default they are what files and variables say."""
        self.making = RLock()
        self._given = settings
        self._settings: Settings | None = None
        self.frontend = frontend
        self.waits = waits
        self.watchers: list[CellWatcher] = []
        self.judge: CellJudge | None = None
        self.shown: Callable[[Any], Outcome] = _as_text
        self.running: RunningCode | None = None
        self.current = CurrentSession(self)
        self.another_runtime: Callable[[Frontend, str], AnotherRuntime] | None = None
        self.timers: Timers | None = None
        self.forgets = False
        self.notebook = self.document = self.connection_file = ""
        self.is_gone: Callable[[], bool] = bool
        self.comes_back: Callable[[], bool] = bool
        self.persistence: Callable[[], Persistence] | None = None
        self._stores: dict[Backend, Storage] = {}
        self._closing: list[Callable[[], None]] = []
        self.request_id: Callable[[], str] = str
        self.has_started = False

    @property
    def settings(self) -> Settings:
        """All of them; whoever changes them changes them for all services.

        Raises:
            SettingsError: they cannot be read or make no sense.
            CancelledError: a hook does not let them be changed.
        """
        if self._settings is None:
            with self.making:
                self._settings = self._settings or self._loaded()
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        if "hooks" in vars(self) and self.hooks.wants("ConfigurationChange"):
            from llmspell_kernel.library.config.changes import changes

            self.hooks.run("ConfigurationChange", {"changes": changes(self.settings, settings)})
        self._settings = settings

    def _loaded(self) -> Settings:
        if self._given is not None:
            return self._given()
        from llmspell_kernel.config.loading import load

        return load().settings

    def store(self, backend: Backend) -> Storage:
        """The store of this kind, the same one for all services.

        Raises:
            StorageError: it cannot be opened.
        """
        if self.forgets:
            backend = "memory"
        store = self._stores.get(backend)
        if store is None:
            with self.making:
                store = self._stores.get(backend)
                if store is None:
                    from llmspell_kernel.storage.opening import open_storage

                    store = self._stores[backend] = open_storage(backend, self.settings.storage)
        return store

    @made_once
    def state(self) -> State:
        """Values by scope and key."""
        from llmspell_kernel.library.state.service import State

        return State(self)

    @made_once
    def sessions(self) -> Sessions:
        """Sessions, and what ran in them."""
        from llmspell_kernel.library.session.service import Sessions

        return Sessions(self)

    @made_once
    def artifacts(self) -> Artifacts:
        """What sessions have made."""
        from llmspell_kernel.library.artifact.service import Artifacts

        return Artifacts(self)

    @made_once
    def events(self) -> EventBus:
        """What components tell each other."""
        from llmspell_kernel.library.event.service import EventBus

        return EventBus(self)

    @made_once
    def hooks(self) -> Hooks:
        """Functions that are called at points of what happens."""
        from llmspell_kernel.library.hook.service import made_hooks

        return made_hooks(self)

    def start(self) -> None:
        """Scripts may run from now on."""
        self.has_started = True
        self._observe("SystemStartup", {})

    def security_violation(self, rule: str, **details: Any) -> None:
        """Tells hooks that something was asked for which `rule`, a setting's name or a sentence, forbids.

        To be called by whoever refuses it. Any thread.
        """
        self._observe("SecurityViolation", {"rule": rule, **details})

    def limit_exceeded(self, resource: str, limit: float, **details: Any) -> None:
        """Tells hooks that something was ended because it took too much of a resource. Any thread."""
        self._observe("ResourceLimitExceeded", {"resource": resource, "limit": limit, **details})

    def _observe(self, point: str, data: dict[str, Any]) -> None:
        if "hooks" in vars(self) and self.hooks.wants(point):  # who has asked for none has registered none
            self.hooks.observe(point, data)

    @made_once
    def tools(self) -> Tools:
        """What can be called by name."""
        from llmspell_kernel.library.tool.service import Tools

        return Tools(self)

    def at_close(self, function: Callable[[], None]) -> None:
        """Has it called when the services end, the last one first, before the stores are closed."""
        self._closing.append(function)

    def close(self) -> None:
        """Ends what the services hold. May be repeated."""
        if self.has_started:
            self.has_started = False
            self._observe("SystemShutdown", {})
        while self._closing:
            self._closing.pop()()
        while self._stores:
            self._stores.popitem()[1].close()


def _as_text(value: Any) -> Outcome:
    return Outcome() if value is None else Outcome(result=MimeBundle({"text/plain": str(value)}))
