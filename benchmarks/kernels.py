"""Kernel processes: started with their own connection file and home, always ended, by pid."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.client import Client, Connection, SilentKernelError
from benchmarks.snippets import IPYTHON, LUA, Snippets

CONNECTION_FILE = "{connection_file}"


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """A kernel to measure: its name in tables, how it is started, and what the scenarios say to it."""

    name: str
    argv: Sequence[str]
    snippets: Snippets


OURS = KernelSpec("llmspell", (sys.executable, "-m", "llmspell_kernel", "-f", CONNECTION_FILE), LUA)
# Without -Xfrozen_modules=off, which ipykernel's own kernelspec adds for its debugger and which only
# makes it start later: both interpreters get the same flags.
IPYKERNEL = KernelSpec(
    "ipykernel", (sys.executable, "-m", "ipykernel_launcher", "-f", CONNECTION_FILE), IPYTHON
)


class KernelProcess:
    """A running kernel with a client connected to it; leaving the `with` block ends the process."""

    def __init__(self, spec: KernelSpec, home: Path) -> None:
        self.spec = spec
        connection = Connection.allocate()
        path = self.connection_file = home / f"{spec.name}-{connection.shell_port}.json"
        connection.write(path)
        argv = [argument.replace(CONNECTION_FILE, str(path)) for argument in spec.argv]
        self._log = path.with_suffix(".log")
        with self._log.open("wb") as log:
            self.started = time.perf_counter()
            # As jupyter_client starts kernels: in a group of their own, ending when their parent ends.
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(home),
                start_new_session=True,
            )
        self.pid = self.process.pid
        self.client = Client(connection, spec.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, SilentKernelError):
            error.add_note(self._last_words())
        self.stop()

    def stop(self) -> None:
        """End the process, and what it started in its group."""
        self.client.close()
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(timeout=10)

    def _last_words(self) -> str:
        code = self.process.poll()
        state = "still running" if code is None else f"ended with {code}"
        tail = self._log.read_text(errors="replace").strip()[-500:]
        return f"{self.spec.name} ({state}): {tail or 'logged nothing'}"


def _environment(home: Path) -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "IPYTHON", "XDG"))
    }
    return environment | {
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JPY_PARENT_PID": str(os.getpid()),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


@dataclass(frozen=True, slots=True)
class Contest:
    """The two kernels of a run and the home directory they share."""

    home: Path
    ours: KernelSpec = OURS
    reference: KernelSpec = IPYKERNEL

    def start(self, spec: KernelSpec) -> KernelProcess:
        """Start one of the kernels without waiting for it."""
        return KernelProcess(spec, self.home)

    @contextmanager
    def both(self) -> Iterator[tuple[KernelProcess, KernelProcess]]:
        """Ours and the reference, both running, connected and answering."""
        with self.start(self.ours) as ours, self.start(self.reference) as reference:
            ours.client.wait_ready()
            reference.client.wait_ready()
            yield ours, reference


@contextmanager
def contest(ours: KernelSpec = OURS, reference: KernelSpec = IPYKERNEL) -> Iterator[Contest]:
    """A contest in a temporary home, so that no user's profile or history takes part."""
    with tempfile.TemporaryDirectory(prefix="llmspell-bench-") as directory:
        yield Contest(Path(directory), ours, reference)
