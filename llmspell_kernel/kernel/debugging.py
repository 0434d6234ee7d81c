"""The kernel's debugger: requests on the control channel, and a server for editors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llmspell_kernel.dap.adapter import Adapter
from llmspell_kernel.dap.cells import CellFiles
from llmspell_kernel.dap.host import Host
from llmspell_kernel.dap.steering import Steering

if TYPE_CHECKING:
    from llmspell_kernel.dap.server import DapServer
    from llmspell_kernel.lua.debugger.debugger import Debugger

Send = Callable[[dict[str, Any]], None]


class KernelDebugging:
    """One debugger for the notebook's front ends and for editors that connect over TCP.

    `handle` is called on the control thread, one request at a time; events are sent by whichever thread
    makes them.
    """

    def __init__(self, debugger: Debugger, send: Send) -> None:
        """`send` publishes an event to the front ends."""
        self._debugger = debugger
        self._cells = CellFiles()
        self._steering = Steering()
        self._host = Host(cells=self._cells)
        self._server: DapServer | None = None
        debugger.sources.locate = self._locate
        self._adapter = Adapter(debugger, send, steering=self._steering, host=self._host)

    def _locate(self, _chunk: str, code: str) -> str:
        return self._cells.path(code)

    def handle(self, request: object) -> dict[str, Any]:
        """The response to a debug_request; never raises."""
        return self._adapter.handle(request)

    def listen(self, address: str, port: int, token: str) -> tuple[str, int]:
        """Starts serving editors; answers where.

        Raises:
            SecurityError: the address is not loopback and there is no token.
            UsageError: the port cannot be had.
        """
        from llmspell_kernel.dap.server import DapServer

        self._server = DapServer(
            self._debugger, address, port, token=token or None, steering=self._steering, offers=self._host
        )
        return self._server.start()

    def close(self) -> None:
        """Lets stopped code go on, ends the server, and removes the cells' files."""
        if self._server is not None:
            self._server.close()
        self._adapter.close()
        self._cells.close()
