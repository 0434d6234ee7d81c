"""A debugger's client over a kernel's control channel, and the programs that are debugged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.client import BenchmarkError
from benchmarks.kernels import KernelProcess

PROGRAMS = Path(__file__).parent / "programs" / "debugger"


@dataclass(frozen=True, slots=True)
class Program:
    """A cell that defines `run(size)` and `other()`, the same in both languages.

    Comments mark its lines: `hot if CONDITION` in the function that does the work, `other` in one that is
    not called, `call` on a call that does all of it, `stop` where there is something to look at.
    """

    code: str

    @classmethod
    def load(cls, name: str, kernel: KernelProcess) -> Program:
        """The program of that name in the kernel's language."""
        return cls((PROGRAMS / (name + kernel.spec.snippets.suffix)).read_text())

    def breakpoint(self, mark: str) -> dict[str, Any]:
        """A breakpoint, as DAP's SourceBreakpoint, on the line with that mark; false where it says `if`."""
        for number, line in enumerate(self.code.splitlines(), 1):
            words = line.replace("--", "#").rpartition("# ")[2].split(" if ")
            if words[0] == mark:
                return {"line": number} | ({"condition": words[1]} if words[1:] else {})
        raise BenchmarkError(f"no line of the program is marked {mark!r}")


class DebugClient:
    """What JupyterLab says to a kernel's debugger; attached from the start until `detach`."""

    def __init__(self, kernel: KernelProcess) -> None:
        self._client = kernel.client
        self._name = kernel.spec.name
        self._sent = 0
        self.request(
            "initialize",
            {
                "clientID": "jupyterlab",
                "clientName": "JupyterLab",
                "adapterID": self._name,
                "pathFormat": "path",
                "linesStartAt1": True,
                "columnsStartAt1": True,
                "supportsVariableType": True,
                "supportsVariablePaging": True,
                "supportsRunInTerminalRequest": True,
                "locale": "en",
            },
        )
        self.request("attach", {})
        self.request("configurationDone", {})

    def request(self, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The body of the response.

        Raises:
            BenchmarkError: it was not a success.
        """
        self._sent += 1
        content = {"type": "request", "seq": self._sent, "command": command, "arguments": arguments}
        msg_id = self._client.send("debug_request", content, "control")
        response = self._client.wait_reply(msg_id, "control").content
        if not response.get("success"):
            raise BenchmarkError(f"{self._name} refused {command}: {response.get('message', response)}")
        body: dict[str, Any] = response.get("body") or {}
        return body

    def set_breakpoints(self, program: Program, breakpoints: Sequence[dict[str, Any]]) -> None:
        """These become the breakpoints of the program, which need not have run yet."""
        path = self.request("dumpCell", {"code": program.code})["sourcePath"]
        self.request(
            "setBreakpoints",
            {"source": {"path": path}, "breakpoints": list(breakpoints), "sourceModified": False},
        )

    def wait_stopped(self, msg_id: str) -> dict[str, Any]:
        """The body of the next `stopped` event; the request `msg_id` is what runs the code.

        Raises:
            BenchmarkError: the request ended without a stop.
        """
        while True:
            message = self._client.receive(self._client.iopub)
            if message.msg_type == "debug_event":
                event = message.content
                if event["event"] == "stopped":
                    body: dict[str, Any] = event["body"]
                    return body
            elif message.is_idle and message.parent_id == msg_id:
                raise BenchmarkError(f"{self._name} did not stop where it should have")

    def stopped_in(self, code: str) -> tuple[str, dict[str, Any]]:
        """Runs a cell that must stop; its msg_id and the `stopped` event's body."""
        msg_id = self._client.send_execute(code)
        return msg_id, self.wait_stopped(msg_id)

    def resume(self, stop: dict[str, Any]) -> None:
        """Lets the code go on."""
        self.request("continue", {"threadId": stop["threadId"]})

    def run_to_end(self, msg_id: str, stop: dict[str, Any]) -> None:
        """Lets code that will not stop any more go on, to the end of its cell."""
        self.resume(stop)
        self._client.wait_idle(msg_id)
        self._client.wait_reply(msg_id).require_ok("the cell that had stopped")

    def step_over(self, msg_id: str, stop: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        """Seconds until the next line is reached, and that stop."""
        started = time.perf_counter()
        self.request("next", {"threadId": stop["threadId"]})
        arrived = self.wait_stopped(msg_id)
        return time.perf_counter() - started, arrived

    def frame(self, stop: dict[str, Any]) -> dict[str, Any]:
        """The innermost frame of a stop."""
        frame: dict[str, Any] = self.request("stackTrace", {"threadId": stop["threadId"]})["stackFrames"][0]
        return frame

    def local_variables(self, stop: dict[str, Any]) -> list[dict[str, Any]]:
        """What a client shows at a stop, asked for as JupyterLab does: the variables of every scope.

        Those of the first scope, the locals, are answered.
        """
        scopes = self.request("scopes", {"frameId": self.frame(stop)["id"]})["scopes"]
        shown = [self.children(scope) for scope in scopes]
        return shown[0]

    def children(self, parent: dict[str, Any], **page: int) -> list[dict[str, Any]]:
        """The variables in a scope or a variable; `page` may be start and count."""
        arguments = {"variablesReference": parent["variablesReference"], **page}
        variables: list[dict[str, Any]] = self.request("variables", arguments)["variables"]
        return variables
