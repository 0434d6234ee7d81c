"""Worker processes, as the process that uses them sees them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from llmspell_kernel.errors import ToolError, ToolMemoryError
from llmspell_kernel.interpreter import Waits
from llmspell_kernel.library.tool.contract import Answer, Tool
from llmspell_kernel.library.tool.places import Ending, timed_out
from llmspell_kernel.library.tool.surroundings import Surroundings
from llmspell_kernel.library.tool.worker import LENGTH, Job, as_exception, mended

if TYPE_CHECKING:
    from llmspell_kernel.config.sections import Settings

_KEPT = ("PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT")
_FEW_THREADS = {
    "POLARS_MAX_THREADS": "4",
    "RAYON_NUM_THREADS": "4",
    "OMP_NUM_THREADS": "4",
    "OPENBLAS_NUM_THREADS": "4",
    "MALLOC_ARENA_MAX": "4",
}
"""Each thread takes address space, which counts as memory."""

_GRACE = 0.5
"""Seconds that a worker has to answer by itself when the time of a call is over."""

_TAIL = 2000

_MEMORY = (
    "MemoryError",
    "memory allocation",
    "bad_alloc",
    "cannot allocate memory",
    "Cannot allocate memory",
)
"""What libraries say last when they get no more."""

_MORE = 1024 * 1024
"""Bytes that a message may take beyond the answer in it."""


class Workers:
    """Worker processes that wait for calls: one is made if none is free, and kept afterwards. Any thread."""

    def __init__(self, settings: Callable[[], Settings], waits: Callable[[], Waits | None]) -> None:
        self._settings = settings
        self._waits = waits
        self._free: list[Worker] = []
        self._closed = False

    def call(self, tool: type[Tool], params: dict[str, Any], surroundings: Surroundings) -> Any:
        """What the tool answers in a worker process, as plain values or an `Answer` of them.

        Raises:
            ToolTimeoutError: the time of the call is over; the process has ended.
            ToolError: the process has broken, or the tool has failed.
            KeyboardInterrupt: the cell has been asked to end; the process has ended.
        """
        worker = self._take()
        try:
            answer = worker.call(tool, params, surroundings, self._waits())
        finally:
            if worker.is_reusable and not self._closed:
                self._free.append(worker)
            else:
                worker.kill()
        return answer

    def _take(self) -> Worker:
        while self._free:
            worker = self._free.pop()
            if worker.is_alive:
                return worker
            worker.kill()
        return Worker()

    def close(self) -> None:
        """Ends them all."""
        self._closed = True
        while self._free:
            self._free.pop().kill()


class Worker:
    """One worker process, for one call at a time."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()
        path = os.pathsep.join(os.path.abspath(each) for each in sys.path if each)
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in _KEPT or name.startswith(("LC_", "PYTHON"))
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "llmspell_kernel.library.tool.worker", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**kept, **_FEW_THREADS, "PYTHONPATH": path},
            start_new_session=True,
        )
        self._known_settings: Settings | None = None
        self._ending: Ending | None = None
        self._surroundings: Surroundings | None = None
        self._reply: list[Any] | None = None
        self._ended = False
        self._longest = 0
        self.is_reusable = True
        self._reader = threading.Thread(target=self._read, name="llmspell-tool-worker", daemon=True)
        self._reader.start()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return not self._ended and self._process.poll() is None

    def call(
        self, tool: type[Tool], params: dict[str, Any], surroundings: Surroundings, waits: Waits | None
    ) -> Any:
        """See `Workers.call`; afterwards `is_reusable` tells whether it may be asked again."""
        self.is_reusable = False
        seconds = surroundings.seconds_left
        self._reply, self._surroundings, self._ending = None, surroundings, Ending(waits)
        self._longest = surroundings.settings.tools.max_output_size + _MORE
        memory = tool.memory_limit or surroundings.settings.tools.max_memory_mb * 1024 * 1024
        job = Job(
            place=f"{tool.__module__}:{tool.__qualname__}",
            params=params,
            seconds=seconds,
            memory=memory,
            answer_limit=surroundings.settings.tools.max_output_size,
            directory=os.getcwd(),
        )
        self._errors.seek(0)  # its place is the process's too: from now on it writes there
        self._errors.truncate()
        try:
            self._send(job, surroundings.settings)
        except OSError:  # it has broken: the reader says so
            pass
        if not self._ending.wait(seconds + _GRACE):
            raise timed_out(tool.name, surroundings.seconds)
        reply = self._take_reply()
        if reply is None:
            raise self._broken(tool.name, surroundings.seconds, memory)
        self.is_reusable = reply[-1] is True
        return self._unpacked(reply)

    def _take_reply(self) -> list[Any] | None:
        reply, self._reply = self._reply, None
        return reply

    def _unpacked(self, reply: list[Any]) -> Any:
        kind, *rest = reply
        if kind == "answer":
            is_answer, result, message, metadata, _ = rest
            return Answer(result, message, metadata) if is_answer else result
        name, message, details, _ = rest
        raise as_exception(name, message, details)

    def _send(self, job: Job, settings: Settings) -> None:
        if settings is not self._known_settings:
            self._write(["settings", msgspec.to_builtins(settings)])
            self._known_settings = settings
        self._write(["call", msgspec.to_builtins(job, builtin_types=(bytes,))])

    def _write(self, message: list[Any]) -> None:
        try:
            data = msgspec.msgpack.encode(message)
        except (OverflowError, UnicodeEncodeError):
            data = msgspec.msgpack.encode(mended(message))
        assert self._process.stdin is not None
        self._process.stdin.write(LENGTH.pack(len(data)) + data)
        self._process.stdin.flush()

    def _read(self) -> None:
        """On a thread of its own: takes what the process says, until it ends."""
        stream = self._process.stdout
        assert stream is not None
        with contextlib.suppress(OSError, ValueError, msgspec.MsgspecError):
            while len(head := stream.read(LENGTH.size)) == LENGTH.size:
                (length,) = LENGTH.unpack(head)
                if length > self._longest:  # a library that was broken into may send anything
                    self._process.kill()
                    break
                data = stream.read(length)
                if len(data) < length:
                    break
                self._got(msgspec.msgpack.decode(data))
        self._ended = True
        if self._ending is not None:
            self._ending.finish()

    def _got(self, message: list[Any]) -> None:
        if message[0] == "audit":
            if self._surroundings is not None:
                self._surroundings.audit(message[1], **message[2])
            return
        self._reply = message
        if self._ending is not None:
            self._ending.finish()

    def _broken(self, tool: str, seconds: float, memory: int) -> ToolError:
        """What has become of it."""
        code = self._process.wait()
        if code == -signal.SIGXCPU:
            return timed_out(tool, seconds)
        with contextlib.suppress(ValueError):
            self._errors.seek(max(0, os.fstat(self._errors.fileno()).st_size - _TAIL))
        said = self._errors.read().decode("utf-8", "backslashreplace").strip()
        if any(each in said for each in _MEMORY):
            return out_of_memory(tool, memory)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        last = f": {said.splitlines()[-1]}" if said else ""
        return ToolError(f"{tool}: the process it ran in was ended {how}{last}")

    def kill(self) -> None:
        """Ends it at once, with what it has started. May be repeated."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(5)
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def out_of_memory(tool: str, memory: int) -> ToolMemoryError:
    """What a call comes to that takes too much memory."""
    return ToolMemoryError(
        f"{tool}: it needs more than its {memory // (1024 * 1024):,} MB of memory; give it less to do, or "
        "raise the setting tools.max_memory_mb"
    )
