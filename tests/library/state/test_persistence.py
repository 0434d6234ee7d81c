"""Variables that outlive the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from llmspell_kernel.config.loading import load
from llmspell_kernel.library.services import Services
from llmspell_kernel.runtime import Runtime, runtime_settings

from ...kernels import KernelSession, wait_ready
from ...lua.shell import LANGUAGES, MemoryFrontend
from .conftest import Script, SettingsOf

NewKernel = Callable[..., KernelSession]


class IdleFrontend(MemoryFrontend):
    """A front end that is idle when it is told to be."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], None]] = []

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        self.waiting.append(callback)
        return self.waiting.clear

    def be_idle(self) -> None:
        """Runs what waits."""
        while self.waiting:
            self.waiting.pop(0)()

    @property
    def stderr(self) -> str:
        """What was written there."""
        return b"".join(data for stream, data in self.written if stream == "stderr").decode()

    @property
    def stdout(self) -> str:
        """What was written there."""
        return b"".join(data for stream, data in self.written if stream == "stdout").decode()


class Notebook:
    """A notebook whose kernel is restarted, without the kernel's process."""

    def __init__(self, settings_of: SettingsOf, name: str, language: str) -> None:
        self.settings_of = settings_of
        self.name = name
        self.language = language
        self.flags: dict[str, object] = {}
        self.frontend = IdleFrontend()
        self._script: Script | None = None

    @property
    def script(self) -> Script:
        """Its running kernel."""
        if self._script is None:
            self.frontend = IdleFrontend()
            settings = self.settings_of({"default_engine": self.language, **self.flags})
            runtime = Runtime(self.frontend, runtime_settings(settings))
            runtime.services.notebook = self.name
            self._script = Script(runtime)
        return self._script

    def __call__(self, code: str) -> str | None:
        """The result of a cell; the kernel is idle then."""
        self.frontend.written.clear()
        result = self.script(code)
        self.frontend.be_idle()
        return result

    def restart(self, *, kill: bool = False) -> None:
        """The next cell has a new kernel; one that was killed could do nothing at its end."""
        if self._script is not None:
            if kill:
                self._script.runtime.services.watchers.clear()
                self._script.runtime.services._closing.clear()
            self._script.runtime.close()
        self._script = None


@pytest.fixture
def new_notebook(settings_of: SettingsOf, tmp_path: Path) -> Iterator[Callable[..., Notebook]]:
    """Notebooks by their names."""
    made: list[Notebook] = []

    def make(name: str = "notebook.ipynb", language: str = "lua54") -> Notebook:
        made.append(Notebook(settings_of, str(tmp_path / name), language))
        return made[-1]

    yield make
    for notebook in made:
        notebook.restart()


@pytest.fixture(params=LANGUAGES)
def notebook(request: pytest.FixtureRequest, new_notebook: Callable[..., Notebook]) -> Notebook:
    return new_notebook(language=request.param)


def test_variables_come_back(notebook: Notebook) -> None:
    notebook("local a, b = 1, {2, {x = 1.5}}\nname = 'n\\255' State_of_mind = true")
    notebook("%persist on")
    notebook("later = {[2.5] = 'x'} none = {JSON.null, list = JSON.array(), object = {}}")
    notebook.restart()
    assert notebook("a, b[2].x, name == 'n\\255', State_of_mind, later[2.5]") == '1\t1.5\ttrue\ttrue\t"x"'
    said = notebook.frontend.stderr
    assert "Brought back from the last kernel: State_of_mind, a, b, later, name, none." in said
    assert notebook("none[1] == JSON.null, JSON.stringify(none.list), JSON.stringify(none.object)") == (
        'true\t"[]"\t"{}"'
    )
    assert notebook("llmspell.persist") == "true"
    # They are locals as they were: closures and later cells share them.
    notebook("a = a + 1 function read() return a end")
    assert notebook.frontend.stderr == ""
    assert notebook("read(), _G.a") == "2\tnil"
    notebook.restart()
    assert notebook("a") == "2"


