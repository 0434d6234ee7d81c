"""Timers of scripts: `run` and `exec` wait for them, in this process and in a running kernel."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmspell_kernel import connect
from tests.client.conftest import KernelProcess, start_process

from .command import LLMSPELL, llmspell

MINUTE = 60


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    process = start_process(tmp_path_factory.mktemp("kernel"))
    yield process
    process.end()


@pytest.fixture(params=["embedded", "connected"])
def options(request: pytest.FixtureRequest) -> list[str]:
    """What the command needs to run there."""
    if request.param == "embedded":
        return []
    process: KernelProcess = request.getfixturevalue("kernel")
    return ["--connect", str(process.file)]


def waiting(kernel: KernelProcess) -> str | None:
    """How many timers are left in the kernel; ends them."""
    with connect(str(kernel.file)) as client:
        return client.execute("timer.cancel_all()").text


@pytest.mark.parametrize(
    ("code", "status", "output"),
    [
        ("timer.after(0.05, function() print('later') end) print('now')", 0, "now\nlater\n"),
        ("timer.after(0.05, timer.after, 0.05, print, 'a timer\\'s') print('now')", 0, "now\na timer's\n"),
        ("timer.after(600, print, 'never'):cancel() print('now')", 0, "now\n"),
        ("t = timer.every(0.02, function() print(t.seen or 1) t:cancel() end)", 0, "1\n"),
        ("timer.every(600, print) timer.after(0.05, function() print('end') os.exit(9) end)", 9, "end\n"),
        ("timer.every(600, print) timer.after(0.05, function() os.exit(0) end)", 0, ""),
        ("timer.every(600, print) os.exit(4)", 4, ""),
        ("timer.every(600, print) print('now') error('no luck')", 1, "now\n"),
        ("timer.after(0.02, error, 'no luck') timer.after(0.05, print, 'goes on')", 1, "goes on\n"),
        ("timer.after(0.05, function() print((require('beside'))) end)", 0, "found\n"),
    ],
)  # fmt: skip
def test_a_script_has_ended_when_its_timers_have(
    tmp_path: Path, options: list[str], code: str, status: int, output: str
) -> None:
    (tmp_path / "beside.lua").write_text("return 'found'")
    (tmp_path / "script.lua").write_text(code)
    done = llmspell("run", *options, "script.lua", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (status, output)
    assert ("no luck" in done.stderr) == ("no luck" in code)


def test_a_result_is_shown_before_the_timers(tmp_path: Path, options: list[str]) -> None:
    done = llmspell("exec", *options, "timer.after(0.05, print, 'later') 6 * 7", cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("42\nlater\n", 0)


def test_a_timer_that_fails_as_json(tmp_path: Path, options: list[str]) -> None:
    code = "timer.after(0.05, error, 'no luck') return 5"
    done = llmspell("exec", *options, "--output", "json", code, cwd=tmp_path)
    document = json.loads(done.stdout)
    assert (document["status"], document["exit_code"], document["result"]) == ("error", 1, 5)
    assert document["error"] == {
        "name": "TimerError",
        "message": "a function that was called by a timer has failed",
        "traceback": [],
    }
    assert "no luck" in done.stderr


def test_a_time_limit_ends_timers(tmp_path: Path, options: list[str], kernel: KernelProcess) -> None:
    code = "timer.every(600, print) print('on')"
    done = llmspell("exec", *options, "--timeout", "0.5", code, cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("on\n", 124)
    assert "ran longer than its limit of 0.5 s" in done.stderr
    assert waiting(kernel) == "0"


@pytest.mark.parametrize("seconds", ["600", "0.001"])
def test_ctrl_c_ends_timers(tmp_path: Path, options: list[str], kernel: KernelProcess, seconds: str) -> None:
    code = f"timer.every({seconds}, function() for i = 1, 1e5 do end end) print('on')"
    command = (str(LLMSPELL), "exec", *options, code)
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"on\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=MINUTE)
    assert process.returncode == 130
    assert waiting(kernel) == "0"


def test_timers_of_cells_go_on(tmp_path: Path, kernel: KernelProcess) -> None:
    with connect(str(kernel.file)) as client:
        client.execute("timer.every(600, print)")
    done = llmspell("exec", "--connect", str(kernel.file), "timer.after(0.05, print, 5) return", cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("5\n", 0)
    assert waiting(kernel) == "1"
