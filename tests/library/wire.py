"""The front end's side of comms and widgets, spoken over a kernel's own channels."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.kernels import Execution, KernelSession, Message

VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass
class Handled:
    """What a kernel sent while it handled one comm message.

    `answers` are those whose parent is that message; `others` belong to earlier requests, such as the cell
    that a callback came from.
    """

    answers: list[Message] = field(default_factory=list)
    others: list[Message] = field(default_factory=list)

    def of_type(self, msg_type: str) -> list[Message]:
        return [message for message in self.answers if message["msg_type"] == msg_type]

    def text(self, stream: str, parent: str) -> str:
        """What was written to a stream for the request `parent`."""
        return "".join(
            message["content"]["text"]
            for message in [*self.answers, *self.others]
            if message["msg_type"] == "stream"
            and message["content"]["name"] == stream
            and message["parent_header"]["msg_id"] == parent
        )


class Wire:
    """Sends comm messages as a front end does."""

    def __init__(self, kernel: KernelSession) -> None:
        self.kernel = kernel

    def send(
        self,
        msg_type: str,
        content: dict[str, Any],
        *,
        metadata: dict[str, Any] | None = None,
        buffers: list[bytes] | None = None,
    ) -> str:
        """Sends a message; its id."""
        session = self.kernel.client.session
        message = session.msg(msg_type, content, metadata=metadata)
        session.send(self.kernel.client.shell_channel.socket, message, buffers=buffers)
        return str(message["header"]["msg_id"])

    def handled(self, msg_id: str) -> Handled:
        """Waits until the kernel is idle after a message."""
        found = Handled()
        deadline = time.monotonic() + 60
        while True:
            message = self.kernel.client.get_iopub_msg(timeout=max(0.0, deadline - time.monotonic()))
            if message["parent_header"].get("msg_id") != msg_id:
                found.others.append(message)
                continue
            found.answers.append(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return found

    def tell(self, msg_type: str, content: dict[str, Any], **options: Any) -> Handled:
        """Sends a message and waits until it is handled."""
        return self.handled(self.send(msg_type, content, **options))

    def open(self, target: str, data: Any = None, **options: Any) -> tuple[str, Handled]:
        """Opens a comm; its id."""
        comm_id = uuid.uuid4().hex
        content = {"comm_id": comm_id, "target_name": target, "data": {} if data is None else data}
        return comm_id, self.tell("comm_open", content, **options)

    def message(self, comm_id: str, data: Any, **options: Any) -> Handled:
        """Sends a message on a comm."""
        return self.tell("comm_msg", {"comm_id": comm_id, "data": data}, **options)

    def update(self, model_id: str, **state: Any) -> Handled:
        """Changes attributes of a widget, as moving it does."""
        return self.message(model_id, update_of(**state))


def update_of(**state: Any) -> dict[str, Any]:
    """The data of the message that a moved widget sends."""
    return {"method": "update", "state": state, "buffer_paths": []}


def model_of(done: Execution) -> str:
    """The id of the widget that a cell shows, as its result or by display."""
    bundles = [message["content"]["data"] for message in done.of_type("execute_result")] + done.displayed
    return str(bundles[0][VIEW]["model_id"])


def msg_id_of(done: Execution) -> str:
    """The id of a cell's request."""
    return str(done.reply["parent_header"]["msg_id"])


def ok(done: Execution) -> Execution:
    """The same execution, which must not have failed."""
    assert done.status == "ok", done.reply["content"]
    return done


def failure(kernel: KernelSession, code: str) -> str:
    """The message of a cell that must fail; cells sent right after it are not aborted."""
    error = kernel.execute(code, stop_on_error=False).error
    assert error is not None, code
    return str(error["evalue"])


def value(kernel: KernelSession, expression: str) -> str | None:
    """What the front end is shown of an expression."""
    return ok(kernel.execute(f"return {expression}")).result
