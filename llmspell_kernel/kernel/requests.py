"""What a kernel answers to each request, whatever carries the messages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from llmspell_kernel import __version__
from llmspell_kernel.errors import BadRequestError
from llmspell_kernel.interpreter import ErrorReport, Outcome, Script
from llmspell_kernel.kernel.comms import KernelComms
from llmspell_kernel.kernel.events import EventComms
from llmspell_kernel.kernel.frontend import JupyterFrontend
from llmspell_kernel.kernel.scripts import script_of
from llmspell_kernel.kernel.streams import Cell, CellOutput
from llmspell_kernel.kernel.tools import ToolRequests
from llmspell_kernel.runtime import Runtime, RuntimeSettings

if TYPE_CHECKING:
    from llmspell_kernel.kernel.debugging import KernelDebugging
    from llmspell_kernel.kernel.history import History

Message = dict[str, Any]
Handler = Callable[[Message], Any]
"""Gets a message, answers the content of its reply (nothing for a message that is no request)."""

Channel = Literal["shell", "control"]

PROTOCOL_VERSION = "5.4"

_REQUIRED: dict[str, dict[str, type]] = {
    "execute_request": {"code": str},
    "complete_request": {"code": str, "cursor_pos": int},
    "inspect_request": {"code": str, "cursor_pos": int},
    "is_complete_request": {"code": str},
    "history_request": {"hist_access_type": str},
}
"""What the content of a request must have; the rest has defaults."""


class Carrier(Protocol):
    """What carries a kernel's messages to its clients."""

    def publish(
        self, msg_type: str, content: Message, *, parent: Any, metadata: Any = None, buffers: Any = None
    ) -> None:
        """Sends on iopub. Any thread; an interrupt cannot tear it apart."""

    def ask(self, prompt: str, *, password: bool, parent: Message) -> str:
        """Asks the client of the request `parent`; on the interpreter's thread, and interruptible.

        Raises:
            EOFError: the user ended the input.
        """

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Has it called on the interpreter's thread, between requests. Any thread."""

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Callable[[], None]:
        """Has it called then, on that thread, which is the caller's too; answers what cancels it."""

    def wake(self) -> None:
        """Interrupts what the interpreter's thread is blocked in. Any thread."""


class Reply(NamedTuple):
    """The answer to a message: `content` is None if there is none to send.

    With `aborts`, the requests that are waiting now are to be aborted before it is sent.
    """

    content: Message | None
    metadata: Message
    aborts: bool = False


