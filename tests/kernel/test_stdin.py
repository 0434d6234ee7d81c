"""Input: what the kernel asks the client, and what it says when it may not."""

from __future__ import annotations

import pytest

from ..kernels import KernelSession


@pytest.mark.parametrize(
    ("code", "answers", "result"),
    [
        ("io.read()", ["typed"], '"typed"'),
        ("io.read('n', 'l')", ["12 rest"], '12\t" rest"'),
        ("io.read('L')", ["grüße 😀"], '"grüße 😀\\n"'),
        ("io.stdin:read('l')", [""], '""'),
        ("io.read() .. io.read()", ["a", "b"], '"ab"'),
        ("io.getpass('Key: ')", ["secret"], '"secret"'),
    ],
)
def test_input(kernel: KernelSession, code: str, answers: list[str], result: str) -> None:
    done = kernel.execute(code, answers=answers)
    assert done.result is not None
    assert done.result.replace("[[\n", '"').replace("\n]]", '\\n"') == result


def test_what_is_asked(kernel: KernelSession) -> None:
    for code, prompt, password in (
        ("io.read()", "", False),
        ("io.getpass('Key: ')", "Key: ", True),
        ("io.getpass()", "Password: ", True),
    ):
        msg_id = kernel.client.execute(code, allow_stdin=True)
        asked = kernel.client.get_stdin_msg(timeout=60)
        assert asked["content"] == {"prompt": prompt, "password": password}
        assert asked["parent_header"]["msg_id"] == msg_id
        kernel.client.input("x")
        assert kernel.collect(msg_id).result == '"x"'


def test_what_was_written_is_seen_before_the_question(kernel: KernelSession) -> None:
    msg_id = kernel.client.execute("print('Welcome.') io.read()", allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=60)
    while True:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream":
            break
    assert message["content"]["text"] == "Welcome.\n"
    kernel.client.input("x")
    kernel.collect(msg_id)


def test_a_client_without_input(kernel: KernelSession) -> None:
    for code in ("io.read()", "io.getpass()", "for line in io.lines() do end", "io.stdin:read('n')"):
        done = kernel.execute(code)
        assert done.error is not None
        assert done.error["ename"] == "LuaError"
        assert "this front end cannot be asked for input" in done.error["evalue"]
    assert kernel.execute("return (pcall(io.read))").result == "false"


def test_lines_until_the_user_stops(kernel: KernelSession) -> None:
    done = kernel.execute(
        "for line in io.lines() do if line == '' then break end print('<' .. line .. '>') end",
        answers=["one", "two", ""],
    )
    assert done.stdout == "<one>\n<two>\n"
    assert kernel.execute("io.read('a')", answers=["x", "y", ""]).result == "[[\nx\ny\n]]"


def test_answers_nobody_asked_for_are_ignored(kernel: KernelSession) -> None:
    kernel.client.input("unasked")
    kernel.client.input("for")
    assert kernel.execute("1 + 1").result == "2"
    assert kernel.execute("io.read()", answers=["asked"]).result == '"asked"'


def test_a_terminal_is_not_asked_between_cells(kernel: KernelSession) -> None:
    late = (
        "local _, why = pcall(io.read) if why:find('asked for input here, between cells') then print(1) end"
    )
    cell = kernel.client.execute(f"timer.after(0, function() {late} end);", allow_stdin=True)
    kernel.wait_output(cell)
    assert kernel.execute("1 + 1", answers=[]).result == "2"


def test_a_notebook_is_asked_below_the_cell_that_a_callback_belongs_to(kernel: KernelSession) -> None:
    session = kernel.client.session
    code = "timer.after(0, function() io.write('Who? ') print(io.read()) end);"
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": True}
    cell = session.msg("execute_request", content, metadata={"cellId": "a"})
    kernel.client.shell_channel.send(cell)
    asked = kernel.client.get_stdin_msg(timeout=60)
    assert asked["content"]["prompt"] == "Who? "
    assert asked["parent_header"]["msg_id"] == cell["header"]["msg_id"]
    kernel.client.input("me")
    assert kernel.execute("1 + 1").result == "2"


def test_who_runs_a_cell_is_asked_whosever_function_asks(kernel: KernelSession) -> None:
    kernel.execute("Event.on('who', function() who = io.read() end);")
    done = kernel.execute("Event.publish('who', 1) return who", answers=["me"])
    assert done.result == '"me"'
