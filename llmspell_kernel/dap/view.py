"""How one client sees the program: its paths, its line numbers, its words for types."""

from __future__ import annotations

import math
import os
import re

from llmspell_kernel.dap.bodies import (
    BreakpointBody,
    EvaluateBody,
    FrameBody,
    ScopeBody,
    SourceBody,
    ValueBody,
    VariableBody,
    VariableHint,
)
from llmspell_kernel.dap.frame_numbers import FrameNumbers
from llmspell_kernel.dap.paths import Paths
from llmspell_kernel.dap.protocol import InitializeArguments, SourceArgument, ValueFormat
from llmspell_kernel.lua.debugger.model import BreakpointStatus, Scope, Source, StackFrame, Variable

NO_SOURCE = "[no Lua source]"
"""The path of calls to C and Python for JupyterLab, which cannot do without one."""

_LAB = "jupyterlab"
_LAB_TYPES = {"integer": "int", "float": "float", "number": "float", "boolean": "bool", "string": "str"}
_EXACT = 2**53
_SCOPE_HINTS = {"locals": "locals", "varargs": "arguments"}


class View:
    """What is the client's own way of naming and counting; before `initialize`, DAP's defaults."""

    def __init__(self, client: InitializeArguments | None = None) -> None:
        client = client or InitializeArguments()
        self.client = client
        self.uris = client.path_format == "uri"
        self.paths = Paths(uris=self.uris)
        self.lab = client.client_id == _LAB
        self.frames = FrameNumbers()
        self._first_line = 0 if client.lines_start_at1 is False else 1
        self.first_column = 0 if client.columns_start_at1 is False else 1

    @property
    def name(self) -> str:
        """The client's name, for people."""
        return self.client.client_name or self.client.client_id or "a client without a name"

    # Lines and sources

    def frame_to_ours(self, number: int | None) -> int | None:
        """The core's number of a frame that a client names, if it does."""
        return None if number is None else self.frames.to_ours(number)

    def line_to_ours(self, line: int) -> int:
        """A client's line number, counted from 1."""
        return line + 1 - self._first_line

    def line_to_client(self, line: int) -> int:
        """A line number counted from 1 as the client counts; 0 (none) stays."""
        return line - 1 + self._first_line if line else 0

    def source_to_ours(self, source: SourceArgument) -> str | int:
        """What the core knows a source by: a reference or a path; "" if the client names none."""
        return source.source_reference or (self.paths.to_ours(source.path) if source.path else "")

    def source(self, source: Source) -> SourceBody:
        """A source; the runtime's own is shown as of less importance."""
        cell = self.lab and os.path.isabs(source.path)  # JupyterLab knows them by their path
        return SourceBody(
            name=source.name,
            path=self.paths.to_client(source.path),
            source_reference=None if cell else source.reference or None,
            presentation_hint="deemphasize" if source.own else None,
            origin="the runtime" if source.own else None,
        )

    def frame(self, frame: StackFrame, thread: int = 1, depth: int = 0) -> FrameBody:
        """A call of a thread, `depth` others within it; JupyterLab needs a source and a line for each."""
        source = None if frame.source is None else self.source(frame.source)
        if source is None and self.lab:
            source = SourceBody(name=frame.name, path=NO_SOURCE, presentation_hint="deemphasize")
        return FrameBody(
            id=self.frames.to_client(frame.id, thread, depth) if self.lab else frame.id,
            name=frame.name,
            line=self.line_to_client(max(frame.line, 1) if self.lab else frame.line),
            column=self.first_column,
            source=source,
            can_restart=frame.can_restart,
            presentation_hint="subtle" if frame.subtle else None,
        )

    def breakpoint(self, status: BreakpointStatus) -> BreakpointBody:
        """What became of a breakpoint."""
        return BreakpointBody(
            id=status.id,
            verified=status.verified,
            message=status.message or None,
            line=self.line_to_client(status.line) if status.line else None,
            source=SourceBody(path=self.paths.to_client(status.path)) if status.path else None,
        )

    # Values

    def scope(self, scope: Scope) -> ScopeBody:
        """A group of variables."""
        return ScopeBody(
            name=scope.name,
            variables_reference=scope.reference,
            expensive=scope.expensive,
            presentation_hint=_SCOPE_HINTS.get(scope.kind, scope.kind),
            named_variables=scope.named or None,
            indexed_variables=scope.indexed or None,
        )

    def variable(self, variable: Variable, form: ValueFormat | None = None) -> VariableBody:
        """A variable."""
        return VariableBody(
            name=variable.name,
            value=_written(variable, form),
            variables_reference=variable.reference,
            type=self._type(variable),
            evaluate_name=variable.evaluate_name or None,
            presentation_hint=self._hint(variable),
            named_variables=variable.named or None,
            indexed_variables=variable.indexed or None,
        )

    def value(self, variable: Variable, form: ValueFormat | None = None) -> ValueBody:
        """The value that a variable has now."""
        return ValueBody(
            value=_written(variable, form),
            variables_reference=variable.reference,
            type=self._type(variable),
            presentation_hint=self._hint(variable),
            named_variables=variable.named or None,
            indexed_variables=variable.indexed or None,
        )

    def result(self, variable: Variable, form: ValueFormat | None = None) -> EvaluateBody:
        """The value of an expression."""
        return EvaluateBody(
            result=_written(variable, form),
            variables_reference=variable.reference,
            type=self._type(variable),
            presentation_hint=self._hint(variable),
            named_variables=variable.named or None,
            indexed_variables=variable.indexed or None,
        )

    def _type(self, variable: Variable) -> str | None:
        """Lua's word; for JupyterLab its own, and none where it would show the type instead of the value.

        JupyterLab reads `int` and `float` as JavaScript numbers: those that would come out wrong get none.
        """
        if not self.lab:
            return variable.type or None
        name = _LAB_TYPES.get(variable.type)
        if variable.type == "number" and re.fullmatch(r"-?\d+", variable.value):
            name = "int"
        if name == "int" and not _is_exact(variable.value):
            return None
        if name == "float" and not _is_finite(variable.value):
            return None
        return name

    def _hint(self, variable: Variable) -> VariableHint | None:
        attributes = []
        if variable.read_only:
            attributes.append("readOnly")
        value = variable.value
        if variable.type == "string" and len(value) >= 2 and value[0] == value[-1] == '"':
            attributes.append("rawString")
        kind = "virtual" if variable.internal else None
        if not attributes and kind is None:
            return None
        visibility = "internal" if variable.internal else None
        return VariableHint(kind=kind, attributes=attributes, visibility=visibility)


def _is_exact(value: str) -> bool:
    try:
        return abs(int(value)) <= _EXACT
    except ValueError:
        return False


def _is_finite(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def _written(variable: Variable, form: ValueFormat | None) -> str:
    """The value as text; whole numbers in hexadecimal on request, as Lua's `%x` writes them."""
    if form is not None and form.hex and variable.type in ("integer", "number"):
        if re.fullmatch(r"-?\d+", variable.value):
            return hex(int(variable.value) & 0xFFFFFFFFFFFFFFFF)
    return variable.value
