"""Signals as an unlucky process gets them."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import time
from pathlib import Path


def interrupt_unnoticed(pid: int) -> None:
    """Send SIGINT to a process so that it ends no wait of its main thread.

    The same happens to a signal that arrives a moment before the main thread begins to wait: Python learns of
    it, and nothing returns. Here another of its threads takes the signal.
    """
    tasks = Path(f"/proc/{pid}/task")
    _wait_blocked(tasks / str(pid))
    for task in tasks.iterdir():
        if int(task.name) != pid and not _blocks(task, signal.SIGINT):
            if ctypes.CDLL(None, use_errno=True).tgkill(pid, int(task.name), signal.SIGINT):
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
            return
    raise AssertionError("no other thread takes the signal")


def _wait_blocked(task: Path) -> None:
    """Until a thread waits, as far as can be seen from outside: it sleeps and has not run for many looks."""
    deadline = time.monotonic() + 1
    before, looks = "", 0
    while looks < 200 and time.monotonic() < deadline:
        now = _status(task, "voluntary_ctxt_switches")
        looks = looks + 1 if now == before and _status(task, "State").startswith("S") else 0
        before = now
        os.sched_yield()


def _blocks(task: Path, number: int) -> bool:
    return bool(int(_status(task, "SigBlk"), 16) >> (number - 1) & 1)


def _status(task: Path, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*)$", (task / "status").read_text(), re.MULTILINE)
    assert found, f"no {name} in the status of {task}"
    return found[1]
