from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

import pytest

from llmspell_kernel.dap.framing import BODY_LIMIT, encode
from llmspell_kernel.dap.server import CLIENT_LIMIT, DapServer
from llmspell_kernel.errors import SecurityError, UsageError

from .client import SECONDS
from .program import Program, Served, served

CODE = "local x = 1\nx = x + 1\nreturn x"


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    program = Program()
    yield program
    program.close()


@pytest.fixture
def server(program: Program) -> Iterator[Served]:
    with served(program) as found:
        yield found


def hangs_up(sock: socket.socket) -> bool:
    """Whether the other side closes; what it sends before is thrown away."""
    sock.settimeout(SECONDS)
    try:
        while sock.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def test_two_look_one_steers_and_the_next_takes_over(server: Served, program: Program) -> None:
    first, second = server.editor("One"), server.editor("Two")
    first.break_in(program, CODE, 2)
    outcome = program.run(CODE)
    assert first.stop()["threadId"] == second.stop()["threadId"] == 1
    frame = second.top()["id"]
    assert second.request("evaluate", expression="x", frameId=frame, context="hover")["result"] == "1"
    for command, arguments in (
        ("continue", {"threadId": 1}),
        ("next", {"threadId": 1}),
        ("pause", {"threadId": 1}),
        ("evaluate", {"expression": "x = 5", "frameId": frame, "context": "repl"}),
        ("setVariable", {"variablesReference": 1, "name": "x", "value": "5"}),
    ):
        refusal = second.refusal(command, arguments)
        assert "One steers" in refusal and '"steer": true' in refusal
    first.ask_well("disconnect", {})
    assert "steers now" in second.wait_event("output")["output"]
    assert outcome.result(SECONDS).result is not None, "what the first had stopped goes on"
    second.break_in(program, CODE, 3)
    outcome = program.run(CODE)
    second.stop()
    second.request("continue", threadId=1)
    assert outcome.result(SECONDS).error is None


def test_the_steering_is_taken_over_on_request(server: Served, program: Program) -> None:
    first, second = server.editor("One"), server.editor("Two", steer=True)
    assert "Two steers" in first.wait_event("output")["output"]
    first.break_in(program, CODE, 2)
    outcome = program.run(CODE)
    first.stop()
    assert "Two steers" in first.refusal("continue", {"threadId": 1})
    second.stop()
    second.request("continue", threadId=1)
    assert first.wait_event("continued")["allThreadsContinued"]
    assert outcome.result(SECONDS).error is None


def test_one_who_only_looks_is_told_so(server: Served) -> None:
    assert "this client only looks" in server.editor(steer=False).refusal("continue", {"threadId": 1})


def test_code_goes_on_when_the_client_that_stopped_it_vanishes(server: Served, program: Program) -> None:
    client, other = server.editor("One"), server.editor("Two")
    client.break_in(program, CODE, 2)
    outcome = program.run(CODE)
    client.stop()
    other.stop()
    client.close()
    assert other.wait_event("continued")
    assert outcome.result(SECONDS).error is None
    assert program.run(CODE).result(SECONDS).error is None, "its breakpoints are gone"


def test_a_client_that_comes_late_hears_of_the_stop(server: Served, program: Program) -> None:
    first = server.editor("One")
    first.break_in(program, CODE, 2)
    outcome = program.run(CODE)
    first.stop()
    second = server.editor("Two")
    second.request("configurationDone")
    assert second.stop()["reason"] == "breakpoint"
    first.close()
    assert outcome.result(SECONDS).error is None


def test_others_are_told_of_changed_values(server: Served, program: Program) -> None:
    first = server.editor("One")
    second = server.editor("Two", initialize={"supportsInvalidatedEvent": True})
    first.break_in(program, CODE, 2)
    outcome = program.run(CODE)
    first.stop()
    first.request("evaluate", expression="x = 20", frameId=first.top()["id"], context="repl")
    assert second.wait_event("invalidated")["areas"] == ["variables"]
    first.request("continue", threadId=1)
    result = outcome.result(SECONDS).result
    assert result is not None and result.data["text/plain"] == "21"


# Tokens


def test_nothing_is_told_without_the_token(program: Program) -> None:
    with served(program, token="geheim") as server:
        stranger = server.connect()
        stranger.introduce()
        assert "token" in stranger.refusal("threads")
        assert "token" in stranger.refusal("evaluate", {"expression": "1"})
        assert 'add "token"' in stranger.refusal("attach", {})
        assert "not this server's" in stranger.refusal("attach", {"token": "geheim2"})
        assert "not this server's" in stranger.refusal("initialize", {"adapterID": "x", "token": "ü"})
        stranger.ask_well("attach", {"token": "geheim"})
        stranger.wait_event("initialized")
        stranger.request("threads")
        early = server.connect()
        assert early.ask("initialize", {"token": "geheim"}, checked=False)["success"]
        early.ask_well("attach", {})


