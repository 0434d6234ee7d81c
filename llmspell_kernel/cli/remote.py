"""A script in a running kernel, as if it ran here: its output, its input, Ctrl-C, its exit status."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from llmspell_kernel.cli.frame import Frame
from llmspell_kernel.cli.job import Job, plain, show_document
from llmspell_kernel.cli.terminal_frontend import CapturingFrontend, TerminalFrontend
from llmspell_kernel.client.connected import CONNECT_SECONDS, connect
from llmspell_kernel.client.discovery import resolve
from llmspell_kernel.errors import ClientError, KernelTimeoutError, UsageError
from llmspell_kernel.interpreter import ErrorReport, MimeBundle, Script, SignalGate, StreamName
from llmspell_kernel.kernel.signals import InterruptSignals
from llmspell_kernel.records import replaced

if TYPE_CHECKING:
    from llmspell_kernel.client.call import Call, Message
    from llmspell_kernel.client.contract import Client
    from llmspell_kernel.client.execution import Execution

FAILED, TIMED_OUT, INTERRUPTED, NO_READER = 1, 124, 130, 141
_SHORT_SECONDS = 1.0
"""A kernel that is busy for longer is worth a word."""
_GRACE_SECONDS = 2.0
"""How long a kernel may take to end what it was asked to end."""


def run_there(frame: Frame, job: Job) -> int:
    """Runs it in the kernel that the job names; answers the exit status.

    Raises:
        LLMSpellError: it cannot begin, or in text mode: the kernel has died.
    """
    assert job.connect is not None
    text, script = _as_messages(job)
    captured = CapturingFrontend() if frame.output != "text" else None
    frontend = captured or TerminalFrontend()
    started = time.perf_counter()
    execution: Execution | None = None
    error: ErrorReport | None
    keys = _CtrlC(frontend)
    deadline = None if job.timeout is None else time.monotonic() + job.timeout
    client = _reached(frame, job, deadline)
    if client is None:
        return TIMED_OUT
    with client:
        call = client.execute_stream(text, store_history=False, read_line=keys.read, script=script)
        keys.call = call
        shows_result = job.shows_result and captured is None
        watch = _Watch(call, keys, frontend, deadline, shows_result=shows_result)
        try:
            _end_gently()
            execution = watch.until_end()
        except SystemExit:
            call.interrupt()
            with suppress(ClientError):
                call.result(_GRACE_SECONDS)
            raise
        except ClientError as problem:
            if captured is None:
                raise
            error = ErrorReport(type(problem).__name__, str(problem), (str(problem),))
            status = FAILED
        else:
            error, status = _error_of(execution), _status_of(execution)
        if keys.ended_input and not _is_interrupted_code(error):  # it was told so before the interrupt came
            error, status = _INTERRUPTED_READ, INTERRUPTED
        if watch.status == TIMED_OUT:
            error = _late(error, job.timeout or 0)
        status = watch.status or status
    if captured is not None:
        seconds = time.perf_counter() - started
        result = execution.result if execution is not None else None
        show_document(frame, result, captured.output, seconds, status, error)
        return status
    if error is not None and error.traceback and status != NO_READER:
        _show(error, frontend, frame)
    return status


_INTERRUPTED_READ = ErrorReport(
    "KeyboardInterrupt", "interrupted at its input", ("KeyboardInterrupt: interrupted at its input",)
)


class _CtrlC:
    """Hears every Ctrl-C: the first interrupts the call; while the gate is open, each ends a wait.

    Attributes:
        call: what to interrupt, once there is something.
        count: how often it was pressed.
        ended_input: code that asked for input afterwards was told that there is none.
        gate: whether KeyboardInterrupt may be raised on the main thread.
    """

    def __init__(self, frontend: TerminalFrontend) -> None:
        self._frontend = frontend
        self.call: Call[Execution] | None = None
        self.count = 0
        self.ended_input = False
        self.gate = SignalGate()
        self.gate.open = True
        InterruptSignals(self.gate, self._pressed, when_idle=lambda: None)

    def read(self, prompt: str, password: bool) -> str:
        """A line that the code asks for; nobody is asked any more for code that was interrupted.

        Raises:
            EOFError: there is none.
        """
        if self.count:
            self.ended_input = True
            raise EOFError
        return self._frontend.read_line(prompt, password=password)

    def _pressed(self) -> bool:
        self.count += 1
        if self.call is not None and self.count == 1:
            self.call.interrupt()
        return False  # what waits for the kernel here ends only by the exception


class _Watch:
    """Shows what a call brings until it ends, or until nobody wants to wait any more.

    Attributes:
        status: the exit status, if it is not the code's own end that decides it; else None.
    """

    def __init__(
        self,
        call: Call[Execution],
        keys: _CtrlC,
        frontend: TerminalFrontend,
        ends: float | None,
        *,
        shows_result: bool,
    ) -> None:
        """`ends` is when the code's time is over, by the monotonic clock."""
        self.status: int | None = None
        self._call = call
        self._keys = keys
        self._frontend = frontend
        self._ends = ends
        self._shows_result = shows_result
        self._deadline: float | None = None
        self._shown = 0
        self._is_over = False
        frontend.on_loss = self._lost_output

    def until_end(self) -> Execution | None:
        """What it came to; None if it did not end when it should.

        Raises:
            ClientError: the kernel has died.
        """
        if self._ends is not None:
            timer = threading.Timer(max(0.0, self._ends - time.monotonic()), self._expire)
            timer.daemon = True
            timer.start()
        try:
            while True:
                try:
                    self._keys.gate.open = True
                    self._show()
                    execution = self._call.result()
                    # Who pressed Ctrl-C may be heard of only now that it has had its effect.
                    self._keys.gate.open = False
                    return execution
                except KeyboardInterrupt:
                    if self._keys.count > 1:
                        self.status = INTERRUPTED
                        return None
        except KernelTimeoutError:
            return None
        finally:
            self._is_over = True

    def _expire(self) -> None:
        """The time is over: as one Ctrl-C, which also ends reading; what does not end soon is left."""
        if not self._is_over:
            self.status = TIMED_OUT
            self._deadline = time.monotonic() + _GRACE_SECONDS
            os.kill(os.getpid(), signal.SIGINT)

    def _show(self) -> None:
        seconds = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        for number, message in enumerate(self._call.stream(seconds)):
            if number >= self._shown:
                self._shown = number + 1
                _show_message(message, self._frontend, shows_result=self._shows_result)

    def _lost_output(self, error: OSError) -> None:
        self.status = NO_READER if isinstance(error, BrokenPipeError) else FAILED
        self._call.interrupt()


