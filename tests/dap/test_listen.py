"""`llmspell debug --listen`: what its options mean to the clients, and how it ends."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.command import llmspell
from tests.signals import interrupt_unnoticed

from .client import SECONDS, RequestFailedError, body_of
from .session import Program, Session
from .targets import ScriptTarget, initialize

SUM = """
    local sum = 0
    for i = 1, 10 do
      sum = sum + i  -- @add
    end
    print(sum)
"""

Start = Callable[..., ScriptTarget]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Run a program under `llmspell debug --listen` with more options; all are ended after the test."""
    started: list[ScriptTarget] = []

    def start_one(text: str, *options: str, arguments: tuple[str, ...] = ()) -> ScriptTarget:
        file = tmp_path / "program.lua"
        file.write_text(Program.of(text).text)
        started.append(ScriptTarget(file, options=options, arguments=arguments))
        return started[-1]

    yield start_one
    for target in started:
        target.close()


def test_without_wait_the_script_runs_and_ends_by_itself(start: Start) -> None:
    target = start(SUM)
    assert target.wait_process() == 0
    assert target.stdout.join().endswith("\n55\n")


def test_a_client_attaches_to_a_script_that_runs(start: Start) -> None:
    text = """
        go = true
        print("busy")
        while go do
          local x = 1  -- @body
        end
        print("over")
    """
    target = start(text)
    target.stdout.wait_for("busy")
    with Session(Program.of(text), target) as session:
        session.pause()
        session.set_breakpoints("body")
        session.resume()
        stop = session.wait_stop("breakpoint", at="body")
        session.set_breakpoints()
        stop.frame.evaluate("go = false", "repl")
        session.resume()
        assert session.wait_end().stdout.endswith("over\n")


def test_a_breakpoint_of_the_command_line_holds_the_script_for_a_client(start: Start) -> None:
    target = start(SUM, "--break-at", "3")
    with Session(Program.of(SUM), target) as session:
        session.run()
        stop = session.wait_stop("breakpoint", at="add")
        assert stop.frame.locals["i"].value == "1"
        session.resume()
        stop = session.wait_stop("breakpoint", at="add")
        assert stop.frame.locals["i"].value == "2"


@pytest.mark.parametrize("options", [("--stop-on-entry",), ("--stop-on-entry", "--wait")])
def test_a_script_stops_on_entry(start: Start, options: tuple[str, ...]) -> None:
    target = start(SUM, *options)
    with Session(Program.of(SUM), target) as session:
        session.run()
        session.wait_stop("entry", at=1)
        session.step_over(at=2)
        session.resume()
        assert session.wait_end().stdout == "55\n"


def test_launch_starts_the_script_and_no_other(start: Start) -> None:
    target = start("print(arg[0], ...)", "--wait", arguments=("one", "--two"))
    client = target.raw_client()
    initialize(client)
    with pytest.raises(RequestFailedError, match=r"other\.lua"):
        client.request("launch", program="/tmp/other.lua")
    body_of(client.ask("launch", {"program": target.path}))
    client.request("configurationDone")
    output = client.wait_event("output", where=lambda body: body["category"] == "stdout")
    assert output["output"] == f"{target.path}\tone\t--two\n"
    assert client.wait_event("exited")["exitCode"] == 0


def test_a_launched_script_may_run_without_being_debugged(start: Start) -> None:
    target = start(SUM, "--wait")
    client = target.raw_client()
    initialize(client)
    body_of(client.ask("launch", {"noDebug": True}))
    client.request("configurationDone")
    assert client.wait_event("exited")["exitCode"] == 0


@pytest.mark.parametrize(
    ("program", "status"), [("error('no')", 1), ("os.exit(7)", 7), ("local x = = 1", 1), ("os.exit(0)", 0)]
)
def test_clients_hear_how_it_ended(start: Start, program: str, status: int) -> None:
    target = start(program, "--wait")
    client = target.connect()
    client.request("configurationDone")
    assert client.wait_event("exited")["exitCode"] == status
    client.wait_event("terminated")
    client.request("disconnect")
    assert target.process.wait(SECONDS) == status


