"""Sessions between the thread that runs code and the recorder's: neither waits for what the other holds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmspell_kernel.errors import StorageError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.session.recording import Recorder

from .conftest import MakeServices, Shell, settings_for

pytestmark = pytest.mark.timeout(100)

BACKENDS = ("memory", "sqlite")


@pytest.fixture(params=BACKENDS)
def notebook(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """The cells of a notebook, which are recorded."""
    shell = Shell(settings_for(tmp_path, request.param))
    shell.services.current.enter_jupyter("june.ipynb", "lua54")
    shell.services.current.record()
    yield shell
    shell.runtime.close()


class SlowLookup:
    """Another thread that looks up the session of the notebook, up to the hooks at its start."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._begun, self._goes_on = threading.Barrier(2), threading.Event()
        self._pool = ThreadPoolExecutor(1)
        services.current.enter_jupyter("june.ipynb", "lua54")
        services.hooks.register("SessionStart", self._wait)
        self.found = self._pool.submit(lambda: services.sessions.current)
        self._begun.wait()

    def _wait(self, _context: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            self._begun.wait()
            self._goes_on.wait()

    def go_on(self) -> None:
        """Lets it go on."""
        self._goes_on.set()

    def end(self) -> str | None:
        """What it has found."""
        self._goes_on.set()
        found = self.found.result()
        self._pool.shutdown()
        return found


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_transaction_finds_the_session_that_another_thread_looks_up(
    make_services: MakeServices, backend: str
) -> None:
    services = make_services(backend)
    lookup = SlowLookup(services)
    with services.sessions.store.transaction():
        services.sessions.store.set("some", "key", b"value")
        lookup.go_on()  # it cannot store the session before we have ended
        here = services.sessions.current
    assert lookup.end() == here == services.sessions.current
    assert [each.id for each in services.sessions.search()] == [here]


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_was_chosen_during_a_lookup_stays_chosen(make_services: MakeServices, backend: str) -> None:
    services = make_services(backend)
    chosen = services.sessions.create()
    lookup = SlowLookup(services)
    services.sessions.set_current(chosen)
    found = lookup.end()
    assert found != chosen
    assert services.sessions.get(found or "").jupyter
    assert services.sessions.current == chosen


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_session_was_chosen_during_a_lookup(make_services: MakeServices, backend: str) -> None:
    services = make_services(backend)
    lookup = SlowLookup(services)
    services.sessions.set_current(None)
    lookup.end()
    assert services.sessions.current is None


def test_threads_that_look_it_up_at_once_find_the_same(make_services: MakeServices) -> None:
    services = make_services("sqlite")
    services.current.enter_jupyter("june.ipynb", "lua54")
    together = threading.Barrier(4)

    def look(_number: int) -> str | None:
        together.wait()
        return services.sessions.current

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(look, range(4)))
    assert found == {each.id for each in services.sessions.search()}
    assert len(found) == 1


def test_a_session_that_was_made_in_a_transaction_that_fails_is_not_the_current_one(notebook: Shell) -> None:
    notebook.run("return pcall(State.transaction, function() made = Session.get_current() error('no') end)")
    assert notebook.run("return pcall(Session.get, made)") != "true"
    assert notebook.run("return Session.get(Session.get_current()).status") == '"active"'


def recorded(shell: Shell, session_id: str) -> list[str]:
    """What ran in a session."""
    return [run.code for run in shell.services.sessions.runs.of(session_id)]


def test_runs_belong_to_the_session_in_which_they_began(notebook: Shell) -> None:
    sessions = notebook.services.sessions
    notebook.run("x = 1")
    choosing = "Session.set_current(Session.create{name = 'other'})"
    notebook.run(choosing)
    notebook.run("x = 2")
    sessions.flush()
    (other,) = sessions.search(name="other")
    (of_notebook,) = sessions.search(name="june.ipynb")
    assert recorded(notebook, of_notebook.id) == ["x = 1", choosing]
    assert recorded(notebook, other.id) == ["x = 2"]


LOOKS: dict[str, Callable[[str], str]] = {
    "runs": lambda body: f"State.transaction(function() {body} end)",
    "hook": lambda body: f"Hook.register('SessionStart', function() {body} end) Session.get_current()",
}


@pytest.mark.parametrize("name", LOOKS)
def test_what_has_run_is_looked_at_while_the_recorder_waits(notebook: Shell, name: str) -> None:
    notebook.run("id = Session.create{name = 'x'}")
    notebook.run("x = 1")
    notebook.run(LOOKS[name]("State.set('global', 'a', 1) seen = #Session.runs(id)"))
    assert notebook.run("return seen") == "0"


def test_a_session_is_not_saved_in_a_transaction(notebook: Shell) -> None:
    sessions = notebook.services.sessions
    session_id = sessions.create()
    with sessions.store.transaction(), pytest.raises(StorageError, match="save it when that has ended"):
        sessions.save(session_id)
    sessions.save(session_id)


def test_who_asks_while_the_recorder_ends_is_not_kept_waiting(notebook: Shell) -> None:
    notebook.run("x = 1")
    together = threading.Barrier(2)

    def end(recorder: Recorder) -> None:
        together.wait()
        recorder.close()

    with ThreadPoolExecutor(1) as pool:
        for _ in range(100):
            recorder = Recorder(notebook.services, 1000, pytest.fail)
            recorder.cell_begins("x = 1", 1)
            recorder.cell_ends("x = 1", 1, Outcome())
            ended = pool.submit(end, recorder)
            together.wait()
            for _ in range(3):
                recorder.flush()  # fails if nobody answers in time
            ended.result()
