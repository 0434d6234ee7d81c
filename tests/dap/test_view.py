from __future__ import annotations

import pytest

from llmspell_kernel.dap.protocol import InitializeArguments, SourceArgument, ValueFormat
from llmspell_kernel.dap.view import NO_SOURCE, View
from llmspell_kernel.lua.debugger.model import Source, StackFrame, Variable

EDITOR = View(InitializeArguments(client_id="vscode"))
LAB = View(InitializeArguments(client_id="jupyterlab"))


@pytest.mark.parametrize(
    ("value", "type", "shown"),
    [
        ("12", "integer", "int"),
        ("-9007199254740992", "integer", "int"),
        ("9007199254740993", "integer", None),
        ("1.5", "float", "float"),
        ("1e+300", "float", "float"),
        ("-nan", "float", None),
        ("inf", "float", None),
        ("7", "number", "int"),
        ("7.5", "number", "float"),
        ("true", "boolean", "bool"),
        ('"a"', "string", "str"),
        ("nil", "nil", None),
        ("{1, 2}", "table", None),
        ("Point(1)", "Point", None),
    ],
)
def test_jupyterlab_shows_values_and_no_type_in_their_place(value: str, type: str, shown: str | None) -> None:
    variable = Variable("x", value, type)
    assert LAB.variable(variable).type == shown
    assert EDITOR.variable(variable).type == type


def test_quotes_are_marked_for_clients_that_take_them_off() -> None:
    hint = LAB.variable(Variable("s", '"a"', "string")).presentation_hint
    assert hint is not None and "rawString" in hint.attributes
    assert LAB.variable(Variable("s", '"a', "string")).presentation_hint is None


def test_whole_numbers_are_shown_in_hexadecimal_on_request() -> None:
    form = ValueFormat(hex=True)
    shown = [
        EDITOR.variable(Variable("x", value, type), form).value
        for value, type in (("255", "integer"), ("-1", "integer"), ("1.5", "float"), ('"1"', "string"))
    ]
    assert shown == ["0xff", "0xffffffffffffffff", "1.5", '"1"']


def test_every_frame_has_a_source_for_jupyterlab() -> None:
    frame = StackFrame(1, "[C] sleep", None, 0, subtle=True)
    assert EDITOR.frame(frame).source is None and EDITOR.frame(frame).line == 0
    shown = LAB.frame(frame)
    assert shown.source is not None and shown.source.path == NO_SOURCE and shown.line == 1
    assert shown.presentation_hint == "subtle"


def test_clients_may_count_from_zero() -> None:
    view = View(InitializeArguments(lines_start_at1=False, columns_start_at1=False))
    frame = view.frame(StackFrame(1, "f", Source("/a.lua", "a.lua"), 5))
    assert (frame.line, frame.column) == (4, 0)
    assert view.line_to_ours(4) == 5


def test_sources_are_named_by_reference_or_path() -> None:
    assert EDITOR.source_to_ours(SourceArgument(path="load [1]", source_reference=3)) == 3
    assert EDITOR.source_to_ours(SourceArgument(path="/a.lua", source_reference=0)) == "/a.lua"
    assert EDITOR.source_to_ours(SourceArgument(name="a.lua")) == ""
    own = EDITOR.source(Source("/x/prelude.lua", "prelude.lua", own=True))
    assert own.presentation_hint == "deemphasize" and own.source_reference is None
