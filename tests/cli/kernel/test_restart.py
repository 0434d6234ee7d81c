from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import llmspell

from .conftest import Manage, Start
from .running import listed, pid_of, state_of

TOKEN = "open sesame"


def test_a_kernel_begins_anew_and_its_clients_stay(start: Start) -> None:
    running = start("--id", "work", "--language", "lua55", "--idle-timeout", "3600")
    client = running.client()
    client.execute_interactive("x = 1", timeout=60)
    before, status = running.content, listed()["work"]
    done = llmspell("kernel", "restart", "work")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "work restarted\n")
    after = listed()["work"]
    assert after["pid"] == status["pid"] == running.process.pid
    assert after["started"] >= status["started"] and after["executions"] == 0
    assert after["language"] == "lua55"
    assert running.content == before
    client.wait_for_ready(timeout=60)  # what the kernel publishes before a client is back is lost
    reply = client.execute_interactive("assert(x == nil)", timeout=60)
    assert reply["content"]["status"] == "ok"
    assert llmspell("kernel", "restart").returncode == 0, "again, and as the only one"
    assert llmspell("kernel", "stop", "work").returncode == 0
    said = running.output()
    assert running.process.returncode == 0
    assert said.count("begins anew") == 2 and "Traceback" not in said and "Error" not in said, said
    assert not running.file.exists()


def test_a_client_may_ask_for_it_as_the_protocol_has_it(start: Start) -> None:
    running = start("--id", "work")
    client = running.client()
    client.execute_interactive("x = 1", timeout=60)
    client.shutdown(restart=True)
    assert client.get_control_msg(timeout=60)["content"] == {"status": "ok", "restart": True}
    while listed()["work"]["executions"] != 0:
        assert running.process.poll() is None
    client.wait_for_ready(timeout=60)
    assert client.execute_interactive("assert(x == nil)", timeout=60)["content"]["status"] == "ok"


def test_of_another_program_it_is_refused_with_what_to_do(manage: Manage) -> None:
    session = manage("llmspell", "managed")
    pid = pid_of(session)
    done = llmspell("kernel", "restart", "managed")
    assert done.returncode == 1
    assert "cannot restart managed" in done.stderr and "has to restart it" in done.stderr
    assert pid_of(session) == pid and state_of("managed") == "idle"
    manage("python3", "snake")
    done = llmspell("kernel", "restart", "snake")
    assert done.returncode == 1 and "has to restart it" in done.stderr


def test_one_that_does_not_run_is_refused(runtime: Path, start: Start) -> None:
    running = start("--id", "work")
    running.process.kill()
    running.process.wait()
    done = llmspell("kernel", "restart", "work")
    assert done.returncode == 1 and "it is dead" in done.stderr
    done = llmspell("kernel", "interrupt", "work")
    assert done.returncode == 1 and "cannot interrupt work, it is dead" in done.stderr


def test_an_interrupt_between_cells_does_not_end_the_kernel(start: Start, manage: Manage) -> None:
    running = start("--id", "work")
    manage("python3", "snake")
    for where in ("work", "snake", str(running.file)):
        done = llmspell("kernel", "interrupt", where)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert state_of("work") == "idle" and state_of("snake") == "not ours"
    done = llmspell("kernel", "interrupt", "--output", "json")
    assert json.loads(done.stdout) == {"id": "work", "result": "interrupted"}


# Kernels of a Jupyter Server

Ask = Callable[..., Any]


@pytest.fixture
def server(kernelspecs: list[str], runtime: Path, tmp_path: Path) -> Iterator[Ask]:
    """A Jupyter Server; asks it by method and path."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyter_server", "--no-browser", "--ip=127.0.0.1", "--port=0"),
            *(f"--IdentityProvider.token={TOKEN}", "--allow-root", f"--ServerApp.root_dir={tmp_path}"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = _url_of(process, runtime)

        def ask(method: str, path: str, **content: Any) -> Any:
            request = urllib.request.Request(
                f"{url}api/{path}", json.dumps(content).encode() if content else None, method=method
            )
            request.add_header("Authorization", f"token {TOKEN}")
            with urllib.request.urlopen(request, timeout=60) as reply:
                return json.load(reply)

        while True:
            assert process.poll() is None
            with suppress(urllib.error.URLError):  # it has written its file, but does not listen yet
                ask("GET", "kernels")
                break
        yield ask
    finally:
        process.terminate()
        process.wait(timeout=60)


def _url_of(process: subprocess.Popen[bytes], runtime: Path) -> str:
    """What a server has written of itself."""
    while True:
        assert process.poll() is None
        os.sched_yield()
        with suppress(ValueError):  # not there yet, or not in full
            (file,) = runtime.glob("jpserver-*.json")
            return str(json.loads(file.read_text())["url"])


def wait_idle(kernel_id: str) -> dict[str, Any]:
    """What the list says of a kernel once it answers: a server does not wait for that."""
    while (found := listed()[kernel_id])["state"] != "idle":
        assert found["state"] in ("starting", "not answering", "busy")
    return found


def test_a_jupyter_server_restarts_and_stops_its_own_kernels(server: Ask, runtime: Path) -> None:
    kernel_id = server("POST", "kernels", name="llmspell")["id"]
    first = wait_idle(kernel_id)
    assert first["managed_by"].startswith("Jupyter Server at http://")
    done = llmspell("kernel", "restart", kernel_id[:8])
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"{kernel_id} restarted by the Jupyter Server at")
    second = wait_idle(kernel_id)
    assert second["pid"] != first["pid"]
    done = llmspell("kernel", "stop", kernel_id)
    assert done.returncode == 0 and "stopped by the Jupyter Server" in done.stderr
    assert server("GET", "kernels") == []
    assert kernel_id not in listed()


def test_a_jupyter_server_that_refuses_is_told(server: Ask, runtime: Path) -> None:
    kernel_id = server("POST", "kernels", name="llmspell")["id"]
    wait_idle(kernel_id)
    (file,) = runtime.glob("jpserver-*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"token": "wrong"}))
    for command in ("restart", "stop"):
        done = llmspell("kernel", command, kernel_id)
        assert done.returncode == 1
        assert f"does not {command} it: it answers 403 Forbidden; {command} it there" in done.stderr
    assert [each["id"] for each in server("GET", "kernels")] == [kernel_id]