def test_a_stranger_is_sent_away(program: Program) -> None:
    with served(program, token="geheim") as server:
        stranger = server.connect()
        with pytest.raises(ConnectionError):
            for _ in range(50):
                stranger.refusal("threads")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_others_are_let_in_with_a_token_only(program: Program, host: str) -> None:
    for token in (None, ""):
        with pytest.raises(SecurityError) as failed:
            DapServer(program.debugger, host, 0, token)
        assert "token" in str(failed.value) and "127.0.0.1" in str(failed.value)
    with DapServer(program.debugger, host, 0, "geheim") as server:
        assert server.address[1] > 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_needs_no_token(program: Program, host: str) -> None:
    with DapServer(program.debugger, host) as server:
        socket.create_connection(server.address, SECONDS).close()


def test_what_cannot_be_listened_on_is_told(program: Program, server: Served) -> None:
    for host, port in (("no.such.host.invalid", 0), ("127.0.0.1", server.address[1]), ("127.0.0.1", 99999)):
        with pytest.raises(UsageError) as failed:
            DapServer(program.debugger, host, port)
        assert str(port) in str(failed.value)


# Peers that misbehave

GARBAGE = {
    "noise": b"\x00\xff" * 5000,
    "a browser": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
    "giant": b"Content-Length: %d\r\n\r\n" % (BODY_LIMIT * 1000),
    "endless line": b"x" * 1_000_000,
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_ends_the_connection_and_nothing_else(server: Served, data: bytes) -> None:
    with socket.create_connection(server.address, SECONDS) as sock:
        try:
            sock.sendall(data)
        except ConnectionError:
            pass  # the server need not read to the end
        assert hangs_up(sock)
    server.editor().request("threads")


def test_what_is_no_request_is_answered(server: Served) -> None:
    with socket.create_connection(server.address, SECONDS) as sock:
        for body in (b"{", b"null", b"17", b'{"seq":1,"type":"event"}', b'{"seq":"x","command":7}'):
            sock.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            answer = sock.recv(65536)
            assert b'"success":false' in answer and b"command" in answer
    server.editor().request("threads")


def test_half_a_message_holds_nobody_up(server: Served) -> None:
    with socket.create_connection(server.address, SECONDS) as sock:
        sock.sendall(b"Content-Length: 1000\r\n\r\n{")
        server.editor().request("threads")


def test_a_client_that_resets_leaves_nothing_behind(server: Served) -> None:
    for _ in range(CLIENT_LIMIT * 2):
        sock = socket.create_connection(server.address, SECONDS)
        sock.sendall(encode({"seq": 1, "type": "request", "command": "initialize", "arguments": {}}))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    server.editor().request("threads")


def test_too_many_clients_are_sent_away(server: Served) -> None:
    held = [socket.create_connection(server.address, SECONDS) for _ in range(CLIENT_LIMIT)]
    with socket.create_connection(server.address, SECONDS) as sock:
        assert hangs_up(sock)
    for each in held:
        each.close()


def test_a_client_that_does_not_read_holds_nobody_up(server: Served) -> None:
    deaf = server.editor("deaf")
    other = server.editor("other")
    text = "x" * 1_000_000
    for _ in range(100):
        server.server.output("stdout", text)
    begin = time.monotonic()
    server.server.output("stdout", "last")
    assert time.monotonic() - begin < 10
    with pytest.raises(ConnectionError):
        while True:
            deaf.wait_event("output")
    other.close()


def test_closing_ends_clients_that_do_not_read(program: Program) -> None:
    with served(program) as server:
        server.editor("deaf")
        for _ in range(20):
            server.server.output("stdout", "x" * 1_000_000)
        begin = time.monotonic()
        server.close()
        assert time.monotonic() - begin < 10


# What the program tells


def test_output_and_the_end_are_told(server: Served) -> None:
    client = server.editor()
    server.server.write("stdout", "hä".encode()[:2])
    server.server.write("stdout", "hä".encode()[2:] + b"\xff\n")
    server.server.output("console", "log", "/a.lua", 3)
    server.server.exited(3)
    texts = [client.wait_event("output")["output"] for _ in range(2)]
    assert texts == ["h", "ä\\xff\n"]
    logged = client.wait_event("output")
    assert logged["source"]["path"] == "/a.lua" and logged["line"] == 3
    assert client.wait_event("exited")["exitCode"] == 3
    client.wait_event("terminated")


def test_a_source_is_new_once(server: Served, program: Program) -> None:
    client = server.editor()
    for _ in range(3):
        outcome = program.run("for i = 1, 3 do load('return 5')() end")
        assert outcome.result(SECONDS).error is None
    server.server.exited(0)
    client.wait_event("terminated")
    told = [each["body"] for each in client.events if each["event"] == "loadedSource"]
    assert [each["source"]["name"].partition(" ")[0] for each in told] == ["cell", "load", "cell", "cell"]
    assert [each["reason"] for each in told] == ["new", "new", "changed", "changed"]


def test_waiting_requests_can_be_cancelled(server: Served, program: Program) -> None:
    client = server.editor()
    client.break_in(program, CODE, 2)
    outcome = program.run(CODE)
    client.stop()
    frame = client.top()["id"]
    slow = client.send("evaluate", {"expression": "while true do end", "frameId": frame, "context": "repl"})
    waiting = client.send("evaluate", {"expression": "x = 99", "frameId": frame, "context": "repl"})
    client.send("cancel", {"requestId": waiting})
    assert client.answer_to(waiting)["message"] == "cancelled"
    client.close()
    assert slow and outcome.result(SECONDS).error is None, "one that vanishes meanwhile holds nothing up"