def test_what_cannot_be_kept_is_named(notebook: Notebook) -> None:
    notebook(
        "llmspell.persist = true "
        "f = print own = setmetatable({}, {}) deep = {{g = function() end}} co = coroutine.create(print) "
        "loop = {} loop.me = loop  one = {} two = {one}"
    )
    notebook("%persist status")
    for line in (
        "Kept: one, two.",
        "Not kept: f is a function: run the cell that defines it again.",
        "Not kept: own has a metatable, which would be lost.",
        "Not kept: deep[1].g is a function",
        "Not kept: co is a thread.",
        "Not kept: loop.me is a table that contains itself.",
        "Note: two[1] is the same table as one, and will be a copy of it.",
    ):
        assert line in notebook.frontend.stdout
    assert notebook("#llmspell.persist_status().not_saved") == "5"
    notebook.restart()
    assert notebook("two ~= nil, f") == "true\tnil"
    assert "Not brought back: f is a function" in notebook.frontend.stderr
    assert "Different now: two[1] is the same table as one" in notebook.frontend.stderr


def test_off_forgets_and_variables_that_are_gone_stay_gone(notebook: Notebook) -> None:
    notebook("llmspell.persist = true a = 1 b = 2")
    notebook("b = nil")
    notebook.restart()
    assert notebook("a, b") == "1\tnil"
    notebook("%persist off")
    notebook("%persist")
    assert "not kept" in notebook.frontend.stdout
    notebook.restart()
    assert notebook("a") == "nil"
    assert notebook.frontend.stderr == ""


def test_more_variables_than_a_function_may_declare(notebook: Notebook) -> None:
    notebook("llmspell.persist = true")
    for start in range(0, 150, 50):
        notebook("\n".join(f"local v{n} = {n}" for n in range(start, start + 50)))
    notebook("for i = 1, 300 do _G['g' .. i] = i end")
    notebook.restart()
    assert notebook("v0, v149, g1, g300") == "0\t149\t1\t300"


def test_only_what_has_changed_is_written(new_notebook: Callable[..., Notebook]) -> None:
    notebook = new_notebook()
    notebook("llmspell.persist = true big = {} for i = 1, 1000 do big[i] = i end small = 1")
    store = notebook.script.runtime.services.state.storage
    before = {entry.key: entry.version for entry in store.scan("globals")}
    notebook("1 + 1")
    assert {entry.key: entry.version for entry in store.scan("globals")} == before
    notebook("small = 2")
    after = {entry.key: entry.version for entry in store.scan("globals")}
    assert {key.rpartition(":")[2] for key in after if after[key] != before[key] and ":" in key} == {"small"}


def test_a_value_beyond_the_limit_is_named(new_notebook: Callable[..., Notebook]) -> None:
    notebook = new_notebook()
    notebook.flags["runtime.state_persistence.max_state_size_bytes"] = 1000
    notebook("llmspell.persist = true big = ('x'):rep(2000) small = 1")
    assert notebook("llmspell.persist_status().not_saved[1].reason") == (
        '"big takes 2,003 bytes, and 1,000 are the limit"'
    )
    assert notebook("#llmspell.persist_status().saved") == "1"


def test_each_notebook_has_its_own(new_notebook: Callable[..., Notebook]) -> None:
    one, other = new_notebook(), new_notebook("other.ipynb")
    one("llmspell.persist = true a = 1")
    assert other("a") == "nil"
    other("llmspell.persist = true a = 2")
    one.restart()
    assert one("a") == "1"


def test_a_kernel_that_was_killed_has_kept_what_was_there_when_it_was_idle(
    new_notebook: Callable[..., Notebook],
) -> None:
    notebook = new_notebook()
    notebook("llmspell.persist = true a = 1")
    notebook.script("a = 2")  # and killed before it is idle
    notebook.restart(kill=True)
    assert notebook("a") == "1"
    notebook.script("a = 3")
    notebook.restart()  # in an orderly way
    assert notebook("a") == "3"


def test_where_nothing_is_restarted_it_is_refused(new_script: Callable[..., Script]) -> None:
    script = new_script()
    assert "State.set keeps values" in script.error("llmspell.persist = true")
    assert "State.set keeps values" in script.error("%persist on")
    assert "%persist is on, off or status, not 'maybe'" in script.error("%persist maybe")
    assert "llmspell.persist is true or false, not 1" in script.error("llmspell.persist = 1")
    assert script("llmspell.persist, type(llmspell.version)") == 'false\t"string"'


