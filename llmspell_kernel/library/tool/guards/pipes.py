"""What goes to and comes from a program, up to a limit."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Callable
from typing import IO

_CHUNK = 65_536

_TURN = 0.05
"""Seconds after which it is looked whether anybody still waits."""

_AFTER_THE_END = 0.2
"""Seconds that others, who hold the pipes of a program that has ended, may still write."""


class Pipes:
    """The three streams of a running program.

    Attributes:
        stdout: what it has written there so far.
        stderr: what it has written there so far.
        full: it has written more than it may.
    """

    def __init__(self, process: subprocess.Popen[bytes], input: bytes, limit: int) -> None:
        """`limit` is in bytes, for both outputs together."""
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.full = False
        self._process = process
        self._input = memoryview(input)
        self._limit = limit

    def exchange(self, end: float, given_up: Callable[[], bool]) -> bool:
        """Serves the program until it has ended or is `full`; False if that has not come about.

        Args:
            end: when to stop, by the monotonic clock.
            given_up: asked many times a second whether to stop.
        """
        with selectors.DefaultSelector() as selector:
            self._register(selector)
            ended = float("inf")
            while selector.get_map():
                now = time.monotonic()
                if now >= end or given_up():
                    return False
                if self._process.poll() is not None:
                    ended = min(ended, now)
                    if now - ended > _AFTER_THE_END:
                        return True
                for key, _ in selector.select(min(_TURN, end - now)):
                    self._serve(selector, key.fileobj)
                if self.full:
                    return True
        return self._ended(end, given_up)

    def _ended(self, end: float, given_up: Callable[[], bool]) -> bool:
        """Waits for a program that has closed its outputs."""
        while time.monotonic() < end and not given_up():
            try:
                self._process.wait(min(_TURN, max(end - time.monotonic(), 0)))
            except subprocess.TimeoutExpired:
                continue
            return True
        return False

    def _register(self, selector: selectors.BaseSelector) -> None:
        process = self._process
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        for stream in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(stream.fileno(), False)
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        if self._input:
            selector.register(process.stdin, selectors.EVENT_WRITE)
        else:
            process.stdin.close()

    def _serve(self, selector: selectors.BaseSelector, stream: object) -> None:
        process = self._process
        assert process.stdin is not None
        if stream is process.stdin:
            try:
                self._input = self._input[os.write(process.stdin.fileno(), self._input[:_CHUNK]) :]
            except BrokenPipeError:
                self._input = self._input[:0]
            if not self._input:
                selector.unregister(process.stdin)
                process.stdin.close()
            return
        assert process.stdout is not None and process.stderr is not None
        source: IO[bytes] = process.stdout if stream is process.stdout else process.stderr
        data = os.read(source.fileno(), _CHUNK)
        if not data:
            selector.unregister(source)
        kept = self.stdout if source is process.stdout else self.stderr
        room = self._limit - len(self.stdout) - len(self.stderr)
        kept += data[:room]
        self.full = self.full or len(data) > room
