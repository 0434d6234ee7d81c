"""Clients that ask for the wrong thing, at the wrong time, in the wrong way, or not at all any more."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernels import KernelSession

from .client import RequestFailedError, body_of
from .routes import ROUTES, Debug, debugging, script_session
from .session import Session
from .targets import CellTarget, ScriptTarget, initialize


@pytest.fixture(params=ROUTES)
def debug(request: pytest.FixtureRequest, tmp_path: Path, new_kernel: Callable[..., KernelSession]) -> Debug:
    return debugging(request.param, tmp_path, new_kernel)


LOOP = """
    local sum = 0
    for i = 1, 10 do
      sum = sum + i  -- @add
    end
    print(sum)
"""
BUSY = """
    go = true
    print("busy")
    while go do end
    print("over")
"""


def to_the_end(session: Session) -> None:
    """The debugger still works, and so does the program."""
    session.set_breakpoints()
    session.resume()
    assert session.wait_end().stdout == "55\n"


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        ("stackTrase", {}, "stackTrace"),
        ("", {}, "command"),
        ("stackTrace", None, "threadId"),
        ("stackTrace", {"threadId": "one"}, "threadId"),
        ("stackTrace", {"threadId": 4711}, "4711"),
        ("scopes", {"frameId": 999_999}, "frame"),
        ("variables", {"variablesReference": -5}, ""),
        ("variables", {"variablesReference": 10**12}, ""),
        ("setVariable", {"variablesReference": 1}, "name"),
        ("evaluate", {}, "expression"),
        ("evaluate", {"expression": "1 +", "context": "watch"}, ""),
        ("evaluate", [1, 2], "arguments"),
        ("setBreakpoints", {"breakpoints": [{"line": 1}]}, "source"),
        ("setBreakpoints", {"source": {}, "breakpoints": [{"line": 1}]}, "path"),
        ("setExceptionBreakpoints", {"filters": ["everything"]}, "everything"),
        ("source", {"sourceReference": 12345}, "12345"),
        ("next", {}, "threadId"),
        ("restartFrame", {"frameId": 1}, ""),
        ("goto", {"threadId": 1, "targetId": 1}, "goto"),
        ("completions", {"text": "x"}, "column"),
        ("exceptionInfo", {"threadId": 1}, "error"),
    ],
)
def test_a_wrong_request_is_refused_with_a_reason(
    debug_once: Session, command: str, arguments: object, said: str
) -> None:
    message = debug_once.client.refusal(command, arguments)
    assert said in message and "Traceback" not in message


@pytest.fixture(scope="module")
def debug_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """One session, stopped, for all requests that change nothing."""
    with script_session(tmp_path_factory.mktemp("once"), LOOP) as session:
        session.set_breakpoints("add")
        session.run()
        session.wait_stop("breakpoint")
        yield session
        to_the_end(session)


def test_a_wrong_breakpoint_is_not_verified_and_says_why(debug: Debug) -> None:
    with debug(LOOP) as session:
        answered = session.set_breakpoints(
            {"line": "add", "condition": "sum >"},
            {"line": "add", "hitCondition": "often"},
            {"line": "add", "logMessage": "{sum"},
            99,
        )
        assert [each["verified"] for each in answered] == [False] * 4
        assert all(each["message"] for each in answered)
        assert "often" in answered[1]["message"]
        session.run()
        assert session.wait_end().stdout == "55\n"


def test_a_function_breakpoint_without_a_name_is_not_set(debug: Debug) -> None:
    with debug(LOOP) as session:
        nameless, known, blank = session.set_function_breakpoints("", "nosuch", " ")
        assert not nameless["verified"] and "name is missing" in nameless["message"]
        assert nameless == blank and "nosuch" in known["message"]
        assert session.client.request("debugInfo")["breakpoints"] == []
        session.run()
        assert session.wait_end().stdout == "55\n"


def test_requests_before_attach_are_refused(tmp_path: Path) -> None:
    with script_session(tmp_path, LOOP) as session:
        assert isinstance(session.target, ScriptTarget)
        early = session.target.raw_client()
        assert early.refusal("threads")
        assert early.refusal("setBreakpoints", {"source": {"path": "x"}, "breakpoints": []})
        initialize(early)
        assert early.refusal("stackTrace", {"threadId": 1})
        session.set_breakpoints("add")
        session.run()
        session.wait_stop("breakpoint")
        to_the_end(session)


def test_requests_for_stopped_code_are_refused_while_it_runs(debug: Debug) -> None:
    with debug(BUSY) as session:
        session.run()
        session.wait_output("busy")
        client = session.client
        for command, arguments in (
            ("stackTrace", {"threadId": 1}),
            ("scopes", {"frameId": 1}),
            ("next", {"threadId": 1}),
            ("stepOut", {"threadId": 1}),
            ("evaluate", {"expression": "go", "context": "watch"}),
        ):
            assert client.refusal(command, arguments)
        stop = session.pause()
        stop.frame.evaluate("go = false", "repl")
        session.resume()
        assert session.wait_end().ok


def test_starting_twice_does_no_harm(debug: Debug) -> None:
    with debug(LOOP) as session:
        session.set_breakpoints("add")
        initialize(session.client)
        body_of(session.client.ask("attach", {}))
        session.client.request("configurationDone")
        session.client.request("configurationDone")
        if isinstance(session.target, CellTarget):
            session.run()
        session.wait_stop("breakpoint", at="add")
        to_the_end(session)


def test_a_condition_that_raises_stops_and_says_so(debug: Debug) -> None:
    with debug(LOOP) as session:
        session.set_breakpoints({"line": "add", "condition": "nowhere.x > 1"})
        session.run()
        stop = session.wait_stop("breakpoint", at="add")
        assert "nowhere" in stop.text
        to_the_end(session)


def test_a_condition_that_never_ends_is_ended(debug: Debug) -> None:
    with debug(LOOP) as session:
        session.set_breakpoints({"line": "add", "condition": "(function() while true do end end)()"})
        session.run()
        stop = session.wait_stop("breakpoint", at="add")
        assert stop.text
        to_the_end(session)


def test_an_expression_that_never_ends_is_ended(tmp_path: Path) -> None:
    with script_session(tmp_path, LOOP) as session:
        session.set_breakpoints("add")
        session.run()
        frame = session.wait_stop("breakpoint", at="add").frame
        with pytest.raises(RequestFailedError):
            frame.evaluate("(function() while true do end end)()")
        with pytest.raises(RequestFailedError):
            frame.evaluate("coroutine.yield(1)")
        assert frame.evaluate("i").value == "1"
        to_the_end(session)


def test_two_clients_look_and_one_steers(tmp_path: Path) -> None:
    with script_session(tmp_path, LOOP) as session:
        assert isinstance(session.target, ScriptTarget)
        second = session.target.connect()
        session.set_breakpoints("add")
        session.run()
        session.wait_stop("breakpoint", at="add")
        assert second.wait_event("stopped")["reason"] == "breakpoint"
        frames = second.request("stackTrace", threadId=1)["stackFrames"]
        assert frames[0]["line"] == session.line("add")
        for command in ("continue", "next", "stepIn", "stepOut"):
            assert "tests" in second.refusal(command, {"threadId": 1})
        session.set_breakpoints()
        session.resume()
        second.wait_event("continued")
        second.wait_event("terminated")
        second.request("disconnect")
        assert session.wait_end().stdout == "55\n"


def test_the_next_client_steers_when_the_first_goes(tmp_path: Path) -> None:
    with script_session(tmp_path, BUSY) as session:
        assert isinstance(session.target, ScriptTarget)
        second = session.target.connect()
        session.run()
        session.wait_output("busy")
        session.client.request("disconnect", terminateDebuggee=False)
        second.request("pause", threadId=1)
        assert second.wait_event("stopped")["reason"] == "pause"
        second.request("evaluate", expression="go = false", context="repl", frameId=_top(second))
        second.request("continue", threadId=1)
        second.wait_event("terminated")
        second.request("disconnect")
        assert session.target.wait_process() == 0


def _top(client: object) -> int:
    from .client import DapClient

    assert isinstance(client, DapClient)
    return int(client.request("stackTrace", threadId=1)["stackFrames"][0]["id"])


def test_a_client_that_vanishes_while_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    with script_session(tmp_path, LOOP) as session:
        assert isinstance(session.target, ScriptTarget)
        session.set_breakpoints("add")
        session.run()
        session.wait_stop("breakpoint", at="add")
        session.client.close()
        assert session.target.wait_process() == 0
        assert session.target.stdout.join().endswith("55\n")


def test_garbage_on_the_socket_hurts_nobody(tmp_path: Path) -> None:
    with script_session(tmp_path, LOOP) as session:
        assert isinstance(session.target, ScriptTarget)
        session.set_breakpoints("add")
        session.run()
        session.wait_stop("breakpoint", at="add")
        for garbage in (
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"Content-Length: 99999999999999\r\n\r\n{",
            b"Content-Length: -1\r\n\r\n",
            b"Content-Length: many\r\n\r\n{}",
            b"Content-Length: 4\r\n\r\n\xff\xfe\xfd\xfc",
            b"Content-Length: 2\r\n\r\n[]",
            b"Content-Length: 2000\r\n\r\n" + b"[" * 2000,
            b"\0" * 100_000,
            b"Content-Length: 10",
        ):
            with socket.create_connection(session.target.address, 5) as sock:
                sock.sendall(garbage)
                sock.shutdown(socket.SHUT_WR)
                sock.settimeout(10)
                while sock.recv(65536):
                    pass
        to_the_end(session)


def test_a_client_that_reads_nothing_holds_nobody_up(tmp_path: Path) -> None:
    with script_session(
        tmp_path,
        """
        for i = 1, 30000 do print(i, ("x"):rep(100)) end
        print("done")
        """,
    ) as session:
        assert isinstance(session.target, ScriptTarget)
        deaf = session.target.connect()
        session.run()
        assert session.wait_end().stdout.endswith("done\n")
        deaf.close()


def test_a_wrong_token_lets_nobody_in(tmp_path: Path) -> None:
    options = ("--wait", "--token", "open sesame")
    with script_session(tmp_path, LOOP, attach={"token": "open sesame"}, options=options) as session:
        assert isinstance(session.target, ScriptTarget)
        thief = session.target.raw_client()
        initialize(thief)
        assert "token" in thief.refusal("attach", {})
        assert "token" in thief.refusal("attach", {"token": "open barley"})
        assert thief.refusal("threads")
        session.set_breakpoints("add")
        session.run()
        session.wait_stop("breakpoint", at="add")
        to_the_end(session)


def test_ctrl_c_ends_a_script_that_is_stopped(tmp_path: Path) -> None:
    with script_session(tmp_path, LOOP) as session:
        assert isinstance(session.target, ScriptTarget)
        session.set_breakpoints("add")
        session.run()
        session.wait_stop("breakpoint", at="add")
        os.kill(session.target.process.pid, signal.SIGINT)
        assert session.client.wait_event("exited")["exitCode"] == 130
        session.client.wait_event("terminated")
        session.client.request("disconnect")
        assert session.target.process.wait(60) == 130


def test_a_kernel_is_interrupted_and_shut_down_while_stopped(
    tmp_path: Path, new_kernel: Callable[..., KernelSession]
) -> None:
    debug = debugging("kernel", tmp_path, new_kernel)
    with debug(LOOP) as session:
        assert isinstance(session.target, CellTarget)
        session.set_breakpoints("add")
        session.run()
        session.wait_stop("breakpoint", at="add")
        session.target.kernel.manager.interrupt_kernel()
        ending = session.wait_end()
        assert not ending.ok and "KeyboardInterrupt" in ending.stderr
        session.run()
        session.wait_stop("breakpoint", at="add")
        session.target.kernel.manager.shutdown_kernel(now=False)
        assert not session.target.kernel.manager.is_alive()


def test_messages_that_are_no_requests_are_answered_or_ignored(tmp_path: Path) -> None:
    with script_session(tmp_path, LOOP) as session:
        assert isinstance(session.target, ScriptTarget)
        with socket.create_connection(session.target.address, 5) as sock:
            for message in (
                {},
                {"type": "event", "event": "x", "seq": 1},
                {"seq": "a", "command": 5},
                7,
                None,
            ):
                body = json.dumps(message).encode()
                sock.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(10)
            answers = b""
            while data := sock.recv(65536):
                answers += data
        assert b'"success": true' not in answers and b'"success":true' not in answers
        session.run()
        assert session.wait_end().stdout == "55\n"
