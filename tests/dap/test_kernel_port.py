"""A kernel with `--dap-port`: an editor beside the notebook."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernels import KernelSession

from .client import DapClient, SocketRoute, body_of
from .session import Program, Session, StopPoint
from .targets import CellTarget, initialize

CELL = """
    local function area(w, h)
      local a = w * h  -- @product
      return a
    end
    print(area(3, 4))
"""

NewKernel = Callable[..., KernelSession]


def address_of(kernel: KernelSession) -> tuple[str, int]:
    """What the kernel has written into its connection file."""
    content = json.loads(Path(kernel.manager.connection_file).read_text())
    return "127.0.0.1", content["llmspell_dap_port"]


@pytest.fixture
def editor(new_kernel: NewKernel) -> Iterator[tuple[KernelSession, DapClient]]:
    """A kernel that serves any editor, and one that is connected and has said nothing."""
    kernel = new_kernel("llmspell", "--dap-port=0", "--dap-token=")
    client = DapClient(SocketRoute(address_of(kernel)))
    yield kernel, client
    client.close()


def attached(client: DapClient, **arguments: object) -> DapClient:
    initialize(client)
    body_of(client.ask("attach", arguments))
    client.wait_event("initialized")
    client.request("configurationDone")
    return client


def test_an_editor_debugs_a_file_that_a_cell_requires(
    editor: tuple[KernelSession, DapClient], tmp_path: Path
) -> None:
    kernel, client = editor
    module = tmp_path / "shapes.lua"
    module.write_text("local M = {}\nfunction M.area(w, h)\n  return w * h\nend\nreturn M\n")
    attached(client)
    (answered,) = client.request("setBreakpoints", source={"path": str(module)}, breakpoints=[{"line": 3}])[
        "breakpoints"
    ]
    assert answered["verified"]
    msg_id = kernel.client.execute(
        f"package.path = '{tmp_path}/?.lua'\nprint(require('shapes').area(3, 4))", allow_stdin=False
    )
    stop = StopPoint(client, client.wait_event("stopped"))
    assert stop.line == 3 and stop.frame.source["path"] == str(module)
    assert stop.frame.locals.values_as_text == {"w": "3", "h": "4"}
    client.request("continue", threadId=1)
    assert kernel.collect(msg_id).stdout == "12\n"


def test_an_editor_attaches_while_a_cell_runs(editor: tuple[KernelSession, DapClient]) -> None:
    kernel, client = editor
    msg_id = kernel.client.execute("go = true print(go)\nwhile go do end", allow_stdin=False)
    kernel.wait_output(msg_id)
    attached(client)
    client.request("pause", threadId=1)
    stop = StopPoint(client, client.wait_event("stopped"))
    assert stop.reason == "pause" and stop.line == 2
    stop.frame.evaluate("go = false", "repl")
    client.request("continue", threadId=1)
    client.wait_event("continued")
    client.request("disconnect")
    client.close()
    kernel.collect(msg_id)


def test_notebook_and_editor_see_the_same_and_one_steers(editor: tuple[KernelSession, DapClient]) -> None:
    kernel, client = editor
    program = Program.of(CELL)
    with Session(program, CellTarget(kernel, program.text)) as notebook:
        attached(client)
        notebook.set_breakpoints("product")
        notebook.run()
        notebook.wait_stop("breakpoint", at="product")
        stop = StopPoint(client, client.wait_event("stopped"))
        assert stop.frame.locals["w"].value == "3"
        assert client.refusal("continue", {"threadId": 1})
        attached(client, steer=True)
        assert notebook.client.refusal("next", {"threadId": 1})
        client.request("next", threadId=1)
        client.wait_event("stopped")
        notebook.wait_stop("step")
        client.request("continue", threadId=1)
        assert notebook.wait_end().stdout == "12\n"


def test_an_editor_that_vanishes_lets_the_cell_go_on(editor: tuple[KernelSession, DapClient]) -> None:
    kernel, client = editor
    attached(client)
    client.request("setFunctionBreakpoints", breakpoints=[{"name": "area"}])
    msg_id = kernel.client.execute(Program.of(CELL).text, allow_stdin=False)
    client.wait_event("stopped")
    client.close()
    assert kernel.collect(msg_id).stdout == "12\n"
    assert kernel.execute("return 1 + 1").result == "2"


def test_a_token_keeps_others_out(new_kernel: NewKernel) -> None:
    kernel = new_kernel("llmspell", "--dap-port=0", "--dap-token=open sesame")
    client = DapClient(SocketRoute(address_of(kernel)))
    try:
        initialize(client)
        assert "token" in client.refusal("attach", {"token": "open barley"})
        attached(client, token="open sesame")
    finally:
        client.close()


def test_without_a_token_one_is_made_up_for_those_who_may_read_the_file(new_kernel: NewKernel) -> None:
    kernel = new_kernel("llmspell", "--dap-port=0")
    told = json.loads(Path(kernel.manager.connection_file).read_text())["llmspell_dap_token"]
    assert len(told) >= 20
    client = DapClient(SocketRoute(address_of(kernel)))
    try:
        initialize(client)
        assert "token" in client.refusal("attach", {})
        attached(client, token=told)
    finally:
        client.close()


def test_files_that_were_loaded_before_the_editor_came_stop_too(
    editor: tuple[KernelSession, DapClient], tmp_path: Path
) -> None:
    kernel, client = editor
    module = tmp_path / "shapes.lua"
    module.write_text("local M = {}\nfunction M.area(w, h)\n  return w * h\nend\nreturn M\n")
    kernel.execute(f"package.path = '{tmp_path}/?.lua'\nshapes = require('shapes')")
    attached(client)
    client.request("setBreakpoints", source={"path": str(module)}, breakpoints=[{"line": 3}])
    msg_id = kernel.client.execute("print(shapes.area(3, 4))", allow_stdin=False)
    stop = StopPoint(client, client.wait_event("stopped"))
    assert stop.line == 3 and stop.frame.locals["h"].value == "4"
    client.request("continue", threadId=1)
    assert kernel.collect(msg_id).stdout == "12\n"
