"""Kernels of other processes: those that die, that are not there, and that are somebody else's."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from llmspell_kernel import Client, KernelDiedError, KernelTimeoutError, connect
from llmspell_kernel.client.call import Message
from llmspell_kernel.client.connected import CONNECT_SECONDS
from llmspell_kernel.errors import ConnectionFileError, NoSuchKernelError

from .conftest import KernelProcess

SECONDS = 30.0
NewProcess = Callable[..., KernelProcess]


def wait_begun(client: Client, code: str) -> Any:
    call = client.execute_stream(f"print('begun') {code}")
    next(each for each in call.stream(SECONDS) if each["msg_type"] == "stream")
    return call


@pytest.mark.parametrize("knows_pid", [True, False])
def test_death_ends_calls_at_once(new_process: NewProcess, knows_pid: bool) -> None:
    kernel = new_process()
    content = json.loads(kernel.file.read_text())
    if not knows_pid:
        content = {name: value for name, value in content.items() if not name.startswith("llmspell_")}
    connect(kernel.file).close()  # it listens now
    with connect(content) as client:
        call = wait_begun(client, "while true do end")
        started = time.monotonic()
        kernel.process.send_signal(signal.SIGKILL)
        with pytest.raises(KernelDiedError, match="has died"):
            call.result(SECONDS)
        assert time.monotonic() - started < 8 and not client.is_alive
        with pytest.raises(KernelDiedError):
            client.execute("1")


def test_a_stopped_kernel_counts_as_dead(new_process: NewProcess) -> None:
    kernel = new_process()
    with connect(kernel.file) as client:
        client.execute("1")
        kernel.process.send_signal(signal.SIGSTOP)
        with pytest.raises(KernelDiedError, match="heartbeat"):
            client.execute("2", timeout=SECONDS)
        kernel.process.send_signal(signal.SIGCONT)


def test_a_busy_kernel_lets_clients_in(new_process: NewProcess) -> None:
    kernel = new_process()
    with connect(kernel.file) as first:
        call = wait_begun(first, "while true do end")
        with connect(kernel.file, timeout=SECONDS) as second:
            waiting = second.execute_stream("return 2")
            second.interrupt()
            assert call.result(SECONDS).status == "error"
            assert waiting.result(SECONDS).status in ("ok", "aborted")


def test_clients_hear_of_each_other(new_process: NewProcess) -> None:
    kernel = new_process()
    heard: queue.SimpleQueue[Message] = queue.SimpleQueue()
    with connect(kernel.file) as first, connect(kernel.file) as second:
        stop = second.listen(heard.put)
        call = first.execute_stream("print('to all')")
        assert call.result(SECONDS).stdout == "to all\n"
        while (message := heard.get(timeout=SECONDS))["msg_type"] != "stream":
            continue
        assert message["parent_header"]["msg_id"] == call.msg_id
        stop()


def test_a_kernel_started_anew_in_the_same_place(new_process: NewProcess) -> None:
    kernel = new_process()
    connect(kernel.file).close()
    content = json.loads(kernel.file.read_text())
    plain = {name: value for name, value in content.items() if not name.startswith("llmspell_")}
    kernel.file.write_text(json.dumps(plain))
    with connect(plain) as client:
        call = wait_begun(client, "timer.sleep(1000)")
        kernel.end()
        again = subprocess.Popen([sys.executable, "-m", "llmspell_kernel", "-f", str(kernel.file)])
        try:
            with pytest.raises(KernelDiedError):
                call.result(SECONDS)
        finally:
            again.kill()
            again.wait()


def test_it_waits_for_a_kernel_that_is_starting(new_process: NewProcess) -> None:
    with connect(new_process().file, timeout=SECONDS) as client:
        assert client.execute("return 1").text == "1"


def test_an_address_and_its_key(new_process: NewProcess) -> None:
    content = json.loads(new_process().file.read_text())
    where = f"tcp://127.0.0.1:{content['shell_port']}"
    with pytest.raises(ConnectionFileError, match=r"its key is not known.*give it as key=\.\.\.") as error:
        connect(where)
    assert "--" not in str(error.value)
    with pytest.raises((KernelDiedError, KernelTimeoutError)):
        connect(where, key="of another", timeout=1)


def test_nobody_is_there(new_process: NewProcess) -> None:
    kernel = new_process()
    connect(kernel.file).close()
    content = json.loads(kernel.file.read_text())
    kernel.end()
    with pytest.raises(KernelDiedError, match="nobody listens"):
        connect(content, timeout=SECONDS)


def test_a_dead_kernel_is_refused_at_once_though_its_file_is_new(new_process: NewProcess) -> None:
    kernel = new_process()
    connect(kernel.file).close()
    content = json.loads(kernel.file.read_text())
    kernel.end()
    kernel.file.write_text(json.dumps(content | {"llmspell_pid": os.getpid()}))
    started = time.monotonic()
    with pytest.raises(KernelDiedError, match="nobody listens"):
        connect(kernel.file)
    assert time.monotonic() - started < CONNECT_SECONDS / 3


def test_another_key(new_process: NewProcess) -> None:
    kernel = new_process()
    connect(kernel.file).close()
    content = json.loads(kernel.file.read_text()) | {"key": "another"}
    with pytest.raises(KernelTimeoutError, match="another key"):
        connect(content, timeout=10)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"shell_port": None}, "shell_port"),
        ({"iopub_port": "many"}, "iopub_port"),
        ({"hb_port": 0}, "hb_port"),
        ({"key": None}, "key"),
        ({"key": 5}, "key"),
        ({"transport": "pigeon"}, "transport"),
        ({"signature_scheme": "hmac-none"}, "signature_scheme"),
    ],
)
def test_fields_that_make_no_sense_are_named(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    ports = {f"{name}_port": 50000 for name in ("shell", "iopub", "stdin", "control", "hb")}
    content = {"ip": "127.0.0.1", "key": "k", **ports, **change}
    file = tmp_path / "kernel.json"
    file.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
    with pytest.raises(ConnectionFileError, match=named):
        connect(file, timeout=1)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "kernel.json").write_bytes(b"\xff\x00")
    for path in (tmp_path / "kernel.json", tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(ConnectionFileError, match=str(path)):
            connect(path)
    with pytest.raises(NoSuchKernelError, match="nobody-is-called-so"):
        connect("nobody-is-called-so")


@pytest.fixture
def managed(kernelspecs: list[str]) -> Iterator[Callable[..., KernelManager]]:
    """Kernels that jupyter_client starts."""
    started: list[KernelManager] = []

    def start(name: str, **options: Any) -> KernelManager:
        manager = KernelManager(kernel_name=name, **options)
        manager.start_kernel()
        started.append(manager)
        return manager

    yield start
    for manager in started:
        manager.shutdown_kernel(now=True)


def test_an_encrypted_kernel(managed: Callable[..., KernelManager]) -> None:
    manager = managed("llmspell", transport_encryption="required")
    assert "curve_publickey" in json.loads(Path(manager.connection_file).read_text())
    with connect(Path(manager.connection_file), timeout=SECONDS) as client:
        assert client.execute("return io.read()", read_line=lambda prompt, password: "in").text == '"in"'


def test_a_kernel_over_ipc(managed: Callable[..., KernelManager], tmp_path: Path) -> None:
    manager = managed("llmspell", transport="ipc", ip=str(tmp_path / "k"))
    with connect(Path(manager.connection_file), timeout=SECONDS) as client:
        assert client.execute("return 1").text == "1"


def test_a_python_kernel(managed: Callable[..., KernelManager]) -> None:
    manager = managed("python3")
    with connect(Path(manager.connection_file), timeout=SECONDS) as client:
        done = client.execute(
            "print('hi'); input('? ')", read_line=lambda prompt, password: prompt, timeout=SECONDS
        )
        assert (done.stdout, done.text) == ("hi\n", "'? '")
        call = client.execute_stream("print('begun', flush=True)\nwhile True: pass")
        next(each for each in call.stream(SECONDS) if each["msg_type"] == "stream")
        call.interrupt()
        failed = call.result(SECONDS).error
        assert failed is not None and failed.ename == "KeyboardInterrupt"


def test_no_thread_is_left(new_process: NewProcess) -> None:
    kernel = new_process()
    before = set(threading.enumerate())
    for _ in range(3):
        with connect(kernel.file, timeout=SECONDS) as client:
            client.execute("1")
    assert set(threading.enumerate()) <= before
    forgotten = connect(kernel.file)
    thread = forgotten._traffic._thread
    del forgotten
    thread.join(SECONDS)
    assert not thread.is_alive()