class Requests:
    """One kernel without its sockets: a runtime, its output, comms and history, and the answers they give.

    Belongs to the thread that makes it, the interpreter's, on which `answer` handles the shell channel one
    message after the other. What the control channel asks for is answered on a thread of its own at the
    same time, and must touch nothing of Lua.

    Attributes:
        request: the shell message that is being handled; none in between.
        allow_stdin: whether its client can be asked for input; false in between.
        execution_count: of the last cell that was counted.
        executions: requests that ran code, also scripts that have no number; not the silent ones.
    """

    def __init__(
        self,
        carrier: Carrier,
        output: CellOutput,
        settings: RuntimeSettings,
        history: History,
        log: logging.Logger | logging.LoggerAdapter[Any],
    ) -> None:
        """Makes the runtime.

        Raises:
            LanguageUnavailableError: no such language here.
        """
        self.request: Message | None = None
        self.allow_stdin = False
        self.execution_count = 0
        self.executions = 0
        self._closing = False
        self.output = output
        self.carrier = carrier
        self.history = history
        self.comms = KernelComms(self._publish_comm, log)
        self.frontend = JupyterFrontend(self, output)
        self.runtime = Runtime(self.frontend, settings)
        self.runtime.history = history
        self.runtime.services.request_id = self._request_id
        self._log = log
        self._debug_parent: Message = {}
        self._handlers: dict[str, dict[str, Handler]] = {"shell": {}, "control": {}}
        for msg_type, handler in self._standard().items():
            self.register(msg_type, handler)
        self.register("kernel_info_request", self._kernel_info, channel="control")
        self.register("debug_request", self._debug, channel="control")
        ToolRequests(self)
        EventComms(self)

    def _standard(self) -> dict[str, Handler]:
        return {
            "complete_request": self._complete,
            "inspect_request": self._inspect,
            "is_complete_request": self._is_complete,
            "history_request": self._history,
            "kernel_info_request": self._kernel_info,
            "comm_info_request": self._comm_info,
            "comm_open": self.comms.comm_open,
            "comm_msg": self.comms.comm_msg,
            "comm_close": self.comms.comm_close,
        }

    def register(self, msg_type: str, handler: Handler, *, channel: Channel = "shell") -> None:
        """From now on `handler` answers the messages of this type.

        On `shell` it runs on the interpreter's thread, on `control` on another, while cells may run. What it
        raises becomes an error reply; of a BadRequestError only a line is logged.
        """
        self._handlers[channel][msg_type] = handler

    def known(self, channel: Channel) -> list[str]:
        """The types of messages that are answered on a channel."""
        types = list(self._handlers[channel])
        return ["execute_request", *types] if channel == "shell" else types

    # Answering

    def begin(self, message: Message) -> None:
        """A message of the shell channel is handled from here on; to be called before `busy` is published."""
        self.request = message
        self.allow_stdin = False
        if message["msg_type"] in ("execute_request", "tool_request"):
            self.runtime.expect(True)
            if self._closing:  # no more cells: a long one would keep the kernel from ending
                self.runtime.interrupt()

    def finish(self) -> None:
        """It has been handled; to be called before `idle` is published."""
        self.runtime.expect(False)
        self.allow_stdin = False
        self.output.flush()  # what callbacks of comms have written

    def forget_request(self) -> None:
        """`idle` was published."""
        self.request = None

    def answer(self, message: Message, channel: Channel = "shell") -> Reply:
        """Handles a message; never raises."""
        msg_type = message["msg_type"]
        try:
            _check_content(message)
            if msg_type == "execute_request" and channel == "shell":
                return self._execute(message)
            handler = self._handlers[channel].get(msg_type)
            if handler is None:
                return Reply(self._unknown(message, channel), {})
            content = handler(message)
        except BadRequestError as error:
            self._log.warning("%s", error)
            content = error_content(error)
        except Exception as error:  # noqa: BLE001 - the message loop's border: a failing handler must not end the kernel
            self._log.exception("Could not handle %s", msg_type)
            content = error_content(error)
        except KeyboardInterrupt as error:
            content = error_content(error)
        return Reply(content if msg_type.endswith("_request") else None, {})

    def _unknown(self, message: Message, channel: Channel) -> Message | None:
        msg_type = message["msg_type"]
        if not msg_type.endswith("_request"):
            self._log.warning("Ignored a message of unknown type %r on the %s channel", msg_type, channel)
            return None
        known = ", ".join(sorted(each for each in self.known(channel) if each.endswith("_request")))
        text = f"{msg_type} is not known on the {channel} channel; known there: {known}"
        return {"status": "error", "ename": "UnknownRequest", "evalue": text, "traceback": []}

    # Code

    def _execute(self, message: Message) -> Reply:
        content = message["content"]
        code = content["code"]
        silent = bool(content.get("silent", False))
        store = bool(content.get("store_history", True)) and not silent
        script = script_of(message)
        if store:
            self.execution_count += 1
        if not silent:
            self.executions += 1
            count = self.execution_count
            self.carrier.publish("execute_input", {"code": code, "execution_count": count}, parent=message)
        reply = self.execute(
            code,
            message,
            silent=silent,
            store=store,
            user_expressions=content.get("user_expressions"),
            allow_stdin=bool(content.get("allow_stdin", False)),
            script=script,
        )
        self.output.finish(self.output.current)
        aborts = reply["status"] == "error" and not silent and bool(content.get("stop_on_error", True))
        return Reply(reply, {"status": reply["status"]}, aborts)

    def execute(
        self,
        code: str,
        parent: Message,
        *,
        silent: bool = False,
        store: bool = True,
        user_expressions: dict[str, str] | None = None,
        allow_stdin: bool = False,
        script: Script | None = None,
    ) -> Message:
        """Runs code as part of the request `parent`; answers the content of execute_reply."""
        self.allow_stdin = allow_stdin
        self.output.current = cell = Cell(parent, muted=silent)
        timers = self.runtime.script_timers() if script is not None and script.waits else None
        if script is None or timers is None:
            outcome = self._run(code, cell, store, script)
        else:
            with self.frontend.script() as calls:
                outcome = timers.wait(script, self._run(code, cell, store, script), calls.serve)
                self.output.finish(cell)
        if outcome.error is not None:
            return self._failed(outcome.error, outcome, cell)
        return {
            "status": "ok",
            "execution_count": self.execution_count,
            "user_expressions": self._evaluated(user_expressions or {}),
            "payload": list(outcome.payload),
        }

    def _run(self, code: str, cell: Cell, store: bool, script: Script | None) -> Outcome:
        """Runs code and shows its result."""
        number = self.execution_count if store else self.execution_count + 1
        if script is None:
            outcome = self.runtime.execute(code, number=number, store=store)
        else:
            outcome = self.runtime.execute_script(code, script, number=number)
        if store:
            shown = outcome.result.data.get("text/plain") if outcome.result else None
            self.history.append(self.execution_count, code, shown)
        if cell.dropped:
            self.runtime.services.limit_exceeded("output", self.output.limit, dropped_bytes=cell.dropped)
        self.output.finish(cell)
        if outcome.error is None and outcome.result is not None and not cell.muted:
            result = {
                "data": outcome.result.data,
                "metadata": outcome.result.metadata,
                "execution_count": self.execution_count,
            }
            self.carrier.publish("execute_result", result, parent=cell.parent)
        return outcome

    def _failed(self, error: ErrorReport, outcome: Outcome, cell: Cell) -> Message:
        content = {"ename": error.name, "evalue": error.value, "traceback": list(error.traceback)}
        if not cell.muted:
            self.carrier.publish("error", content, parent=cell.parent)
        return {
            "status": "error",
            "execution_count": self.execution_count,
            "user_expressions": {},
            "payload": list(outcome.payload),
            **content,
        }

    def _evaluated(self, expressions: dict[str, str]) -> Message:
        return {name: _as_reply(self.runtime.evaluate(text)) for name, text in expressions.items()}

    # Helping the one who types

    def _complete(self, message: Message) -> Message:
        content = message["content"]
        return self.complete(content["code"], content["cursor_pos"])

    def complete(self, code: str, cursor: int) -> Message:
        """The content of complete_reply."""
        found = self.runtime.complete(code, cursor)
        types = [
            {
                "text": match.text,
                "type": match.kind,
                "signature": match.signature,
                "start": found.start,
                "end": found.end,
            }
            for match in found.matches
        ]
        return {
            "status": "ok",
            "matches": [match.text for match in found.matches],
            "cursor_start": found.start,
            "cursor_end": found.end,
            "metadata": {"_jupyter_types_experimental": types},
        }

    def _inspect(self, message: Message) -> Message:
        content = message["content"]
        return self.inspect(content["code"], content["cursor_pos"], content.get("detail_level", 0))

    def inspect(self, code: str, cursor: int, detail: int = 0) -> Message:
        """The content of inspect_reply."""
        bundle = self.runtime.inspect(code, cursor, detail=detail)
        if bundle is None:
            return {"status": "ok", "found": False, "data": {}, "metadata": {}}
        return {"status": "ok", "found": True, "data": bundle.data, "metadata": bundle.metadata}

    def _is_complete(self, message: Message) -> Message:
        return self.is_complete(message["content"]["code"])

    def is_complete(self, code: str) -> Message:
        """The content of is_complete_reply."""
        answer = self.runtime.is_complete(code)
        return {"status": answer.status, "indent": answer.indent}

    def _history(self, message: Message) -> Message:
        content = message["content"]
        output = bool(content.get("output", False))
        match content["hist_access_type"]:
            case "tail":
                rows = self.history.tail(content.get("n") or 0, output=output)
            case "search":
                rows = self.history.search(
                    content.get("pattern") or "*",
                    n=content.get("n"),
                    unique=bool(content.get("unique", False)),
                    output=output,
                )
            case _:
                rows = self.history.range(
                    content.get("session") or 0,
                    content.get("start") or 1,
                    content.get("stop"),
                    output=output,
                )
        return {"status": "ok", "history": rows}

    # The kernel itself

    @cached_property
    def language_info(self) -> dict[str, Any]:
        """As in kernel_info_reply."""
        info = self.runtime.info
        return {
            "name": info.name,
            "version": info.version,
            "file_extension": info.file_extension,
            "mimetype": info.mimetype,
            "pygments_lexer": info.pygments_lexer,
            "codemirror_mode": info.codemirror_mode,
        }

    @cached_property
    def kernel_info(self) -> Message:
        """The content of kernel_info_reply without its status."""
        return {
            "protocol_version": PROTOCOL_VERSION,
            "implementation": "llmspell",
            "implementation_version": __version__,
            "language_info": self.language_info,
            "banner": self.runtime.info.banner,
            "help_links": [dict(link) for link in self.runtime.info.help_links],
            "supported_features": ["debugger"],
        }

    def _kernel_info(self, _message: Message) -> Message:
        return {"status": "ok", **self.kernel_info}

    def _comm_info(self, message: Message) -> Message:
        target = message["content"].get("target_name")
        open_comms = {
            comm_id: {"target_name": opened.target_name}
            for comm_id, opened in list(self.comms.comms.items())
            if target is None or opened.target_name == target
        }
        return {"status": "ok", "comms": open_comms}

    def _request_id(self) -> str:
        """The id of the request that runs code, or has started what runs between cells; empty for none."""
        msg_id: str = self.output.cell.parent.get("header", {}).get("msg_id", "")
        return msg_id

    def _publish_comm(self, msg_type: str, content: Message, metadata: Any, buffers: Any) -> None:
        """Comm messages answer the request that is being handled, as front ends expect of them.

        Also where the text that the same callback writes goes to an earlier cell.
        """
        parent = self.output.cell.parent if self.request is None else self.request
        self.carrier.publish(msg_type, content, parent=parent, metadata=metadata, buffers=buffers)

    # Debugging

    @cached_property
    def debugging(self) -> KernelDebugging:
        """What serves the clients of the debugger, made when the first one asks."""
        from llmspell_kernel.kernel.debugging import KernelDebugging

        debugger = self.runtime.debugger
        debugger.when_idle = lambda: self.frontend.call_soon(debugger.serve)
        return KernelDebugging(debugger, self._publish_debug_event)

    def _debug(self, message: Message) -> Message:
        self._debug_parent = message
        return self.debugging.handle(message["content"])

    def _publish_debug_event(self, event: Message) -> None:
        """Any thread. Belongs to a control message: clients take it for output of a cell otherwise."""
        self.carrier.publish("debug_event", event, parent=self._debug_parent)

    # Ending

    def close(self) -> None:
        """Ends what the runtime holds. Any thread; may be repeated."""
        self._closing = True
        self.runtime.interrupt()
        if "debugging" in vars(self):
            self.debugging.close()
        self.runtime.close()
        self.history.close()


def error_content(error: BaseException) -> Message:
    """The content of the reply to a request whose handling failed, so that its client need not wait."""
    return {"status": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": []}


def _check_content(message: Message) -> None:
    """Whether a request has what it needs.

    Raises:
        BadRequestError: a field is missing or of the wrong type.
    """
    for name, kind in _REQUIRED.get(message["msg_type"], {}).items():
        value = message["content"].get(name)
        if not isinstance(value, kind):
            given = f"it has {value!r}" if name in message["content"] else "it has none"
            raise BadRequestError(f"{message['msg_type']} needs {name!r} of type {kind.__name__}; {given}")


def _as_reply(outcome: Outcome) -> Message:
    if outcome.error is not None:
        error = outcome.error
        return {
            "status": "error",
            "ename": error.name,
            "evalue": error.value,
            "traceback": list(error.traceback),
        }
    data = outcome.result.data if outcome.result else {}
    metadata = outcome.result.metadata if outcome.result else {}
    return {"status": "ok", "data": data, "metadata": metadata}
