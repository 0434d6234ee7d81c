"""The adapter: a client's requests in, answers and events out. The same for editors and for notebooks."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from llmspell_kernel.dap import breakpoints, evaluation, execution, jupyter, lifecycle, sources, stack
from llmspell_kernel.dap.commands import Command, Commands
from llmspell_kernel.dap.host import Host
from llmspell_kernel.dap.protocol import Message, read_arguments
from llmspell_kernel.dap.session import Outbox, Session
from llmspell_kernel.dap.steering import Steering
from llmspell_kernel.errors import (
    BadRequestError,
    DebuggerError,
    LLMSpellError,
    NoAnswerError,
    NotStoppedError,
    SecurityError,
    UsageError,
)

if TYPE_CHECKING:
    from llmspell_kernel.lua.debugger.debugger import Debugger

_log = logging.getLogger(__name__)

COMMANDS: Commands = {
    **lifecycle.COMMANDS,
    **breakpoints.COMMANDS,
    **execution.COMMANDS,
    **stack.COMMANDS,
    **evaluation.COMMANDS,
    **sources.COMMANDS,
    **jupyter.COMMANDS,
}

_NOT_IN_LUA = {
    "dataBreakpointInfo": "Lua cannot watch a variable for changes; use a condition on a breakpoint",
    "disassemble": "Lua's bytecode is not shown",
    "goto": "Lua cannot jump to another line",
    "gotoTargets": "Lua cannot jump to another line",
    "readMemory": "Lua's values have no memory to look into",
    "restart": "end the session and start it again",
    "reverseContinue": "Lua cannot run backwards",
    "setDataBreakpoints": "Lua cannot watch a variable for changes; use a condition on a breakpoint",
    "setInstructionBreakpoints": "Lua's bytecode is not shown",
    "stepBack": "Lua cannot run backwards",
    "stepInTargets": "stepIn goes into the first function that is called",
    "terminateThreads": "a coroutine cannot be ended from outside",
    "writeMemory": "Lua's values have no memory to look into",
}
"""Commands of the protocol that make no sense here, and why."""

_ERROR_IDS: tuple[tuple[type[BaseException], int], ...] = (
    (BadRequestError, 1),
    (SecurityError, 2),
    (NotStoppedError, 3),
    (NoAnswerError, 4),
    (DebuggerError, 5),
    (UsageError, 6),
    (LLMSpellError, 7),
    (Exception, 8),
)
"""The number that a kind of error has in responses; the first that fits."""

_LISTS = {"stackTrace": "stackFrames", "scopes": "scopes", "variables": "variables"}
"""Lists that JupyterLab reads from responses without a look at whether these are refusals."""


class Adapter:
    """Answers one client.

    Threads: `handle`, `serve` and `refuse` are called by one thread at a time; `close` by any. `send` gets
    every event (and, with `serve`, the responses) from whichever thread makes it, numbered in the
    order they were made; it must return soon.
    """

    def __init__(
        self,
        debugger: Debugger,
        send: Callable[[Message], None],
        *,
        steering: Steering | None = None,
        host: Host | None = None,
        token: str | None = None,
    ) -> None:
        """Nothing is switched on before the client attaches.

        Args:
            debugger: what it steers or looks at.
            send: takes messages to the client.
            steering: shared by all adapters of one debugger; none for the only one.
            host: what the process offers.
            token: what the client must show before anything but `initialize` is answered.
        """
        self._debugger = debugger
        self._outbox = Outbox(send)
        self._steering = steering or Steering()
        self._host = host or Host()
        self._token = token
        self.session = self._new_session()

    def _new_session(self) -> Session:
        return Session(
            self._debugger, self._outbox, steering=self._steering, host=self._host, token=self._token
        )

    def handle(self, request: object) -> Message:
        """The response to a request; never raises. Events that follow from it may be sent before it."""
        self._outbox.hold()
        try:
            return self._outbox.numbered(self._respond(request))
        finally:
            self._outbox.release()

    def serve(self, request: object) -> None:
        """Sends the response to a request, and after it the events that follow from it; never raises."""
        self._outbox.hold()
        try:
            self._outbox.answer(self._respond(request))
        finally:
            self._outbox.release()

    def refuse(self, request: object, error: LLMSpellError) -> None:
        """Sends a response that a request cannot be answered."""
        number, command = _number_of(request), _command_of(request)
        self._outbox.answer(_failed(number, command, error))

    def close(self, *, terminate: bool = False) -> None:
        """The client is gone: its breakpoints go, and code that it had stopped goes on. Any thread."""
        self.session.leave(terminate=terminate)

    def _respond(self, request: object) -> Message:
        number, command = _number_of(request), _command_of(request)
        try:
            body = self._answer(request, command)
        except LLMSpellError as error:
            refusal = _failed(number, command, error)
            if self.session.view.lab and command in _LISTS:
                refusal["body"][_LISTS[command]] = []
            return refusal
        except Exception as error:  # noqa: BLE001 - the border: without an answer the client waits for ever
            _log.exception("the debugger's request %s failed", command)
            return _failed(number, command, error)
        response: Message = {
            "type": "response",
            "request_seq": number,
            "command": command,
            "success": True,
        }
        if body is not None:
            response["body"] = body
        return response

    def _answer(self, request: object, command: str) -> Message | None:
        if not isinstance(request, dict) or request.get("type", "request") != "request":
            raise BadRequestError(
                'a request is an object like {"type": "request", "seq": 1, "command": "threads"}'
            )
        known = COMMANDS.get(command)
        if known is None:
            raise _unknown(command)
        self._admit(command, known)
        arguments = read_arguments(known.arguments, command, request.get("arguments"))
        if known.steers(arguments) and not self.session.steers:
            raise DebuggerError(_not_steering(self._steering.holder))
        body = known.answer(self.session, arguments)
        if self.session.left and command == "disconnect":
            self.session = self._new_session()  # JupyterLab begins anew on the same route
        return None if body is None else msgspec.to_builtins(body)

    def _admit(self, command: str, known: Command[Any]) -> None:
        session = self.session
        if not session.authorised and not known.open:
            raise SecurityError(f"{command}: this server wants a token: attach with it first")
        if not session.attached and not known.early:
            raise DebuggerError(f"{command}: attach or launch first")


def _number_of(request: object) -> int:
    number = request.get("seq") if isinstance(request, dict) else None
    return number if isinstance(number, int) else 0


def _command_of(request: object) -> str:
    command = request.get("command") if isinstance(request, dict) else None
    return command if isinstance(command, str) else ""


def _unknown(command: str) -> LLMSpellError:
    """Why a command cannot be answered, and which one may have been meant."""
    if command in _NOT_IN_LUA:
        return DebuggerError(f"{command} is not supported: {_NOT_IN_LUA[command]}")
    near = difflib.get_close_matches(command, COMMANDS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return BadRequestError(f"no command is called {command[:80]!r}{hint}")


def _not_steering(holder: str) -> str:
    if not holder:
        return 'this client only looks; attach with "steer": true to steer'
    return (
        f"{holder} steers this program; this client looks until it leaves. "
        'Attach with "steer": true to take over'
    )


def _failed(number: int, command: str, error: BaseException) -> Message:
    text = str(error)
    if not isinstance(error, LLMSpellError):
        text = f"the debugger itself failed: {type(error).__name__}: {error}"
    kind = next(number for kind, number in _ERROR_IDS if isinstance(error, kind))
    return {
        "type": "response",
        "request_seq": number,
        "command": command,
        "success": False,
        "message": text,
        "body": {"error": {"id": kind, "format": text, "showUser": False}},
    }
