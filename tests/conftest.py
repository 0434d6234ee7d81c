"""What every test may use: isolated Jupyter folders, our kernelspecs, kernels that are sure to end."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from llmspell_kernel.kernel.kernelspecs import KERNEL_NAMES, Kernelspec

from .kernels import KernelSession, start_kernel
from .postgres import postgres_server as postgres_server

SESSION_MARK = "LLMSPELL_TEST_SESSION"
"""Every process started by a test inherits this variable, so that those left behind are found."""

GONE_SECONDS = 30
"""How long processes that are about to end may take on a busy machine."""


@pytest.fixture(scope="session", autouse=True)
def ordinary_signals() -> None:
    """Ctrl-C reaches what tests start, also where this runs in a shell's background, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for each in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(each, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def isolated_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of its own for Jupyter and the kernel; at the end, proof that no process is left.

    Nothing is read from or written to the folders of the user who runs the tests.
    """
    root = tmp_path_factory.mktemp("home")
    mark = uuid.uuid4().hex
    with pytest.MonkeyPatch.context() as patch:
        for name in [
            name for name in os.environ if name.startswith(("JUPYTER", "JPY_", "IPYTHON", "LLMSPELL_"))
        ]:
            patch.delenv(name)
        folders = {
            "HOME": "",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "lab/settings",
            "JUPYTERLAB_WORKSPACES_DIR": "lab/workspaces",
            "IPYTHONDIR": "ipython",
            "XDG_CONFIG_HOME": "xdg/config",
            "XDG_DATA_HOME": "xdg/data",
            "XDG_CACHE_HOME": "xdg/cache",
            "XDG_STATE_HOME": "xdg/state",
        }
        for name, folder in folders.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            patch.setenv(name, str(root / folder))
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        # What a test installs for its user comes before what pip has put into the environment.
        patch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
        patch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        patch.setenv(SESSION_MARK, mark)
        yield root
        left = _processes_marked(mark)
    assert not left, f"processes that tests started and left behind: {left}"


@pytest.fixture(scope="session")
def kernelspecs(isolated_folders: Path) -> list[str]:
    """The names of our kernelspecs, installed where every Jupyter client of this session finds them."""
    return [Kernelspec(language).install().name for language in KERNEL_NAMES]


@pytest.fixture
def new_kernel(kernelspecs: list[str]) -> Iterator[Callable[..., KernelSession]]:
    """Start kernels (name, then arguments for its command line); all are ended after the test."""
    started: list[KernelSession] = []

    def start(name: str = "llmspell", *arguments: str) -> KernelSession:
        session = start_kernel(name, *arguments)
        started.append(session)
        return session

    yield start
    for session in started:
        session.end()


@pytest.fixture(scope="module")
def kernel(kernelspecs: list[str]) -> Iterator[KernelSession]:
    """One Lua 5.4 kernel that the tests of a module share; they must not depend on each other's state."""
    session = start_kernel("llmspell")
    yield session
    session.end()


def _processes_marked(mark: str) -> list[str]:
    """Command lines of the processes that carry our mark, given time to go; they are ended."""
    found = [process for process in psutil.process_iter() if _carries(process, mark)]
    _, left = psutil.wait_procs(found, timeout=GONE_SECONDS)
    lines = []
    for process in left:
        with suppress(psutil.Error):
            lines.append(f"{process.pid} {' '.join(process.cmdline())}")
            process.kill()
    return lines


def _carries(process: psutil.Process, mark: str) -> bool:
    if process.pid == os.getpid():
        return False
    with suppress(psutil.Error):
        if "multiprocessing.resource_tracker" in " ".join(process.cmdline()):
            return False  # Python's own, of this process: it ends with it
        return bool(process.environ().get(SESSION_MARK) == mark)
    return False
