"""Tools that do what tools should not, for tests of how they are called."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import NotAllowedError
from llmspell_kernel.library.tool.contract import Answer, Place, Tool, ToolFailedError, operation
from llmspell_kernel.library.tool.surroundings import Surroundings


class Probe(Tool):
    """Behaves as it is told.

    In a worker process.
    """

    name, category, level = "probe", "custom", "privileged"
    runs: ClassVar[Place] = "process"
    example = {"operation": "echo", "value": 1}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        operation: Annotated[
            Literal[
                "echo",
                "sleep",
                "grow",
                "crash",
                "exit",
                "fail",
                "refuse",
                "err",
                "print",
                "audit",
                "where",
                "big",
            ],
            Meta(description="What to do."),
        ] = "echo"
        value: Annotated[Any, Meta(description="With what.")] = None

    @operation("echo", "say")
    def echo(self, given: Any, tools: Surroundings) -> object:
        """Answers the value."""
        return given.value

    @operation("sleep", needs=("value",))
    def sleep(self, given: Any, tools: Surroundings) -> object:
        """Takes its time, whatever it is told."""
        end = time.monotonic() + given.value
        while time.monotonic() < end and not tools.cancelled.is_set():
            tools.cancelled.wait(0.01)
        return "slept"

    @operation("grow")
    def grow(self, given: Any, tools: Surroundings) -> object:
        """Takes memory."""
        kept = []
        while True:
            kept.append(bytearray(16 * 1024 * 1024))

    @operation("crash")
    def crash(self, given: Any, tools: Surroundings) -> object:
        """Breaks its process."""
        os.kill(os.getpid(), signal.SIGSEGV)
        return None

    @operation("exit")
    def exit(self, given: Any, tools: Surroundings) -> object:
        """Ends its process."""
        sys.stderr.write("last words\n")
        sys.stderr.flush()
        os._exit(3)

    @operation("fail")
    def fail(self, given: Any, tools: Surroundings) -> object:
        """Does not succeed."""
        raise ToolFailedError("it did not work", code=7)

    @operation("refuse")
    def refuse(self, given: Any, tools: Surroundings) -> object:
        """Is not allowed."""
        raise NotAllowedError("it is forbidden here")

    @operation("err")
    def err(self, given: Any, tools: Surroundings) -> object:
        """Has a bug."""
        raise LookupError("a bug")

    @operation("print")
    def print(self, given: Any, tools: Surroundings) -> object:
        """Writes where it should not."""
        os.write(1, b"junk on stdout\n")
        return Answer("printed", "with a message", {"fact": 1})

    @operation("audit")
    def audit(self, given: Any, tools: Surroundings) -> object:
        """Notes something."""
        tools.audit("probe.act", path="/tmp/x", password="tell-nobody")
        return None

    @operation("where")
    def where(self, given: Any, tools: Surroundings) -> object:
        """Tells of its process."""
        return {"pid": os.getpid(), "cwd": os.getcwd(), "environment": sorted(os.environ)}

    @operation("big")
    def big(self, given: Any, tools: Surroundings) -> object:
        """Answers a lot."""
        return "x" * given.value


class ThreadProbe(Probe):
    """The same on a thread."""

    name = "thread-probe"
    runs: ClassVar[Place] = "thread"


class HereProbe(Probe):
    """The same on the caller's thread."""

    name = "here-probe"
    runs: ClassVar[Place] = "here"
