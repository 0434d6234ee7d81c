"""A kernel of `llmspell kernel start`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

from tests.cli.command import llmspell
from tests.kernels import KernelSession

CONNECT = "connect with: jupyter console --existing "
WAIT_SECONDS = 60.0


@dataclass
class Running:
    """The process in its terminal, and the connection file that it has named."""

    process: subprocess.Popen[str]
    file: Path
    _clients: list[BlockingKernelClient] = field(default_factory=list)

    @classmethod
    def of(cls, process: subprocess.Popen[str]) -> Running:
        """When it has said where it will be."""
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(CONNECT), line + process.stdout.read()
        return cls(process, Path(line.removeprefix(CONNECT).rstrip("\n")))

    @property
    def id(self) -> str:
        """What commands call it."""
        return self.file.stem.removeprefix("kernel-")

    @property
    def content(self) -> dict[str, Any]:
        """What its connection file says now."""
        content: dict[str, Any] = json.loads(self.file.read_text())
        return content

    def rewrite(self, **fields: Any) -> None:
        """Changes what its connection file says."""
        self.file.write_text(json.dumps(self.content | fields))

    def client(self) -> BlockingKernelClient:
        """One of jupyter_client's that the kernel has answered; closed at the end."""
        while not (self.file.is_file() and self.file.stat().st_size):
            assert self.process.poll() is None, self.process.communicate()[0]
            os.sched_yield()
        client = BlockingKernelClient(connection_file=str(self.file))
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=WAIT_SECONDS)
        self._clients.append(client)
        return client

    def output(self) -> str:
        """What it has written, when it has ended."""
        return self.process.communicate(timeout=WAIT_SECONDS)[0]

    def end(self) -> None:
        """Ends it by force; may be repeated."""
        while self._clients:
            self._clients.pop().stop_channels()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def pid_of(session: KernelSession) -> int:
    """The process of a kernel that jupyter_client has started; 0 if it has ended."""
    return int(getattr(session.manager.provisioner, "pid", None) or 0)


def listed(*arguments: str) -> dict[str, dict[str, Any]]:
    """What `llmspell kernel list` says of each kernel, by its id."""
    done = llmspell("kernel", "list", "--output", "json", *arguments)
    assert done.returncode == 0, done.stderr
    return {each["id"]: each for each in json.loads(done.stdout)}


def state_of(kernel_id: str) -> str:
    """How a kernel is, by the list."""
    return str(listed()[kernel_id]["state"])
