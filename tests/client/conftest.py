"""Clients of both kinds, each with a kernel of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from llmspell_kernel import Client, start_embedded_kernel
from llmspell_kernel.client.connected import connect

KINDS = ("embedded", "connected")


@dataclass
class KernelProcess:
    """A kernel of its own process and the file that leads to it."""

    process: subprocess.Popen[bytes]
    file: Path

    def end(self) -> None:
        """Ends it, whatever it does."""
        self.process.kill()
        self.process.wait()


def start_process(folder: Path, *arguments: str) -> KernelProcess:
    """Starts a kernel; its connection file is there when this returns, and soon it listens."""
    file = folder / "kernel.json"
    process = subprocess.Popen([sys.executable, "-m", "llmspell_kernel", "-f", str(file), *arguments])
    watched = psutil.Process(process.pid)
    while not file.exists():
        with pytest.raises(psutil.TimeoutExpired):
            watched.wait(0.02)
    return KernelProcess(process, file)


@pytest.fixture
def new_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., KernelProcess]]:
    """Starts kernel processes (with arguments); all are ended after the test."""
    started: list[KernelProcess] = []

    def start(*arguments: str) -> KernelProcess:
        started.append(start_process(tmp_path_factory.mktemp("kernel"), *arguments))
        return started[-1]

    yield start
    for kernel in started:
        kernel.end()


@pytest.fixture(scope="module", params=KINDS)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One client of each kind that the tests of a module share."""
    if request.param == "embedded":
        with start_embedded_kernel() as embedded:
            yield embedded
        return
    kernel = start_process(tmp_path_factory.mktemp("kernel"))
    with connect(kernel.file, timeout=60) as connected:
        yield connected
    kernel.end()


@pytest.fixture(params=KINDS)
def new_client(request: pytest.FixtureRequest) -> Iterator[Callable[[], Client]]:
    """Makes clients of each kind with kernels of their own, for tests that end them."""
    made: list[Client] = []

    def make() -> Client:
        if request.param == "embedded":
            made.append(start_embedded_kernel())
        else:
            kernel = request.getfixturevalue("new_process")()
            made.append(connect(kernel.file, timeout=60))
        return made[-1]

    yield make
    for each in made:
        each.close()
