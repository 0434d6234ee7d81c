"""Child processes of Lua code: os.execute and io.popen, whose output reaches the cell.

A child runs in a process group of its own, so that an interrupt can end it (the second one by force) without
depending on how the kernel itself was started. What it writes to a stream that Lua does not read goes
to the front end while it runs, and all of it before the call that waited for the child returns.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator

from llmspell_kernel.errors import NotAllowedError, ScriptError
from llmspell_kernel.interpreter import SignalGate, StreamName

_CHUNK = 65536
_GRACE_SECONDS = 0.25
_LOOK_SECONDS = 0.1
"""How often a thread that no signal can reach looks whether its cell has been asked to end."""
_SHELL = ["/bin/sh", "-c"]

Write = Callable[[StreamName, bytes], None]


class _Child:
    """A running process and the threads that carry its output to the front end."""

    def __init__(self, process: subprocess.Popen[bytes], write: Write) -> None:
        self.process = process
        self.parent_end: int | None = None
        self._write = write
        self._pumps: list[threading.Thread] = []

    def forward(self, descriptor: int, stream: StreamName) -> None:
        """Sends what arrives at a pipe to a stream until the pipe ends; owns the descriptor."""
        pump = threading.Thread(target=self._pump, args=(descriptor, stream), daemon=True)
        self._pumps.append(pump)
        pump.start()

    def _pump(self, descriptor: int, stream: StreamName) -> None:
        with os.fdopen(descriptor, "rb", buffering=0) as pipe:
            while data := pipe.read(_CHUNK):
                self._write(stream, data)

    def wait(self, ending: Callable[[], bool]) -> tuple[bool, str, int]:
        """Waits for the end of process and output: ok, "exit" or "signal", code, as os.execute answers.

        Raises:
            KeyboardInterrupt: the cell has been asked to end.
        """
        code = self._code(ending)
        for pump in self._pumps:
            # A grandchild in the background may keep the pipe open for ever; the child itself is done.
            pump.join(timeout=0.2)
        return (code == 0, "exit", code) if code >= 0 else (False, "signal", -code)

    def _code(self, ending: Callable[[], bool]) -> int:
        if threading.current_thread() is threading.main_thread():
            return self.process.wait()  # a signal ends it
        while True:
            try:
                return self.process.wait(_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if ending():
                    raise KeyboardInterrupt from None

    def end_soon(self) -> None:
        """The cell that waited was interrupted, and so was the child: it gets a moment to end by itself."""
        try:
            self.process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def signal(self, number: int) -> None:
        """Signals it and all it has started."""
        if self.process.poll() is not None:
            return
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:  # it belongs to our own process group
            _signal_family(self.process.pid, number)


def _signal_family(pid: int, number: int) -> None:
    """Signals a process and all it has started, also what it starts just now."""
    import psutil

    stopped: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        found = [root]
        while found:
            for each in found:  # who is stopped starts nothing more that could be missed
                with contextlib.suppress(psutil.Error):
                    each.suspend()
                stopped.append(each)
            found = [each for each in root.children(recursive=True) if each not in stopped]
    # Parents last: they see no child that is stopped.
    for action in (lambda each: each.send_signal(number), psutil.Process.resume):
        for each in reversed(stopped):
            with contextlib.suppress(psutil.Error):
                action(each)


@contextlib.contextmanager
def _closed(*descriptors: int) -> Iterator[None]:
    try:
        yield
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


@contextlib.contextmanager
def _closed_on_failure(*descriptors: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise


class Children:
    """The child processes of one Lua state. `signal_all` may be called by any thread.

    `gate` is shut while a child is started or ended, for an interrupt there would leave one that nobody waits
    for; `ending` says whether there was one. Where they are not `allowed`, starting one is an error.
    If they are `shared`, the streams of children are this process's own, as in `lua`: what they write does
    not pass through the front end, and Ctrl-C in a terminal reaches them too.
    """

    def __init__(
        self,
        write: Write,
        gate: SignalGate,
        ending: Callable[[], bool],
        *,
        allowed: bool = True,
        shared: bool = False,
        variables: Callable[[], dict[str, str]] = os.environ.copy,
    ) -> None:
        self._write = write
        self._gate = gate
        self._ending = ending
        self._allowed = allowed
        self._variables = variables
        self._shared = shared
        self._running: dict[int, _Child] = {}
        self._next = 1

    def execute(self, command: bytes) -> tuple[bool, str, int]:
        """Runs a shell command to its end; both its streams go to the front end.

        Raises:
            NotAllowedError: the settings allow no processes.
        """
        self._check()
        if self._shared:
            with self._gate.shut():
                child = self._start(command, stdin=None, stdout=None, stderr=None)
                number = self._remember(child)
            return self._wait(number, child)
        with self._gate.shut():
            child_out, out = os.pipe()
            child_err, err = os.pipe()
            with _closed(out, err), _closed_on_failure(child_out, child_err):
                child = self._start(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            number = self._remember(child)
            child.forward(child_out, "stdout")
            child.forward(child_err, "stderr")
        return self._wait(number, child)

    def _wait(self, number: int, child: _Child) -> tuple[bool, str, int]:
        try:
            if self._ending():
                raise KeyboardInterrupt
            return child.wait(self._ending)
        except BaseException:
            with self._gate.shut():
                child.end_soon()
            raise
        finally:
            self._running.pop(number, None)

    def open(self, command: bytes, mode: bytes) -> tuple[int, str]:
        """Starts a command whose output is read (`r`) or whose input is written (`w`) by Lua.

        Answers its number and a path under which Lua opens its end of the pipe; `opened` must follow.

        Raises:
            NotAllowedError: the settings allow no processes.
        """
        self._check()
        with self._gate.shut():
            reading, writing = os.pipe()
            parent_end, child_end = (reading, writing) if mode == b"r" else (writing, reading)
            if self._shared:
                with _closed(child_end), _closed_on_failure(parent_end):
                    own = {"stdin": None, "stdout": None, "stderr": None}
                    child = self._start(command, **own | {"stdout" if mode == b"r" else "stdin": child_end})
                child.parent_end = parent_end
                return self._remember(child), f"/dev/fd/{parent_end}"
            shown, shown_end = os.pipe()
            with _closed(child_end, shown_end), _closed_on_failure(parent_end, shown):
                if mode == b"r":
                    child = self._start(command, stdin=subprocess.DEVNULL, stdout=writing, stderr=shown_end)
                else:
                    child = self._start(command, stdin=reading, stdout=shown_end, stderr=subprocess.STDOUT)
            child.parent_end = parent_end
            number = self._remember(child)
            child.forward(shown, "stderr" if mode == b"r" else "stdout")
            return number, f"/dev/fd/{parent_end}"

    def opened(self, number: int) -> None:
        """Lua has opened its end: ours is closed, so that the pipe ends when Lua closes it."""
        child = self._running[number]
        if child.parent_end is not None:
            os.close(child.parent_end)
            child.parent_end = None

    def close(self, number: int) -> tuple[bool | None, str, int]:
        """Waits for a child whose pipe Lua has closed."""
        child = self._running.get(number)
        if child is None:
            raise ScriptError("this child process has already been closed")
        ok, how, code = self._wait(number, child)
        return ok or None, how, code

    def signal_all(self, *, by_force: bool) -> None:
        """Interrupts every running child, or kills it."""
        for child in list(self._running.values()):
            child.signal(signal.SIGKILL if by_force else signal.SIGINT)

    def end_all(self) -> None:
        """Kills every running child and waits for its end. Any thread."""
        self.signal_all(by_force=True)
        for child in list(self._running.values()):
            child.process.wait()

    def wait_all(self) -> None:
        """Waits until every running child has ended by itself."""
        for child in list(self._running.values()):
            child.process.wait()

    def _check(self) -> None:
        if not self._allowed:
            raise NotAllowedError(NotAllowedError.PROCESSES)

    def _start(self, command: bytes, *, stdin: int | None, stdout: int | None, stderr: int | None) -> _Child:
        process = subprocess.Popen(
            [*_SHELL, command],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=self._variables(),
            start_new_session=not self._shared,
        )
        return _Child(process, self._write)

    def _remember(self, child: _Child) -> int:
        for other in list(self._running.values()):
            other.process.poll()  # a pipe that Lua never closes leaves no zombie
        number, self._next = self._next, self._next + 1
        self._running[number] = child
        if self._ending():  # `signal_all` may have come while it was being started
            child.signal(signal.SIGINT)
        return number