def test_an_expression_that_ends_the_script_is_answered(start: Start) -> None:
    target = start("local x = 1\nprint(x)", "--wait", "--stop-on-entry")
    client = target.connect()
    client.request("configurationDone")
    client.wait_event("stopped")
    frame = client.request("stackTrace", threadId=1)["stackFrames"][0]["id"]
    answer = client.ask("evaluate", {"expression": "os.exit(3)", "context": "repl", "frameId": frame})
    assert not answer["success"] and "has ended" in answer["message"]
    assert client.wait_event("exited")["exitCode"] == 3
    client.request("disconnect")
    assert target.process.wait(SECONDS) == 3


def test_both_streams_are_output_events(start: Start) -> None:
    target = start("io.stderr:write('bad \\xe2')\nio.stderr:write('\\x82\\xac\\n')\nprint('good')", "--wait")
    client = target.connect()
    client.request("configurationDone")
    client.wait_event("terminated")
    texts = {"stdout": "", "stderr": ""}
    for message in client.log:
        if message.get("event") == "output" and message["body"]["category"] in texts:
            texts[message["body"]["category"]] += message["body"]["output"]
    assert texts == {"stdout": "good\n", "stderr": "bad €\n"}


def test_terminate_ends_the_script_without_a_word(start: Start) -> None:
    target = start("print('busy') while true do end", "--wait")
    client = target.connect()
    client.request("configurationDone")
    target.stdout.wait_for("busy")
    client.request("terminate")
    assert target.process.wait(SECONDS) == 130
    assert target.stderr.join() == ""


def test_ctrl_c_ends_a_script_that_waits_or_sleeps(start: Start) -> None:
    waiting = start(SUM, "--wait")
    assert waiting.address
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.process.wait(SECONDS) == 130
    sleeping = start("print('busy') timer.after(100, print)")
    sleeping.stdout.wait_for("busy")
    sleeping.process.send_signal(signal.SIGINT)
    assert sleeping.process.wait(SECONDS) == 130
    assert "Traceback" not in waiting.stderr.join() + sleeping.stderr.join()


@pytest.mark.parametrize(
    ("program", "options", "begun"),
    [(SUM, ("--wait",), "listening"), ("print('busy') timer.after(100, print)", (), "busy")],
    ids=["waiting", "sleeping"],
)
def test_ctrl_c_just_before_it_waits_ends_it_too(
    start: Start, program: str, options: tuple[str, ...], begun: str
) -> None:
    target = start(program, *options)
    target.stdout.wait_for(begun)
    interrupt_unnoticed(target.process.pid)
    assert target.process.wait(SECONDS) == 130
    assert "Traceback" not in target.stderr.join()


def test_timers_of_a_script_can_be_debugged(start: Start) -> None:
    text = """
        timer.after(0.05, function()
          local late = 1  -- @late
          print("rang")
        end)
        print("waiting")
    """
    target = start(text, "--wait")
    with Session(Program.of(text), target) as session:
        session.set_breakpoints("late")
        session.run()
        session.wait_stop("breakpoint", at="late")
        session.resume()
        assert session.wait_end().stdout == "waiting\nrang\n"


def test_others_may_connect_only_with_a_token(tmp_path: Path) -> None:
    (tmp_path / "program.lua").write_text("print(1)")
    done = llmspell("debug", "program.lua", "--listen", "0.0.0.0:0", cwd=tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and "token" in done.stderr
    done = llmspell("debug", "program.lua", "--listen", "0.0.0.0:0", "--token", "secret", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("listening on 0.0.0.0:")


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    (tmp_path / "program.lua").write_text("print(1)")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = llmspell("debug", "program.lua", "--listen", address, cwd=tmp_path)
    assert done.returncode == 1 and address in done.stderr and "Traceback" not in done.stderr
