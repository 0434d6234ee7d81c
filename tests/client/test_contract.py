"""What every client guarantees, wherever its kernel is."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel import Client, ClientError, Execution, Script
from llmspell_kernel.client.call import Message

from .calls import BUSY, SECONDS, SLEEPING, interrupted, run, wait_begun

# Code


def test_execute_gives_text_result_and_count(client: Client) -> None:
    first = run(client, "print('hello') io.stderr:write('oh') return 6 * 7")
    assert (first.status, first.stdout, first.stderr, first.text) == ("ok", "hello\n", "oh", "42")
    assert first.result == {"text/plain": "42"} and first.error is None and first.duration > 0
    second = run(client, "x = 1")
    assert second.result is None and first.execution_count is not None
    assert second.execution_count == first.execution_count + 1


def test_top_level_locals_and_globals_last(client: Client) -> None:
    run(client, "local kept = 20; free = 1")
    assert run(client, "kept + free").text == "21"


def test_silent_and_unstored_code_is_not_counted(client: Client) -> None:
    count = run(client, "1").execution_count
    silent = run(client, "print('unseen') return 5", silent=True)
    assert (silent.stdout, silent.result) == ("", None)
    assert run(client, "2", store_history=False).text == "2"
    assert count is not None and run(client, "3").execution_count == count + 1


def test_messages_have_the_same_shape(client: Client) -> None:
    call = client.execute_stream("print('x') return 1")
    messages = list(call.stream(SECONDS))
    types = [message["msg_type"] for message in messages]
    assert types == ["status", "execute_input", "stream", "execute_result", "status"]
    for message in messages:
        assert message["channel"] == "iopub" and message["metadata"] == {} and message["buffers"] == []
        assert message["parent_header"]["msg_id"] == call.msg_id
        assert message["header"]["msg_type"] == message["msg_type"]
        assert message["header"]["msg_id"] == message["msg_id"]
        assert message["header"]["version"] in ("5.3", "5.4") and message["header"]["date"].endswith("Z")
    assert list(call) == messages == call.result().messages
    assert call.reply is not None and call.reply["channel"] == "shell"


def test_output_comes_while_the_code_runs(client: Client) -> None:
    seen: list[str] = []

    def read_line(prompt: str, password: bool) -> str:
        seen.append(f"asked {prompt}")
        return "go on"

    call = client.execute_stream("print('one') local line = io.read() print(line)", read_line=read_line)
    for message in call.stream(SECONDS):
        if message["msg_type"] == "stream":
            seen.append(message["content"]["text"])
    assert seen == ["one\n", "asked ", "go on\n"]


def test_on_message_gets_each_message_on_this_thread(client: Client) -> None:
    got: list[tuple[str, int]] = []
    run(client, "1", on_message=lambda message: got.append((message["msg_type"], threading.get_ident())))
    here = threading.get_ident()
    assert got == [(kind, here) for kind in ("status", "execute_input", "execute_result", "status")]


def test_an_error_of_on_message_ends_the_code(client: Client) -> None:
    def fail(message: Message) -> None:
        if message["msg_type"] == "stream":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(client, BUSY, on_message=fail)
    assert run(client, "1").text == "1"


def test_failing_code_is_no_exception(client: Client) -> None:
    failed = run(client, "print('before')\nerror('oh no')")
    assert failed.status == "error" and failed.error is not None and failed.stdout == "before\n"
    assert failed.error.ename == "LuaError" and failed.error.evalue.endswith(":2: oh no")
    assert "oh no" in failed.error.traceback[0]
    wrong = run(client, "x = = 1")
    assert wrong.error is not None and wrong.error.ename == "LuaSyntaxError"


def test_displays_and_their_updates(client: Client) -> None:
    shown = run(client, "h = display.html('<b>1</b>') display.markdown('*2*') h:update('<b>3</b>')")
    assert [data.get("text/html") or data.get("text/markdown") for data in shown.displays] == [
        "<b>3</b>",
        "*2*",
    ]
    cleared = [message["msg_type"] for message in run(client, "display.clear()").messages]
    assert "clear_output" in cleared


def test_bytes_that_are_no_text(client: Client) -> None:
    odd = run(client, r"print('\xff\xfe') return '\xff'")
    assert odd.stdout == "\\xff\\xfe\n" and odd.text is not None
    assert run(client, "return '\N{SNOWMAN} \N{GRINNING FACE}'").text == '"\N{SNOWMAN} \N{GRINNING FACE}"'


def test_code_that_is_no_text_is_refused_before_it_is_sent(client: Client) -> None:
    with pytest.raises(TypeError, match=r"code is a string, not bytes; decode it"):
        client.execute(b"x")  # type: ignore[arg-type]
    for ask in (client.execute, client.execute_stream, client.complete, client.inspect, client.is_complete):
        with pytest.raises(ValueError, match=r"surrogate pair \('\\ud800'\) in line 2"):
            ask("return\n'\ud800'")
    assert run(client, "return 1").text == "1"


def test_the_repr_of_an_execution_is_short(client: Client) -> None:
    shown = repr(run(client, "print(('x'):rep(5000)) return ('y'):rep(5000)"))
    assert shown.startswith("<Execution ok, count ") and len(shown) < 250
    assert "Boom" in repr(run(client, "error('Boom')")).partition("error")[2]


def test_much_output_is_complete(client: Client) -> None:
    lines = run(client, "for i = 1, 50000 do print(i) end").stdout.split()
    assert lines == [str(number) for number in range(1, 50001)]


def test_user_expressions(client: Client) -> None:
    answers = run(
        client, "x = 5", user_expressions={"double": "x * 2", "bad": "nothing.here"}
    ).user_expressions
    assert answers["double"] == {"status": "ok", "data": {"text/plain": "10"}, "metadata": {}}
    assert answers["bad"]["status"] == "error" and answers["bad"]["ename"] == "LuaError"


@pytest.mark.parametrize("stops", [True, False])
def test_a_failure_aborts_what_waits_unless_it_should_not(client: Client, stops: bool) -> None:
    def read_line(prompt: str, password: bool) -> str:
        return "" if all_sent.wait(SECONDS) else "late"

    all_sent = threading.Event()
    failing = client.execute_stream("io.read() error('no')", read_line=read_line, stop_on_error=stops)
    waiting = [client.execute_stream(f"return {number}") for number in (1, 2)]
    question = client.start("is_complete_request", {"code": "x = 1"})
    all_sent.set()
    assert failing.result(SECONDS).status == "error"
    results = [call.result(SECONDS) for call in waiting]
    assert [each.status for each in results] == ["aborted" if stops else "ok"] * 2
    assert question.result(SECONDS)["status"] == "complete"
    assert run(client, "3").text == "3"


# Questions


def test_complete_inspect_and_is_complete(client: Client) -> None:
    run(client, "telescope = {lens = 1}")
    found = client.complete("print(telesc")
    assert found["matches"] == ["telescope"] and (found["cursor_start"], found["cursor_end"]) == (6, 12)
    assert client.complete("tele + 1", 4)["matches"] == ["telescope"]
    known = client.inspect("print(1)", 2)
    assert known["found"] and "print" in known["data"]["text/plain"]
    assert not client.inspect("nowhere")["found"]
    assert client.is_complete("for i = 1, 2 do") == {"status": "incomplete", "indent": "    "}


def test_history(client: Client) -> None:
    run(client, "return 'remember me'")
    rows = client.history("tail", n=1)["history"]
    assert [row[2] for row in rows] == ["return 'remember me'"]
    found = client.history("search", pattern="*remember*", output=True)["history"]
    assert found[-1][2] == ["return 'remember me'", '"remember me"']


def test_kernel_info_on_both_channels(client: Client) -> None:
    info = client.kernel_info()
    assert info["status"] == "ok" and info["implementation"] == "llmspell"
    assert info["language_info"]["name"] == "lua"
    assert client.request("kernel_info_request", channel="control") == info


def test_control_is_answered_while_code_runs(client: Client) -> None:
    call = client.execute_stream(BUSY)
    wait_begun(call)
    assert client.request("kernel_info_request", channel="control", timeout=SECONDS)["status"] == "ok"
    call.interrupt()
    call.result(SECONDS)


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_an_unknown_request_is_answered(client: Client, channel: Any) -> None:
    reply = client.request("no_such_request", {"x": 1}, channel=channel, timeout=SECONDS)
    assert (reply["status"], reply["ename"]) == ("error", "UnknownRequest")
    assert "no_such_request" in reply["evalue"] and "kernel_info_request" in reply["evalue"]


def test_code_is_not_run_by_the_control_channel(client: Client) -> None:
    reply = client.request("execute_request", {"code": "hacked = true"}, channel="control", timeout=SECONDS)
    assert reply["ename"] == "UnknownRequest" and run(client, "return hacked").text == "nil"


def test_a_request_without_what_it_needs_is_answered(client: Client) -> None:
    reply = client.request("execute_request", {"code": 5})
    assert reply["status"] == "error" and "'code'" in reply["evalue"]


# Scripts


def script(client: Client, code: str, *arguments: str, **options: Any) -> Execution:
    told = Script("some/tool.lua", arguments, options.pop("directory", None))
    return run(client, code, script=told, **options)


def test_script_arguments(client: Client) -> None:
    code = "return table.concat({arg[0], arg[1], ARGS['1'], ARGS.depth, ...}, ' ')"
    assert script(client, code, "a", "--depth", "3").text == '"some/tool.lua a a 3 a --depth 3"'


def test_script_errors_have_the_lines_of_the_file(client: Client) -> None:
    failed = script(client, "#!/usr/bin/env llmspell\nlocal x\nx.y = 1")
    assert failed.error is not None and failed.error.evalue.startswith("some/tool.lua:3: ")


def test_script_locals_end_with_it_and_its_value_is_the_result(client: Client) -> None:
    done = script(client, "local private = 1 return {answer = 42}")
    assert done.result is not None and done.result["application/json"] == {"answer": 42}
    assert run(client, "return private").text == "nil"


def test_script_requires_beside_it(client: Client, tmp_path: Path) -> None:
    (tmp_path / "helper_of_scripts.lua").write_text("return {name = 'helper'}")
    code = "return require('helper_of_scripts').name"
    assert script(client, code, directory=str(tmp_path)).text == '"helper"'


@pytest.mark.parametrize(("code", "status"), [(0, "ok"), (3, "error")])
def test_script_exit_codes(client: Client, code: int, status: str) -> None:
    done = script(client, f"print('bye') os.exit({code})")
    assert (done.status, done.exit_code, done.stdout) == (status, code, "bye\n")
    assert run(client, "return 1").exit_code is None


def test_script_that_is_none_is_refused(client: Client) -> None:
    call = client.start("execute_request", {"code": "1"}, metadata={"llmspell": {"script": {"name": 5}}})
    assert "metadata.llmspell.script" in call.result(SECONDS)["evalue"]


# Between cells


def test_comms_go_both_ways(client: Client) -> None:
    run(
        client, "comm.on_open('echo', function(c) c:on_msg(function(m) c:send{twice = m.data.x * 2} end) end)"
    )
    client.start("comm_open", {"comm_id": "c1", "target_name": "echo", "data": {}}).result(SECONDS)
    call = client.start("comm_msg", {"comm_id": "c1", "data": {"x": 21}})
    answers = [message for message in call.stream(SECONDS) if message["msg_type"] == "comm_msg"]
    assert [answer["content"]["data"] for answer in answers] == [{"twice": 42}]
    assert client.request("comm_info_request", {})["comms"] == {"c1": {"target_name": "echo"}}
    opened = run(client, r"comm.open('front', {y = 1}, {buffers = {'\255'}})").messages
    [message] = [each for each in opened if each["msg_type"] == "comm_open"]
    assert [bytes(each) for each in message["buffers"]] == [b"\xff"]
    client.start("comm_close", {"comm_id": "c1"}).result(SECONDS)


def test_timers_fire_between_requests_and_listeners_hear_them(client: Client) -> None:
    heard: queue.SimpleQueue[Message] = queue.SimpleQueue()
    stop = client.listen(heard.put)
    call = client.execute_stream("timer.after(0.05, function() print('ding') end)")
    call.result(SECONDS)
    while (message := heard.get(timeout=SECONDS))["msg_type"] != "stream":
        continue
    assert message["content"]["text"] == "ding\n"
    assert message["parent_header"]["msg_id"] == call.msg_id
    stop()


def test_code_runs_while_timers_wait(client: Client) -> None:
    run(client, "t = timer.every(0.01, function() n = (n or 0) + 1 end)")
    assert run(client, "while (n or 0) < 0 do end return t ~= nil").text == "true"
    run(client, "t:cancel()")


# The end


def test_shutdown_ends_the_kernel_and_calls_under_way(new_client: Callable[[], Client]) -> None:
    client = new_client()
    alive = [client.is_alive]
    call = client.execute_stream(BUSY)
    wait_begun(call)
    client.shutdown(timeout=SECONDS)
    assert [*alive, client.is_alive] == [True, False]
    with suppress(ClientError):  # or it has just been told that it was interrupted
        assert interrupted(call.result(SECONDS))
    with pytest.raises(ClientError, match="closed"):
        client.execute("1")
    client.close()


def test_close_ends_calls_and_may_be_repeated(new_client: Callable[[], Client]) -> None:
    with new_client() as client:
        call = client.execute_stream(SLEEPING)
        wait_begun(call)
        client.close()
        with pytest.raises(ClientError, match="closed"):
            call.result(SECONDS)
        with pytest.raises(ClientError):
            list(call)
    assert not client.is_alive


def test_shutdown_by_message(new_client: Callable[[], Client]) -> None:
    client = new_client()
    reply = client.request("shutdown_request", {"restart": False}, channel="control", timeout=SECONDS)
    assert reply == {"status": "ok", "restart": False}
    started = time.monotonic()
    with suppress(ClientError):  # it came too late, or just in time to be interrupted
        assert interrupted(run(client, "while true do end"))
    assert time.monotonic() - started < SECONDS
