"""Cells of a kernel as an editor sees them, which has no files of theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.dap.client import DapClient, SocketRoute, body_of
from tests.dap.targets import initialize
from tests.kernels import KernelSession

CELL = "local colour = 'teal'\ndebug.breakpoint()\nprint(colour)"


def test_an_editor_is_given_the_text_of_a_cell(new_kernel: Callable[..., KernelSession]) -> None:
    kernel = new_kernel("llmspell", "--dap-port=0", "--dap-token=")
    port = json.loads(Path(kernel.manager.connection_file).read_text())["llmspell_dap_port"]
    client = DapClient(SocketRoute(("127.0.0.1", port)))
    try:
        initialize(client)
        body_of(client.ask("attach", {}))
        client.request("configurationDone")
        running = kernel.client.execute(CELL, allow_stdin=False)
        client.wait_event("stopped")
        source = client.request("stackTrace", threadId=1)["stackFrames"][0]["source"]
        shown = client.request("source", source=source, sourceReference=source["sourceReference"])
        assert shown["content"] == CELL
        client.request("continue", threadId=1)
        assert kernel.collect(running).stdout == "teal\n"
    finally:
        client.close()
