from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from llmspell_kernel.client.discovery import FoundKernel
from llmspell_kernel.client.processes import KernelProcess, Processes

from .files import listener, write

Start = Callable[..., "subprocess.Popen[str]"]

WAIT = "import sys; print('here', flush=True); sys.stdin.read()"
LISTEN = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python program with arguments; its first line of output is still to be read."""
    started: list[subprocess.Popen[str]] = []

    def start_one(program: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_number_that_was_given_away_again_is_another_process(start: Start) -> None:
    stranger = start(WAIT)
    assert said(stranger) == "here"
    began = psutil.Process(stranger.pid).create_time()
    earlier = KernelProcess(stranger.pid, began - 60)
    assert not earlier.is_alive
    assert not earlier.signal(signal.SIGKILL)
    assert earlier.wait(0)
    assert stranger.poll() is None
    itself = KernelProcess(stranger.pid, began)
    assert itself.is_alive and not itself.wait(0)
    assert itself.signal(signal.SIGKILL)
    assert itself.wait(20), "one that was not collected by its parent yet has ended too"
    assert not itself.signal(signal.SIGTERM)


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1, 2**70])
def test_a_number_of_no_process_is_none(pid: int) -> None:
    process = KernelProcess(pid, 0.0)
    assert not process.is_alive and not process.signal(signal.SIGKILL) and process.wait(0)
    assert process.ancestors == []


def test_what_the_file_says_of_its_process_is_believed_only_with_its_start(
    start: Start, tmp_path: Path
) -> None:
    stranger = start(WAIT)
    said(stranger)
    began = psutil.Process(stranger.pid).create_time()
    file = tmp_path / "kernel-a.json"
    for told, found in (
        ({"llmspell_pid": stranger.pid, "llmspell_process_started": began}, stranger.pid),
        ({"llmspell_pid": stranger.pid, "llmspell_process_started": began - 60}, None),
        ({"llmspell_pid": stranger.pid}, None),
        ({"llmspell_pid": str(stranger.pid), "llmspell_process_started": began}, None),
        ({"llmspell_pid": True, "llmspell_process_started": began}, None),
        ({}, None),
    ):
        kernel = FoundKernel.of_file(write(file, **told))
        process = Processes().of(kernel)
        assert (process and process.pid) == found, told


@pytest.mark.parametrize("form", ["{}", "--f={}"])
def test_a_command_line_with_the_file_is_the_kernels_only_if_it_listens(
    start: Start, tmp_path: Path, form: str
) -> None:
    """An editor or a client that has the file on its command line is none."""
    file = tmp_path / "kernel-a.json"
    editor = start(WAIT, form.format(file))
    said(editor)
    process = start(LISTEN, "-f", form.format(file))
    port = int(said(process))
    with listener() as other:
        kernel = FoundKernel.of_file(write(file, hb_port=other))
        assert Processes().of(kernel) is None
        assert Processes().is_starting(kernel)
    kernel = FoundKernel.of_file(write(file, hb_port=port))
    found = Processes().of(kernel)
    assert found is not None and found.pid == process.pid
    remote = FoundKernel.of_file(write(file, hb_port=port, ip="10.0.0.1"))
    assert Processes().of(remote) is None
