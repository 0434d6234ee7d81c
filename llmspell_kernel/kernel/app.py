"""The process around the kernel: connection file, sockets, streams, signals."""

from __future__ import annotations

import ipaddress
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

import zmq
from ipykernel.kernelapp import IPKernelApp, kernel_aliases, kernel_flags
from traitlets import default
from zmq.eventloop.zmqstream import ZMQStream

from llmspell_kernel.errors import LLMSpellError, SecurityError
from llmspell_kernel.interpreter import SignalGate
from llmspell_kernel.kernel.iopub import SEND_HIGH_WATER_MARK, IOPub, SharedSocket
from llmspell_kernel.kernel.kernel import LLMSpellKernel
from llmspell_kernel.kernel.session import KernelSession
from llmspell_kernel.kernel.signals import InterruptSignals
from llmspell_kernel.kernel.streams import CellOutput, TextStream


class LLMSpellKernelApp(IPKernelApp):
    """ipykernel's application with our kernel, streams and signals."""

    name = "llmspell-kernel"
    description = "A Jupyter kernel for Lua."
    classes = (LLMSpellKernel,)
    aliases = {
        **kernel_aliases,
        "language": "LLMSpellKernel.language",
        "memory-limit": "LLMSpellKernel.memory_limit",
        "time-limit": "LLMSpellKernel.time_limit",
        "output-limit": "LLMSpellKernel.output_limit",
    }
    flags = {
        **kernel_flags,
        "trusted": ({"LLMSpellKernel": {"trusted": True}}, "Give scripts Python and C modules."),
        "no-persistent-locals": (
            {"LLMSpellKernel": {"persistent_locals": False}},
            "Top-level locals end with their cell, as in a Lua file.",
        ),
    }

    @default("session")
    def _default_session(self) -> KernelSession:
        return KernelSession(parent=self)

    def init_pdb(self) -> None:
        """Nothing: there is no Python to debug in the cells."""

    def init_sockets(self) -> None:
        """Binds the channels.

        Raises:
            SecurityError: the address is not loopback and the connection has no CurveZMQ keys.
        """
        if self.transport == "tcp" and self.curve_secretkey is None and not _is_loopback(self.ip):
            raise SecurityError(
                f"will not listen on {self.ip} without encryption: start the kernel through jupyter_client "
                "with KernelManager.transport_encryption='required', which puts CurveZMQ keys in the "
                "connection file, or bind 127.0.0.1 and tunnel"
            )
        # Loopback without CurveZMQ is what Jupyter does everywhere: no warning at each start.
        level = self.log.level
        self.log.setLevel(logging.ERROR)
        try:
            super().init_sockets()
        finally:
            self.log.setLevel(level)

    def init_control(self, context: zmq.Context[Any]) -> None:
        """Binds the control channel; there is no thread for subshells."""
        super().init_control(context)
        self.shell_channel_thread = None

    def init_iopub(self, context: zmq.Context[Any]) -> None:
        """Binds iopub, on which every thread may send."""
        socket = context.socket(zmq.XPUB, socket_class=SharedSocket)
        socket.linger = 1000
        socket.sndhwm = SEND_HIGH_WATER_MARK
        self._apply_curve_server_options(socket)
        self.iopub_port = self._bind_socket(socket, self.iopub_port)
        self.configure_tornado_logger()
        self.iopub_thread = IOPub(socket, pipe=False, session=self.session)
        self.iopub_thread.start()
        self.iopub_socket = self.iopub_thread.background_socket

    def init_io(self) -> None:
        """Makes sys.stdout and sys.stderr streams of the running cell."""
        self.output = CellOutput(self._publish_stream, SignalGate(), 0)
        if self.quiet:
            sys.stdout, sys.stderr = TextStream(self.output, "stdout"), TextStream(self.output, "stderr")
        self.patch_io()

    def _publish_stream(self, msg_type: str, content: dict[str, Any], parent: Any) -> None:
        self.session.send(
            self.iopub_socket, msg_type, content, parent=parent, ident=b"stream." + content["name"].encode()
        )

    def init_kernel(self) -> None:
        """Makes the kernel, and lets SIGINT reach it."""
        # traitlets lets every debug record through to the handlers: building them costs, and none is printed.
        self.log.setLevel(self.log_level)
        control_stream = ZMQStream(self.control_socket, self.control_thread.io_loop)
        self.control_thread.start()
        self.kernel = LLMSpellKernel.instance(
            parent=self,
            session=self.session,
            control_stream=control_stream,
            control_thread=self.control_thread,
            iopub_thread=self.iopub_thread,
            iopub_socket=self.iopub_socket,
            stdin_socket=self.stdin_socket,
            log=self.log,
        )
        self.kernel.shell_socket = self.shell_socket
        self.kernel.record_ports({f"{name}_port": port for name, port in self._ports.items()})
        runtime = self.kernel.runtime
        self.output.gate = runtime.gate
        self.signals = InterruptSignals(runtime.gate, runtime.interrupt, self._interrupted_idle)

    def init_signal(self) -> None:
        """Nothing yet: the kernel's signals need the kernel."""

    def _interrupted_idle(self) -> None:
        """Ctrl-C in a terminal ends a kernel that nobody else manages."""
        if "JPY_PARENT_PID" not in os.environ and not self.parent_handle and self.kernel_is_idle():
            raise KeyboardInterrupt

    def kernel_is_idle(self) -> bool:
        """Whether no cell runs."""
        return not self.kernel.runtime.gate.open


def _is_loopback(address: str) -> bool:
    if address in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False  # "*" and host names


def main(argv: Sequence[str] | None = None) -> None:
    """Runs a kernel until it is shut down; `argv` as for `python -m llmspell_kernel`."""
    try:
        LLMSpellKernelApp.launch_instance(argv=list(argv) if argv is not None else None)
    except LLMSpellError as error:
        print(f"error: {error}", file=sys.__stderr__)
        raise SystemExit(1) from error
