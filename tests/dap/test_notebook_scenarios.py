"""Debugging notebooks over jupyter_client: cells that come again, changed cells, what only notebooks ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernels import KernelSession

from .client import DapClient
from .routes import debugging
from .session import Session, StopPoint
from .targets import CellTarget, initialize

CELL = """
    counter = (counter or 0) + 1
    local double = counter * 2  -- @double
    print(double)  -- @print
"""


@pytest.fixture
def session(tmp_path: Path, new_kernel: Callable[..., KernelSession]) -> Iterator[Session]:
    with debugging("kernel", tmp_path, new_kernel)(CELL) as session:
        yield session


def kernel_of(session: Session) -> KernelSession:
    assert isinstance(session.target, CellTarget)
    return session.target.kernel


def stops_at(session: Session, mark: str) -> StopPoint:
    session.run()
    stop = session.wait_stop("breakpoint", at=mark)
    assert stop.frame.source["path"] == session.target.path
    return stop


def goes_on(session: Session) -> str:
    session.resume()
    return session.wait_end().stdout


def test_a_breakpoint_hits_each_time_the_cell_runs(session: Session) -> None:
    session.set_breakpoints("double")
    for run in (1, 2, 3):
        stops_at(session, "double")
        assert goes_on(session) == f"{run * 2}\n"
    session.set_breakpoints()
    session.run()
    assert session.wait_end().stdout == "8\n"


def test_breakpoints_survive_an_interrupt(session: Session) -> None:
    session.set_breakpoints("double")
    stops_at(session, "double")
    kernel_of(session).manager.interrupt_kernel()
    assert not session.wait_end().ok
    stops_at(session, "double")
    assert goes_on(session) == "4\n"


def test_a_changed_cell_is_another_source(session: Session) -> None:
    assert isinstance(session.target, CellTarget)
    session.set_breakpoints("double")
    before = session.target.path
    session.target.code = session.target.code.replace("* 2", "* 20")
    session.target.path = session.client.request("dumpCell", code=session.target.code)["sourcePath"]
    assert session.target.path != before
    session.set_breakpoints("print")
    stop = stops_at(session, "print")
    assert stop.frame.locals["double"].value == "20"
    assert goes_on(session) == "20\n"


def test_a_restarted_kernel_is_debugged_anew(session: Session) -> None:
    kernel = kernel_of(session)
    session.set_breakpoints("double")
    stops_at(session, "double")
    kernel.manager.restart_kernel(now=False)
    kernel.client.wait_for_ready(timeout=60)
    info = session.client.request("debugInfo")
    assert not info["isStarted"] and info["breakpoints"] == [] and info["stoppedThreads"] == []
    session.client = session.target.connect()
    session.set_breakpoints("double")
    stops_at(session, "double")
    assert goes_on(session) == "2\n"


def test_debug_info_tells_a_page_that_was_loaded_again(session: Session) -> None:
    assert session.client.request("debugInfo")["stoppedThreads"] == []
    session.set_breakpoints({"line": "double", "condition": "counter > 0"})
    stop = stops_at(session, "double")
    info = session.client.request("debugInfo")
    assert info["isStarted"] and 1 in info["stoppedThreads"]
    assert info["breakpoints"] == [
        {
            "source": session.target.path,
            "breakpoints": [{"line": session.line("double"), "condition": "counter > 0"}],
        }
    ]
    assert session.target.path.startswith(info["tmpFilePrefix"])
    again = initialize(session.client)
    assert again["supportsConfigurationDoneRequest"]
    assert stop.stack(1)[0].line == session.line("double")
    assert goes_on(session) == "2\n"


def inspected(client: DapClient) -> dict[str, Any]:
    return {row["name"]: row["value"] for row in client.request("inspectVariables")["variables"]}


def test_variables_are_listed_while_idle_stopped_and_running(session: Session) -> None:
    session.run()
    session.wait_end()
    rows = inspected(session.client)
    assert rows["counter"] == "1" and rows["double"] == "2"
    assert "print" not in rows and "widgets" not in rows
    session.set_breakpoints("double")
    stops_at(session, "double")
    assert inspected(session.client)["counter"] == "2"
    goes_on(session)


def test_running_code_answers_with_what_was_known_last(
    tmp_path: Path, new_kernel: Callable[..., KernelSession]
) -> None:
    with debugging("kernel", tmp_path, new_kernel)("""
        busy = true
        print("busy")
        while busy do end
    """) as session:
        kernel_of(session).execute("known = 42")
        session.run()
        session.wait_output("busy")
        assert inspected(session.client)["known"] == "42"
        stop = session.pause()
        stop.frame.evaluate("busy = false", "repl")
        goes_on(session)


def test_values_are_shown_as_in_the_notebook(session: Session) -> None:
    session.set_breakpoints("print")
    kernel_of(session).execute("page = display.html and setmetatable({}, {})\nplain = { 1, 2 }")
    stop = stops_at(session, "print")
    shown = session.client.request("richInspectVariables", variableName="double", frameId=stop.frame.id)
    assert shown["data"]["text/plain"] == "2"
    assert "1" in session.client.request("richInspectVariables", variableName="plain")["data"]["text/plain"]
    lost = session.client.request("richInspectVariables", variableName="nowhere", frameId=stop.frame.id)
    assert lost["data"] in ({}, {"text/plain": "nil"})
    goes_on(session)


def test_a_local_is_copied_to_a_global(session: Session) -> None:
    session.set_breakpoints("print")
    stop = stops_at(session, "print")
    session.client.request(
        "copyToGlobals", srcVariableName="double", dstVariableName="kept", srcFrameId=stop.frame.id
    )
    goes_on(session)
    assert kernel_of(session).execute("return kept").result == "2"


def test_a_cell_outside_the_debugged_one_is_no_hindrance(session: Session) -> None:
    session.set_breakpoints("double")
    assert kernel_of(session).execute("return 6 * 7").result == "42"
    session.run()
    session.wait_stop("breakpoint", at="double")
    assert goes_on(session) == "2\n"


def test_the_debugger_can_be_switched_off_and_on(session: Session) -> None:
    for _ in range(3):
        session.client.request("disconnect", restart=False, terminateDebuggee=False)
        assert not session.client.request("debugInfo")["isStarted"]
        assert kernel_of(session).execute(session.program.text).status == "ok"
        session.client = session.target.connect()
        session.set_breakpoints("double")
        stops_at(session, "double")
        goes_on(session)


def test_functions_of_earlier_cells_stop_too(session: Session) -> None:
    code = "function area(w, h)\n  local a = w * h\n  return a\nend"
    path = session.client.request("dumpCell", code=code)["sourcePath"]
    kernel_of(session).execute(code)
    late = session.client.request("setBreakpoints", source={"path": path}, breakpoints=[{"line": 3}])
    assert late["breakpoints"][0]["verified"]
    client = kernel_of(session).client
    client.execute("area(2, 3)")
    stop = session.wait_stop("breakpoint")
    assert stop.line == 3 and stop.frame.source["path"] == path and stop.frame.locals["a"].value == "6"
    session.resume()
