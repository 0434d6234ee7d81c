"""A Lua state on a thread of its own that runs cells for tests, and a server that debugs it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from llmspell_kernel.dap.cells import CellFiles
from llmspell_kernel.dap.host import Host
from llmspell_kernel.dap.server import DapServer
from llmspell_kernel.dap.steering import Steering
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.lua.debugger.debugger import Debugger
from tests.lua.shell import LuaShell

from .client import SECONDS, DapClient, SocketRoute
from .targets import CLIENT


class Program:
    """Runs cells, one after the other; between them it serves the debugger.

    Attributes:
        debugger: of its Lua state.
        cells: where its cells are files.
    """

    debugger: Debugger

    def __init__(self, language: str = "lua54") -> None:
        self.cells = CellFiles()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._made: Future[None] = Future()
        self._thread = threading.Thread(target=self._live, args=(language,), name="program", daemon=True)
        self._thread.start()
        self._made.result(SECONDS)

    def _live(self, language: str) -> None:
        self._shell = LuaShell(language)
        self.debugger = self._shell.interpreter.debugger
        self.debugger.sources.locate = lambda _chunk, code: self.cells.path(code)
        self.debugger.when_idle = lambda: self._work.put(self.debugger.serve)
        self._made.set_result(None)
        while (work := self._work.get()) is not None:
            work()
        self._shell.interpreter.close()

    def run(self, code: str) -> Future[Outcome]:
        """Has a cell run; what it comes to."""
        future: Future[Outcome] = Future()
        self._work.put(lambda: future.set_result(self._shell.outcome(code)))
        return future

    def close(self) -> None:
        """Ends whatever runs."""
        self._work.put(None)
        self._shell.interpreter.interrupt()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive(), "the program did not end"
        self.cells.close()


class Editor(DapClient):
    """A client on a socket that knows how editors begin."""

    def begin(self, name: str = "editor", *, initialize: dict[str, Any] | None = None, **attach: Any) -> None:
        """Initializes and attaches."""
        self.introduce(name, **(initialize or {}))
        self.ask_well("attach", attach)
        self.wait_event("initialized")

    def introduce(self, name: str = "editor", **more: Any) -> dict[str, Any]:
        """Initializes; answers the capabilities."""
        return self.ask_well("initialize", {**CLIENT, "clientName": name, **more})

    def ask_well(self, command: str, arguments: Any) -> dict[str, Any]:
        """The body of a response that must say success; arguments may be empty."""
        answer = self.ask(command, arguments)
        assert answer["success"], answer
        return dict(answer.get("body") or {})

    def break_in(self, program: Program, code: str, *lines: int) -> list[dict[str, Any]]:
        """Dumps a cell and sets its breakpoints."""
        path = self.request("dumpCell", code=code)["sourcePath"]
        body = self.request(
            "setBreakpoints", source={"path": path}, breakpoints=[{"line": line} for line in lines]
        )
        return list(body["breakpoints"])

    def stop(self) -> dict[str, Any]:
        """The next stop."""
        return self.wait_event("stopped")

    def top(self, thread: int = 1) -> dict[str, Any]:
        """The innermost frame."""
        return dict(self.request("stackTrace", threadId=thread)["stackFrames"][0])


class Served:
    """A program and a server that debugs it."""

    def __init__(self, program: Program, token: str | None = None, **host: Any) -> None:
        self.program = program
        self.steering = Steering()
        self.server = DapServer(
            program.debugger, token=token, steering=self.steering, offers=Host(cells=program.cells, **host)
        )
        self.address = self.server.start()
        self._clients: list[Editor] = []

    def connect(self) -> Editor:
        """A client that has said nothing yet."""
        client = Editor(SocketRoute(self.address))
        self._clients.append(client)
        return client

    def editor(self, name: str = "editor", **more: Any) -> Editor:
        """A client that has attached."""
        client = self.connect()
        client.begin(name, **more)
        return client

    def close(self) -> None:
        """Ends the server and its clients."""
        self.server.close()
        for client in self._clients:
            client.close()


@contextmanager
def served(program: Program, token: str | None = None, **host: Any) -> Iterator[Served]:
    """A server for a program, closed in the end; no thread of it is left then."""
    found = Served(program, token, **host)
    try:
        yield found
    finally:
        found.close()
        threads = [each for each in threading.enumerate() if each.name.startswith("llmspell-dap")]
        for thread in threads:
            thread.join(SECONDS)
    assert not any(thread.is_alive() for thread in threads), f"threads left behind: {threads}"
