"""The process around the kernel: options, connection file, channels, streams, signals."""

from __future__ import annotations

import atexit
import gc
import ipaddress
import json
import logging
import os
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING, Any

import zmq
from ipykernel.parentpoller import ParentPollerUnix
from jupyter_client.connect import ConnectionFileMixin, write_connection_file
from jupyter_client.session import Session, session_aliases, session_flags
from jupyter_core.application import JupyterApp, base_aliases, base_flags
from jupyter_core.paths import jupyter_runtime_dir
from tornado.ioloop import IOLoop
from traitlets import Bytes, Integer, Unicode, default
from traitlets.config import Config, catch_config_error
from traitlets.utils import filefind
from zmq.eventloop.zmqstream import ZMQStream

from llmspell_kernel import __version__
from llmspell_kernel.config import sources
from llmspell_kernel.errors import LLMSpellError, SecurityError, UsageError
from llmspell_kernel.interpreter import SignalGate
from llmspell_kernel.kernel.channels import Address, Channels
from llmspell_kernel.kernel.kernel import LLMSpellKernel
from llmspell_kernel.kernel.kernelspecs import KERNEL_NAMES
from llmspell_kernel.kernel.session import KernelSession
from llmspell_kernel.kernel.signals import InterruptSignals
from llmspell_kernel.kernel.streams import CellOutput, TextStream
from llmspell_kernel.runtime import RuntimeSettings, runtime_settings

if TYPE_CHECKING:
    from llmspell_kernel.config.loading import Loaded
    from llmspell_kernel.config.sections.sessions import Sessions

_CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
_GRACE_SECONDS = 2.0
"""How long code may take to end after SIGTERM."""
_INTERRUPT_SECONDS = 1.0
"""How long after an interrupt_request a SIGINT is taken for its doing."""


