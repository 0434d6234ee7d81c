"""Debugging sessions as tests tell them.

    with debug('''
        local x = 6
        local y = x * 7  -- @product
        print(y)
    ''') as session:
        session.set_breakpoints("product")
        session.run()
        stop = session.wait_stop("breakpoint", at="product")
        assert stop.frame.locals["x"].value == "6"
        session.step_over()
        session.resume()
        assert session.wait_end().stdout == "42\\n"

Lines are named by marks, `@name` in a comment, or by number.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from types import TracebackType
from typing import Self

from .client import DapClient
from .schema import Message
from .targets import Ending, Target

Place = str | int
"""A mark or the number of a line."""

_MARK = re.compile(r"@(\w+)")


@dataclass(frozen=True)
class Program:
    """A text with marked lines."""

    text: str

    @classmethod
    def of(cls, text: str) -> Program:
        """Of an indented text that begins with a line break."""
        return cls(textwrap.dedent(text.removeprefix("\n")))

    def line(self, place: Place) -> int:
        """The number of a line."""
        if isinstance(place, int):
            return place
        found = [
            number for number, line in enumerate(self.text.splitlines(), 1) if place in _MARK.findall(line)
        ]
        assert len(found) == 1, f"the mark @{place} is on the lines {found}"
        return found[0]


class Variables(Mapping[str, "Variable"]):
    """Variables by name; of several of one name, the first."""

    def __init__(self, client: DapClient, reference: int, **paging: object) -> None:
        self._client = client
        self.reference = reference
        rows = client.request("variables", variablesReference=reference, **paging)["variables"]
        self.rows = [Variable(client, row) for row in rows]
        self._by_name = {row.name: row for row in reversed(self.rows)}

    def __getitem__(self, name: str) -> Variable:
        assert name in self._by_name, f"no variable {name!r} among {[row.name for row in self.rows]}"
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter([row.name for row in self.rows])

    def __len__(self) -> int:
        return len(self.rows)

    def set(self, name: str, value: str) -> Message:
        """Assign to one of them; gives the body of the response."""
        return self._client.request("setVariable", variablesReference=self.reference, name=name, value=value)

    @property
    def values_as_text(self) -> dict[str, str]:
        """Value by name."""
        return {row.name: row.value for row in self.rows}


class Variable:
    """A row of a client's variables view."""

    def __init__(self, client: DapClient, row: Message) -> None:
        self._client = client
        self.row = row
        self.name = str(row["name"])
        self.value = str(row["value"])
        self.type = str(row.get("type", ""))
        self.reference = int(row["variablesReference"])

    def __repr__(self) -> str:
        return f"{self.name} = {self.value} ({self.type})"

    @property
    def children(self) -> Variables:
        """What it consists of."""
        return self.page()

    def page(self, **paging: object) -> Variables:
        """A part of what it consists of: filter, start, count as in DAP."""
        assert self.reference, f"{self} has no children"
        return Variables(self._client, self.reference, **paging)


class Frame:
    """A call on the stack of a stopped thread."""

    def __init__(self, client: DapClient, row: Message) -> None:
        self._client = client
        self.row = row
        self.id = int(row["id"])
        self.name = str(row["name"])
        self.line = int(row["line"])
        self.source: Message = row.get("source") or {}

    def __repr__(self) -> str:
        return f"{self.name} at {self.source.get('path')}:{self.line}"

    @cached_property
    def scopes(self) -> dict[str, Message]:
        """Scopes by name, in order."""
        scopes = self._client.request("scopes", frameId=self.id)["scopes"]
        return {scope["name"]: scope for scope in scopes}

    def variables(self, scope: str, **paging: object) -> Variables:
        """The variables of a scope."""
        assert scope in self.scopes, f"no scope {scope!r} among {list(self.scopes)}"
        return Variables(self._client, self.scopes[scope]["variablesReference"], **paging)

    @property
    def locals(self) -> Variables:
        """Its local variables."""
        return self.variables("Locals")

    def evaluate(self, expression: str, context: str = "watch") -> Variable:
        """The value of an expression in this frame."""
        body = self._client.request("evaluate", expression=expression, frameId=self.id, context=context)
        return Variable(self._client, {"name": expression, "value": body["result"], **body})


