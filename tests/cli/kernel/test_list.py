from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.cli.command import llmspell
from tests.client.files import listener, write

from .conftest import Manage, Start
from .running import listed, pid_of, state_of


def test_without_kernels_it_says_how_to_start_one(runtime: Path) -> None:
    assert llmspell("kernel", "list").stdout == "no kernels; `llmspell kernel start` starts one\n"
    assert llmspell("kernel", "list", "--output", "json").stdout == "[]\n"
    assert llmspell("kernel", "list", "--quiet").stdout == ""


def test_kernels_of_all_kinds_are_told_apart(runtime: Path, start: Start, manage: Manage) -> None:
    ours = start("--id", "work", "--language", "luajit")
    managed = manage("llmspell-lua55", "managed")
    foreign = manage("python3", "snake")
    write(runtime / "kernel-gone.json", llmspell_pid=os.getpid(), llmspell_process_started=1.0)
    (runtime / "kernel-garbage.json").write_bytes(b"\x00\xff")
    kernels = listed()
    assert {name: each["state"] for name, each in kernels.items()} == {
        "work": "idle",
        "managed": "idle",
        "snake": "not ours",
        "gone": "dead",
        "garbage": "unreadable",
    }
    assert kernels["work"]["pid"] == ours.process.pid
    assert kernels["work"]["language"] == "luajit" and kernels["work"]["kernel_name"] == "llmspell-luajit"
    assert kernels["work"]["managed_by"] is None
    assert kernels["managed"]["language"] == "lua55"
    assert str(os.getpid()) in kernels["managed"]["managed_by"]
    for name, session in {"managed": managed, "snake": foreign}.items():
        assert kernels[name]["pid"] == pid_of(session)
        assert kernels[name]["connection_file"] == session.manager.connection_file
        assert kernels[name]["ports"]["hb"] == session.manager.hb_port
    assert "not JSON" in kernels["garbage"]["note"] and kernels["garbage"]["port"] is None
    assert kernels["gone"]["pid"] is None
    table = llmspell("kernel", "list").stdout.splitlines()
    assert table[0].split() == "ID STATE KERNEL PID PORT UPTIME CLIENTS RUNS MEMORY".split()
    assert len(table) == 6
    (line,) = [line for line in table if line.startswith("work")]
    assert line.split()[:5] == [
        "work",
        "idle",
        "llmspell-luajit",
        str(ours.process.pid),
        str(ours.content["shell_port"]),
    ]
    assert set(llmspell("kernel", "list", "--quiet").stdout.split()) == set(kernels)


def test_what_a_kernel_says_of_itself_follows_what_it_does(start: Start) -> None:
    running = start("--id", "work")
    client = running.client()
    before = listed()["work"]
    assert (before["clients"], before["executions"]) == (2, 0)
    assert 1e6 < before["memory_bytes"] < 1e9
    client.execute_interactive("x = 1", timeout=60)
    assert llmspell("exec", "--connect", "work", "x").stdout == "1\n"
    msg_id = client.execute("print('begun') while true do end")
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == msg_id:
            break
    during = listed()["work"]
    assert (during["state"], during["executions"]) == ("busy", 3)
    assert during["uptime"] > before["uptime"] and during["started"] == before["started"]
    assert llmspell("kernel", "interrupt", "work").returncode == 0
    assert client.get_shell_msg(timeout=60)["content"]["status"] == "error"
    assert state_of("work") == "idle"


def test_clients_that_leave_or_vanish_are_not_counted(start: Start) -> None:
    running = start("--id", "work")
    client = running.client()
    assert listed()["work"]["clients"] == 2
    client.stop_channels()
    deadline = time.monotonic() + 30
    while listed()["work"]["clients"] != 1:
        assert time.monotonic() < deadline


def test_looking_leaves_no_trace_on_iopub(start: Start) -> None:
    """Front ends would blink, and servers that end idle kernels would think that it is used."""
    client = start("--id", "work").client()
    listed()
    msg_id = client.kernel_info()
    while True:
        message = client.get_iopub_msg(timeout=60)
        assert message["parent_header"].get("msg_type") != "status_request"
        if message["parent_header"].get("msg_id") == msg_id:
            break


def test_a_stopped_process_does_not_answer_and_does_not_hold_up_the_others(
    start: Start, manage: Manage
) -> None:
    work = start("--id", "work")
    frozen = [manage("llmspell", "frozen"), manage("python3", "snake")]
    for session in frozen:
        os.kill(pid_of(session), signal.SIGSTOP)
    kernels = listed()
    assert kernels["work"]["state"] == "idle" and kernels["work"]["pid"] == work.process.pid
    for name, session in zip(("frozen", "snake"), frozen, strict=True):
        assert kernels[name]["state"] == "not answering"
        assert kernels[name]["pid"] == pid_of(session)
        assert "stopped, or stuck" in kernels[name]["note"]
    for session in frozen:
        os.kill(pid_of(session), signal.SIGCONT)
    assert state_of("frozen") == "idle"


def test_a_wrong_key_is_suspected(start: Start) -> None:
    running = start("--id", "work")
    right = running.content["key"]
    running.rewrite(key="wrong")
    kernel = listed()["work"]
    assert kernel["state"] == "not answering" and "key" in kernel["note"]
    assert kernel["pid"] == running.process.pid
    running.rewrite(key=right)
    assert state_of("work") == "idle"


def test_a_port_that_another_program_has_is_no_kernel(runtime: Path) -> None:
    with listener() as port:
        file = write(runtime / "kernel-taken.json", hb_port=port)
        os.utime(file, (1e9, 1e9))
        kernel = listed()["taken"]
    assert kernel["state"] == "not answering" and "no kernel" in kernel["note"]
    assert kernel["pid"] is None


def test_a_file_so_new_that_its_kernel_may_be_starting_is_not_dead(runtime: Path) -> None:
    file = write(runtime / "kernel-new.json")
    assert state_of("new") == "starting"
    assert llmspell("kernel", "list", "--clean").returncode == 0
    assert file.exists()
    os.utime(file, (1e9, 1e9))
    assert state_of("new") == "dead"


def test_clean_removes_what_dead_kernels_have_left_and_nothing_else(
    runtime: Path, start: Start, manage: Manage
) -> None:
    start("--id", "work")
    manage("python3", "snake")
    killed = start("--id", "killed")
    killed.process.kill()
    killed.process.wait()
    old = write(runtime / "kernel-old.json")
    os.utime(old, (1e9, 1e9))
    bad = runtime / "kernel-bad.json"
    bad.write_text("{}")
    elsewhere = write(runtime / "kernel-remote.json", ip="192.0.2.1")
    assert listed("--clean").keys() == {"work", "snake", "bad", "remote"}
    assert not killed.file.exists() and not old.exists()
    assert bad.exists() and elsewhere.exists()
    done = llmspell("kernel", "list", "--clean", "--watch")
    assert done.returncode == 2 and "--watch" in done.stderr


@pytest.mark.parametrize("form", ["json", "pretty", "table", "text", "detailed"])
def test_the_forms_of_the_list(start: Start, form: str) -> None:
    start("--id", "work")
    said = llmspell("kernel", "list", "--format", form).stdout
    if form in ("json", "pretty"):
        assert [each["id"] for each in json.loads(said)] == ["work"]
        assert len(said.splitlines()) > 1 if form == "pretty" else len(said.splitlines()) == 1
    elif form == "detailed":
        assert said.startswith("work\n  state       idle\n") and "memory" in said
    else:
        assert said.startswith("ID ")
