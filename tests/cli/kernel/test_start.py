from __future__ import annotations

import os
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from tests.cli.command import LLMSPELL
from tests.kernels import wait_ready

Start = Callable[..., tuple["subprocess.Popen[str]", Path]]

CONNECT = "connect with: jupyter console --existing "


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a kernel in the foreground; gives the process and the connection file that it named."""
    started: list[subprocess.Popen[str]] = []

    def start_one(*arguments: str) -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [LLMSPELL, "kernel", "start", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(CONNECT), line + process.stdout.read()
        return process, Path(line.removeprefix(CONNECT).rstrip("\n"))

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def connected(process: subprocess.Popen[str], file: Path) -> BlockingKernelClient:
    """A client of the kernel, which has answered."""
    while not (file.is_file() and file.stat().st_size):
        assert process.poll() is None, process.communicate()[0]
        os.sched_yield()
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()
    wait_ready(client)
    return client


def test_a_client_connects_and_ctrl_c_stops_it(start: Start, tmp_path: Path) -> None:
    process, file = start("--connection-file", str(tmp_path / "lua.json"))
    assert file == tmp_path / "lua.json"
    client = connected(process, file)
    try:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert client.execute_interactive("return 6 * 7", timeout=60)["content"]["status"] == "ok"
    finally:
        client.stop_channels()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert not file.exists()


def test_without_a_file_it_is_among_jupyters_and_a_client_can_end_it(start: Start) -> None:
    process, file = start("--language", "luajit")
    assert file.parent == Path(os.environ["JUPYTER_RUNTIME_DIR"])
    client = connected(process, file)
    try:
        client.execute_interactive("assert(jit)", timeout=30, output_hook=lambda message: None)
        client.shutdown()
        said, _ = process.communicate(timeout=60)
    finally:
        client.stop_channels()
    assert process.returncode == 0, said
