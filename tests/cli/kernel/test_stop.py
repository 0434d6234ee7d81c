from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.cli.command import llmspell
from tests.client.files import listener, write

from .conftest import Manage, Start
from .running import listed, pid_of

BUSY = "print('begun') while true do pcall(function() while true do end end) end"


def test_a_kernel_ends_by_itself_and_leaves_nothing(start: Start) -> None:
    running = start("--id", "work")
    done = llmspell("kernel", "stop", "work")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "work stopped\n")
    assert running.process.wait(60) == 0
    assert not running.file.exists()
    done = llmspell("kernel", "stop", "work")
    assert done.returncode == 1 and "there is no kernel 'work'" in done.stderr


def test_a_busy_kernel_ends_too(start: Start) -> None:
    running = start("--id", "work")
    client = running.client()
    msg_id = client.execute(BUSY)
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == msg_id:
            break
    assert llmspell("kernel", "stop", "work").returncode == 0
    assert running.process.wait(60) == 0


def test_several_and_all(runtime: Path, start: Start, manage: Manage) -> None:
    first, second, third, other = (start("--id", name) for name in ("one", "two", "three", "four"))
    snake = manage("python3", "snake")
    dead = write(runtime / "kernel-gone.json", llmspell_pid=1, llmspell_process_started=1.0)
    foreign = write(runtime / "kernel-old.json", kernel_name="python3")
    os.utime(foreign, (1e9, 1e9))
    done = llmspell("kernel", "stop", "one", "--id", "two", "one", "--output", "json")
    assert done.returncode == 0 and done.stderr == ""
    assert sorted(json.loads(done.stdout), key=lambda each: str(each["id"])) == [
        {"id": "one", "ok": True, "result": "stopped"},
        {"id": "two", "ok": True, "result": "stopped"},
    ]
    done = llmspell("kernel", "stop", "--all", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for running in (first, second, third, other):
        assert running.process.wait(60) == 0
    assert not dead.exists() and foreign.exists()
    assert psutil.pid_exists(pid_of(snake))
    assert listed().keys() == {"snake", "old"}
    assert llmspell("kernel", "stop", "--all").returncode == 0


def test_a_foreign_kernel_ends_when_it_is_named(manage: Manage) -> None:
    snake = manage("python3", "snake")
    process = psutil.Process(pid_of(snake))
    assert llmspell("kernel", "stop", "snake").returncode == 0
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_one_that_hangs_is_killed(start: Start, manage: Manage) -> None:
    ours, managed = start("--id", "ours"), manage("llmspell", "managed")
    ours.process.send_signal(signal.SIGSTOP)
    os.kill(pid_of(managed), signal.SIGSTOP)
    done = llmspell("kernel", "stop", "ours", "managed", "--timeout", "0.2")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stderr.splitlines()) == ["managed killed", "ours killed"]
    assert ours.process.wait(60) == -signal.SIGKILL
    assert not ours.file.exists()


def test_force_does_not_ask(start: Start) -> None:
    running = start("--id", "work")
    assert llmspell("kernel", "stop", "work", "--force").stderr == "work killed\n"
    assert running.process.wait(60) == -signal.SIGKILL
    assert not running.file.exists()


def test_with_a_wrong_key_its_process_is_terminated(start: Start) -> None:
    running = start("--id", "work")
    running.rewrite(key="wrong")
    assert llmspell("kernel", "stop", "work", "--timeout", "0.2").stderr == "work terminated\n"
    assert running.process.wait(60) == 128 + signal.SIGTERM


def test_leftovers_are_removed_without_a_signal_to_whom_has_the_number_now(runtime: Path) -> None:
    """The kernel has died, and the system has given its process number to another program."""
    innocent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        began = psutil.Process(innocent.pid).create_time()
        for arguments in ((), ("--force",)):
            file = write(
                runtime / "kernel-gone.json", llmspell_pid=innocent.pid, llmspell_process_started=began - 100
            )
            assert listed()["gone"]["state"] == "dead"
            done = llmspell("kernel", "stop", "gone", *arguments)
            assert done.returncode == 0, done.stderr
            assert done.stderr == "gone was dead; its file is removed\n"
            assert not file.exists()
            assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.communicate()


def test_who_has_the_port_now_is_not_signalled(runtime: Path) -> None:
    """The test itself listens: it would not come to its end."""
    with listener() as port:
        file = write(
            runtime / "kernel-gone.json", hb_port=port, llmspell_pid=os.getpid(), llmspell_process_started=1.0
        )
        for arguments in (("--timeout", "0.2"), ("--force",)):
            done = llmspell("kernel", "stop", "gone", *arguments)
            assert done.returncode == 1
            assert str(port) in done.stderr
    assert file.exists()


def test_a_client_that_names_the_file_is_not_signalled(start: Start) -> None:
    running = start("--id", "work")
    running.rewrite(llmspell_pid=1, llmspell_process_started=1.0, key="wrong")
    client = subprocess.Popen(
        [sys.executable, "-c", "input()", "--existing", str(running.file)], stdin=subprocess.PIPE
    )
    try:
        done = llmspell("kernel", "stop", "work", "--force")
        assert done.returncode == 1 and "is not known" in done.stderr
        assert client.poll() is None and running.process.poll() is None
    finally:
        client.kill()
        client.communicate()


def test_what_cannot_be_stopped_says_why(runtime: Path) -> None:
    (runtime / "kernel-bad.json").write_text("{}")
    write(runtime / "kernel-new.json")
    write(runtime / "kernel-remote.json", ip="192.0.2.1")
    done = llmspell("kernel", "stop", "bad", "new", "remote", "--timeout", "0.2")
    assert done.returncode == 1 and done.stdout == ""
    said = done.stderr
    assert "cannot stop bad, it is unreadable" in said and "has no 'shell_port'" in said
    assert "cannot stop new, it is starting" in said
    assert "cannot stop remote, it is unreachable" in said
    assert len(list(runtime.iterdir())) == 3


@pytest.mark.parametrize("arguments", [(), ("work", "--all")])
def test_which_ones_has_to_be_said(runtime: Path, arguments: tuple[str, ...]) -> None:
    done = llmspell("kernel", "stop", *arguments)
    assert done.returncode == 2 and "say which kernels to stop, or --all" in done.stderr
