"""Text output on its way to the client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import pytest

from llmspell_kernel.interpreter import SignalGate
from llmspell_kernel.kernel.streams import CellOutput

from ..kernels import KernelSession, start_kernel


@pytest.fixture(scope="module")
def trusted(kernelspecs: list[str]) -> Iterator[KernelSession]:
    """A kernel whose Lua has Python."""
    session = start_kernel("llmspell", "--trusted")
    yield session
    session.end()


THREAD = """exec('''
import builtins, threading
def late():
    builtins.go.wait(60)
    print("late")
builtins.go = threading.Event()
builtins.thread = threading.Thread(target=late)
builtins.thread.start()
''', {})"""


def streams(kernel: KernelSession, code: str) -> list[tuple[str, str]]:
    """Name and text, one entry for neighbours of one name."""
    contents = [message["content"] for message in kernel.execute(code).of_type("stream")]
    return [
        (name, "".join(each["text"] for each in group))
        for name, group in groupby(contents, key=lambda each: str(each["name"]))
    ]


def test_a_hundred_thousand_lines(kernel: KernelSession) -> None:
    done = kernel.execute("for i = 1, 100000 do print('line ' .. i) end")
    assert done.stdout == "".join(f"line {index}\n" for index in range(1, 100_001))
    assert len(done.of_type("stream")) <= 500


@pytest.mark.parametrize(
    "write", ["io.write(i, '\\n')", "io.stdout:write(i, '\\n')", "io.stderr:write(i, '\\n')"]
)
def test_as_many_by_other_ways(kernel: KernelSession, write: str) -> None:
    done = kernel.execute(f"for i = 1, 50000 do {write} end")
    assert done.stdout + done.stderr == "".join(f"{index}\n" for index in range(1, 50_001))
    assert len(done.of_type("stream")) <= 500


def test_the_order_of_both_streams(kernel: KernelSession) -> None:
    code = "for i = 1, 50 do print('o' .. i) io.stderr:write('e' .. i .. '\\n') end"
    assert streams(kernel, code) == [
        (name, f"{letter}{index}\n")
        for index in range(1, 51)
        for name, letter in (("stdout", "o"), ("stderr", "e"))
    ]


def test_the_order_with_other_messages(kernel: KernelSession) -> None:
    done = kernel.execute(
        "print('1') display('two') print('3') os.execute('echo 4') display('five') print('6') return 7"
    )
    # How much text one message carries depends on when the output is looked at.
    kinds = [kind for kind, _ in groupby(message["msg_type"] for message in done.messages[2:-1])]
    assert kinds == ["stream", "display_data", "stream", "display_data", "stream", "execute_result"]
    assert done.stdout == "1\n3\n4\n6\n"


def test_output_is_seen_while_the_cell_runs(kernel: KernelSession) -> None:
    msg_id = kernel.client.execute("print('early') io.read()", allow_stdin=True)
    while True:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream":
            break
    assert message["content"]["text"] == "early\n"
    kernel.client.get_stdin_msg(timeout=60)
    kernel.client.input("")
    assert kernel.collect(msg_id).status == "ok"


def test_output_of_a_busy_loop_is_seen_soon(kernel: KernelSession) -> None:
    msg_id = kernel.client.execute("print('a') print('b') while not io.open('/nonexistent') do end")
    seen = ""
    while "b" not in seen:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream":
            seen += message["content"]["text"]
    kernel.manager.interrupt_kernel()
    assert kernel.collect(msg_id).status == "error"


def test_characters_cut_across_writes(kernel: KernelSession) -> None:
    code = "local s = ('😀ü'):rep(20000) for i = 1, #s do io.write(s:sub(i, i)) end"
    assert kernel.execute(code).stdout == "😀ü" * 20_000
    assert kernel.execute("io.write('\\xf0\\x9f') io.flush() io.write('\\x98\\x80')").stdout == "😀"


def test_bytes_that_are_no_text(kernel: KernelSession) -> None:
    assert kernel.execute("print('\\xff\\xfe') io.write('\\xe2\\x82')").stdout == "\\xff\\xfe\n\\xe2\\x82"
    assert kernel.execute("print('fine')").stdout == "fine\n"
    assert kernel.execute("for i = 0, 255 do io.write(string.char(i)) end").status == "ok"
    assert kernel.execute("os.execute(\"printf '\\\\377'\")").stdout == "\\xff"
    assert kernel.execute("error('\\xff')").status == "error"
    assert kernel.execute("return '\\xff'").result == '"\\xff"'
    assert kernel.execute("x = {['\\xff'] = '\\xfe'} return x").status == "ok"


def test_the_output_limit(new_kernel: Callable[..., KernelSession]) -> None:
    kernel = new_kernel("llmspell", "--output-limit=10000")
    done = kernel.execute("for i = 1, 100000 do io.write('0123456789') end return 'end'")
    assert done.stdout == "0123456789" * 1000
    assert "990,000 more bytes" in done.stderr
    assert "output_limit" in done.stderr
    assert done.result == '"end"'
    assert kernel.execute("print('a new cell')").stdout == "a new cell\n"


def test_results_are_cut(kernel: KernelSession) -> None:
    done = kernel.execute("local t = {} for i = 1, 100000 do t[i] = {i, tostring(i)} end return t")
    assert done.result is not None
    assert len(done.result) < 200_000
    assert "more" in done.result


def test_python_prints_to_the_cell(trusted: KernelSession) -> None:
    assert trusted.execute("python.eval('print(\"from Python\")')").stdout == "from Python\n"
    done = trusted.execute(
        "print('1') python.eval('print(2)') io.write('3\\n') "
        "python.eval('__import__(\"sys\").stderr.write(\"4\\\\n\")') print('5')"
    )
    assert done.stdout == "1\n2\n3\n5\n"
    assert done.stderr == "4\n"


def test_a_thread_prints_to_the_cell_that_started_it(trusted: KernelSession) -> None:
    started = trusted.client.execute(f"python.eval({THREAD!r})")
    assert trusted.collect(started).status == "ok"
    other = trusted.client.execute("print('other') python.eval('(go.set(), thread.join())')")
    written = {started: "", other: ""}
    idle = False
    while not idle:
        message = trusted.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream":
            written[message["parent_header"]["msg_id"]] += message["content"]["text"]
        idle = message["content"].get("execution_state") == "idle"
    assert written == {started: "late\n", other: "other\n"}


def test_a_timer_prints_to_the_cell_that_set_it(kernel: KernelSession) -> None:
    started = kernel.client.execute("timer.after(0.05, function() print('late') end)")
    kernel.collect(started)
    late = ""
    while "late" not in late:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == started:
            late += message["content"]["text"]
    assert late == "late\n"


def test_a_cell_ends_after_what_the_ticker_is_just_sending() -> None:
    order: list[str] = []
    is_sending, has_ended = threading.Event(), threading.Event()

    def publish(kind: str, content: dict[str, Any], parent: object) -> None:
        is_sending.set()
        has_ended.wait(0.2)
        order.append(content["text"])

    output = CellOutput(publish, SignalGate(), 0)
    output.write("stdout", b"the last line\n")
    assert is_sending.wait(60)
    output.finish(output.current)
    order.append("idle")
    has_ended.set()
    output.close()
    assert order == ["the last line\n", "idle"]
