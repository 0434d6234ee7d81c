from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.library.services import Services
from tests.cli.command import LLMSPELL, llmspell
from tests.client.files import listener, write

from .conftest import Start
from .running import listed, state_of


def test_a_client_connects_and_ctrl_c_stops_it(start: Start, tmp_path: Path) -> None:
    running = start("--connection-file", str(tmp_path / "lua.json"))
    assert running.file == tmp_path / "lua.json"
    assert stat.S_IMODE(running.file.stat().st_mode) == 0o600
    reply = running.client().execute_interactive("return 6 * 7", timeout=60)
    assert reply["content"]["status"] == "ok"
    running.process.send_signal(signal.SIGINT)
    said = running.output()
    assert running.process.returncode == 0, said
    assert "Traceback" not in said
    assert not running.file.exists()


@pytest.mark.parametrize("code", ["", "while true do pcall(function() while true do end end) end"])
def test_sigterm_ends_it_as_ctrl_c_does(start: Start, code: str) -> None:
    running = start("--id", "work")
    if code:
        client = running.client()
        client.execute(f"print('begun') {code}")
        while client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
            pass
    running.process.send_signal(signal.SIGTERM)
    assert "Traceback" not in running.output()
    assert running.process.returncode == 128 + signal.SIGTERM
    assert not running.file.exists()


