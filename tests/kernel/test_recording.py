"""The session of a notebook: a kernel records its cells, and goes on with it after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmspell_kernel import start_embedded_kernel
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.session.records import SessionRecord

from ..kernels import KernelSession, wait_ready

NewKernel = Callable[..., KernelSession]


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A notebook of its own, with a store of its own."""
    monkeypatch.setenv("LLMSPELL_STORAGE_BASE_DIR", str(tmp_path))
    monkeypatch.setenv("JPY_SESSION_NAME", "/books/june.ipynb")
    return "/books/june.ipynb"


@pytest.fixture
def services(notebook: str) -> Iterator[Services]:
    """What another process sees."""
    made = Services()
    yield made
    made.close()


def only(services: Services) -> SessionRecord:
    (record,) = services.sessions.search()
    return record


def test_cells_are_recorded_with_what_they_show(new_kernel: NewKernel, services: Services) -> None:
    kernel = new_kernel()
    kernel.execute("print('one') io.stderr:write('two\\n') return {1, 2}")
    kernel.execute("display.html('<b>x</b>') print('after')")
    kernel.execute("error('oops')")
    kernel.execute("%%capture kept\nprint('hidden')")
    kernel.execute("print(io.read())", answers=["typed"])
    kernel.execute("x = 1", silent=True)
    kernel.execute("print('gone') display.clear() print('stays')")
    kernel.execute("Session.save(Session.get_current())")
    record = only(services)
    assert (record.name, record.jupyter, record.language) == ("june.ipynb", "/books/june.ipynb", "lua54")
    runs = services.sessions.runs.of(record.id)
    assert [run.number for run in runs] == [1, 2, 3, 4, 5, 6]
    assert (runs[0].text("stdout"), runs[0].text("stderr"), runs[0].text("result")) == (
        "one\n",
        "two\n",
        "{1, 2}",
    )
    assert [each.kind for each in runs[1].shown] == ["display", "stdout"]
    assert runs[1].displays[0]["text/html"] == "<b>x</b>"
    assert runs[2].failed and runs[2].text("error") == "LuaError: cell [3]:1: oops"
    assert runs[3].text("stdout") == "" and runs[4].answers == ("typed",)
    assert runs[5].text("stdout") == "stays\n"


def test_a_session_is_listed_while_its_first_cell_runs(
    new_kernel: NewKernel, services: Services, tmp_path: Path
) -> None:
    kernel = new_kernel()
    msg_id = kernel.client.execute(f"while not io.open('{tmp_path}/seen') do end return 'ended'")
    while not services.sessions.search():
        assert kernel.manager.is_alive()
    record = only(services)
    (tmp_path / "seen").touch()
    assert kernel.collect(msg_id).result == '"ended"'
    kernel.execute("Session.save(Session.get_current())")
    (run,) = services.sessions.runs.of(record.id)
    assert only(services).id == record.id and run.text("result") == '"ended"'


def test_a_replay_is_identical_and_disturbs_nobody(new_kernel: NewKernel, services: Services) -> None:
    kernel = new_kernel()
    cells = (
        "State.save('global', 'n', (State.load('global', 'n') or 0) + 1) print(State.load('global', 'n'))",
        "%%capture kept\nprint('hidden')",
        "display.html('<b>x</b>') return Artifact.store('', 'tool_result', 'n', 'abc')",
        "print(io.read())",
        "c = comm.open('nobody', {}) return c ~= nil",
        "Session.get_current()",
        "Tool.invoke('calculator', {input = '6 * 7'})",
        "error('oops')",
    )
    for cell in cells:
        kernel.execute(cell, answers=["typed"])
    execution = kernel.execute(
        "r = Session.replay(Session.get_current()) return r.status, r.executed, r.diff"
    )
    assert execution.result == f'"identical"\t{len(cells)}\t""', execution.messages
    assert execution.of_type("comm_open") == [] and execution.displayed == []
    assert kernel.execute("State.load('global', 'n'), #Artifact.list('')").result == "1\t1"


def test_a_replay_can_be_interrupted(new_kernel: NewKernel, services: Services, tmp_path: Path) -> None:
    kernel = new_kernel()
    kernel.execute(f"if io.open('{tmp_path}/there') then while true do end end")
    (tmp_path / "there").touch()
    msg_id = kernel.client.execute("print('replaying') Session.replay(Session.get_current())")
    kernel.wait_output(msg_id)
    kernel.manager.interrupt_kernel()
    assert kernel.collect(msg_id).status == "error"
    assert kernel.execute("1 + 1").result == "2"


def test_what_a_timer_prints_later_belongs_to_its_cell(new_kernel: NewKernel, services: Services) -> None:
    kernel = new_kernel()
    kernel.execute("timer.after(0.01, function() print('late') done = true end) return 1")
    while kernel.execute("done").result != "true":
        pass
    kernel.execute("Session.save(Session.get_current())")
    assert services.sessions.runs.of(only(services).id)[0].text("stdout") == "late\n"


