"""Variables that outlive the kernel."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ...kernels import KernelSession
from .conftest import Script

NewKernel = Callable[..., KernelSession]


@pytest.fixture(autouse=True)
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A notebook of its own, and a store."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "notebook.ipynb"))
    monkeypatch.setenv("LLMSPELL_STORAGE_BASE_DIR", str(tmp_path / "data"))
    yield tmp_path


def restarted(session: KernelSession, new_kernel: NewKernel) -> KernelSession:
    session.end()
    return new_kernel()


def test_variables_come_back(new_kernel: NewKernel) -> None:
    first = new_kernel()
    first.execute("local a, b <const> = 1, {2, {x = 1.0}}\nname = 'n\\255' State_of_mind = true")
    first.execute("%persist on")
    first.execute("later = {[2.5] = 'x'}")
    second = restarted(first, new_kernel)
    seen = second.execute("a, b[2].x, name == 'n\\255', State_of_mind, later[2.5]")
    assert seen.result == '1\t1.0\ttrue\ttrue\t"x"'
    assert "Brought back from the last kernel: State_of_mind, a, b, later, name." in seen.stderr
    assert second.execute("llmspell.persist").result == "true"
    # They are locals as they were: closures and later cells share them.
    second.execute("a = a + 1 function read() return a end")
    assert second.execute("read(), _G.a").result == "2\tnil"
    third = restarted(second, new_kernel)
    assert third.execute("a").result == "2"


def test_what_cannot_be_kept_is_named(new_kernel: NewKernel) -> None:
    first = new_kernel()
    first.execute(
        "llmspell.persist = true "
        "f = print own = setmetatable({}, {}) deep = {{g = function() end}} co = coroutine.create(print) "
        "loop = {} loop.me = loop  one = {} two = {one}"
    )
    status = first.execute("%persist status").stdout
    for line in (
        "Kept: one, two.",
        "Not kept: f is a function: run the cell that defines it again.",
        "Not kept: own has a metatable, which would be lost.",
        "Not kept: deep[1].g is a function",
        "Not kept: co is a thread.",
        "Not kept: loop.me is a table that contains itself.",
        "Note: two[1] is the same table as one, and will be a copy of it.",
    ):
        assert line in status
    assert first.execute("#llmspell.persist_status().not_saved").result == "5"
    second = restarted(first, new_kernel)
    seen = second.execute("two ~= nil, f")
    assert seen.result == "true\tnil"
    assert "Not brought back: f is a function" in seen.stderr
    assert "Different now: two[1] is the same table as one" in seen.stderr


def test_off_forgets_and_variables_that_are_gone_stay_gone(new_kernel: NewKernel) -> None:
    first = new_kernel()
    first.execute("llmspell.persist = true a = 1 b = 2")
    first.execute("b = nil")
    second = restarted(first, new_kernel)
    assert second.execute("a, b").result == "1\tnil"
    second.execute("%persist off")
    assert "not kept" in second.execute("%persist").stdout
    third = restarted(second, new_kernel)
    seen = third.execute("a")
    assert (seen.result, seen.stderr) == ("nil", "")


def test_each_notebook_has_its_own(
    new_kernel: NewKernel, monkeypatch: pytest.MonkeyPatch, notebook: Path
) -> None:
    first = new_kernel()
    first.execute("llmspell.persist = true a = 1")
    first.end()
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook / "other.ipynb"))
    assert new_kernel().execute("a").result == "nil"


def test_a_kernel_that_is_killed_has_kept_what_it_showed_as_idle(new_kernel: NewKernel) -> None:
    first = new_kernel()
    first.execute("llmspell.persist = true a = 1")
    first.execute("1")  # what was to be kept is kept before the next cell begins
    first.manager.shutdown_kernel(now=True)
    assert restarted(first, new_kernel).execute("a").result == "1"


def test_where_nothing_is_restarted_it_is_refused(new_script: Callable[..., Script]) -> None:
    script = new_script()
    assert "State.set keeps values" in script.error("llmspell.persist = true")
    assert "State.set keeps values" in script.error("%persist on")
    assert "%persist is on, off or status, not 'maybe'" in script.error("%persist maybe")
    assert "llmspell.persist is true or false, not 1" in script.error("llmspell.persist = 1")
    assert script("llmspell.persist, type(llmspell.version)") == 'false\t"string"'


def test_state_in_memory_keeps_no_variables(new_kernel: NewKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMSPELL_STATE_BACKEND", "memory")
    error = new_kernel().execute("llmspell.persist = true").error
    assert error is not None
    assert "the settings keep values in memory" in error["evalue"]


def test_a_store_that_is_broken_does_not_keep_cells_from_running(
    new_kernel: NewKernel, notebook: Path
) -> None:
    first = new_kernel()
    first.execute("llmspell.persist = true a = 1")
    first.end()
    for file in (notebook / "data").glob("llmspell.db*"):
        os.unlink(file)
    (notebook / "data" / "llmspell.db").write_bytes(b"no database" * 100)
    seen = new_kernel().execute("1 + 1")
    assert seen.result == "2"
    assert "could not be brought back" in seen.stderr