def test_variables_are_forgotten_when_it_is_ended(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMSPELL_STORAGE_BASE_DIR", str(tmp_path / "data"))
    running = start()
    for code in ("llmspell.persist = true a = 1", "a = 2"):
        running.client().execute_interactive(code, timeout=60)
    services = Services()
    try:
        assert services.state.storage.keys("globals", "")
        running.process.send_signal(signal.SIGTERM)
        assert "Traceback" not in running.output()
        assert services.state.storage.keys("globals", "") == []
    finally:
        services.close()


def test_without_a_file_it_is_among_jupyters_and_a_client_can_end_it(start: Start, runtime: Path) -> None:
    running = start("--language", "luajit")
    assert running.file.parent == runtime
    client = running.client()
    client.execute_interactive("assert(jit)", timeout=60, output_hook=lambda message: None)
    client.shutdown()
    said = running.output()
    assert running.process.returncode == 0, said
    assert not running.file.exists()


def test_a_file_elsewhere_is_found_too_while_the_kernel_runs(
    start: Start, runtime: Path, tmp_path: Path
) -> None:
    file = tmp_path / "lua.json"
    for arguments, kernel_id in (((), "lua"), (("--id", "work"), "work")):
        running = start("--connection-file", str(file), *arguments)
        assert {name: each["pid"] for name, each in listed().items()} == {kernel_id: running.process.pid}
        assert llmspell("kernel", "stop", kernel_id).returncode == 0
        assert running.process.wait(60) == 0
        assert not file.exists() and list(runtime.iterdir()) == []


def test_an_id_is_taken_once_and_a_dead_kernels_is_free(start: Start, runtime: Path) -> None:
    first = start("--id", "work")
    done = llmspell("kernel", "start", "--id", "work")
    assert done.returncode == 1 and done.stdout == ""
    assert "of a kernel that is idle" in done.stderr and "choose another --id" in done.stderr
    first.process.kill()
    first.process.wait()
    second = start("--id", "work")
    assert listed()["work"]["pid"] == second.process.pid


def test_a_file_that_a_dead_kernel_has_left_is_taken_over(start: Start, tmp_path: Path) -> None:
    """With its ports and its key, so that its clients find the new one."""
    file = tmp_path / "lua.json"
    first = start("--connection-file", str(file))
    first.process.kill()
    first.process.wait()
    left = first.content
    second = start("--connection-file", str(file))
    assert second.content["key"] == left["key"] and second.content["shell_port"] == left["shell_port"]
    assert listed()["lua"]["pid"] == second.content["llmspell_pid"] == second.process.pid
    assert llmspell("kernel", "stop", "lua").returncode == 0
    assert not file.exists()


def test_a_file_that_a_client_has_written_stays_the_clients(start: Start, runtime: Path) -> None:
    ports = []
    for _ in range(5):
        with listener() as port:
            ports.append(port)
    names = ("shell", "iopub", "stdin", "control", "hb")
    fields: dict[str, Any] = {f"{name}_port": port for name, port in zip(names, ports, strict=True)}
    file = write(runtime / "kernel-theirs.json", **fields)
    before = file.read_bytes()
    running = start("--connection-file", str(file))
    assert file.read_bytes() == before
    assert state_of("theirs") == "idle"
    running.process.send_signal(signal.SIGINT)
    running.output()
    assert file.exists()


def test_quiet_says_the_file_alone(runtime: Path) -> None:
    process = subprocess.Popen(
        [LLMSPELL, "kernel", "start", "--id", "work", "--quiet"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{runtime / 'kernel-work.json'}\n"
        while listed().get("work", {}).get("state") != "idle":
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[0] == ""
    finally:
        process.kill()
        process.communicate()


def test_options_are_settings_and_come_before_them(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMSPELL_DEFAULT_ENGINE", "luajit")
    (tmp_path / "my.toml").write_text("[kernel]\nidle_timeout = 3600\nmax_clients = 7\n")
    options = ("--config", str(tmp_path / "my.toml"), "--max-clients", "9", "--id", "work")
    shown = llmspell("kernel", "start", *options, "--dry-run", "--output", "json")
    assert shown.returncode == 0, shown.stderr
    settings = {each["key"]: each for each in json.loads(shown.stdout)}
    assert settings["default_engine"]["value"] == "luajit"
    assert settings["kernel.idle_timeout"]["value"] == 3600
    assert settings["kernel.idle_timeout"]["name"] == str(tmp_path / "my.toml")
    assert settings["kernel.max_clients"]["value"] == 9
    assert listed() == {}, "nothing was started"
    start(*options)
    assert listed()["work"]["language"] == "luajit"


def test_a_kernel_that_nobody_uses_ends(start: Start) -> None:
    running = start("--id", "work", "--idle-timeout", "0.5")
    running.output()
    assert running.process.returncode == 0
    assert not running.file.exists()


def test_a_port_that_is_taken_is_told(runtime: Path) -> None:
    with listener() as port:
        if port > 65_500:
            pytest.skip("no five ports in a row from here")
        done = llmspell("kernel", "start", "--port", str(port))
    assert done.returncode == 1
    assert str(port) in done.stderr and "Address already in use" in done.stderr
    assert list(runtime.iterdir()) == []


@pytest.mark.parametrize("name", ["", "a b", "../up", "ä", "-x", "x" * 101])
def test_an_id_that_is_no_file_name_is_refused(runtime: Path, name: str) -> None:
    done = llmspell("kernel", "start", f"--id={name}")
    assert done.returncode == 2
    assert "letters, digits" in done.stderr


def test_an_interrupt_request_does_not_reach_strangers_of_the_same_pipeline(runtime: Path) -> None:
    """A shell puts all programs of a pipeline into one process group, which the kernel may lead."""
    stranger = "import sys, signal; print(sys.stdin.read())"
    kernel = subprocess.Popen(
        [LLMSPELL, "kernel", "start", "--id", "work"], stdout=subprocess.PIPE, process_group=0, text=True
    )
    other = subprocess.Popen(
        [sys.executable, "-c", stranger],
        stdin=kernel.stdout,
        stdout=subprocess.PIPE,
        process_group=kernel.pid,
        text=True,
    )
    try:
        assert kernel.stdout is not None
        kernel.stdout.close()
        while listed().get("work", {}).get("state") != "idle":
            assert kernel.poll() is None
        assert llmspell("kernel", "interrupt", "work").returncode == 0
        assert state_of("work") == "idle" and other.poll() is None
        assert os.getpgid(other.pid) == kernel.pid
        assert llmspell("kernel", "stop", "work").returncode == 0
        assert "kernel-work.json" in other.communicate(timeout=60)[0]
    finally:
        for process in (kernel, other):
            process.kill()
            process.wait()
        if other.stdout is not None:
            other.stdout.close()
