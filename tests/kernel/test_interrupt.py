"""Interrupts from outside: by signal and by message, of Lua, of Python and of child processes."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Callable

import pytest

from ..kernels import Execution, KernelSession, Message
from ..signals import interrupt_unnoticed

TIMES = 1000 if os.environ.get("LLMSPELL_LONG") else 100

Interrupt = Callable[[KernelSession], None]


def by_signal(kernel: KernelSession) -> None:
    pid = kernel.manager.provisioner.pid
    assert pid is not None
    os.kill(pid, signal.SIGINT)


def by_message(kernel: KernelSession) -> None:
    kernel.client.control_channel.send(kernel.client.session.msg("interrupt_request", {}))
    reply = kernel.client.get_control_msg(timeout=60)
    assert (reply["msg_type"], reply["content"]["status"]) == ("interrupt_reply", "ok")


def by_signal_too_early(kernel: KernelSession) -> None:
    """Just before the main thread blocks, which then does not notice it."""
    pid = kernel.manager.provisioner.pid
    assert pid is not None
    interrupt_unnoticed(pid)


def wait_until_all_has_arrived(kernel: KernelSession) -> None:
    """What was sent on the shell channel is there: the kernel has answered what was sent after it."""
    kernel.client.control_channel.send(kernel.client.session.msg("kernel_info_request", {}))
    reply = kernel.client.get_control_msg(timeout=60)
    assert reply["msg_type"] == "kernel_info_reply"


WAYS = pytest.mark.parametrize("interrupt", [by_signal, by_message])


def interrupted(kernel: KernelSession, code: str, interrupt: Interrupt) -> tuple[Execution, float]:
    """A cell that is interrupted as soon as it has printed something, and the seconds until its reply."""
    msg_id = kernel.client.execute(code, allow_stdin=False)
    started: list[Message] = []
    while not started:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") == msg_id and message["msg_type"] == "stream":
            started.append(message)
    asked = time.perf_counter()
    interrupt(kernel)
    while True:
        reply = kernel.client.get_shell_msg(timeout=60)
        if reply["parent_header"].get("msg_id") == msg_id:
            took = time.perf_counter() - asked
            break
    messages = list(started)
    while not (messages[-1]["msg_type"] == "status" and messages[-1]["content"]["execution_state"] == "idle"):
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") == msg_id:
            messages.append(message)
    return Execution(reply, messages), took


LOOPS = {
    "loop": "while true do end",
    "pcall": "while true do pcall(function() while true do end end) end",
    "coroutines": "while true do coroutine.wrap(function() for i = 1, 100 do end end)() end",
    "printing": "while true do print('x') end",
    "matching": "local s = string.rep('a', 2000) while true do s:match('.-b') end",
}
BLOCKED = {
    "os.execute": "os.execute('sleep 60')",
    "stubborn child": "os.execute('trap \"\" INT; sleep 3')",
    "pipe that is read": "local p = io.popen('sleep 60') p:read('*a') while true do end",
    "timer.sleep": "timer.sleep(60)",
    "caught": "while true do pcall(timer.sleep, 60) end",
}


@WAYS
def test_many_times_in_a_row(kernel: KernelSession, interrupt: Interrupt) -> None:
    kernel.execute("kept = 0 local upvalue = 0 function tick() upvalue = upvalue + 1 return upvalue end")
    seconds = []
    for count in range(TIMES):
        code = list(LOOPS.values())[count % len(LOOPS)]
        done, took = interrupted(kernel, f"kept = kept + 1 tick() print('started') {code}", interrupt)
        assert done.reply["content"]["ename"] == "KeyboardInterrupt", done.reply["content"]
        seconds.append(took)
    print(f"\n{interrupt.__name__}: median {statistics.median(seconds) * 1000:.1f} ms of {TIMES}")
    assert kernel.execute(f"kept, tick() == {TIMES + 1}").result == f"{TIMES}\ttrue"
    assert statistics.median(seconds) < 1


@pytest.mark.parametrize("interrupt", [by_signal, by_signal_too_early, by_message])
@pytest.mark.parametrize("name", BLOCKED)
def test_what_blocks_ends(kernel: KernelSession, interrupt: Interrupt, name: str) -> None:
    done, took = interrupted(kernel, f"print('started') {BLOCKED[name]}", interrupt)
    assert done.reply["content"]["ename"] == "KeyboardInterrupt", done.reply["content"]
    assert took < 30
    assert kernel.execute("1 + 1").result == "2"


@WAYS
def test_waiting_for_input_ends(kernel: KernelSession, interrupt: Interrupt) -> None:
    for code in ("io.read()", "while true do pcall(io.read) end", "io.getpass()"):
        msg_id = kernel.client.execute(code, allow_stdin=True)
        asked = kernel.client.get_stdin_msg(timeout=60)
        assert asked["msg_type"] == "input_request"
        interrupt(kernel)
        assert kernel.collect(msg_id).reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.execute("io.read()", answers=["typed"]).result == '"typed"'


def test_an_interrupt_as_soon_as_the_question_is_asked_is_never_lost(kernel: KernelSession) -> None:
    for _ in range(TIMES):
        msg_id = kernel.client.execute("io.read()", allow_stdin=True)
        kernel.client.get_stdin_msg(timeout=60)
        by_signal(kernel)
        assert kernel.collect(msg_id).reply["content"]["ename"] == "KeyboardInterrupt"


def test_the_next_cells_are_not_hit(kernel: KernelSession) -> None:
    """Also when they wait in the queue while the interrupt comes."""
    for code in ("while true do end", "timer.sleep(60)"):
        for _ in range(10):
            kernel.execute("ran = 0")
            msg_id = kernel.client.execute(f"print('started') {code}", stop_on_error=False)
            behind = [
                kernel.client.execute("for i = 1, 100000 do end ran = ran + 1", stop_on_error=False)
                for _ in range(5)
            ]
            while True:
                message = kernel.client.get_iopub_msg(timeout=60)
                if message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == msg_id:
                    break
            by_signal(kernel)
            ids = [msg_id, *behind]
            assert [done.status for done in kernel.collect_all(ids)] == ["error"] + ["ok"] * 5
            assert kernel.execute("ran").result == "5"


@WAYS
def test_between_cells_it_does_nothing(kernel: KernelSession, interrupt: Interrupt) -> None:
    for _ in range(10):
        interrupt(kernel)
        assert kernel.execute("1 + 1").result == "2"


@WAYS
def test_while_the_result_is_shown(kernel: KernelSession, interrupt: Interrupt) -> None:
    code = "print('started') return setmetatable({}, {__tostring = function() while true do end end})"
    done, _ = interrupted(kernel, code, interrupt)
    assert done.reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.execute("1 + 1").result == "2"


def test_requests_behind_an_interrupted_cell_are_aborted(kernel: KernelSession) -> None:
    msg_id = kernel.client.execute("print('started') while true do end")
    behind = [kernel.client.execute("1") for _ in range(20)]
    while kernel.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
        continue
    wait_until_all_has_arrived(kernel)
    by_signal(kernel)
    statuses = [done.reply["content"]["status"] for done in kernel.collect_all([msg_id, *behind])[1:]]
    assert set(statuses) == {"aborted"}


def test_children_that_ignore_interrupts_end_with_the_cell(kernel: KernelSession) -> None:
    done, took = interrupted(
        kernel, "print('started') os.execute('trap \"\" INT; echo $$; while true; do :; done')", by_signal
    )
    assert done.reply["content"]["ename"] == "KeyboardInterrupt"
    assert took < 30
    pid = int(done.stdout.split()[1])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_second_interrupt_kills_the_child_of_a_pipe(kernel: KernelSession) -> None:
    code = (
        "local p = io.popen('trap \"\" INT; echo ready; while true; do :; done') print(p:read()) p:read('a')"
    )
    msg_id = kernel.client.execute(code)
    while kernel.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
        continue
    by_signal(kernel)
    by_signal(kernel)
    assert kernel.collect(msg_id).reply["content"]["ename"] == "KeyboardInterrupt"
