"""What an execute request came to, gathered from its messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from llmspell_kernel.interpreter import MimeData

if TYPE_CHECKING:
    from llmspell_kernel.client.call import Call, Message


_SHOWN = 60
"""Characters of each text in the repr of an execution."""


class ExecutionError(NamedTuple):
    """How code failed, as in Jupyter's `error` message; `traceback` may hold ANSI colours."""

    ename: str
    evalue: str
    traceback: list[str]


@dataclass(slots=True, repr=False)
class Execution:
    """A finished execute request.

    Attributes:
        status: `ok`, `error`, or `aborted` (an earlier request failed with `stop_on_error`).
        execution_count: the number of the cell; None if aborted.
        stdout, stderr: all text written until the end.
        result: MIME data of the value, or None.
        displays: MIME data of what was shown, in order, as last updated.
        error: how it failed, or None.
        user_expressions, payload: as in execute_reply.
        messages: of iopub, in order.
        duration: seconds, as the client saw it.
    """

    status: Literal["ok", "error", "aborted"]
    execution_count: int | None
    stdout: str = ""
    stderr: str = ""
    result: MimeData | None = None
    displays: list[MimeData] = field(default_factory=list)
    error: ExecutionError | None = None
    user_expressions: dict[str, Any] = field(default_factory=dict)
    payload: list[dict[str, Any]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    duration: float = 0.0

    def __repr__(self) -> str:
        """How it ended, and the beginning of what came of it."""
        parts = [self.status, f"count {self.execution_count}", f"{self.duration:.3g} s"]
        if self.error is not None:
            parts.append(_short(f"{self.error.ename}: {self.error.evalue}"))
        if self.text is not None:
            parts.append(f"text={_short(self.text)}")
        if self.stdout:
            parts.append(f"stdout={_short(self.stdout)}")
        if self.stderr:
            parts.append(f"stderr={_short(self.stderr)}")
        return f"<Execution {', '.join(parts)}>"

    @property
    def text(self) -> str | None:
        """The result as plain text, or None."""
        return None if self.result is None else self.result.get("text/plain")

    @property
    def exit_code(self) -> int | None:
        """What the code gave to os.exit, or None if it did not call it."""
        codes = [item.get("code") for item in self.payload if item.get("source") == "exit"]
        return codes[-1] if codes else None


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")


def gathered(call: Call[Execution]) -> Execution:
    """The execution of a call that has ended."""
    assert call.reply is not None
    reply = call.reply["content"]
    texts: dict[str, list[str]] = {"stdout": [], "stderr": []}
    displays: list[tuple[str | None, MimeData]] = []
    result = None
    for message in call.messages:
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                texts.setdefault(content["name"], []).append(content["text"])
            case "execute_result":
                result = content["data"]
            case "display_data":
                displays.append(((content.get("transient") or {}).get("display_id"), content["data"]))
            case "update_display_data":
                displays = _updated(displays, content)
    error = None
    if reply["status"] == "error":
        error = ExecutionError(
            str(reply.get("ename", "")), str(reply.get("evalue", "")), list(reply.get("traceback", ()))
        )
    return Execution(
        status=reply["status"],
        execution_count=reply.get("execution_count"),
        stdout="".join(texts["stdout"]),
        stderr="".join(texts["stderr"]),
        result=result,
        displays=[data for _, data in displays],
        error=error,
        user_expressions=reply.get("user_expressions") or {},
        payload=reply.get("payload") or [],
        messages=call.messages,
        duration=call.duration,
    )


def _updated(
    displays: list[tuple[str | None, MimeData]], content: dict[str, Any]
) -> list[tuple[str | None, MimeData]]:
    display_id = (content.get("transient") or {}).get("display_id")
    return [(known, content["data"] if known == display_id else data) for known, data in displays]
