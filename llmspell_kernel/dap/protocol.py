"""What clients ask: the arguments of each request as typed values, and how they are read from JSON.

Names and meanings are the Debug Adapter Protocol's (1.68); Jupyter's own requests are those of its
messaging documentation. Fields that clients may leave out may also be null: Lua-based clients send that.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, TypeVar

import msgspec

from llmspell_kernel.errors import BadRequestError

Message = dict[str, Any]
"""A request, response or event as it is on the wire."""

Number = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""Lines, ids and counts: DAP's references end at 2^31 - 1."""

_A = TypeVar("_A", bound="Arguments")

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_SHOWN = 80


class Arguments(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The arguments of a request. What is not named here is ignored, as DAP wants it."""


class NoArguments(Arguments, frozen=True):
    """Of a request that needs none."""


class PathMapping(Arguments, frozen=True):
    """A folder as the client sees it and as this process does."""

    local_root: str
    remote_root: str


class SourceArgument(Arguments, frozen=True):
    """A source that a client speaks of."""

    path: str | None = None
    name: str | None = None
    source_reference: Number | None = None


class SourceBreakpointArgument(Arguments, frozen=True):
    """A breakpoint on a line."""

    line: Number
    condition: str | None = None
    hit_condition: str | None = None
    log_message: str | None = None


class FunctionBreakpointArgument(Arguments, frozen=True):
    """A breakpoint on a function's name."""

    name: str
    condition: str | None = None
    hit_condition: str | None = None


class ExceptionFilterOption(Arguments, frozen=True):
    """An exception filter in its longer form."""

    filter_id: str
    condition: str | None = None


class ValueFormat(Arguments, frozen=True):
    """How values are written."""

    hex: bool | None = None


# Lifecycle


class InitializeArguments(Arguments, frozen=True):
    """Who the client is and what it understands."""

    client_id: str | None = msgspec.field(name="clientID", default=None)
    client_name: str | None = None
    adapter_id: str | None = msgspec.field(name="adapterID", default=None)
    lines_start_at1: bool | None = True
    columns_start_at1: bool | None = True
    path_format: str | None = "path"
    supports_invalidated_event: bool | None = False
    token: str | None = None


class AttachArguments(Arguments, frozen=True):
    """How a client joins.

    Attributes:
        path_mappings: folders that client and process name differently.
        token: the server's, if it has one.
        steer: true takes the steering from whoever has it; false only looks; left out, the first
            client steers.
        stop_on_entry: stop at the first statement of the next chunk.
    """

    path_mappings: list[PathMapping] | None = None
    local_root: str | None = None
    remote_root: str | None = None
    token: str | None = None
    steer: bool | None = None
    stop_on_entry: bool | None = None


class LaunchArguments(AttachArguments, frozen=True):
    """What to run: without `program`, the script that the process was started for."""

    program: str | None = None
    args: list[str] | None = None
    cwd: str | None = None
    env: dict[str, str | None] | None = None
    no_debug: bool | None = None


class DisconnectArguments(Arguments, frozen=True):
    """How a client leaves."""

    restart: bool | None = None
    terminate_debuggee: bool | None = None


class CancelArguments(Arguments, frozen=True):
    """Which request is no longer needed."""

    request_id: int | None = None


# Breakpoints


class SetBreakpointsArguments(Arguments, frozen=True):
    """All breakpoints of one source; `lines` is their older form."""

    source: SourceArgument
    breakpoints: list[SourceBreakpointArgument] | None = None
    lines: list[Number] | None = None


class SetFunctionBreakpointsArguments(Arguments, frozen=True):
    """All breakpoints on functions."""

    breakpoints: list[FunctionBreakpointArgument]


class SetExceptionBreakpointsArguments(Arguments, frozen=True):
    """All exception filters, in short and in longer form."""

    filters: list[str] = []
    filter_options: list[ExceptionFilterOption] | None = None


class BreakpointLocationsArguments(Arguments, frozen=True):
    """Where between two lines of a source breakpoints can be."""

    source: SourceArgument
    line: Number
    end_line: Number | None = None


# Stopped code


class ThreadArguments(Arguments, frozen=True):
    """A thread: of continue, next, stepIn, stepOut, pause and exceptionInfo."""

    thread_id: Number


class StackTraceArguments(Arguments, frozen=True):
    """A part of a thread's stack; no `levels` or 0 means all."""

    thread_id: Number
    start_frame: Number | None = None
    levels: Number | None = None


class FrameArguments(Arguments, frozen=True):
    """A frame: of scopes and restartFrame."""

    frame_id: Number


class VariablesArguments(Arguments, frozen=True):
    """Some or all children of a scope or variable."""

    variables_reference: Number
    filter: str | None = None
    start: Number | None = None
    count: Number | None = None
    format: ValueFormat | None = None


class SetVariableArguments(Arguments, frozen=True):
    """A child of a scope or variable, and what it shall be."""

    variables_reference: Number
    name: str
    value: str
    format: ValueFormat | None = None


class SetExpressionArguments(Arguments, frozen=True):
    """An expression that can be assigned to, and what it shall be."""

    expression: str
    value: str
    frame_id: Number | None = None
    format: ValueFormat | None = None


class EvaluateArguments(Arguments, frozen=True):
    """An expression, and why its value is wanted."""

    expression: str
    frame_id: Number | None = None
    context: str | None = None
    format: ValueFormat | None = None


class CompletionsArguments(Arguments, frozen=True):
    """Text being typed; `column` counts UTF-16 units in line `line` of it."""

    text: str
    column: Number
    line: Number | None = None
    frame_id: Number | None = None


# Sources


class SourceArguments(Arguments, frozen=True):
    """A source whose text is wanted, by reference or path."""

    source: SourceArgument | None = None
    source_reference: Number | None = None


class ModulesArguments(Arguments, frozen=True):
    """A part of the list of modules."""

    start_module: Number | None = None
    module_count: Number | None = None


# Jupyter's own


class DumpCellArguments(Arguments, frozen=True):
    """A cell that is about to run."""

    code: str


class RichInspectArguments(Arguments, frozen=True):
    """A variable to show as a cell's result would be."""

    variable_name: str
    frame_id: Number | None = None


class CopyToGlobalsArguments(Arguments, frozen=True):
    """A variable of a frame and the global it is copied to."""

    src_variable_name: str
    dst_variable_name: str
    src_frame_id: Number


def read_arguments(kind: type[_A], command: str, arguments: object) -> _A:
    """The arguments of a request as a value of `kind`.

    Raises:
        BadRequestError: naming the field, its value and what is expected there.
    """
    given = {} if arguments is None else arguments
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise BadRequestError(f"{command}: {_explain(str(error), given)}") from None


def _explain(message: str, arguments: object) -> str:
    """The message of msgspec in a client's terms: `Expected `int`, got `str` - at `$.threadId``."""
    what, _, place = message.partition(" - at `$")
    field = place.rstrip("`").lstrip(".")
    what = re.sub(r"`([\w |]+)`", lambda found: _in_words(found[1]), what)
    if missing := re.fullmatch(r"Object missing required field (.+)", what):
        inside = f" of `{field}`" if field else ""
        return f"argument {missing[1]}{inside} is missing"
    if not field:
        return f"the arguments are {_show(arguments)}: {_lower(what)}"
    return f"argument `{field}` is {_show(_at(arguments, field))}: {_lower(what)}"


def _in_words(kinds: str) -> str:
    if not all(kind in _WORDS for kind in kinds.split(" | ")):
        return f"`{kinds}`"
    return " or ".join(_WORDS[kind] for kind in kinds.split(" | "))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _at(value: Any, field: str) -> Any:
    """The value at a path such as `breakpoints[0].line`."""
    for name, index in re.findall(r"(\w+)|\[(\d+)\]", field):
        try:
            value = value[int(index)] if index else value[name]
        except (LookupError, TypeError):
            return None
    return value


def _show(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
