"""Kernels for the commands that look at them: by `kernel start`, by jupyter_client, ours and foreign."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from tests.cli.command import LLMSPELL
from tests.kernels import KernelSession

from .running import WAIT_SECONDS, Running, pid_of

Start = Callable[..., Running]
Manage = Callable[..., KernelSession]


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder of Jupyter's for this test alone."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def start(runtime: Path) -> Iterator[Start]:
    """`llmspell kernel start` with arguments, until the kernel answers."""
    started: list[Running] = []

    def start_one(*arguments: str, answers: bool = True) -> Running:
        process = subprocess.Popen(
            [LLMSPELL, "kernel", "start", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running = Running.of(process)
        started.append(running)
        if answers:
            running.client()
        return running

    yield start_one
    for running in started:
        running.end()


@pytest.fixture
def manage(kernelspecs: list[str], runtime: Path) -> Iterator[Manage]:
    """A kernel of a kernelspec, started by jupyter_client in this process."""
    sessions: list[KernelSession] = []

    def manage_one(name: str = "llmspell", kernel_id: str = "") -> KernelSession:
        file = runtime / f"kernel-{kernel_id or uuid.uuid4()}.json"
        manager = KernelManager(kernel_name=name, connection_file=str(file))
        manager.start_kernel()
        client = manager.blocking_client()
        session = KernelSession(manager, client)
        sessions.append(session)
        client.start_channels()
        client.wait_for_ready(timeout=WAIT_SECONDS)
        return session

    yield manage_one
    for session in sessions:
        if pid := pid_of(session):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        session.end()