def test_state_in_memory_keeps_no_variables(new_notebook: Callable[..., Notebook]) -> None:
    notebook = new_notebook()
    notebook.flags["runtime.state_persistence.backend_type"] = "memory"
    assert "the settings keep values in memory" in notebook.script.error("llmspell.persist = true")


def test_a_store_that_is_broken_does_not_keep_cells_from_running(
    new_notebook: Callable[..., Notebook], tmp_path: Path
) -> None:
    notebook = new_notebook()
    notebook("llmspell.persist = true a = 1")
    notebook.restart()
    for file in (tmp_path / "data").glob("llmspell.db*"):
        file.unlink()
    (tmp_path / "data" / "llmspell.db").write_bytes(b"no database" * 100)
    assert notebook("1 + 1") == "2"
    assert "could not be brought back" in notebook.frontend.stderr


def test_a_kernel_is_restarted(
    new_kernel: NewKernel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By Jupyter, which names the notebook; once in an orderly way, once killed."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "notebook.ipynb"))
    monkeypatch.setenv("LLMSPELL_STORAGE_BASE_DIR", str(tmp_path / "data"))
    first = new_kernel()
    first.execute("llmspell.persist = true local a = 1")
    first.end()
    second = new_kernel()
    seen = second.execute("a = a + 1 return a")
    assert seen.result == "2"
    assert "Brought back from the last kernel: a." in seen.stderr
    second.execute("1")  # what was to be kept is kept before the next cell begins
    second.manager.shutdown_kernel(now=True)
    second.end()
    assert new_kernel().execute("a").result == "2"


def restarted(kernel: KernelSession, *, now: bool = False) -> None:
    """By its manager, which keeps the connection file."""
    kernel.manager.restart_kernel(now=now)
    wait_ready(kernel.client)


def kept(folder: Path) -> list[str]:
    """The keys of what is kept for any kernel."""
    services = Services(lambda: load(flags={"storage.base_dir": str(folder)}).settings)
    try:
        return services.state.storage.keys("globals", "")
    finally:
        services.close()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where kernels without a notebook keep what they keep."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setenv("LLMSPELL_STORAGE_BASE_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def test_a_kernel_without_a_notebook_keeps_variables_until_it_is_shut_down(
    new_kernel: NewKernel, store: Path
) -> None:
    kernel = new_kernel()
    said = kernel.execute("%persist on").stdout
    assert "for restarts of this kernel" in said and "forgotten when it is shut down" in said
    kernel.execute("a = 1")
    restarted(kernel)
    seen = kernel.execute("a = a + 1 return a")
    assert seen.result == "2" and "Brought back from the last kernel: a." in seen.stderr
    assert "restarts of this kernel, until it is shut down" in kernel.execute("%persist").stdout
    restarted(kernel, now=True)
    assert kernel.execute("a").result == "2"
    kernel.end()
    assert kept(store) == []


def test_a_stranger_whose_connection_file_has_the_same_name_gets_nothing(
    new_kernel: NewKernel, store: Path
) -> None:
    first = new_kernel()
    first.execute("llmspell.persist = true a = 1")
    first.execute("1")  # what was to be kept is kept before the next cell begins
    file = Path(first.manager.connection_file)
    first.manager.shutdown_kernel(now=True)
    first.end()
    assert kept(store)

    manager = KernelManager(kernel_name="llmspell", connection_file=str(file))
    manager.start_kernel()
    stranger = KernelSession(manager, manager.client())
    try:
        stranger.client.start_channels()
        wait_ready(stranger.client)
        seen = stranger.execute("return a")
        assert seen.result == "nil" and seen.stderr == ""
    finally:
        stranger.end()


def test_what_a_killed_kernel_has_left_goes_when_another_one_keeps_something(
    new_kernel: NewKernel, store: Path
) -> None:
    first, second = new_kernel(), new_kernel()
    first.execute("llmspell.persist = true a = 1")
    first.execute("1")
    first.manager.shutdown_kernel(now=True)
    first.end()
    assert kept(store)
    second.execute("%persist on")
    second.execute("%persist off")
    assert kept(store) == []
