"""The Jupyter kernel: messages in, messages out; everything else is the runtime's."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import zmq
from traitlets import Bool, Enum, Float, Integer, Unicode

from llmspell_kernel import __version__
from llmspell_kernel.errors import SecurityError
from llmspell_kernel.kernel import comms
from llmspell_kernel.kernel.admission import Admission
from llmspell_kernel.kernel.dispatch import Message, ShellDispatch
from llmspell_kernel.kernel.history import History
from llmspell_kernel.kernel.idle import IdleEnd
from llmspell_kernel.kernel.memory import default_memory_limit
from llmspell_kernel.kernel.recording import keep_comms_apart, record_cells
from llmspell_kernel.kernel.requests import Requests
from llmspell_kernel.kernel.status import KernelStatus
from llmspell_kernel.kernel.streams import CellOutput
from llmspell_kernel.records import replaced
from llmspell_kernel.runtime import LANGUAGE_NAMES, RuntimeSettings

_INPUT_POLL_MS = 20
_TOKEN_BYTES = 16

if TYPE_CHECKING:
    from llmspell_kernel.magics.settings import Setting


class LLMSpellKernel(ShellDispatch):
    """Runs Lua cells for Jupyter clients.

    Threads: shell messages are handled on the main thread, which owns the Lua state; control messages on
    the control thread, which touches nothing of Lua but `interrupt`.
    """

    implementation = "llmspell"
    implementation_version = __version__
    msg_types: ClassVar[list[str]] = ["connect_request", "shutdown_request", "interrupt_request"]
    control_msg_types: ClassVar[list[str]] = [*msg_types, "usage_request"]
    """What ipykernel answers; everything else is `Requests`'s."""

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
    dap_token = Unicode(
        None,
        allow_none=True,
        help="What an editor must show to debug this kernel. If not given one is made up, which editors read "
        "in the connection file; empty for none.",
    ).tag(config=True)
    history_file = Unicode("", help="Where the input history lasts; ':memory:' to forget it.").tag(
        config=True
    )

    idle_timeout = Float(
        0.0, help="Seconds without a request after which a kernel that nobody manages ends; 0 for never."
    ).tag(config=True)
    max_clients = Integer(
        0, help="Clients that are served at once; further ones are refused; 0 for any number."
    ).tag(config=True)
    rate_limit_per_minute = Integer(
        0, help="Requests a minute of each client; more are refused; 0 for any number."
    ).tag(config=True)

    restart_wanted = False
    """Whether the client that has shut it down wants it to come back."""
    interrupt_asked = float("-inf")
    """When an interrupt_request has come last, by the monotonic clock."""

    forget_signals: Callable[[], None]
    """Forgets signals that came for a request that has ended; the app sets it."""

    def __init__(self, **kwargs: Any) -> None:
        """Makes the runtime; the sockets are the app's."""
        super().__init__(**kwargs)
        self.status = KernelStatus(self)
        if self.max_clients or self.rate_limit_per_minute:
            self.admission = Admission(self.max_clients, self.rate_limit_per_minute)
        limit = default_memory_limit() if self.memory_limit < 0 else self.memory_limit
        self.output: CellOutput = self.parent.output
        self.output.limit = self.output_limit
        self.requests = Requests(
            self,
            self.output,
            self._runtime_settings(limit),
            History(self.history_file or None, self.language, warn=self.log.warning),
            self.log,
        )
        self.requests.register("status_request", lambda _: self.status.content(), channel="control")
        self.runtime, self.history = self.requests.runtime, self.requests.history
        keep_comms_apart(self.runtime.services, self.log)
        record_cells(
            self.runtime.services,
            self.language,
            self.parent.connection_file,
            self.parent.session_settings,
            lambda: self.restart_wanted,
            self.log.warning,
        )
        self.comm_manager = self.requests.comms
        comms.install(self.comm_manager, process=True)
        self.runtime.offer_settings(self._settings)
        self.banner = self.runtime.info.banner
        self.help_links = self.requests.kernel_info["help_links"]
        self.language_info = self.requests.language_info

    def _runtime_settings(self, memory_limit: int) -> RuntimeSettings:
        """The options over what files of settings say about the language."""
        base: RuntimeSettings = self.parent.runtime_settings
        lua = replaced(
            base.lua,
            language=self.language,
            trusted=self.trusted,
            memory_limit=memory_limit,
            persistent_locals=self.persistent_locals,
            time_limit=self.time_limit,
        )
        if lua.is_open and not (lua.files and lua.processes):
            raise SecurityError(
                "the settings forbid scripts files or processes, and `trusted` would give them; leave it out"
            )
        return replaced(base, lua=lua)

    @property
    def kernel_info(self) -> dict[str, Any]:
        """The content of kernel_info_reply. The base class's would import debugpy and promise subshells."""
        return self.requests.kernel_info

    def _settings(self) -> list[Setting]:
        from llmspell_kernel.kernel.live_settings import kernel_settings

        return kernel_settings(self)

    def begin_request(self, message: Message) -> None:
        """From here on an interrupt is for this request, and earlier ones are not."""
        if message["msg_type"] == "execute_request":
            self.forget_signals()
        super().begin_request(message)

    def start(self) -> None:
        """Starts reading the channels."""
        super().start()
        if self.idle_timeout > 0 and not self.parent.parent_handle:
            IdleEnd(self.idle_timeout, lambda: self.last_request, self.call_later, self._end_idle)

    def _end_idle(self) -> None:
        self.log.info("Nothing was asked for %g s: the kernel ends", self.idle_timeout)
        self.requests.close()
        self._loop.stop()

    # Carrying messages

    def publish(
        self,
        msg_type: str,
        content: dict[str, Any],
        *,
        parent: Any = None,
        metadata: Any = None,
        buffers: Any = None,
    ) -> None:
        """Sends a message on iopub; see `Carrier`, as for all under this heading."""
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

    def ask(self, prompt: str, *, password: bool, parent: dict[str, Any]) -> str:
        """Sends an input_request and waits for the answer."""
        content, ident = {"prompt": prompt, "password": password}, self._parent_ident["shell"]
        with self.runtime.gate.shut():
            self._drop_stale_answers()
            self.session.send(self.stdin_socket, "input_request", content, parent, ident=ident)
        while True:
            # In short waits, because a signal does not end one in ZeroMQ's own code, and one that has found
            # the gate shut raises nothing.
            self.runtime.waits.check()
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

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Callable[[], None]:
        """Through the main thread's loop."""
        return self._loop.call_later(seconds, callback).cancel

    def wake(self) -> None:
        """By a signal: it ends also what blocks in Python or in the operating system."""
        self.interrupt_asked = time.monotonic()  # the cell may have ended already: it ends no idle kernel
        os.kill(os.getpid(), signal.SIGINT)

    # What others may call and override

    @property
    def execution_count(self) -> int:
        """The number of the last cell that was counted."""
        return self.requests.execution_count

    @execution_count.setter
    def execution_count(self, count: int) -> None:
        self.requests.execution_count = count

    def register_comm_target(self, target: str, handler: comms.TargetHandler) -> None:
        """From now on `handler` gets each comm that a client opens with this target, and its comm_open.

        It runs on the main thread, between cells; an exception of its closes the comm.
        """
        self.comm_manager.register_target(target, handler)

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
        return self.requests.execute(
            code,
            self.get_parent("shell"),
            silent=silent,
            store=store_history,
            user_expressions=user_expressions,
            allow_stdin=allow_stdin,
        )

    async def do_complete(self, code: str, cursor_pos: int) -> dict[str, Any]:
        """Answers the content of complete_reply."""
        return self.requests.complete(code, cursor_pos)

    async def do_inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> dict[str, Any]:
        """Answers the content of inspect_reply."""
        return self.requests.inspect(code, cursor_pos, detail_level)

    async def do_is_complete(self, code: str) -> dict[str, Any]:
        """Answers the content of is_complete_reply."""
        return self.requests.is_complete(code)

    # Debugging

    def listen_for_editors(self) -> tuple[str, int] | None:
        """Starts the server that `dap_port` asks for; answers where it listens, None if none is wanted."""
        if self.dap_port < 0:
            return None
        if self.dap_token is None:
            self.dap_token = secrets.token_urlsafe(_TOKEN_BYTES)
        return self.requests.debugging.listen(self.dap_ip, self.dap_port, self.dap_token)

    # Steering

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
        if threading.current_thread() is self.control_thread and self.control_stream is not None:
            self.control_stream.stop_on_recv()  # what comes now would be begun and never ended
        # Clients interrupt what runs before they ask for the end. That may reach the main thread after this,
        # but it is not meant for what hears of the end there.
        self.call_soon(self.forget_signals)
        self.requests.close()
        return {"status": "ok", "restart": restart}
