"""What a debugging session debugs: a script that `llmspell debug` runs, or a cell of a kernel.

Both let a session connect, start the program, and learn how it ended, so that one scenario tests both.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cli.command import LLMSPELL
from tests.kernels import KernelSession

from .client import SECONDS, DapClient, KernelRoute, SocketRoute, body_of
from .schema import Message

CLIENT = {
    "clientID": "tests",
    "clientName": "tests",
    "adapterID": "llmspell",
    "pathFormat": "path",
    "linesStartAt1": True,
    "columnsStartAt1": True,
    "supportsVariableType": True,
    "supportsVariablePaging": True,
    "supportsRunInTerminalRequest": False,
    "locale": "en",
}


@dataclass(frozen=True)
class Ending:
    """How a program ended, and all it wrote."""

    ok: bool
    stdout: str
    stderr: str


class Target(ABC):
    """One program, and how clients reach its debugger.

    Attributes:
        path: the source path of the program, for breakpoints.
    """

    path: str

    @abstractmethod
    def connect(self, **attach: object) -> DapClient:
        """A new client that has attached, with the capabilities in `capabilities`."""

    @abstractmethod
    def start(self, client: DapClient) -> None:
        """Let the program run: the client's breakpoints are set."""

    @abstractmethod
    def wait_end(self, client: DapClient) -> Ending:
        """How the program ended, which it must do soon."""

    @abstractmethod
    def output(self, client: DapClient) -> str:
        """What the program has written so far, as the client sees it."""

    @property
    def diagnosis(self) -> str:
        """What helps to understand a failed test."""
        return ""

    @abstractmethod
    def close(self) -> None:
        """End the program and what runs it, whatever state they are in."""


def initialize(client: DapClient, **arguments: object) -> Message:
    """The capabilities."""
    return body_of(client.ask("initialize", {**CLIENT, **arguments}))


class Pipe:
    """Reads a process's pipe on a thread of its own, so that the process never waits for us."""

    def __init__(self, pipe: int) -> None:
        self._descriptor = pipe
        self._data = b""
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while data := os.read(self._descriptor, 65536):
            with self._changed:
                self._data += data
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def text(self) -> str:
        """Everything so far."""
        with self._changed:
            return self._data.decode(errors="backslashreplace")

    def wait_for(self, pattern: str, seconds: float = SECONDS) -> re.Match[str]:
        """The first match in what comes, once it is there."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                found = re.search(pattern, self._data.decode(errors="backslashreplace"))
                if found:
                    return found
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "the process closed it" if self._ended else f"in {seconds:g} s"
                    raise AssertionError(f"{pattern!r} did not appear ({why}); there is: {self._data!r}")
                self._changed.wait(left)

    def join(self, seconds: float = SECONDS) -> str:
        """Everything, once the process has closed its end."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"the pipe is still open; there is: {self.text}"
        return self.text


LISTENING = r"listening on (\S+):(\d+)\n"


class ScriptTarget(Target):
    """A Lua file run by `llmspell debug --listen`."""

    def __init__(
        self,
        file: Path,
        *,
        language: str = "lua54",
        options: Sequence[str] = ("--wait",),
        arguments: Sequence[str] = (),
    ) -> None:
        self.path = str(file)
        self._exit_code: int | None = None
        command = [str(LLMSPELL), "debug", str(file), "--listen", "127.0.0.1:0", "--language", language]
        self.process = subprocess.Popen(
            [*command, *options, *(["--", *arguments] if arguments else ())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None and self.process.stderr is not None
        self.stdout = Pipe(self.process.stdout.fileno())
        self.stderr = Pipe(self.process.stderr.fileno())
        self._clients: list[DapClient] = []

    @property
    def address(self) -> tuple[str, int]:
        """Where its debug server listens; it must say so soon."""
        try:
            found = self.stdout.wait_for(LISTENING)
        except AssertionError as error:
            raise AssertionError(f"{error}; stderr: {self.stderr.text}") from error
        return found[1], int(found[2])

    def raw_client(self) -> DapClient:
        """A connected client that has said nothing yet."""
        client = DapClient(SocketRoute(self.address))
        self._clients.append(client)
        return client

    def connect(self, **attach: object) -> DapClient:
        client = self.raw_client()
        initialize(client)
        seq = client.send("attach", attach)
        client.wait_event("initialized")
        body_of(client.answer_to(seq))
        return client

    def start(self, client: DapClient) -> None:
        client.request("configurationDone")

    def wait_end(self, client: DapClient) -> Ending:
        client.wait_event("terminated")
        client.send("disconnect", {})
        code = self.wait_process()
        return Ending(code == 0, re.sub(LISTENING, "", self.stdout.join(), count=1), self.stderr.join())

    def wait_process(self) -> int:
        """The exit status of the process, which ends by itself."""
        code = self.process.wait(SECONDS)
        assert code in (0, 1), f"exit status {code}; stderr: {self.stderr.text}"
        return code

    @property
    def diagnosis(self) -> str:
        return f"exit status {self.process.poll()}\nstdout: {self.stdout.text}\nstderr: {self.stderr.text}"

    def output(self, client: DapClient) -> str:
        return "".join(
            message["body"]["output"]
            for message in client.log
            if message.get("event") == "output" and message["body"].get("category") == "stdout"
        )

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.process.kill()
        self.process.wait()
        self.stdout.join()
        self.stderr.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


class CellTarget(Target):
    """A cell of a kernel, debugged over its control channel."""

    def __init__(self, kernel: KernelSession, code: str) -> None:
        self.kernel = kernel
        self.code = code
        self.route = KernelRoute(kernel)
        self._message_id = ""

    def connect(self, **attach: object) -> DapClient:
        client = DapClient(self.route)
        initialize(client)
        body_of(client.ask("attach", attach))
        client.wait_event("initialized")
        self.path = client.request("dumpCell", code=self.code)["sourcePath"]
        return client

    def start(self, client: DapClient) -> None:
        client.request("configurationDone")
        self._message_id = self.kernel.client.execute(self.code)

    def wait_end(self, client: DapClient) -> Ending:
        reply = client.wait_for(self._reply, "the end of the cell")
        client.wait_for(self._idle, "the idle status of the cell")
        return Ending(reply["content"]["status"] == "ok", self._stream("stdout"), self._errors())

    def _reply(self) -> Message | None:
        for channel, message in self.route.others:
            if channel == "shell" and message["parent_header"].get("msg_id") == self._message_id:
                return message
        return None

    def _idle(self) -> Message | None:
        for message in self._messages("status"):
            if message["content"]["execution_state"] == "idle":
                return message
        return None

    def _messages(self, kind: str) -> list[Message]:
        return [
            message
            for channel, message in self.route.others
            if channel == "iopub"
            and message["msg_type"] == kind
            and message["parent_header"].get("msg_id") == self._message_id
        ]

    def _stream(self, name: str) -> str:
        streams = [message["content"] for message in self._messages("stream")]
        return "".join(content["text"] for content in streams if content["name"] == name)

    def _errors(self) -> str:
        tracebacks = ["\n".join(message["content"]["traceback"]) for message in self._messages("error")]
        return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join([self._stream("stderr"), *tracebacks]))

    def output(self, client: DapClient) -> str:
        return self._stream("stdout")

    def close(self) -> None:
        self.kernel.end()
