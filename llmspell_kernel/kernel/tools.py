"""Tools for clients: `tool_request` on the shell channel, and the comm target `llmspell.tools`.

A message on a comm of that target is the content of a tool_request, with an `id` if its sender wants one in
the answer, which comes as a message on the same comm. What the comm is opened with is such a message too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell_kernel.kernel.streams import Cell

if TYPE_CHECKING:
    from llmspell_kernel.kernel.comms import KernelComm
    from llmspell_kernel.kernel.requests import Message, Requests

COMM_TARGET = "llmspell.tools"


class ToolRequests:
    """Answers for one kernel, on its interpreter's thread."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        requests.register("tool_request", self._request)
        requests.comms.register_target(COMM_TARGET, self._open)

    def _request(self, message: Message) -> Message:
        return self._answer(message["content"], message)

    def _open(self, opened: KernelComm, message: Message) -> None:
        def answer(message: Message) -> None:
            content = message["content"].get("data")
            content = content if isinstance(content, dict) else {}
            reply = self._answer(content, message)
            opened.send({"id": content["id"], **reply} if "id" in content else reply)

        opened.on_msg(answer)
        if message["content"].get("data"):
            answer(message)

    def _answer(self, content: dict[str, Any], message: Message) -> Message:
        """What the tool writes and asks belongs to the message; it is limited and interrupted like a cell."""
        from llmspell_kernel.library.tool.requests import answer, failure

        requests = self._requests
        if not requests.runtime.services.settings.tools.enabled:
            text = "there are no tools here: the setting tools.enabled is false"
            return failure("NotAllowedError", text, "configuration_error")
        requests.allow_stdin = bool(content.get("allow_stdin", False))
        requests.output.current = cell = Cell(message)
        replies: list[Message] = []
        tools = requests.runtime.services.tools
        outcome = requests.runtime.call(lambda: replies.append(answer(tools, content)))
        requests.output.finish(cell)
        if outcome.error is None:
            return replies[0]
        kind = "timeout" if outcome.error.name == "CellTimeLimit" else "execution_error"
        return failure(outcome.error.name, outcome.error.value, kind)