class LLMSpellKernelApp(JupyterApp, ConnectionFileMixin):
    """Starts one kernel and serves it until it is shut down."""

    name = "llmspell-kernel"
    version = __version__
    description = "A Jupyter kernel for Lua."
    classes = [LLMSpellKernel, Session]
    aliases = {
        **base_aliases,
        **session_aliases,
        "f": "LLMSpellKernelApp.connection_file",
        "ip": "LLMSpellKernelApp.ip",
        "transport": "LLMSpellKernelApp.transport",
        **{name: f"LLMSpellKernelApp.{name}_port" for name in _CHANNELS},
        "settings": "LLMSpellKernelApp.settings_file",
        "profile": "LLMSpellKernelApp.profile",
        "language": "LLMSpellKernel.language",
        "memory-limit": "LLMSpellKernel.memory_limit",
        "time-limit": "LLMSpellKernel.time_limit",
        "output-limit": "LLMSpellKernel.output_limit",
        "dap-port": "LLMSpellKernel.dap_port",
        "dap-ip": "LLMSpellKernel.dap_ip",
        "dap-token": "LLMSpellKernel.dap_token",
    }
    flags = {
        **base_flags,
        **session_flags,
        "trusted": ({"LLMSpellKernel": {"trusted": True}}, "Give scripts Python and C modules."),
        "no-persistent-locals": (
            {"LLMSpellKernel": {"persistent_locals": False}},
            "Top-level locals end with their cell, as in a Lua file.",
        ),
    }

    connection_file: str
    transport: str
    _exit_status: int | None = None
    _file_is_ours = True
    """Whether the connection file is a kernel's: this one's, which may have begun anew, or a dead one's."""
    restarts_itself = False
    """Whether somebody starts the kernel again when a client has shut it down for a restart."""

    settings_file = Unicode(
        "", help="Settings (TOML) over those that are found; LLMSPELL_CONFIG if not given."
    ).tag(config=True)
    profile = Unicode("", help="Settings that go by a name; LLMSPELL_PROFILE if not given.").tag(config=True)
    runtime_settings = RuntimeSettings()
    """What settings say about the language; the kernel's options come over it."""

    parent_handle = Integer(
        int(os.environ.get("JPY_PARENT_PID") or 0), help="The kernel ends when this process does; 0 for none."
    ).tag(config=True)
    curve_publickey = Bytes(None, allow_none=True)
    curve_secretkey = Bytes(None, allow_none=True)

    @default("session")
    def _default_session(self) -> KernelSession:
        return KernelSession(parent=self)

    @default("log_level")
    def _default_log_level(self) -> int:
        return logging.WARNING

    @catch_config_error
    def initialize(self, argv: Sequence[str] | None = None) -> None:
        """Everything up to the first message.

        Raises:
            SecurityError: the address is not loopback and the connection has no CurveZMQ keys.
            LanguageUnavailableError: no such Lua on this platform.
            UsageError: editors cannot be served at the address that `--dap-port` asks for, or the log file
                cannot be written.
            SettingsError: settings that cannot be read or make no sense.
        """
        super().initialize(argv)
        self._read_settings()
        # traitlets lets every debug record through to the handlers: building them costs, and none is printed.
        self.log.setLevel(self.log_level)
        if self.parent_handle > 1:
            ParentPollerUnix(parent_pid=self.parent_handle).start()
        self._find_connection_file()
        self._open_channels()
        self._write_connection_file()
        self.output = CellOutput(self._publish_stream, SignalGate(), 0)
        self._make_kernel()
        self._name_kernel()
        self._serve_editors()
        self.output.follow_threads()
        # Last, so that what goes wrong until here is seen in the terminal.
        sys.stdout, sys.stderr = TextStream(self.output, "stdout"), TextStream(self.output, "stderr")

    # Settings

    @cached_property
    def _has_settings(self) -> bool:
        return sources.present(self.settings_file, self.profile)

    @cached_property
    def loaded(self) -> Loaded:
        """The settings of files, profiles and variables; read when they are first asked for."""
        from llmspell_kernel.config.loading import load

        return load(self.settings_file, self.profile)

    def _read_settings(self) -> None:
        """Takes what settings say and neither the command line nor Jupyter's configuration does."""
        if not self._has_settings:
            return
        from llmspell_kernel.kernel.configuration import kernel_options
        from llmspell_kernel.kernel.logs import write_log

        self._take(kernel_options(self.loaded))
        self.runtime_settings = runtime_settings(self.loaded.settings)
        logging_settings = self.loaded.settings.logging
        if any(key[0] == "logging" for key in self.loaded.origins):
            write_log(self.log, logging_settings.file, logging_settings.format)

    @property
    def session_settings(self) -> Sessions | None:
        """`runtime.sessions`; None if there are no settings."""
        return self.loaded.settings.runtime.sessions if self._has_settings else None

    def _take(self, options: dict[str, dict[str, Any]]) -> None:
        settings = Config(options)
        settings.merge(self.config)
        self.update_config(settings)

    def _take_connection_settings(self) -> None:
        """For a kernel that writes its connection file itself."""
        if not self._has_settings:
            return
        from llmspell_kernel.kernel.configuration import connection_options

        self._take(connection_options(self.loaded))
        if self.loaded.settings.security.encryption and not self.curve_secretkey:
            self.curve_publickey, self.curve_secretkey = zmq.curve_keypair()

    # The connection file

    def _find_connection_file(self) -> None:
        named = self.connection_file or (self._has_settings and self.loaded.settings.kernel.connection_file)
        self.connection_file = os.path.expanduser(named or f"kernel-{os.getpid()}.json")
        try:
            self.connection_file = filefind(self.connection_file, [".", jupyter_runtime_dir()])
        except OSError:
            path = Path(jupyter_runtime_dir(), self.connection_file)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.connection_file = str(path)
            self._take_connection_settings()
            atexit.register(self._remove_connection_file)
            return
        try:
            self.load_connection_file()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LLMSpellError(
                f"cannot use the connection file {self.connection_file}: {error}; give one that a Jupyter "
                "client wrote, or a name that does not exist yet"
            ) from error
        with open(self.connection_file, "rb") as file:
            self._file_is_ours = "llmspell_pid" in json.load(file)
        if self._file_is_ours:
            atexit.register(self._remove_connection_file)

    def _write_connection_file(self) -> None:
        """Tells clients where to connect, unless the file they gave says so already."""
        if self._complete_file and not self._file_is_ours:
            return
        keys: dict[str, Any] = {}
        if self.curve_secretkey is not None:
            keys = {"curve_publickey": self.curve_publickey, "curve_secretkey": self.curve_secretkey}
        write_connection_file(
            self.connection_file,
            ip=self.ip,
            key=self.session.key,
            transport=self.transport,
            signature_scheme=self.session.signature_scheme,
            kernel_name=self.kernel_name,
            **{f"{name}_port": port for name, port in self.channels.ports.items()},
            **keys,
        )
        import psutil

        # Both together name a process: the system gives the number of an ended one away again.
        self._tell(llmspell_pid=os.getpid(), llmspell_process_started=psutil.Process().create_time())

    def _name_kernel(self) -> None:
        """Front ends that find the connection file want to know which kernelspec it is for."""
        if self._file_is_ours and not self.kernel_name:
            self._tell(kernel_name=KERNEL_NAMES.get(self.kernel.language, self.kernel.language))

    def _tell(self, **fields: object) -> None:
        """Adds to what the connection file says; whoever reads it meanwhile sees the old or the new."""
        path = os.path.realpath(self.connection_file)
        with open(path, "rb") as file:
            content = json.load(file)
        with NamedTemporaryFile("w", dir=os.path.dirname(path), prefix=".kernel-", delete=False) as fresh:
            json.dump(content | fields, fresh, indent=2)
        os.replace(fresh.name, path)

    def _serve_editors(self) -> None:
        """Tells editors where the debugger listens, if it does: in the connection file."""
        address = self.kernel.listen_for_editors()
        if address is None:
            return
        self._tell(llmspell_dap_port=address[1], llmspell_dap_token=self.kernel.dap_token)
        self.log.info("the debugger listens on %s:%d", *address)

    def _remove_connection_file(self) -> None:
        Path(self.connection_file).unlink(missing_ok=True)
        self.cleanup_ipc_files()

    # Channels

    def _open_channels(self) -> None:
        encrypted = bool(self.curve_secretkey)
        if self.transport == "tcp" and not encrypted and not _is_loopback(self.ip):
            raise SecurityError(
                f"will not listen on {self.ip} without encryption: start the kernel through jupyter_client "
                "with KernelManager.transport_encryption='required', which puts CurveZMQ keys in the "
                "connection file, set security.encryption for a kernel that writes this file itself, or bind "
                "127.0.0.1 and tunnel"
            )
        address = Address(self.transport, self.ip, self.curve_publickey, self.curve_secretkey)
        wanted = {name: getattr(self, f"{name}_port") for name in _CHANNELS}
        self._complete_file = Path(self.connection_file).exists() and all(wanted.values())
        try:
            self.channels = Channels(
                address, wanted, self.session, max_message_bytes=self._max_message_bytes()
            )
        except zmq.ZMQError as error:
            ports = ", ".join(str(port) for port in wanted.values() if port) or "any port"
            raise UsageError(
                f"cannot listen on {self.ip} ({ports}): {error}; choose another address or other ports"
            ) from error
        for name, port in self.channels.ports.items():
            setattr(self, f"{name}_port", port)
        atexit.register(self.close)
        self.channels.start()

    def _max_message_bytes(self) -> int:
        if not self._has_settings:
            return 0
        return int(self.loaded.settings.security.max_message_size_mb * 1_000_000)

    def _publish_stream(self, msg_type: str, content: dict[str, Any], parent: Any) -> None:
        self.session.send(
            self.channels.iopub_thread,
            msg_type,
            content,
            parent=parent,
            ident=b"stream." + content["name"].encode(),
        )

    # The kernel

    def _make_kernel(self) -> None:
        channels = self.channels
        control_stream = ZMQStream(channels.control, channels.control_thread.io_loop)
        channels.control_thread.start()
        self.kernel = LLMSpellKernel.instance(
            parent=self,
            session=self.session,
            control_stream=control_stream,
            control_thread=channels.control_thread,
            iopub_thread=channels.iopub_thread,
            iopub_socket=channels.iopub_thread,
            stdin_socket=channels.stdin,
            log=self.log,
        )
        self.kernel.shell_socket = channels.shell
        self.kernel.record_ports({f"{name}_port": port for name, port in channels.ports.items()})
        runtime = self.kernel.runtime
        self.output.gate = runtime.gate
        self.output.before_tick = runtime.release_output
        signals = InterruptSignals(
            runtime.gate, runtime.interrupt, self._interrupted_idle, ending=runtime.waits.ending
        )
        self.kernel.forget_signals = signals.forget
        if not self.parent_handle:
            self._loop = IOLoop.current()
            signals.take_end(self._end)

    def _interrupted_idle(self) -> None:
        """Ctrl-C in a terminal ends a kernel that nobody else manages; an interrupt_request does not."""
        if not self.parent_handle and monotonic() - self.kernel.interrupt_asked > _INTERRUPT_SECONDS:
            raise KeyboardInterrupt

    def _end(self, signum: int) -> None:
        """Ends the kernel as Ctrl-C between two cells does; if code does not stop, soon without it."""
        if self._exit_status is None:
            self._exit_status = 128 + signum
            self.kernel.runtime.interrupt()
            self._loop.add_callback(self._loop.stop)
            timer = Timer(_GRACE_SECONDS, self._leave)
            timer.daemon = True
            timer.start()

    def _leave(self) -> None:
        if self._file_is_ours:
            self._remove_connection_file()
        os._exit(self._exit_status or 0)

    def start(self) -> None:
        """Serves until shutdown, or until Ctrl-C in the terminal of a kernel that nobody manages."""
        self.kernel.start()
        # What start-up has made stays for good: the collector need not look through it at each request.
        gc.freeze()
        try:
            IOLoop.current().start()
        except KeyboardInterrupt:
            self.log.info("Interrupted: the kernel ends")
        if self._exit_status is not None:
            raise SystemExit(self._exit_status)

    def close(self) -> None:
        """Sends what is left and closes the channels."""
        self.output.close()
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        self.channels.close()


def _is_loopback(address: str) -> bool:
    if address in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False  # "*" and host names


def main(argv: Sequence[str] | None = None, *, restarts_itself: bool = False) -> bool:
    """Runs a kernel until it is shut down; `argv` as for `python -m llmspell_kernel`.

    With `restarts_itself` the caller promises to start it again where this answers true: a client wants it
    back. Its channels are closed then, and its connection file is still there.
    """
    try:
        app = LLMSpellKernelApp.instance()
        app.restarts_itself = restarts_itself
        app.initialize(None if argv is None else list(argv))
        app.start()
    except LLMSpellError as error:
        print(f"error: {error}", file=sys.__stderr__)
        raise SystemExit(1) from error
    if restarts_itself and app.kernel.restart_wanted:
        app.close()
        return True
    return False
