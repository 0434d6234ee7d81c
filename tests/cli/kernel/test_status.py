from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.cli.command import llmspell
from tests.client.files import write

from .conftest import Manage, Start


def test_of_one_kernel_it_says_all(start: Start) -> None:
    running = start("--id", "work", "--", "--dap-port=0")
    for where in ("work", "wor", str(running.file), f"tcp://127.0.0.1:{running.content['shell_port']}"):
        done = llmspell("kernel", "status", where)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("work\n  state       idle\n")
        for said in (str(running.process.pid), str(running.file), "lua54", os.getcwd()):
            assert said in done.stdout
        for port in ("shell", "iopub", "stdin", "control", "hb"):
            assert f"{port} {running.content[f'{port}_port']}" in done.stdout
        assert f"debugger    port {running.content['llmspell_dap_port']}" in done.stdout
        assert running.content["key"] not in done.stdout
    assert llmspell("kernel", "status", "--id", "work").stdout.startswith("work\n")
    one = json.loads(llmspell("kernel", "status", "work", "-f", "json").stdout)
    assert one["id"] == "work" and one["alive"] is True
    every = json.loads(llmspell("kernel", "status", "--output", "json").stdout)
    assert [each["id"] for each in every] == ["work"]


def test_the_exit_status_and_quiet_are_for_scripts(runtime: Path, start: Start, manage: Manage) -> None:
    start("--id", "work")
    manage("python3", "snake")
    write(runtime / "kernel-gone.json", llmspell_pid=1, llmspell_process_started=1.0)
    for where, status in {"work": 0, "snake": 0, "gone": 1}.items():
        done = llmspell("kernel", "status", where, "--quiet")
        assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
        assert llmspell("kernel", "status", where).returncode == status


def test_a_kernel_that_hangs_is_told_soon(start: Start) -> None:
    running = start("--id", "work")
    running.process.send_signal(signal.SIGSTOP)
    done = llmspell("kernel", "status", "work")
    assert done.returncode == 1
    assert "not answering" in done.stdout and str(running.process.pid) in done.stdout


def test_by_address_and_key_without_a_file(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start("--port", str(_five_free_ports()))
    port, key = running.content["shell_port"], running.content["key"]
    assert [running.content[f"{name}_port"] for name in ("iopub", "stdin", "control", "hb")] == [
        port + step for step in (1, 2, 3, 4)
    ]
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "elsewhere"))
    where = f"tcp://127.0.0.1:{port}"
    done = llmspell("kernel", "status", where)
    assert done.returncode == 1 and "--key-file" in done.stderr
    (tmp_path / "key").write_text(key + "\n")
    for option in (("--key", key), ("--key-file", str(tmp_path / "key"))):
        done = llmspell("kernel", "status", where, *option, "--output", "json")
        assert json.loads(done.stdout)["pid"] == running.process.pid
    wrong = llmspell("kernel", "status", where, "--key", "wrong")
    assert wrong.returncode == 1 and "key" in wrong.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("nobody",), 1, "there is no kernel 'nobody'"),
        (("/nowhere/k.json",), 1, "there is no connection file /nowhere/k.json"),
        (("tcp://nowhere",), 1, "tcp://HOST:PORT"),
        (("work", "--id", "work"), 2, "WHERE and --id are the same"),
        (("work", "--key", "a", "--key-file", "pyproject.toml"), 2, "--key and --key-file are the same"),
        (("--interval", "0"), 2, "--interval"),
        (("--format", "yaml"), 2, "'yaml' is not one of"),
    ],
)
def test_a_wrong_command_line(runtime: Path, arguments: tuple[str, ...], status: int, message: str) -> None:
    done = llmspell("kernel", "status", *arguments)
    assert done.returncode == status and done.stdout == ""
    assert done.stderr.startswith("error: ") and message in done.stderr


def _five_free_ports() -> int:
    import socket

    for first in range(20_000, 30_000, 5):
        try:
            for port in range(first, first + 5):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    raise AssertionError("no five free ports in a row")
