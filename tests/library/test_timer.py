"""`timer`: what runs between cells, and where its output goes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ..kernels import KernelSession, Message


def streams(
    kernel: KernelSession, msg_id: str, until: str, seen: Sequence[Message] = ()
) -> list[tuple[str, str]]:
    """Stream name and text of what belongs to a request, up to a text that contains `until`.

    `seen` are messages that were received before.
    """
    found: list[tuple[str, str]] = []
    waiting = list(seen)
    while not found or until not in found[-1][1]:
        message: Message = waiting.pop(0) if waiting else kernel.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == msg_id:
            found.append((message["content"]["name"], message["content"]["text"]))
    return found


def test_a_callback_prints_below_its_cell_while_another_has_run(kernel: KernelSession) -> None:
    msg_id = kernel.client.execute("t = timer.after(0.2, function(a, b, c) print(a, b, c) end, 1, nil, 3)")
    first, second = kernel.collect_all([msg_id, kernel.client.execute("'second'")])
    assert second.result == '"second"'
    assert streams(kernel, msg_id, "1", first.messages)[-1] == ("stdout", "1\tnil\t3\n")
    assert kernel.execute("return t:cancel(), tostring(t)").result == 'false\t"timer: after 0.2 s, over"'


def test_every_ends_with_an_error_that_its_cell_shows(kernel: KernelSession) -> None:
    msg_id = kernel.client.execute(
        "n = 0\ntick = timer.every(0.01, function()\n  n = n + 1\n  print('tick', n)\n"
        "  if n == 3 then error('enough') end\nend)"
    )
    written = streams(kernel, msg_id, "enough")
    assert "".join(text for name, text in written if name == "stdout") == "tick\t1\ntick\t2\ntick\t3\n"
    assert written[-1][0] == "stderr" and "]:5: enough" in written[-1][1].replace("\x1b[0m", "")
    assert kernel.execute("timer.sleep(0.03)").status == "ok"
    assert kernel.execute("return n, tick:cancel()").result == "3\tfalse"


def test_a_callback_may_cancel_its_own_timer(kernel: KernelSession) -> None:
    msg_id = kernel.client.execute(
        "m = 0\nown = timer.every(0.01, function()\n"
        "  m = m + 1\n  if m == 2 then own:cancel() print('cancelled') end\nend)"
    )
    streams(kernel, msg_id, "cancelled")
    assert kernel.execute("timer.sleep(0.03) return m").result == "2"


def test_a_running_cell_holds_timers_up_and_they_ring_once(kernel: KernelSession) -> None:
    msg_id = kernel.client.execute(
        "rung = 0\nlate = timer.every(0.02, function() rung = rung + 1 print('rung', rung) end)\n"
        "timer.sleep(0.1)\nreturn rung"
    )
    done = kernel.collect(msg_id)
    assert done.result == "0"
    assert streams(kernel, msg_id, "rung", done.messages)[0][1].startswith("rung\t1\n")
    kernel.execute("late:cancel()")


def test_a_callback_can_update_a_display(kernel: KernelSession) -> None:
    msg_id = kernel.client.execute(
        "h = display('waiting')\ntimer.after(0.01, function() h:update('done') end)"
    )
    while True:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "update_display_data":
            break
    assert message["content"]["data"]["text/plain"] == '"done"'
    assert message["parent_header"]["msg_id"] == msg_id


def test_cancel_all(kernel: KernelSession) -> None:
    kernel.execute("timer.cancel_all()")
    assert (
        kernel.execute("timer.after(60, print) timer.every(60, print) return timer.cancel_all()").result
        == "2"
    )


def test_sleep_is_interrupted(kernel: KernelSession) -> None:
    msg_id = kernel.client.execute("print('asleep') timer.sleep(60)")
    streams(kernel, msg_id, "asleep")
    kernel.manager.interrupt_kernel()
    done = kernel.collect(msg_id)
    assert done.error is not None and done.error["ename"] == "KeyboardInterrupt"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("timer.after()", "'seconds' to 'timer.after' (number expected, got no value)"),
        ("timer.after(-1, print)", "'seconds' to 'timer.after' (a number from 0 to 1e9 expected, got -1)"),
        ("timer.every(0, print)", "'seconds' to 'timer.every' (a number from 0.001"),
        ("timer.sleep(0/0)", "'seconds' to 'timer.sleep'"),
        ("timer.after(1)", "'callback' to 'timer.after' (function expected, got no value)"),
        ("timer.after(60, print).cancel()", "'self' to 'handle:cancel'"),
    ],
)
def test_wrong_arguments_are_named(kernel: KernelSession, code: str, problem: str) -> None:
    error = kernel.execute(code).error
    assert error is not None
    assert problem in error["evalue"]
