from __future__ import annotations

from typing import Any

import pytest

from llmspell_kernel.dap import protocol
from llmspell_kernel.dap.protocol import Arguments, read_arguments
from llmspell_kernel.errors import BadRequestError


def test_arguments_become_typed_values() -> None:
    read = read_arguments(
        protocol.SetBreakpointsArguments,
        "setBreakpoints",
        {
            "source": {"path": "/a.lua", "sourceReference": None, "adapterData": {"x": 1}},
            "breakpoints": [{"line": 3, "hitCondition": ">2", "column": 1}],
            "sourceModified": False,
        },
    )
    assert read.source.path == "/a.lua" and read.source.source_reference is None
    assert read.breakpoints == [protocol.SourceBreakpointArgument(line=3, hit_condition=">2")]


@pytest.mark.parametrize("arguments", [None, {}])
def test_requests_may_come_without_arguments(arguments: object) -> None:
    assert read_arguments(protocol.NoArguments, "debugInfo", arguments) == protocol.NoArguments()


@pytest.mark.parametrize(
    ("kind", "arguments", "told"),
    [
        (protocol.ThreadArguments, {}, "argument `threadId` is missing"),
        (protocol.ThreadArguments, {"threadId": "1"}, '`threadId` is "1": expected a whole number, got text'),
        (protocol.ThreadArguments, {"threadId": -1}, "`threadId` is -1: expected a whole number >= 0"),
        (protocol.ThreadArguments, {"threadId": 2**40}, "<= 2147483647"),
        (protocol.ThreadArguments, [1], "the arguments are [1]: expected an object, got a list"),
        (protocol.SetBreakpointsArguments, {"source": []}, "`source` is []: expected an object"),
        (
            protocol.SetBreakpointsArguments,
            {"source": {}, "breakpoints": [{"line": 1}, {}]},
            "argument `line` of `breakpoints[1]` is missing",
        ),
        (
            protocol.SetBreakpointsArguments,
            {"source": {}, "breakpoints": [{"line": [5]}]},
            "`breakpoints[0].line` is [5]: expected a whole number, got a list",
        ),
        (protocol.EvaluateArguments, {"expression": "x" * 9, "frameId": "x" * 500}, "…"),
        (protocol.LaunchArguments, {"env": {"A": 1}}, "expected text or null, got a whole number"),
    ],
)
def test_what_is_wrong_is_named_with_its_value(kind: type[Arguments], arguments: Any, told: str) -> None:
    with pytest.raises(BadRequestError) as failed:
        read_arguments(kind, "next", arguments)
    assert str(failed.value).startswith("next: ") and told in str(failed.value)
    assert len(str(failed.value)) < 200 and "\n" not in str(failed.value)
