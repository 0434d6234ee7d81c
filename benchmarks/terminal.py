"""A program at a terminal of its own, typed at and timed."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from benchmarks.client import BenchmarkError

_SIZE = (24, 80)
_WHERE_IS_THE_CURSOR, _THERE = b"\x1b[6n", b"\x1b[1;1R"
_SECONDS = 30.0


class Typed:
    """A program in a pseudo-terminal; ended at the end of a `with` block.

    Attributes:
        started: when it was started, as perf_counter has it.
    """

    def __init__(self, argv: Sequence[str], variables: Mapping[str, str]) -> None:
        self._seen = b""
        self.started = time.perf_counter()
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            try:
                os.execvpe(argv[0], list(argv), {**os.environ, "TERM": "xterm-256color", **variables})
            finally:
                os._exit(127)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def wait(self, text: bytes) -> float:
        """Reads until the text has come since the last wait; answers when that was, as perf_counter has it.

        Raises:
            BenchmarkError: it does not come.
        """
        return self._read(lambda: text in self._seen, text)

    def settle(self, seconds: float) -> None:
        """Reads until nothing has come for that long."""
        while select.select([self._terminal], [], [], seconds)[0]:
            self._take(b"quiet")
        self._seen = b""

    def type(self, keys: bytes) -> float:
        """Types; answers when that was."""
        now = time.perf_counter()
        os.write(self._terminal, keys)
        return now

    def _read(self, is_there: Callable[[], bool], text: bytes) -> float:
        while not is_there():
            if not select.select([self._terminal], [], [], _SECONDS)[0]:
                raise BenchmarkError(f"{text!r} has not appeared; {self._seen[-200:]!r} has")
            self._take(text)
        self._seen = b""
        return time.perf_counter()

    def _take(self, text: bytes) -> None:
        try:
            data = os.read(self._terminal, 65536)
        except OSError as error:
            raise BenchmarkError(f"ended before {text!r}: {self._seen[-200:]!r}") from error
        for _ in range(data.count(_WHERE_IS_THE_CURSOR)):
            os.write(self._terminal, _THERE)
        self._seen += data
