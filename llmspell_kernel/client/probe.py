"""How kernels are: their heartbeats and what they say of themselves, asked of all at once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import zmq

from llmspell_kernel.client.connection import Connection
from llmspell_kernel.client.control import ControlChannel
from llmspell_kernel.client.discovery import FoundKernel, listens
from llmspell_kernel.client.processes import KernelProcess, Processes
from llmspell_kernel.errors import ConnectionFileError

ANSWER_SECONDS = 2.0
"""A kernel answers within milliseconds, also while a cell runs; one that takes longer is in trouble."""

STARTING_SECONDS = 10.0
"""A file that is younger and leads nowhere may be of a kernel that its manager is starting."""


class State(StrEnum):
    """How a kernel is, in the words that people see."""

    IDLE = "idle"
    BUSY = "busy"
    FOREIGN = "not ours"
    """Its heart beats; it is no LLMSpell kernel, so that nobody asks it for more."""
    STARTING = "starting"
    SILENT = "not answering"
    UNREACHABLE = "unreachable"
    """It should be on another machine, and nothing listens there."""
    DEAD = "dead"
    UNREADABLE = "unreadable"
    """Its file is no connection file, or may not be read."""

    @property
    def is_alive(self) -> bool:
        """Whether the kernel answers."""
        return self in (State.IDLE, State.BUSY, State.FOREIGN)


@dataclass(frozen=True, slots=True)
class Health:
    """How one kernel is.

    Attributes:
        status: the content of its status_reply; empty if there is none.
        process: on this machine; None if it is not known.
        note: what is the matter; may be empty.
    """

    kernel: FoundKernel
    state: State
    status: Mapping[str, Any] = field(default_factory=dict)
    process: KernelProcess | None = None
    note: str = ""


def probe(kernels: Sequence[FoundKernel], seconds: float = ANSWER_SECONDS) -> list[Health]:
    """How kernels are, in the same order, in little more than `seconds` however many they are."""
    processes = Processes()
    with zmq.Context() as context:
        questions = [_Question(kernel, context) for kernel in kernels]
        try:
            _wait_for(questions, time.monotonic() + seconds)
            return [question.health(processes) for question in questions]
        finally:
            for question in questions:
                question.close()


class _Question:
    """One kernel, its heartbeat and its status: asked and, in part, answered."""

    def __init__(self, kernel: FoundKernel, context: zmq.Context[Any]) -> None:
        self.kernel = kernel
        self.beats = False
        self.status: Mapping[str, Any] = {}
        self.channel: ControlChannel | None = None
        self._msg_id = ""
        self._problem = ""
        content = kernel.content
        if isinstance(content, ConnectionFileError):
            self._problem = str(content)
            return
        self._listens = not content.is_local or listens(content)
        if self._listens:
            try:
                self.channel = ControlChannel(content, context)
            except ConnectionFileError as error:
                self._problem = str(error)
                return
            self.channel.heartbeat.send(b"ping")
            if kernel.is_ours:
                self._msg_id = self.channel.send("status_request", {"silent": True})

    @property
    def is_open(self) -> bool:
        """Whether an answer is still to come."""
        return self.channel is not None and not (self.beats and (self.status or not self._msg_id))

    def take(self, socket: zmq.Socket[bytes]) -> None:
        """Reads what has come on one of its sockets."""
        assert self.channel is not None
        if socket is self.channel.heartbeat:
            socket.recv(zmq.NOBLOCK)
            self.beats = True
        else:
            self.status = self.channel.receive(self._msg_id) or self.status

    def close(self) -> None:
        if self.channel is not None:
            self.channel.close()

    def health(self, processes: Processes) -> Health:
        if self._problem:
            return Health(self.kernel, State.UNREADABLE, note=self._problem)
        process = processes.of(self.kernel, self.status)
        state, note = self._state(self.kernel.connection, process, processes)
        return Health(self.kernel, state, self.status, process, note)

    def _state(
        self, connection: Connection, process: KernelProcess | None, processes: Processes
    ) -> tuple[State, str]:
        if self.status:
            return (State.BUSY if self.status.get("execution_state") == "busy" else State.IDLE), ""
        if self.beats:
            if not self._msg_id:
                return State.FOREIGN, ""
            return State.SILENT, "its heart beats, but it takes no requests: the key in its file may be wrong"
        if not connection.is_local:
            return State.UNREACHABLE, f"nothing answers at {connection.endpoint('hb')}"
        if process is not None:
            return State.SILENT, "its process is there, but does nothing: stopped, or stuck"
        if self._is_young(processes):
            return State.STARTING, ""
        if self._listens:
            return State.SILENT, f"something that is no kernel may have its port {connection.ports['hb']}"
        return State.DEAD, ""

    def _is_young(self, processes: Processes) -> bool:
        """Whether a manager may have written the file for a kernel that does not listen yet."""
        file = self.kernel.file
        if self._listens or file is None or "llmspell_pid" in self.kernel.connection.extra:
            return False
        try:
            age = time.time() - file.stat().st_mtime
        except OSError:
            return False
        return age < STARTING_SECONDS or processes.is_starting(self.kernel)


def _wait_for(questions: Sequence[_Question], deadline: float) -> None:
    poller = zmq.Poller()
    owners: dict[zmq.Socket[bytes], _Question] = {}
    for question in questions:
        if question.channel is not None:
            for socket in (question.channel.heartbeat, question.channel.control):
                poller.register(socket, zmq.POLLIN)
                owners[socket] = question
    while any(question.is_open for question in questions) and (left := deadline - time.monotonic()) > 0:
        for socket, _ in poller.poll(int(left * 1000) + 1):
            owners[socket].take(socket)
