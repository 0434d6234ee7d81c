"""Kernels that share a store, on a file and on a server."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ..kernels import KernelSession
from ..postgres import PostgresServer

NewKernel = Callable[..., KernelSession]


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The kind of store that new kernels find in their environment; an empty one."""
    backend: str = request.param
    monkeypatch.setenv("LLMSPELL_STATE_BACKEND", backend)
    monkeypatch.setenv("LLMSPELL_STATE_PATH", str(tmp_path / "llmspell.db"))
    if backend == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        monkeypatch.setenv("LLMSPELL_POSTGRES_URL", server.new_database())
    return backend


def test_kernels_see_at_once_what_another_has_saved(backend: str, new_kernel: NewKernel) -> None:
    first, second = new_kernel(), new_kernel("llmspell-lua55")
    assert first.execute('State.save("global", "plan", {1, "two", {three = 3.5}})').error is None
    execution = second.execute('local plan = State.load("global", "plan")\nreturn plan[2], plan[3].three')
    assert execution.result is not None
    assert execution.result.split() == ['"two"', "3.5"]
    second.execute('State.delete("global", "plan")')
    assert first.execute('return State.load("global", "plan") == nil').result == "true"


def test_what_a_cell_has_saved_outlives_a_kernel_that_is_killed(backend: str, new_kernel: NewKernel) -> None:
    kernel = new_kernel()
    code = 'for i = 1, 1e9 do State.save("global", "last", i) if i % 10 == 0 then print(i) io.flush() end end'
    msg_id = kernel.client.execute(code)
    kernel.wait_output(msg_id)
    pid = kernel.manager.provisioner.pid
    os.kill(pid, signal.SIGKILL)
    execution = new_kernel().execute('return State.load("global", "last")')
    assert execution.result is not None
    assert int(execution.result) >= 10


def test_a_store_that_cannot_be_had_is_an_error_of_the_cell(
    new_kernel: NewKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMSPELL_STATE_BACKEND", "postgres")
    monkeypatch.setenv("LLMSPELL_POSTGRES_URL", "postgresql://ada:s3cr3t@127.0.0.1:1/garden")
    kernel = new_kernel()
    error = kernel.execute('State.save("global", "key", 1)').error
    assert error is not None
    said = error["evalue"] + "".join(error["traceback"])
    assert "no connection to the server" in said
    assert "postgresql://ada@127.0.0.1:1/garden" in said
    assert "s3cr3t" not in said
    assert kernel.execute("return 1 + 1").result == "2"
