"""The Jupyter kernel: messages in, messages out; everything else is the runtime's."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import zmq
from jupyter_client._version import protocol_version
from traitlets import Bool, Enum, Float, Integer, Unicode

from llmspell_kernel import __version__
from llmspell_kernel.interpreter import ErrorReport, Outcome
from llmspell_kernel.kernel import comms
from llmspell_kernel.kernel.dispatch import Message, ShellDispatch
from llmspell_kernel.kernel.frontend import JupyterFrontend
from llmspell_kernel.kernel.history import History
from llmspell_kernel.kernel.memory import default_memory_limit
from llmspell_kernel.kernel.status import KernelStatus
from llmspell_kernel.kernel.streams import Cell, CellOutput
from llmspell_kernel.lua.state import LuaSettings
from llmspell_kernel.runtime import LANGUAGE_NAMES, Runtime, RuntimeSettings

_INPUT_POLL_MS = 20

if TYPE_CHECKING:
    from llmspell_kernel.kernel.debugging import KernelDebugging
    from llmspell_kernel.magics.settings import Setting


class LLMSpellKernel(ShellDispatch):
    """Runs Lua cells for Jupyter clients.

    Threads: shell messages are handled on the main thread, which owns the Lua state; control messages on
    the control thread, which touches nothing of Lua but `interrupt`.
    """

    implementation = "llmspell"
    implementation_version = __version__
    supported_features: ClassVar[list[str]] = ["debugger"]

    language = Enum(LANGUAGE_NAMES, "lua54", help="The Lua that runs the cells.").tag(config=True)
    persistent_locals = Bool(True, help="Top-level locals stay visible in later cells.").tag(config=True)
    trusted = Bool(
        False, help="Give scripts Python (`python.eval`, `python.builtins`), C modules and LuaJIT's ffi."
    ).tag(config=True)
    memory_limit = Integer(
        -1, help="Bytes that Lua may allocate; 0 for no limit, -1 for three quarters of the machine's memory."
    ).tag(config=True)
    time_limit = Float(0.0, help="Seconds that a cell may run; 0 for no limit.").tag(config=True)
    output_limit = Integer(100_000_000, help="Bytes of text that a cell may write; 0 for no limit.").tag(
        config=True
    )
    dap_port = Integer(
        -1, help="Port where editors reach the debugger; 0 for any that is free, -1 for none."
    ).tag(config=True)
    dap_ip = Unicode("127.0.0.1", help="The address of that port; others than loopback need a token.").tag(
        config=True
    )
    dap_token = Unicode("", help="What an editor must show to debug this kernel.").tag(config=True)
    history_file = Unicode("", help="Where the input history lasts; ':memory:' to forget it.").tag(
        config=True
    )

    _debug_parent: Message = {}
    restart_wanted = False
    """Whether the client that has shut it down wants it to come back."""
    interrupt_asked = float("-inf")
    """When an interrupt_request has come last, by the monotonic clock."""

    forget_signals: Callable[[], None]
    """Forgets signals that came for a request that has ended; the app sets it."""

    def __init__(self, **kwargs: Any) -> None:
        """Makes the runtime; the sockets are the app's."""
        super().__init__(**kwargs)
        self.comm_manager = comms.KernelComms(self.log)
        comms.install(self.comm_manager)
        for msg_type in ("comm_open", "comm_msg", "comm_close"):
            self.shell_handlers[msg_type] = getattr(self.comm_manager, msg_type)
        self.status = KernelStatus(self)
        self.control_handlers["status_request"] = self.status_request
        limit = default_memory_limit() if self.memory_limit < 0 else self.memory_limit
        self.output: CellOutput = self.parent.output
        self.output.limit = self.output_limit
        self.frontend = JupyterFrontend(self, self.output)
        self.runtime = Runtime(
            self.frontend,
            RuntimeSettings(
                LuaSettings(
                    language=self.language,
                    trusted=self.trusted,
                    memory_limit=limit,
                    persistent_locals=self.persistent_locals,
                    time_limit=self.time_limit,
                )
            ),
        )
        self.history = History(self.history_file or None, self.language, warn=self.log.warning)
        self.runtime.history = self.history
        self.runtime.offer_settings(self._settings)
        info = self.runtime.info
        self.banner = info.banner
        self.help_links = [dict(link) for link in info.help_links]
        self.language_info = {
            "name": info.name,
            "version": info.version,
            "file_extension": info.file_extension,
            "mimetype": info.mimetype,
            "pygments_lexer": info.pygments_lexer,
            "codemirror_mode": info.codemirror_mode,
        }

    @property
    def kernel_info(self) -> dict[str, Any]:
        """The content of kernel_info_reply. The base class's would import debugpy and promise subshells."""
        return {
            "protocol_version": protocol_version,
            "implementation": self.implementation,
            "implementation_version": self.implementation_version,
            "language_info": self.language_info,
            "banner": self.banner,
            "help_links": self.help_links,
            "supported_features": self.supported_features,
        }

    def _settings(self) -> list[Setting]:
        from llmspell_kernel.kernel.live_settings import kernel_settings

        return kernel_settings(self)

    # Sending

    def publish(
        self,
        msg_type: str,
        content: dict[str, Any],
        *,
        parent: Any = None,
        metadata: Any = None,
        buffers: Any = None,
    ) -> None:
        """Sends a message on iopub. Any thread; an interrupt cannot tear it apart."""
        with self.runtime.gate.shut():
            self.session.send(
                self.iopub_socket,
                msg_type,
                content,
                parent=self.output.cell.parent if parent is None else parent,
                ident=self._topic(msg_type),
                metadata=metadata,
                buffers=buffers,
            )

    def register_comm_target(self, target: str, handler: comms.TargetHandler) -> None:
        """From now on `handler` gets each comm that a client opens with this target, and its comm_open.

        It runs on the main thread, between cells; an exception of its closes the comm.
        """
        self.comm_manager.register_target(target, handler)

    # Running

    async def execute_request(self, stream: Any, ident: Any, parent: Message) -> None:
        """Handles an execute_request."""
        content = parent["content"]
        code = content["code"]
        silent = bool(content.get("silent", False))
        store = bool(content.get("store_history", True)) and not silent
        if store:
            self.execution_count += 1
        if not silent:
            self.publish(
                "execute_input", {"code": code, "execution_count": self.execution_count}, parent=parent
            )
        reply = await self.do_execute(
            code, silent, store, content.get("user_expressions"), bool(content.get("allow_stdin", False))
        )
        self.output.finish(self.output.current)
        if reply["status"] == "error" and not silent and content.get("stop_on_error", True):
            self._abort_queues()
        self.session.send(
            stream, "execute_reply", reply, parent, ident=ident, metadata={"status": reply["status"]}
        )

    async def do_execute(
        self,
        code: str,
        silent: bool,
        store_history: bool = True,
        user_expressions: dict[str, str] | None = None,
        allow_stdin: bool = False,
        *,
        cell_meta: dict[str, Any] | None = None,
        cell_id: str | None = None,
    ) -> dict[str, Any]:
        """Runs a cell and answers the content of execute_reply."""
        self._allow_stdin = allow_stdin
        self.output.current = cell = Cell(self.get_parent("shell"), muted=silent)
        number = self.execution_count if store_history else self.execution_count + 1
        outcome = self.runtime.execute(code, number=number, store=store_history)
        shown = outcome.result.data.get("text/plain") if outcome.result else None
        if store_history:
            self.history.append(self.execution_count, code, shown)
        self.output.finish(cell)
        if outcome.error is not None:
            return self._failed(outcome.error, silent)
        if outcome.result is not None and not silent:
            self.publish(
                "execute_result",
                {
                    "data": outcome.result.data,
                    "metadata": outcome.result.metadata,
                    "execution_count": self.execution_count,
                },
            )
        return {
            "status": "ok",
            "execution_count": self.execution_count,
            "user_expressions": self._evaluated(user_expressions or {}),
            "payload": list(outcome.payload),
        }

    def _failed(self, error: ErrorReport, silent: bool) -> dict[str, Any]:
        content = {"ename": error.name, "evalue": error.value, "traceback": list(error.traceback)}
        if not silent:
            self.publish("error", content)
        return {
            "status": "error",
            "execution_count": self.execution_count,
            "user_expressions": {},
            "payload": [],
            **content,
        }

    def _evaluated(self, expressions: dict[str, str]) -> dict[str, Any]:
        return {name: _as_reply(self.runtime.evaluate(text)) for name, text in expressions.items()}

    def begin_request(self, message: Message) -> None:
        """From here on an interrupt is for this request, and earlier ones are not."""
        if message["msg_type"] == "execute_request":
            self.forget_signals()
            self.runtime.expect(True)

    def finish_request(self) -> None:
        """What callbacks of comms have written leaves before the request is idle."""
        self.runtime.expect(False)
        self.output.flush()

    # Asking

    @property
    def allows_stdin(self) -> bool:
        """Whether the client of the running cell can be asked for input."""
        return bool(self._allow_stdin)

    def ask(self, prompt: str, *, password: bool) -> str:
        """Sends an input_request and waits for the answer.

        Raises:
            EOFError: the user ended the input.
        """
        content = {"prompt": prompt, "password": password}
        ident, parent = self._parent_ident["shell"], self.output.cell.parent
        with self.runtime.gate.shut():
            self._drop_stale_answers()
            self.session.send(self.stdin_socket, "input_request", content, parent, ident=ident)
        while True:
            # In short waits, because a signal does not end one in ZeroMQ's own code.
            if not self.stdin_socket.poll(_INPUT_POLL_MS):
                continue
            with self.runtime.gate.shut():
                value = self._read_answer()
            if value == "\x04":
                raise EOFError
            if value is not None:
                return value

    def _read_answer(self) -> str | None:
        """The next input_reply's value; None for a message that is none."""
        try:
            _, message = self.session.recv(self.stdin_socket, zmq.NOBLOCK)
            return str(message["content"]["value"])
        except Exception as error:  # noqa: BLE001 - the border to the wire: anything may arrive
            self.log.warning(
                "Ignored a bad message on the stdin channel: %s: %s", type(error).__name__, error
            )
            return None

    def _drop_stale_answers(self) -> None:
        """Forgets answers to questions that were interrupted."""
        with contextlib.suppress(zmq.Again):
            while True:
                self.stdin_socket.recv_multipart(zmq.NOBLOCK)

    # Helping the one who types

    async def complete_request(self, stream: Any, ident: Any, parent: Message) -> None:
        """Handles a complete_request; the base class's looks through each of many candidates for bad JSON."""
        content = parent["content"]
        reply = await self.do_complete(content["code"], content["cursor_pos"])
        self.session.send(stream, "complete_reply", reply, parent, ident)

    async def do_complete(self, code: str, cursor_pos: int) -> dict[str, Any]:
        """Answers the content of complete_reply."""
        found = self.runtime.complete(code, cursor_pos)
        types = [
            {
                "text": match.text,
                "type": match.kind,
                "signature": match.signature,
                "start": found.start,
                "end": found.end,
            }
            for match in found.matches
        ]
        return {
            "status": "ok",
            "matches": [match.text for match in found.matches],
            "cursor_start": found.start,
            "cursor_end": found.end,
            "metadata": {"_jupyter_types_experimental": types},
        }

    async def do_inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> dict[str, Any]:
        """Answers the content of inspect_reply."""
        bundle = self.runtime.inspect(code, cursor_pos, detail=detail_level)
        if bundle is None:
            return {"status": "ok", "found": False, "data": {}, "metadata": {}}
        return {"status": "ok", "found": True, "data": bundle.data, "metadata": bundle.metadata}

    async def do_is_complete(self, code: str) -> dict[str, Any]:
        """Answers the content of is_complete_reply."""
        answer = self.runtime.is_complete(code)
        return {"status": answer.status, "indent": answer.indent}

    async def do_history(
        self,
        hist_access_type: str,
        output: bool = False,
        raw: bool = True,
        session: int | None = None,
        start: int | None = None,
        stop: int | None = None,
        n: int | None = None,
        pattern: str | None = None,
        unique: bool = False,
    ) -> dict[str, Any]:
        """Answers the content of history_reply."""
        if hist_access_type == "tail":
            rows = self.history.tail(n or 0, output=output)
        elif hist_access_type == "search":
            rows = self.history.search(pattern or "*", n=n, unique=unique, output=output)
        else:
            rows = self.history.range(session or 0, start or 1, stop, output=output)
        return {"status": "ok", "history": rows}

    # Debugging

    @cached_property
    def debugging(self) -> KernelDebugging:
        """What serves the clients of the debugger, made when the first one asks."""
        from llmspell_kernel.kernel.debugging import KernelDebugging

        debugger = self.runtime.debugger
        debugger.when_idle = lambda: self.call_soon(debugger.serve)
        return KernelDebugging(debugger, self._publish_debug_event)

    async def do_debug_request(self, msg: Message) -> Message:
        """Answers the content of debug_reply; called on the control thread."""
        self._debug_parent = self.get_parent("control")
        return self.debugging.handle(msg)

    def _publish_debug_event(self, event: Message) -> None:
        """Any thread. Belongs to a control message: clients take it for output of a cell otherwise."""
        self.publish("debug_event", event, parent=self._debug_parent)

    def listen_for_editors(self) -> tuple[str, int] | None:
        """Starts the server that `dap_port` asks for; answers where it listens, None if none is wanted."""
        if self.dap_port < 0:
            return None
        return self.debugging.listen(self.dap_ip, self.dap_port, self.dap_token)

    # Steering

    async def status_request(self, stream: Any, ident: Any, parent: Message) -> None:
        """Handles a status_request, on the control thread."""
        self.session.send(stream, "status_reply", self.status.content(), parent, ident=ident)

    def _send_interrupt_children(self) -> None:
        """What interrupt_request does. Lua's side tells the processes that the code has started.

        The base class's signals the whole process group: in a shell's pipeline those are strangers.
        """
        self.interrupt_asked = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)

    # Ending

    async def do_shutdown(self, restart: bool) -> dict[str, Any]:
        """Ends what the runtime holds; called on the control thread or on the main one."""
        self.restart_wanted = restart
        self.runtime.interrupt()
        if "debugging" in vars(self):
            self.debugging.close()
        self.runtime.close()
        self.history.close()
        return {"status": "ok", "restart": restart}


def _as_reply(outcome: Outcome) -> dict[str, Any]:
    if outcome.error is not None:
        error = outcome.error
        return {
            "status": "error",
            "ename": error.name,
            "evalue": error.value,
            "traceback": list(error.traceback),
        }
    data = outcome.result.data if outcome.result else {}
    metadata = outcome.result.metadata if outcome.result else {}
    return {"status": "ok", "data": data, "metadata": metadata}