def _show_message(message: Message, frontend: TerminalFrontend, *, shows_result: bool) -> None:
    content = message["content"]
    kind = message["msg_type"]
    if kind == "stream":
        name: StreamName = "stderr" if content["name"] == "stderr" else "stdout"
        frontend.write(name, content["text"].encode(errors="surrogateescape"))
    elif kind == "display_data" or (kind == "execute_result" and shows_result):
        frontend.display(MimeBundle(content["data"]))


def _as_messages(job: Job) -> tuple[str, Script]:
    """The text and the script as JSON can carry them; the script lies where this process sees it.

    Raises:
        UsageError: they are not Unicode.
    """
    try:
        text = job.source.decode()
    except UnicodeDecodeError as error:
        line = job.source.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{job.script.name} is not UTF-8 text (byte 0x{job.source[error.start]:02x} in line {line}), and "
            "a kernel takes nothing else; save it as UTF-8"
        ) from None
    for word in (job.script.name, *job.script.arguments):
        if not _is_unicode(word):
            raise UsageError(f"{os.fsencode(word)!r} is not UTF-8, and a kernel takes nothing else")
    directory = job.script.directory
    if directory is None and job.script.name and os.path.exists(job.script.name):
        directory = os.curdir
    there = os.path.abspath(directory) if directory else None
    return text, replaced(job.script, directory=there, waits=True)