class StopPoint:
    """A place where the code has stopped, valid until it goes on."""

    def __init__(self, client: DapClient, event: Message) -> None:
        self._client = client
        self.event = event
        self.reason = str(event["reason"])
        self.thread = int(event["threadId"])
        self.text = str(event.get("text", ""))
        self.hit_ids: list[int] = event.get("hitBreakpointIds", [])

    def __repr__(self) -> str:
        return f"stop for {self.reason} in thread {self.thread}: {self.frames}"

    @cached_property
    def frames(self) -> list[Frame]:
        """The thread's calls, the innermost first."""
        return self.stack(self.thread)

    @property
    def frame(self) -> Frame:
        """The innermost call."""
        return self.frames[0]

    @property
    def line(self) -> int:
        """Where the innermost call is."""
        return self.frame.line

    def stack(self, thread: int, **paging: object) -> list[Frame]:
        """The calls of some thread."""
        rows = self._client.request("stackTrace", threadId=thread, **paging)["stackFrames"]
        return [Frame(self._client, row) for row in rows]


class Session:
    """One client debugging one program. On leaving, the program and all processes end."""

    def __init__(self, program: Program, target: Target, **attach: object) -> None:
        self.program = program
        self.target = target
        self._attach = attach

    def __enter__(self) -> Self:
        try:
            self.client = self.target.connect(**self._attach)
        except BaseException:
            self.target.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(self.target.diagnosis)  # pytest shows it with the failure
        self.target.close()

    # Before and while it runs

    def line(self, place: Place) -> int:
        """The number of a line of the program."""
        return self.program.line(place)

    def set_breakpoints(self, *places: Place | Message) -> list[Message]:
        """Replace the program's breakpoints: marks, lines, or `{"line": place, "condition": ...}`."""
        wanted = [
            {**place, "line": self.line(place["line"])}
            if isinstance(place, dict)
            else {"line": self.line(place)}
            for place in places
        ]
        body = self.client.request("setBreakpoints", source={"path": self.target.path}, breakpoints=wanted)
        answered: list[Message] = body["breakpoints"]
        assert len(answered) == len(wanted), f"{len(wanted)} breakpoints asked for, {answered} answered"
        return answered

    def set_function_breakpoints(self, *names: str) -> list[Message]:
        """Replace the function breakpoints."""
        body = self.client.request("setFunctionBreakpoints", breakpoints=[{"name": name} for name in names])
        answered: list[Message] = body["breakpoints"]
        return answered

    def set_exception_filters(self, *filters: str) -> None:
        """Replace the kinds of errors that stop the program."""
        self.client.request("setExceptionBreakpoints", filters=list(filters))

    def run(self) -> None:
        """Let the program begin."""
        self.target.start(self.client)

    def wait_stop(self, reason: str | None = None, at: Place | None = None) -> StopPoint:
        """The next stop, which must be for that reason and at that line."""
        stop = StopPoint(self.client, self.client.wait_event("stopped"))
        assert reason is None or stop.reason == reason, f"{reason} expected, not {stop}"
        assert at is None or stop.line == self.line(at), f"line {self.line(at or 0)} expected, not {stop}"
        return stop

    def wait_end(self) -> Ending:
        """How the program ended; it must not stop before."""
        ending = self.target.wait_end(self.client)
        assert not [event for event in self.client.events if event["event"] == "stopped"]
        _check_order(self.client.log)
        return ending

    def wait_output(self, text: str) -> None:
        """Until the program has written this."""
        target, client = self.target, self.client
        client.wait_for(lambda: text in target.output(client) or None, f"the output {text!r}")

    @property
    def output(self) -> str:
        """What has arrived of what the program wrote to stdout."""
        return self.target.output(self.client)

    # While it is stopped

    def resume(self, thread: int = 1) -> None:
        """Let it go on."""
        self.client.request("continue", threadId=thread)

    def step_over(self, at: Place | None = None, thread: int = 1) -> StopPoint:
        """Go on to the next line of this call or its caller."""
        return self._step("next", at, thread)

    def step_into(self, at: Place | None = None, thread: int = 1) -> StopPoint:
        """Go on to the next line, wherever it is."""
        return self._step("stepIn", at, thread)

    def step_out(self, at: Place | None = None, thread: int = 1) -> StopPoint:
        """Go on until this call has returned."""
        return self._step("stepOut", at, thread)

    def _step(self, command: str, at: Place | None, thread: int) -> StopPoint:
        self.client.request(command, threadId=thread)
        return self.wait_stop("step", at)

    def pause(self) -> StopPoint:
        """Stop it where it is."""
        self.client.request("pause", threadId=1)
        return self.wait_stop("pause")


Debug = Callable[..., Session]
"""Makes a session of a program's text; options are the target's."""


def _check_order(log: list[Message]) -> None:
    """Clients forget a stop when they hear `continued`: it must come before the next `stopped`."""
    events = [message["event"] for message in log if message.get("event") in ("stopped", "continued")]
    for before, after in pairwise(events):
        assert (before, after) != ("stopped", "stopped"), f"no continued between two stops: {events}"
