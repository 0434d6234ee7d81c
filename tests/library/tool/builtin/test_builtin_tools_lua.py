"""The built-in tools for texts and data, as scripts call them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmspell_kernel.config.loading import over_defaults
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.runtime import Runtime, runtime_settings
from tests.lua.shell import LANGUAGES, CellRunner, MemoryFrontend


class Shell(CellRunner):
    def __init__(self, language: str) -> None:
        self.frontend = MemoryFrontend()
        self.runtime = Runtime(self.frontend, runtime_settings(over_defaults({"default_engine": language})))

    def outcome(self, code: str) -> Outcome:
        return self.runtime.execute(code, number=1)


@pytest.fixture(scope="module", params=LANGUAGES)
def lua(request: pytest.FixtureRequest) -> Iterator[Shell]:
    made = Shell(request.param)
    yield made
    made.runtime.close()


@pytest.mark.parametrize(
    ("tool", "parameters", "shown", "expected"),
    [
        ("text-manipulator", "operation = 'trim', input = ' x ', options = {}", "r.result.result", '"x"'),
        ("text_manipulator", "operation = 'split', input = 'a,b'", "r.result.result[2], #r.result.result",
         '"b"\t2'),
        ("text-manipulator", "operation = 'join', input = {'a', 'b'}", "r.result.result", '"a b"'),
        ("calculator", "input = 'x^2', variables = {x = 3}", "r.success, r.result.result", "true\t9"),
        ("calculator", "input = '1/0'", "r.success, r.result, r.error.message",
         'false\tnil\t"division by zero"'),
        ("base64-encoder", "operation = 'encode', input = '\\255\\254'", "r.result.output", '"//4="'),
        ("hash-calculator", "operation = 'hash', input = '\\255', algorithm = 'md5'", "#r.result.hash", "32"),
        ("json-processor", "input = {a = {1, 2}}, query = '.a | length'", "r.result", "2"),
        ("json-processor", "input = '[1, null, 3]', query = '.'", "r.result[1], r.result[3]", "1\t3"),
        ("data-validator", "input = {}, rules = {rules = {{type = 'length', min = 1}}}",
         "r.success, r.result.valid, #r.result.errors, type(r.error.message)", 'false\tfalse\t1\t"string"'),
        ("datetime-handler", "operation = 'add', input = 86400.0 * 20000, amount = 1, unit = 'days'",
         "r.result.result", '"2024-10-05T00:00:00+00:00"'),
        ("template-creator", "input = '{{ l | length }}', context = {l = {1, 2}}", "r.result.rendered",
         '"2"'),
        ("graph-builder", "operation = 'add_node', graph = {nodes = {}, edges = {}}, node_id = 1",
         "r.result.nodes[1].id", '"1"'),
        ("csv-analyzer", "operation = 'sample', input = 'a\\n1\\n', options = {size = 1, method = 'first'}",
         "r.result.rows[1].a, r.result.total_rows", "1\t1"),
        ("diff-calculator", "old_json = {1, 2}, new_json = {1, 3}", "r.result.diff[1].path", '"$[1]"'),
        ("uuid-generator", "version = 'v7'", "#r.result.uuid", "36"),
        ("citation-formatter", "operation = 'list_styles'", "r.result.styles[1].name", '"apa"'),
    ],
)  # fmt: skip
def test_calls(lua: Shell, tool: str, parameters: str, shown: str, expected: str) -> None:
    assert lua.run(f"local r = Tool.execute('{tool}', {{{parameters}}}) return {shown}") == expected


def test_errors_have_the_place_of_the_call(lua: Shell) -> None:
    code = "local _, m = pcall(Tool.execute, 'text-manipulator', {operation = 'tirm', input = ''})\nreturn m"
    message = lua.run(code)
    assert message is not None
    assert "Tool execution failed" in message and "did you mean 'trim'?" in message
    message = lua.run(
        "local _, m = pcall(Tool.execute, 'text-manipulator', {operation = 'trim', input = '\\255'}) return m"
    )
    assert message is not None and "not valid UTF-8" in message
