"""From what callers give to what tools take."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.contract import Tool, operation
from llmspell_kernel.library.tool.parameters import checked
from llmspell_kernel.library.tool.schema import json_schema, parameter_list
from llmspell_kernel.library.tool.schema_checking import checked_against
from llmspell_kernel.library.tool.script_tools import schema_of


class Part(Struct, kw_only=True, forbid_unknown_fields=True):
    size: int = 0
    tags: dict[str, str] = {}
    colour: Literal["RED", "GREEN"] | None = None
    password: Annotated[str, Meta(max_length=5)] = ""


class Taker(Tool):
    """Takes all sorts of things.

    More about it.
    """

    name, category, level = "taker", "utility", "safe"

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        operation: Annotated[Literal["copy", "list"], Meta(description="What.")] = "copy"
        path: Annotated[str, Meta(description="Which one.")]
        target: str = ""
        count: Annotated[int, Meta(ge=1, le=9)] = 1
        options: dict[str, Any] = {}
        names: list[str] = []
        part: Part | None = None
        parts: list[Part] = []
        unit: Literal["mm", "inch"] | None = None
        secret: Annotated[str, Meta(max_length=5)] = ""

    @operation("copy", "cp", needs=("target",))
    def copy(self, given: Any, tools: Any) -> object:
        """Copies."""

    @operation("list", "ls")
    def list(self, given: Any, tools: Any) -> object:
        """Lists."""


def problems(params: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ParameterError) as caught:
        checked(Taker, params)
    return caught.value.problems


def test_differences_between_languages_are_set_right() -> None:
    part = {"size": 3.0, "tags": []}
    params = {
        "operation": "ls",
        "path": "a",
        "count": 2.0,
        "options": [],
        "names": {},
        "part": part,
        "target": None,
    }
    plain, struct = checked(Taker, params)
    assert struct == Taker.Parameters(operation="list", path="a", count=2, part=Part(size=3))
    assert plain == {
        "operation": "list",
        "path": "a",
        "count": 2,
        "options": {},
        "names": [],
        "part": {"size": 3, "tags": {}},
    }
    assert part == {"size": 3.0, "tags": []}, "what the caller gave has changed"


def test_all_problems_are_told() -> None:
    assert problems({"operation": "cpy", "count": 10, "names": [1], "optoins": {}}) == (
        "the parameter 'operation' is one of copy, list; got 'cpy'; did you mean 'copy'?",
        "the parameter 'path' is missing (a string expected)",
        "the parameter 'count': expected integer <= 9 (given 10)",
        "the parameter 'names[1]': expected string, got integer",
        "there is no parameter 'optoins'; did you mean 'options'?",
    )
    assert problems({"path": b"\xff"}) == ("the parameter 'path' is not valid UTF-8 text: b'\\xff'",)
    assert problems({"path": "a", "count": 1.5}) == (
        "the parameter 'count': expected integer, got number (given 1.5)",
    )
    assert problems({"path": "a", "part": {"size": "x"}, "target": "b"}) == (
        "the parameter 'part.size': expected integer, got string",
    )


def test_choices_are_told_wherever_they_are() -> None:
    assert problems({"path": "a", "unit": "ich", "part": {"colour": "red"}}) == (
        "the parameter 'part.colour' is one of RED, GREEN; got 'red'; did you mean 'RED'?",
        "the parameter 'unit' is one of mm, inch; got 'ich'; did you mean 'inch'?",
    )
    assert problems({"path": "a", "parts": [{}, {"colour": 5}]}) == (
        "the parameter 'parts[2].colour' is one of RED, GREEN; got 5",
    )


def test_fields_within_parameters_are_told_like_parameters() -> None:
    assert problems({"path": "a", "part": {"szie": 1}, "parts": [{}, {"x": 1}]}) == (
        "the parameter 'part' has no field 'szie'; did you mean 'size'?",
        "the parameter 'parts[2]' has no field 'x'; there are size, tags, colour, password",
    )


@pytest.mark.parametrize(
    "part",
    [
        {"user": "x", "password": "hunter2"},
        {"passwrod": "hunter2"},
        {"password": b"hunter2\xff"},
        {"password": ["hunter2"]},
        {"size": "hunter2"},
        {"colour": {"passwrod": "hunter2"}},
        {"tags": [{"passwrod": "hunter2"}]},
        ["hunter2"],
        "user:hunter2",
        b"hunter2\xff",
    ],
)
def test_no_message_tells_a_secret(part: object) -> None:
    for name in ("part", "secret"):
        said = "\n".join(problems({"path": "a", name: part}))
        assert said and "hunter2" not in said
    schema = {"type": "object", "properties": {"part": {"type": "number", "enum": [1]}}}
    if not isinstance(part, str | bytes):
        with pytest.raises(ParameterError) as caught:
            checked_against(schema, {"part": part}, "mine")
        assert "hunter2" not in str(caught.value)


def test_an_operation_says_what_it_needs() -> None:
    assert problems({"path": "a", "operation": "cp"}) == (
        "the operation 'copy' needs the parameter 'target'",
    )
    assert checked(Taker, {"path": "a", "target": "", "operation": "cp"})[0]["operation"] == "copy"


def test_the_schema_says_the_same() -> None:
    schema = json_schema(Taker)
    assert schema["required"] == ["path"]
    assert schema["properties"]["count"] == {"type": "integer", "minimum": 1, "maximum": 9, "default": 1}
    assert schema["additionalProperties"] is False
    assert "Part" in schema["$defs"]
    assert schema["allOf"] == [
        {
            "if": {"properties": {"operation": {"const": "copy"}}, "required": ["operation"]},
            "then": {"required": ["target"]},
        }
    ]
    first, second, *_ = parameter_list(schema)
    assert first == {
        "name": "operation",
        "type": "string",
        "description": "What.",
        "required": False,
        "default": "copy",
        "enum": ["copy", "list"],
    }
    assert second == {"name": "path", "type": "string", "description": "Which one.", "required": True}
    part = next(each for each in parameter_list(schema) if "properties" in each)
    assert part["type"] == "object"
    assert all(each["name"] and each["type"] for each in part["properties"])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["operation", "path", "count", "options", "names", "part", "x"]), VALUES)
)
def test_whatever_is_given_fits_or_is_told_why_not(params: dict[str, Any]) -> None:
    try:
        plain, struct = checked(Taker, params)
    except ParameterError as error:
        assert error.problems and all(error.problems)
    else:
        assert isinstance(struct, Taker.Parameters)
        assert checked(Taker, plain)[1] == struct


SCHEMA = schema_of(
    "mine",
    [
        {"name": "who", "type": "string", "required": True, "minLength": 2},
        {"name": "times", "type": "integer", "default": 1, "minimum": 1, "maximum": 3},
        {"name": "how", "type": "string", "enum": ["loud", "soft"]},
        {"name": "rest", "type": "object"},
        {"name": "list", "type": "array", "items": {"type": "number"}},
    ],
)


def test_parameters_without_a_struct_are_checked_against_their_schema() -> None:
    given = {"who": "me", "times": 2.0, "rest": [], "list": [1, 2.5]}
    assert checked_against(SCHEMA, given, "mine") == {"who": "me", "times": 2, "rest": {}, "list": [1, 2.5]}
    assert checked_against(SCHEMA, {"who": "me"}, "mine") == {"who": "me", "times": 1}
    with pytest.raises(ParameterError) as caught:
        checked_against(SCHEMA, {"who": "m", "times": 7, "how": "x", "list": ["a"], "hwo": 1}, "mine")
    assert caught.value.problems == (
        "the parameter 'who' is at least 2 characters long; got 'm'",
        "the parameter 'times' is at most 3; got 7",
        "the parameter 'how' is one of loud, soft; got 'x'",
        "the parameter 'list[1]': expected number, got 'a'",
        "there is no parameter 'hwo'; did you mean 'who'?",
    )
    with pytest.raises(ParameterError, match="the parameter 'who' is missing \\(string expected\\)"):
        checked_against(SCHEMA, {}, "mine")
    anything = {"type": "object", "properties": {"a": {"type": "boolean"}}}
    assert checked_against(anything, {"a": True, "b": 1}, "mine") == {"a": True, "b": 1}
    with pytest.raises(ParameterError, match="'a': expected boolean, got 1"):
        checked_against(anything, {"a": 1}, "mine")
