"""Which process a kernel is, for sure: a number alone names none, since the system gives it away again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from llmspell_kernel.client.connection import Connection
from llmspell_kernel.client.discovery import FoundKernel
from llmspell_kernel.errors import ConnectionFileError

_TOLERANCE = 2.0
"""Seconds by which two readings of a process's start may differ; its number is not free again that soon."""

_POLL_SECONDS = 0.02

_START_SECONDS = 120.0
"""How long a kernel's process may take to listen, on a slow machine; also when it was started anew."""


@dataclass(frozen=True, slots=True)
class KernelProcess:
    """One process of this machine, told from later ones of the same number by when it started.

    Attributes:
        pid: its number.
        started: seconds since the epoch.
    """

    pid: int
    started: float

    @property
    def is_alive(self) -> bool:
        """Whether that very process is there; one that has ended and was not collected yet is not."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _TOLERANCE
            return same and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, ValueError, OverflowError):
            return False

    def signal(self, number: signal.Signals) -> bool:
        """Sends a signal to that very process; false if it has gone.

        Raises:
            PermissionError: it is somebody else's.
        """
        try:
            handle = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else None
        except (ProcessLookupError, ValueError, OverflowError):
            return False
        except OSError:  # a system that does not have it
            handle = None
        try:
            # Behind the open handle is one process whatever happens: what is found now stays true.
            if not self.is_alive:
                return False
            if handle is None:
                os.kill(self.pid, number)
            else:
                signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            if handle is not None:
                os.close(handle)
        return True

    def wait(self, seconds: float) -> bool:
        """Whether it has gone within that time."""
        deadline = time.monotonic() + seconds
        while self.is_alive:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    @property
    def ancestors(self) -> list[int]:
        """The processes that it came from, its parent first."""
        try:
            return [each.pid for each in psutil.Process(self.pid).parents()] if self.is_alive else []
        except psutil.Error:
            return []


class Processes:
    """Finds the processes of kernels. What runs is looked through once, when it is first needed."""

    def of(self, kernel: FoundKernel, status: Mapping[str, Any] | None = None) -> KernelProcess | None:
        """The living process of a kernel on this machine.

        By what the kernel itself has said in its signed `status`, by what it has written into its file, or by
        the file's path on a command line whose process listens on the kernel's port.
        """
        content = kernel.content
        if isinstance(content, ConnectionFileError) or not content.is_local:
            return None
        for candidate in (_as_told(status, ""), _as_told(content.extra, "llmspell_")):
            if candidate is not None and candidate.is_alive:
                return candidate
        return self._by_command_line(kernel, content)

    def is_starting(self, kernel: FoundKernel) -> bool:
        """Whether a new process has the connection file on its command line; it need not be the kernel."""
        if kernel.file is None:
            return False
        return any(_age(process) < _START_SECONDS for process in self._with_argument(kernel.file))

    def _by_command_line(self, kernel: FoundKernel, connection: Connection) -> KernelProcess | None:
        for process in self._with_argument(kernel.file) if kernel.file else ():
            # Clients and editors name the file too; only the kernel listens.
            try:
                if _listens(process, connection):
                    return KernelProcess(process.pid, process.create_time())
            except psutil.Error:
                continue
        return None

    def _with_argument(self, file: Path) -> list[psutil.Process]:
        names = {str(file), os.path.realpath(file)}
        return [process for argument, process in self._arguments if argument in names]

    @cached_property
    def _arguments(self) -> list[tuple[str, psutil.Process]]:
        """Each argument that may be a connection file, with its process."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            for argument in process.info["cmdline"] or ():
                if argument.endswith(".json"):
                    found.append((argument.rpartition("=")[2], process))
        return found


def _age(process: psutil.Process) -> float:
    try:
        return time.time() - process.create_time()
    except psutil.Error:  # gone meanwhile
        return float("inf")


def _as_told(fields: Mapping[str, Any] | None, prefix: str) -> KernelProcess | None:
    if fields is None:
        return None
    pid, started = fields.get(f"{prefix}pid"), fields.get(f"{prefix}process_started")
    if isinstance(pid, bool) or not isinstance(pid, int) or not isinstance(started, int | float) or pid < 1:
        return None
    return KernelProcess(pid, float(started))


def _listens(process: psutil.Process, connection: Connection) -> bool:
    """Whether a process has the kernel's heartbeat port.

    Raises:
        psutil.Error: it may not be looked at, or has gone.
    """
    if connection.transport == "ipc":
        path = f"{connection.ip}-{connection.ports['hb']}"
        return any(str(each.laddr) == path for each in process.net_connections("unix"))
    return any(
        each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == connection.ports["hb"]
        for each in process.net_connections("tcp")
    )
