"""What settings of files, profiles and variables do in a running kernel."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from ..kernels import KernelSession, start_kernel

Own = Callable[..., "OwnKernel"]


class OwnKernel:
    """A kernel that nobody manages and that writes its connection file itself."""

    def __init__(self, file: Path, directory: Path, *arguments: str, **environ: str) -> None:
        variables = {name: value for name, value in os.environ.items() if name != "JPY_PARENT_PID"}
        self.file = file
        self.clients: list[BlockingKernelClient] = []
        self.output: str | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "llmspell_kernel", *arguments],
            cwd=directory,
            env={**variables, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def client(self) -> BlockingKernelClient:
        while not (self.file.is_file() and self.file.stat().st_size):
            assert self.process.poll() is None, self.end()
            os.sched_yield()
        client = BlockingKernelClient(connection_file=str(self.file))
        client.load_connection_file()
        client.start_channels()
        self.clients.append(client)
        client.wait_for_ready(timeout=30)
        return client

    def end(self) -> str:
        """Ends it; answers what it wrote."""
        for client in self.clients:
            client.stop_channels()
        self.clients.clear()
        if self.output is None:
            self.process.kill()
            self.output = self.process.communicate()[0]
        return self.output


@pytest.fixture
def own_kernel(tmp_path: Path) -> Iterator[Own]:
    """Starts kernels in a directory whose llmspell.toml has the given text."""
    started: list[OwnKernel] = []

    def start(settings: str, *arguments: str, file: str = "own.json", **environ: str) -> OwnKernel:
        (tmp_path / "llmspell.toml").write_text(settings)
        path = tmp_path / file
        if not arguments:
            arguments = ("-f", str(path))
        started.append(OwnKernel(path, tmp_path, *arguments, **environ))
        return started[-1]

    yield start
    for kernel in started:
        kernel.end()


def reply_to(client: BlockingKernelClient, code: str) -> dict[str, object]:
    content: dict[str, object] = client.execute(code, reply=True, timeout=20)["content"]
    return content


def test_a_file_beside_the_notebook_counts(
    kernelspecs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del kernelspecs
    monkeypatch.chdir(tmp_path)
    Path("llmspell.toml").write_text(
        """
        default_engine = "lua55"
        engines.lua.stdlib = "standard"
        [runtime.security]
        allow_file_access = false
        max_execution_time_ms = 700
        [kernel]
        port = 1
        output_limit = 12
        persistent_locals = false
        execution_timeout = 0.5
        history_file = ":memory:"
        [security]
        hmac_key = "not for a kernel that gets its key"
        """
    )
    session = start_kernel("llmspell", "--LLMSpellKernel.output_limit=13")
    try:
        _check_a_file_beside_the_notebook(session)
    finally:
        session.end()


def _check_a_file_beside_the_notebook(session: KernelSession) -> None:
    assert session.execute("local x = 1").status == "ok"
    assert session.execute("x").result == "nil"
    assert session.execute("debug").result == "nil"
    error = session.execute("io.open('/etc/passwd')").error
    assert error is not None and "runtime.security.allow_file_access" in error["evalue"]
    error = session.execute("while true do end").error
    assert error is not None and "0.5 s" in error["evalue"]
    shown = session.execute("%config").result
    assert shown is not None
    settings = dict(re.findall(r"^(\w+) += (\S+)", shown, re.MULTILINE))
    assert settings["output_limit"] == "13"  # the command line counts more
    assert settings["history_file"] == '":memory:"'
    assert settings["time_limit"] == "0.5"
    error = session.execute("%config time_limit = 1").error
    assert error is not None and "runtime.security.max_execution_time_ms" in error["evalue"]
    assert session.execute("_VERSION").result == '"Lua 5.5"'


def test_a_profile_and_variables_count(
    new_kernel: Callable[..., KernelSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMSPELL_ALLOW_FILE_ACCESS", "yes")
    session = new_kernel("llmspell", "--profile=restricted")
    error = session.execute("os.execute('echo')").error
    assert error is not None and "runtime.security.allow_process_spawn" in error["evalue"]
    assert session.execute("io.open('/dev/null') ~= nil").result == "true"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("[kernel]\nprot = 1", "error: llmspell.toml:2: kernel.prot: no such setting; did you mean port?"),
        ("[kernel\n", "error: llmspell.toml:1: is not TOML"),
        ("[logging]\nfile = '/dev/null/x'", "error: cannot write the log /dev/null/x (logging.file): "),
        ("[kernel]\nip = '192.0.2.1'", "error: will not listen on 192.0.2.1 without encryption"),
    ],
)
def test_a_kernel_with_wrong_settings_does_not_start(own_kernel: Own, settings: str, message: str) -> None:
    kernel = own_kernel(settings)
    assert kernel.process.wait(30) == 1
    output = kernel.end()
    assert output.startswith(message)
    assert "Traceback" not in output


def test_trusted_and_restricted_contradict(own_kernel: Own, tmp_path: Path) -> None:
    kernel = own_kernel("", "-f", str(tmp_path / "x.json"), "--trusted", LLMSPELL_ALLOW_PROCESS_SPAWN="no")
    assert kernel.process.wait(30) == 1
    assert "leave it out" in kernel.end()


def _five_free_ports() -> int:
    """The first of five in a row, below those that the system gives away."""
    for base in range(10_000 + os.getpid() % 10_000, 30_000, 5):
        try:
            for port in range(base, base + 5):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise AssertionError("no five free ports in a row")


def test_ports_in_a_row_and_a_key_of_ones_own(own_kernel: Own) -> None:
    base = _five_free_ports()
    kernel = own_kernel(f"[kernel]\nport = {base}\n[security]\nhmac_key = 'a key of my own'")
    client = kernel.client()
    info = json.loads(kernel.file.read_text())
    names = ("shell", "iopub", "stdin", "control", "hb")
    assert [info[f"{name}_port"] for name in names] == list(range(base, base + 5))
    assert info["key"] == "a key of my own"
    assert reply_to(client, "1")["status"] == "ok"


def test_a_port_that_is_taken(own_kernel: Own) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = min(taken.getsockname()[1], 65531)
        kernel = own_kernel(f"[kernel]\nport = {port}")
        assert kernel.process.wait(30) == 1
        assert "error: cannot listen on 127.0.0.1" in kernel.end()


def test_a_connection_file_by_settings(own_kernel: Own, tmp_path: Path) -> None:
    kernel = own_kernel(f"[kernel]\nconnection_file = '{tmp_path}/mine.json'", "--debug", file="mine.json")
    assert reply_to(kernel.client(), "1")["status"] == "ok"


def test_encryption(own_kernel: Own) -> None:
    kernel = own_kernel("[security]\nencryption = true")
    assert reply_to(kernel.client(), "1")["status"] == "ok"
    info = json.loads(kernel.file.read_text())
    del info["curve_publickey"], info["curve_secretkey"]
    plain = BlockingKernelClient()
    plain.load_connection_info(info)
    plain.start_channels()
    kernel.clients.append(plain)
    plain.kernel_info()
    assert plain.shell_channel.socket.poll(300) == 0
    assert kernel.process.poll() is None


def test_the_log(own_kernel: Own, tmp_path: Path) -> None:
    file = tmp_path / "logs" / "kernel.log"
    kernel = own_kernel(
        f"[logging]\nlevel = 'info'\nformat = 'json'\nfile = '{file}'\n[kernel]\ndap_port = 0"
    )
    assert reply_to(kernel.client(), "1")["status"] == "ok"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert any("the debugger listens" in line["message"] and line["level"] == "info" for line in lines)
    assert set(lines[0]) == {"time", "level", "logger", "message"}
    assert "debugger" not in kernel.end()


# Clients


def test_further_clients_are_refused_until_one_goes(own_kernel: Own) -> None:
    kernel = own_kernel("[kernel]\nmax_clients = 2")
    first, second, third = (kernel.client() for _ in range(3))
    assert reply_to(first, "1")["status"] == reply_to(second, "1")["status"] == "ok"
    refused = reply_to(third, "1")
    assert (refused["status"], refused["ename"]) == ("error", "TooManyClientsError")
    assert "kernel.max_clients" in str(refused["evalue"])
    while (message := third.get_iopub_msg(5))["msg_type"] != "error":
        pass
    error = message["content"]
    assert error["ename"] == "TooManyClientsError"
    third.is_complete("1")
    assert third.get_shell_msg(20)["content"]["ename"] == "TooManyClientsError"
    assert third.kernel_info(reply=True)["content"]["status"] == "ok"
    assert reply_to(first, "2")["status"] == "ok"
    first.stop_channels()
    end = time.monotonic() + 20
    while reply_to(third, "1")["status"] != "ok":
        assert time.monotonic() < end
    assert reply_to(second, "1")["status"] == "ok"
    assert reply_to(kernel.client(), "1")["ename"] == "TooManyClientsError"


def test_a_client_that_asks_too_much_is_held_back(own_kernel: Own) -> None:
    kernel = own_kernel("[security]\nrate_limit_per_minute = 3")
    greedy, modest = kernel.client(), kernel.client()
    assert [reply_to(greedy, "1")["status"] for _ in range(3)] == ["ok"] * 3
    refused = reply_to(greedy, "1")
    assert refused["ename"] == "RateLimitError"
    assert "security.rate_limit_per_minute" in str(refused["evalue"])
    assert reply_to(modest, "1")["status"] == "ok"


def test_a_rate_comes_back_evenly(own_kernel: Own) -> None:
    kernel = own_kernel("[security]\nrate_limit_per_minute = 120")
    client = kernel.client()
    asked = [client.execute("1") for _ in range(121)]
    replies = [client.get_shell_msg(20)["content"]["status"] for _ in asked]
    assert replies.count("ok") >= 120
    end = time.monotonic() + 20
    while reply_to(client, "1")["status"] != "ok":
        assert time.monotonic() < end


def test_long_messages_are_cut_off(own_kernel: Own) -> None:
    kernel = own_kernel("[security]\nmax_message_size_mb = 0.5")
    kernel.client()
    client, greedy = kernel.client(), kernel.client()
    assert reply_to(client, "--[[" + "x" * 400_000 + "]] 1")["status"] == "ok"
    greedy.execute("--[[" + "x" * 600_000 + "]] 1")
    assert greedy.shell_channel.socket.poll(300) == 0
    assert reply_to(client, "1")["status"] == "ok"


# Idleness


def test_an_idle_kernel_ends(own_kernel: Own) -> None:
    kernel = own_kernel("[kernel]\nidle_timeout = 0.5\n[logging]\nlevel = 'info'")
    client = kernel.client()
    assert reply_to(client, "timer.sleep(0.8)")["status"] == "ok"
    ended = time.monotonic()
    assert kernel.process.wait(30) == 0
    assert time.monotonic() - ended > 0.4
    assert not kernel.file.exists()
    assert "Nothing was asked for 0.5 s" in kernel.end()


def test_a_managed_kernel_does_not_end(
    new_kernel: Callable[..., KernelSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMSPELL_KERNEL_IDLE_TIMEOUT", "0.1")
    session = new_kernel("llmspell")
    finished = session.execute("timer.sleep(0.1)")
    assert finished.status == "ok"
    assert session.execute("1").result == "1"
    assert not session.client.iopub_channel.socket.poll(400)
    assert session.manager.is_alive()