def _is_unicode(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _end_gently() -> None:
    """Has SIGTERM and SIGHUP raise SystemExit: the code in the kernel is to end with the command."""

    def end(number: int, _: object) -> None:
        for each in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) != signal.SIG_IGN:  # as after nohup
            signal.signal(each, end)


def _reached(frame: Frame, job: Job, deadline: float | None) -> Client | None:
    """A client of the kernel when that has time; None if the job's is over before, which is told.

    Raises:
        LLMSpellError: it cannot be reached, or is not one of ours.
    """
    assert job.connect is not None
    left = CONNECT_SECONDS if deadline is None else deadline - time.monotonic()
    try:
        client = connect(resolve(job.connect), timeout=min(CONNECT_SECONDS, left))
    except KernelTimeoutError as problem:
        if deadline is None or time.monotonic() < deadline:
            raise
        frame.fail("KernelTimeoutError", str(problem), TIMED_OUT)
        return None
    is_ready = False
    try:
        is_ready = _is_ready(client, job, frame, deadline)
    finally:
        if not is_ready:
            client.close()
    return client if is_ready else None


def _is_ready(client: Client, job: Job, frame: Frame, deadline: float | None) -> bool:
    """Waits until the kernel has time; answers whether it has before the deadline.

    Nothing is sent that would run when nobody waits for it any more.

    Raises:
        UsageError: the kernel is not one of ours.
    """
    where = job.connect or ""
    call = client.start("kernel_info_request")

    def left() -> float | None:
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    at_first = left()
    try:
        info = call.result(_SHORT_SECONDS if at_first is None else min(_SHORT_SECONDS, at_first))
    except KernelTimeoutError:
        advice = f"`llmspell kernel interrupt {where}` ends what it runs"
        frame.note(f"the kernel {where} is busy; waiting for it (Ctrl-C gives up, {advice})")
        try:
            info = call.result(left())
        except KernelTimeoutError:
            message = f"the kernel {where} is still busy after {job.timeout:g} s; {advice}"
            frame.fail("KernelTimeoutError", message, TIMED_OUT)
            return False
    if info.get("implementation") != "llmspell":
        language = (info.get("language_info") or {}).get("name", "something else")
        raise UsageError(
            f"the kernel {where} runs {language} ({info.get('implementation', 'unknown')}), not LLMSpell; "
            "`llmspell kernel list` shows what there is"
        )
    return True


def _error_of(execution: Execution | None) -> ErrorReport | None:
    if execution is None or execution.exit_code is not None:
        return None
    if execution.status == "aborted":
        message = "the kernel did not run it: code before it has failed"
        return ErrorReport("Aborted", message, (message,))
    error = execution.error
    return None if error is None else ErrorReport(error.ename, error.evalue, tuple(error.traceback))


def _is_interrupted_code(error: ErrorReport | None) -> bool:
    """Whether it shows the place; what was waiting for its timers only has none."""
    return error is not None and error.name == "KeyboardInterrupt" and bool(error.traceback)


def _late(error: ErrorReport | None, seconds: float) -> ErrorReport:
    """What to say of a script that was interrupted because its time was over: where, if that is known."""
    message = f"the script ran longer than its limit of {seconds:g} s"
    frames = error.traceback[1:] if error is not None else ()
    text = (f"CellTimeLimit: {message}", "Allow more with --timeout SECONDS.", *frames)
    return ErrorReport("CellTimeLimit", message, text)


def _status_of(execution: Execution | None) -> int:
    if execution is None:
        return FAILED
    if execution.exit_code is not None:
        return execution.exit_code & 0xFF
    if execution.status == "ok":
        return 0
    name = execution.error.ename if execution.error is not None else ""
    return {"KeyboardInterrupt": INTERRUPTED, "CellTimeLimit": TIMED_OUT}.get(name, FAILED)


def _show(error: ErrorReport, frontend: TerminalFrontend, frame: Frame) -> None:
    text = "\n".join(error.traceback) + "\n"
    if not frame.colours(sys.stderr):
        text = plain(error.traceback) + "\n"
    frontend.write("stderr", text.encode(errors="surrogateescape"))
