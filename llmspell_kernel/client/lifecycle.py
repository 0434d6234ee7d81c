"""Ending, restarting and interrupting kernels that run, by whoever started them."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from llmspell_kernel.client.control import ask
from llmspell_kernel.client.discovery import FoundKernel
from llmspell_kernel.client.probe import Health, State, probe
from llmspell_kernel.client.servers import JupyterServer, server_among
from llmspell_kernel.errors import ClientError, KernelTimeoutError

STOP_SECONDS = 30.0
_ANSWER_SECONDS = 5.0
_SIGNAL_SECONDS = 5.0
"""How long a process may take to go after a signal."""

_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Manager:
    """The living process that started a kernel and looks after it; Jupyter Servers can be asked to."""

    process: str
    pid: int
    server: JupyterServer | None = None

    def __str__(self) -> str:
        return (
            f"Jupyter Server at {self.server.url}" if self.server else f"{self.process} (process {self.pid})"
        )


def manager_of(health: Health) -> Manager | None:
    """Who looks after a kernel: nobody for those of `llmspell kernel start`, or if it is not known."""
    content = health.kernel.content
    if health.process is None or isinstance(content, Exception) or "llmspell_pid" in content.extra:
        return None
    ancestors = health.process.ancestors
    if server := server_among(ancestors):
        return Manager("", server.pid, server)
    parent = next((pid for pid in ancestors[:1] if pid > 1), None)
    with suppress(psutil.Error):
        return None if parent is None else Manager(psutil.Process(parent).name(), parent)
    return None


def stop(health: Health, *, seconds: float = STOP_SECONDS, force: bool = False) -> str:
    """Ends a kernel and removes what it leaves; answers what was done to it, as "stopped" or "killed".

    It is asked to shut down, and after `seconds` its process is terminated, then killed; with `force` it is
    killed at once. What is dead already is only cleaned away.

    Raises:
        ClientError: it goes on, or is none of this machine's, and what to do.
    """
    kernel = health.kernel
    if health.state is State.DEAD:
        remove_leftovers(health)
        return "was dead; its file is removed"
    if health.state in (State.UNREADABLE, State.UNREACHABLE, State.STARTING):
        raise ClientError(f"cannot stop {kernel.id}, it is {health.state}: {health.note or 'wait a moment'}")
    manager = manager_of(health)
    if manager is not None and manager.server is not None:
        # It would only start a kernel again that it has not stopped itself.
        manager.server.act(kernel, "stop", seconds)
        return f"stopped by the {manager}"
    how = _end(health, seconds, force=force)
    if manager is None or not psutil.pid_exists(manager.pid):
        remove_leftovers(health)
    return how


def _end(health: Health, seconds: float, *, force: bool) -> str:
    kernel, process = health.kernel, health.process
    if not force:
        deadline = time.monotonic() + seconds
        with suppress(KernelTimeoutError):
            ask(kernel.connection, "shutdown_request", {"restart": False}, min(seconds, _ANSWER_SECONDS))
        if _has_gone(health, deadline):
            return "stopped"
    if process is None:
        raise ClientError(
            f"{kernel.id} does not end, and which process it is is not known: look for who listens on port "
            f"{kernel.connection.ports['hb']}"
        )
    steps = [(signal.SIGTERM, "terminated"), (signal.SIGKILL, "killed")]
    for number, how in steps[1:] if force else steps:
        try:
            sent = process.signal(number)
        except PermissionError as error:
            raise ClientError(
                f"{kernel.id} is process {process.pid} of somebody else's: stop it as that user"
            ) from error
        if process.wait(_SIGNAL_SECONDS):
            return how if sent else "stopped"
    raise ClientError(f"{kernel.id}, process {process.pid}, does not end even when it is killed")


def _has_gone(health: Health, deadline: float) -> bool:
    """Whether the kernel goes until then: its process or, where that is not known, what listens."""
    if health.process is not None:
        return health.process.wait(deadline - time.monotonic())
    while health.kernel.listens:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def remove_leftovers(health: Health) -> None:
    """Removes the files of a kernel that has gone; not those of another that has taken its place."""
    content, file = health.kernel.content, health.kernel.file
    if isinstance(content, Exception) or file is None or FoundKernel.of_file(file).content != content:
        return
    if content.transport == "ipc":
        for port in content.ports.values():
            Path(f"{content.ip}-{port}").unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        Path(os.path.realpath(file)).unlink()
    file.unlink(missing_ok=True)


def restart(health: Health, *, seconds: float = STOP_SECONDS) -> str:
    """Starts a kernel anew, with the same connection file; answers who did it.

    Raises:
        ClientError: nobody is there to start it again, or it does not come back in time.
    """
    kernel = health.kernel
    manager = manager_of(health)
    if manager is not None and manager.server is not None:
        manager.server.act(kernel, "restart", seconds)
        return f"restarted by the {manager}"
    if not health.status.get("restarts_itself"):
        raise ClientError(f"cannot restart {kernel.id}{_why_not(health, manager)}")
    ask(kernel.connection, "shutdown_request", {"restart": True}, _ANSWER_SECONDS)
    _wait_for_return(health, seconds)
    return "restarted"


def _why_not(health: Health, manager: Manager | None) -> str:
    if not health.state.is_alive:
        return f", it is {health.state}{_because(health.note)}; `llmspell kernel stop` clears it away"
    if manager is not None:
        return f": {manager} started it, and has to restart it"
    return ": it was not started by `llmspell kernel start`; stop it, and start another"


def _wait_for_return(before: Health, seconds: float) -> None:
    """Waits until the kernel answers that is not the one from before.

    Raises:
        KernelTimeoutError: it does not come back in time.
    """
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < seconds:
        (now,) = probe([before.kernel], min(1.0, seconds))
        if now.state.is_alive and now.status["uptime"] < before.status["uptime"] + waited:
            return
        time.sleep(_POLL_SECONDS)
    raise KernelTimeoutError(
        f"{before.kernel.id} was shut down to begin anew, and does not answer {seconds:.3g} s later; its "
        "terminal says why"
    )


def interrupt(health: Health) -> None:
    """Ends what a kernel is running, as Ctrl-C would.

    Raises:
        ClientError: it does not answer, or says that it cannot.
    """
    if not health.state.is_alive:
        raise ClientError(f"cannot interrupt {health.kernel.id}, it is {health.state}{_because(health.note)}")
    reply = ask(health.kernel.connection, "interrupt_request", {}, _ANSWER_SECONDS)
    if reply.get("status") == "error":
        raise ClientError(f"{health.kernel.id} was not interrupted: {reply.get('evalue')}")


def _because(note: str) -> str:
    return f": {note}" if note else ""
