"""What clients are told: the bodies of responses and events as typed values. Optional fields are left out."""

from __future__ import annotations

from typing import Any

import msgspec


class Body(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """The body of a response or an event, or a part of one."""


class SourceBody(Body, frozen=True):
    """A source; `source_reference` is set where the client cannot read it by its path."""

    name: str | None = None
    path: str | None = None
    source_reference: int | None = None
    presentation_hint: str | None = None
    origin: str | None = None


class ExceptionFilterBody(Body, frozen=True):
    """A kind of exception that clients may ask to stop on."""

    filter: str
    label: str
    description: str | None = None
    default: bool = False


class Capabilities(Body, frozen=True):
    """What this adapter can do."""

    exception_breakpoint_filters: list[ExceptionFilterBody]
    completion_trigger_characters: list[str]
    supports_configuration_done_request: bool = False
    supports_function_breakpoints: bool = False
    supports_conditional_breakpoints: bool = False
    supports_hit_conditional_breakpoints: bool = False
    supports_evaluate_for_hovers: bool = False
    supports_set_variable: bool = False
    supports_completions_request: bool = False
    supports_modules_request: bool = False
    supports_value_formatting_options: bool = False
    supports_exception_info_request: bool = False
    support_terminate_debuggee: bool = False
    supports_delayed_stack_trace_loading: bool = False
    supports_loaded_sources_request: bool = False
    supports_log_points: bool = False
    supports_set_expression: bool = False
    supports_terminate_request: bool = False
    supports_cancel_request: bool = False
    supports_breakpoint_locations_request: bool = False
    supports_clipboard_context: bool = False


# Breakpoints


class BreakpointBody(Body, frozen=True):
    """What became of a breakpoint."""

    verified: bool
    id: int | None = None
    message: str | None = None
    source: SourceBody | None = None
    line: int | None = None


class BreakpointsBody(Body, frozen=True):
    """What became of each breakpoint, in the order they were given."""

    breakpoints: list[BreakpointBody]


class BreakpointLocation(Body, frozen=True):
    """A line where a breakpoint can be."""

    line: int


class BreakpointLocationsBody(Body, frozen=True):
    """The lines where breakpoints can be."""

    breakpoints: list[BreakpointLocation]


# Stopped code


class ThreadBody(Body, frozen=True):
    """A Lua thread."""

    id: int
    name: str


class ThreadsBody(Body, frozen=True):
    """All Lua threads."""

    threads: list[ThreadBody]


class FrameBody(Body, frozen=True):
    """A call on a stack."""

    id: int
    name: str
    line: int
    column: int
    source: SourceBody | None = None
    can_restart: bool = False
    presentation_hint: str | None = None


class StackTraceBody(Body, frozen=True):
    """A part of a stack, and how many frames there are."""

    stack_frames: list[FrameBody]
    total_frames: int


class ScopeBody(Body, frozen=True):
    """A group of variables."""

    name: str
    variables_reference: int
    expensive: bool
    presentation_hint: str | None = None
    named_variables: int | None = None
    indexed_variables: int | None = None


class ScopesBody(Body, frozen=True):
    """The groups of variables of a frame."""

    scopes: list[ScopeBody]


class VariableHint(Body, frozen=True):
    """What a variable is, for its presentation."""

    kind: str | None = None
    attributes: list[str] = []
    visibility: str | None = None


class VariableBody(Body, frozen=True):
    """A variable."""

    name: str
    value: str
    variables_reference: int
    type: str | None = None
    evaluate_name: str | None = None
    presentation_hint: VariableHint | None = None
    named_variables: int | None = None
    indexed_variables: int | None = None


class VariablesBody(Body, frozen=True):
    """Variables."""

    variables: list[VariableBody]


class ValueBody(Body, frozen=True):
    """A value that was set."""

    value: str
    variables_reference: int
    type: str | None = None
    presentation_hint: VariableHint | None = None
    named_variables: int | None = None
    indexed_variables: int | None = None


class EvaluateBody(Body, frozen=True):
    """The value of an expression."""

    result: str
    variables_reference: int
    type: str | None = None
    presentation_hint: VariableHint | None = None
    named_variables: int | None = None
    indexed_variables: int | None = None


class CompletionItem(Body, frozen=True):
    """A candidate that replaces `length` UTF-16 units from `start`."""

    label: str
    type: str | None = None
    detail: str | None = None
    start: int | None = None
    length: int | None = None


class CompletionsBody(Body, frozen=True):
    """Candidates."""

    targets: list[CompletionItem]


class ExceptionDetails(Body, frozen=True):
    """An error in detail."""

    message: str
    type_name: str
    full_type_name: str
    stack_trace: str


class ExceptionInfoBody(Body, frozen=True):
    """The error that the code has stopped on."""

    exception_id: str
    break_mode: str
    description: str
    details: ExceptionDetails


class ContinueBody(Body, frozen=True):
    """All threads go on together: they are coroutines of one."""

    all_threads_continued: bool


# Sources


class SourceTextBody(Body, frozen=True):
    """The text of a source."""

    content: str
    mime_type: str


class LoadedSourcesBody(Body, frozen=True):
    """All sources that Lua has compiled."""

    sources: list[SourceBody]


class ModuleBody(Body, frozen=True):
    """A file of Lua code that was loaded."""

    id: str
    name: str
    path: str


class ModulesBody(Body, frozen=True):
    """A part of the modules, and how many there are."""

    modules: list[ModuleBody]
    total_modules: int


# Jupyter's own


class LinesBody(Body, frozen=True):
    """A breakpoint as debugInfo lists it."""

    line: int
    condition: str | None = None
    hit_condition: str | None = None
    log_message: str | None = None


class SourceBreakpointsBody(Body, frozen=True):
    """The breakpoints of one source."""

    source: str
    breakpoints: list[LinesBody]


class DebugInfoBody(Body, frozen=True):
    """The debugger's state, for a client that comes (back)."""

    is_started: bool
    hash_method: str
    hash_seed: int
    tmp_file_prefix: str
    tmp_file_suffix: str
    breakpoints: list[SourceBreakpointsBody]
    stopped_threads: list[int]
    rich_rendering: bool
    exception_paths: list[str]
    copy_to_globals: bool


class DumpCellBody(Body, frozen=True):
    """The path that a cell's code has."""

    source_path: str


class RichInspectBody(Body, frozen=True):
    """A value as a notebook shows it."""

    data: dict[str, Any]
    metadata: dict[str, Any]


# Events


class StoppedBody(Body, frozen=True):
    """The code has stopped."""

    reason: str
    description: str
    thread_id: int
    all_threads_stopped: bool
    text: str | None = None
    hit_breakpoint_ids: list[int] = []


class ContinuedBody(Body, frozen=True):
    """The code goes on."""

    thread_id: int
    all_threads_continued: bool


class OutputBody(Body, frozen=True):
    """Text that was written."""

    category: str
    output: str
    source: SourceBody | None = None
    line: int | None = None


class BreakpointEventBody(Body, frozen=True):
    """A breakpoint has changed."""

    reason: str
    breakpoint: BreakpointBody


class LoadedSourceBody(Body, frozen=True):
    """A source is new."""

    reason: str
    source: SourceBody


class InvalidatedBody(Body, frozen=True):
    """What the client should ask for again."""

    areas: list[str]


class ExitedBody(Body, frozen=True):
    """The program has ended."""

    exit_code: int
