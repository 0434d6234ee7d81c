"""A worker process: runs tools within limits, one call after the other, until its input ends.

Messages are msgpack behind their length. In come `["settings", {...}]` and `["call", Job]`; out go
`["audit", act, details]`, and for each call one `["answer", ...]` or `["error", ...]`, whose last item is
whether the process may be used again.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import struct
import sys
import time
from typing import IO, Any

import msgspec
from msgspec import Struct

from llmspell_kernel import errors
from llmspell_kernel.errors import (
    ParameterError,
    ScriptError,
    ToolError,
)
from llmspell_kernel.library.tool.contract import Answer, Tool, ToolFailedError

LENGTH = struct.Struct("<I")
"""Of the number before each message."""

_KEPT_MEMORY = 512 * 1024 * 1024
"""A process that holds more than this is not used again."""

_BIGGEST_FILE = 2 * 1024**3


class Job(Struct):
    """One call.

    Attributes:
        place: the tool's class, as module:Class.
        params: its parameters, checked.
        seconds: that it may take.
        memory: bytes that it may take on top of what the process has.
        answer_limit: bytes that the answer may take.
        directory: where relative paths begin.
    """

    place: str
    params: dict[str, Any]
    seconds: float
    memory: int
    answer_limit: int
    directory: str


def as_message(error: ScriptError) -> list[Any]:
    """An error that the other side raises again; what only a module of tools knows, as what it is one of."""
    details: dict[str, Any] = {}
    if isinstance(error, ToolFailedError):
        details = msgspec.to_builtins(error.details, builtin_types=(bytes,), str_keys=True)
        return ["error", ToolFailedError.__name__, str(error), details]
    if isinstance(error, ParameterError):
        details = {"tool": error.tool, "problems": list(error.problems)}
    return ["error", type(error).__name__, str(error), details]


def as_exception(name: str, message: str, details: dict[str, Any]) -> ScriptError:
    """The same error again."""
    if name == "ToolFailedError":
        return ToolFailedError(message, **details)
    if name == "ParameterError":
        return ParameterError(details["tool"], details["problems"])
    kind = getattr(errors, name, ToolError)
    return kind(message) if isinstance(kind, type) and issubclass(kind, ScriptError) else ToolError(message)


class WorkerProcess:
    """What runs in the process."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source = source
        self._sink = sink
        self._settings: Any = None
        self._cpu_count = os.cpu_count() or 1

    def serve(self) -> None:
        """Until the input ends."""
        while (message := self._read()) is not None:
            kind, content = message
            if kind == "settings":
                from llmspell_kernel.config.sections import Settings

                self._settings = msgspec.convert(content, Settings)
            else:
                reply = self._called(msgspec.convert(content, Job))
                self._write([*reply, self._is_reusable()])

    def _read(self) -> list[Any] | None:
        head = self._source.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return None
        message: list[Any] = msgspec.msgpack.decode(self._source.read(LENGTH.unpack(head)[0]))
        return message

    def _write(self, message: list[Any]) -> None:
        data = msgspec.msgpack.encode(message)
        self._sink.write(LENGTH.pack(len(data)) + data)
        self._sink.flush()

    def _called(self, job: Job) -> list[Any]:
        from llmspell_kernel.library.tool.workers import out_of_memory

        name = job.place
        try:
            module, _, path = job.place.partition(":")
            tool: Any = importlib.import_module(module)
            for step in path.split("."):
                tool = getattr(tool, step)
            name = tool.name
            self._limit(job)
            try:
                return self._answered(tool, job)
            finally:
                self._unlimit()
        except ScriptError as error:
            return as_message(error)
        except MemoryError:
            gc.collect()
            return as_message(out_of_memory(name, job.memory))

    def _answered(self, tool: type[Tool], job: Job) -> list[Any]:
        from llmspell_kernel.library.tool.entries import ClassEntry
        from llmspell_kernel.library.tool.envelope import check_size
        from llmspell_kernel.library.tool.running import perform
        from llmspell_kernel.library.tool.surroundings import Surroundings

        if os.getcwd() != job.directory:
            os.chdir(job.directory)
        entry = ClassEntry(tool)
        _, given = entry.check(job.params)
        surroundings = Surroundings(
            self._settings, tool.name, deadline=time.monotonic() + job.seconds, audit=self._audit
        )
        answer = perform(entry, given, surroundings)
        parts = tuple(answer) if isinstance(answer, Answer) else (answer, "", {})
        reply = ["answer", isinstance(answer, Answer), *parts]
        try:
            data = msgspec.msgpack.encode(reply)
        except (OverflowError, UnicodeEncodeError):  # integers beyond 64 bits; half of a character
            reply = mended(reply)
            data = msgspec.msgpack.encode(reply)
        check_size(len(data), tool.name, job.answer_limit)
        return reply

    def _audit(self, act: str, details: dict[str, Any]) -> None:
        self._write(
            ["audit", act, mended(msgspec.to_builtins(details, builtin_types=(bytes,), str_keys=True))]
        )

    def _limit(self, job: Job) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu = used.ru_utime + used.ru_stime + (job.seconds + 1) * self._cpu_count
        _set_limit(resource.RLIMIT_CPU, int(cpu) + 1)
        _set_limit(resource.RLIMIT_DATA, _data_bytes() + job.memory)

    def _unlimit(self) -> None:
        _set_limit(resource.RLIMIT_CPU, resource.RLIM_INFINITY)
        _set_limit(resource.RLIMIT_DATA, resource.RLIM_INFINITY)

    def _is_reusable(self) -> bool:
        return _resident_bytes() < _KEPT_MEMORY


def mended(value: Any) -> Any:
    """A plain value as msgpack can say it: bigger integers as floats, as in Lua; half characters as `?`."""
    if isinstance(value, dict):
        return {mended(key): mended(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [mended(each) for each in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    return value


def _set_limit(kind: int, soft: int) -> None:
    """A soft limit, within the hard one that the process was given."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
        soft = hard
    resource.setrlimit(kind, (soft, hard))


def _status(field: str) -> int:
    """Bytes that /proc says of this process; 0 where there is no /proc."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            line = next(line for line in file if line.startswith(field))
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1]) * 1024


def _data_bytes() -> int:
    return _status("VmData:")


def _resident_bytes() -> int:
    return _status("VmRSS:")


def _end_with(parent: int) -> None:
    """Has this process killed when its parent ends, where the system can do so."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    if os.getppid() != parent:  # it has ended already
        sys.exit(0)


def main() -> None:
    """Serves stdin; what tools print goes to stderr."""
    _end_with(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _set_limit(resource.RLIMIT_FSIZE, _BIGGEST_FILE)
    sink = os.fdopen(os.dup(1), "wb")
    source = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    WorkerProcess(source, sink).serve()


if __name__ == "__main__":
    main()
