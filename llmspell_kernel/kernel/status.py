"""What a kernel tells of itself: the content of status_reply."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmspell_kernel import __version__

if TYPE_CHECKING:
    from llmspell_kernel.kernel.kernel import LLMSpellKernel


class KernelStatus:
    """Answers status_request, which comes on the control channel: also while a cell runs.

    The request's content may have `silent: true`: then nothing of it is seen on iopub, so that looking at
    a kernel neither makes its indicator flicker in front ends nor keeps it from being culled as idle.
    """

    def __init__(self, kernel: LLMSpellKernel) -> None:
        """The kernel starts now."""
        self._kernel = kernel
        self._started = time.time()
        self._clock = time.monotonic()

    def content(self) -> dict[str, Any]:
        """The content of status_reply; see docs/reference/messages.md. Called on the control thread."""
        import psutil

        kernel = self._kernel
        process = psutil.Process()
        return {
            "status": "ok",
            "pid": os.getpid(),
            "process_started": process.create_time(),
            "parent_pid": os.getppid(),
            "started": datetime.fromtimestamp(self._started, UTC).isoformat(timespec="seconds"),
            "uptime": round(time.monotonic() - self._clock, 3),
            "execution_state": "idle" if kernel.requests.request is None else "busy",
            "executions": kernel.requests.executions,
            "clients": kernel.iopub_thread.subscribers,
            "memory_bytes": process.memory_info().rss,
            "language": kernel.language,
            "language_version": kernel.language_info["version"],
            "implementation": kernel.implementation,
            "implementation_version": __version__,
            "python_version": platform.python_version(),
            "connection_file": str(Path(kernel.parent.connection_file).absolute()),
            "directory": os.getcwd(),
            "restarts_itself": kernel.parent.restarts_itself,
        }