def test_a_restarted_kernel_goes_on_with_its_session(new_kernel: NewKernel, services: Services) -> None:
    kernel = new_kernel()
    kernel.execute("print('before')")
    kernel.manager.restart_kernel()
    wait_ready(kernel.client)
    kernel.execute("print('after')")
    session_id = only(services).id
    assert kernel.execute("Session.get_current()").result == f'"{session_id}"'
    kernel.execute("Session.save(Session.get_current())")
    kernel.manager.restart_kernel(now=True)
    wait_ready(kernel.client)
    assert kernel.execute("#Session.runs() >= 2").result == "true"
    kernel.end()
    record = only(services)
    assert (record.id, record.status) == (session_id, "suspended")
    codes = [run.code for run in services.sessions.runs.of(session_id)]
    assert codes[:2] == ["print('before')", "print('after')"]


@pytest.fixture
def renamed(
    new_kernel: NewKernel, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], KernelSession]:
    """Answers a kernel of a notebook of that name, which was called Untitled.ipynb in its first cells."""

    def rename(name: str) -> KernelSession:
        file = tmp_path / "Untitled.ipynb"
        file.touch()
        monkeypatch.setenv("JPY_SESSION_NAME", str(file))
        kernel = new_kernel()
        kernel.execute("%persist on")
        kernel.execute("secret = 'mine' Session.save(Session.get_current())")
        file.rename(tmp_path / name)
        return kernel

    return rename


def test_a_renamed_notebook_takes_its_own_along(
    renamed: Callable[[str], KernelSession],
    new_kernel: NewKernel,
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = renamed("work.ipynb")
    session_id = only(services).id
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "work.ipynb"))  # as servers tell it
    for _ in range(2):
        kernel.manager.restart_kernel()
        wait_ready(kernel.client)
        assert "Brought back from the last kernel: secret" in kernel.execute("1").stderr
        assert kernel.execute("secret, Session.get_current()").result == f'"mine"\t"{session_id}"'
        assert f"kept for {tmp_path}/work.ipynb" in kernel.execute("%persist").stdout
    assert only(services).name == "work.ipynb"
    kernel.end()
    again = new_kernel()
    assert again.execute("secret, Session.get_current()").result == f'"mine"\t"{session_id}"'
    (tmp_path / "Untitled.ipynb").touch()
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "Untitled.ipynb"))
    other = new_kernel()
    assert other.execute("secret").result == "nil"
    assert other.execute("Session.get_current()").result != f'"{session_id}"'
    again.execute("%persist off")


@pytest.mark.parametrize("ends", [False, True])
def test_a_new_notebook_of_the_old_name_gets_nothing(
    renamed: Callable[[str], KernelSession],
    new_kernel: NewKernel,
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ends: bool,
) -> None:
    kernel = renamed("work.ipynb")
    session_id = only(services).id
    if ends:
        kernel.end()
    (tmp_path / "Untitled.ipynb").touch()
    other = new_kernel()
    assert other.execute("secret").result == "nil"
    own = other.execute("Session.get_current()").result
    assert own != f'"{session_id}"' and other.execute("#Session.runs()").result == "2"
    other.manager.restart_kernel()
    wait_ready(other.client)
    assert other.execute("Session.get_current()").result == own
    if not ends:
        monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "work.ipynb"))
        kernel.manager.restart_kernel()
        wait_ready(kernel.client)
        assert kernel.execute("secret, Session.get_current()").result == f'"mine"\t"{session_id}"'
        kernel.execute("%persist off")


def test_without_a_notebook_the_session_is_complete_at_the_end(
    new_kernel: NewKernel, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME")
    kernel = new_kernel()
    kernel.execute("1")
    kernel.manager.restart_kernel()
    wait_ready(kernel.client)
    kernel.execute("2")
    kernel.end()
    record = only(services)
    assert record.status == "completed" and record.operation_count == 2


def test_a_kernel_that_ran_nothing_leaves_nothing(new_kernel: NewKernel, services: Services) -> None:
    new_kernel().end()
    assert services.sessions.search() == []


def test_recording_can_be_switched_off(
    new_kernel: NewKernel, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMSPELL_RUNTIME_SESSIONS_RECORD_CELLS", "false")
    kernel = new_kernel()
    kernel.execute("1")
    assert kernel.execute("id = Session.get_current() return #Session.runs()").result == "0"
    kernel.end()
    assert only(services).operation_count == 0


def test_a_store_that_cannot_be_written_disturbs_no_cell(
    new_kernel: NewKernel, notebook: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "llmspell.db").mkdir()
    kernel = new_kernel()
    assert kernel.execute("1 + 1").result == "2"
    failed = kernel.execute("Session.get_current()")
    assert failed.error is not None and "llmspell.db" in failed.error["evalue"]
    assert kernel.execute("1 + 2").result == "3"
    kernel.end()
    assert capfd.readouterr().err.count("what runs is not recorded: ") == 1


def test_an_embedded_kernel_records_only_what_it_is_told_to(tmp_path: Path) -> None:
    settings = {"storage": {"base_dir": str(tmp_path)}}
    with start_embedded_kernel(settings) as client:
        client.execute("print('not this')")
        assert client.execute("Session.get_current()").text == "nil"
        client.execute("Session.set_current(Session.create())")
        client.execute("print('this')")
        code = "local r = Session.runs() return #r, r[2].stdout == 'this\\n'"
        assert client.execute(code).text == "2\ttrue"
