"""The global `JSON`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.client.embedded import EmbeddedClient, start_embedded_kernel

TEXTS = st.text(st.characters(codec="utf-8"))
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=25,
)


@pytest.fixture(scope="module", params=["lua54", "lua55", "luajit"])
def client(request: pytest.FixtureRequest) -> Iterator[EmbeddedClient]:
    with start_embedded_kernel({"default_engine": request.param}) as client:
        yield client


def run(client: EmbeddedClient, code: str) -> str:
    execution = client.execute(code)
    assert execution.error is None, execution.error
    return execution.stdout.strip()


def failure(client: EmbeddedClient, code: str) -> str:
    execution = client.execute(code)
    assert execution.error is not None
    return execution.error.evalue


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("print(JSON.stringify({1, 2, 3}))", "[1,2,3]"),
        ("print(JSON.stringify({b = 1, a = {true, false}}))", '{"a":[true,false],"b":1}'),
        ("print(JSON.stringify({}))", "{}"),
        ("print(JSON.stringify(JSON.array()))", "[]"),
        ("print(JSON.stringify({1, nil, 3}))", "[1,null,3]"),
        ("print(JSON.stringify({1, 2, x = 3}))", '{"1":1,"2":2,"x":3}'),
        ("print(JSON.stringify({1, JSON.null}))", "[1,null]"),
        ("print(JSON.stringify(nil), JSON.stringify('x'), JSON.stringify(0/0))", 'null\t"x"\tnull'),
        ("print(JSON.stringify({a = {1}}, {indent = 2}))", '{\n  "a": [\n    1\n  ]\n}'),
        ("print(JSON.encode(JSON.decode('[1, 2.5, \"x\"]')))", '[1,2.5,"x"]'),
        ("print(JSON.parse('{\"a\": null}').a)", "nil"),
        ("local v = JSON.parse('{\"a\": null}', {null = true}) print(v.a == JSON.null, v.a)", "true\tnull"),
        ("print(JSON.stringify(JSON.parse('[[], {}, [null]]', {null = true})))", "[[],{},[null]]"),
        ("print(JSON.parse('9007199254740993') == 9007199254740993)", "true"),
        ("print(type(JSON.parse), type(JSON.stringify), JSON.null)", "function\tfunction\tnull"),
    ],
)
def test_values_become_text_and_back(client: EmbeddedClient, code: str, printed: str) -> None:
    assert run(client, code) == printed


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("JSON.parse('{\"a\": }')", "JSON parse error at line 1 column 7"),
        ("JSON.parse('[1,\\n 2,, 3]')", "line 2 column 4"),
        ("JSON.parse('')", "JSON parse error: the text is empty"),
        ("JSON.parse('\"\\255\"')", "JSON parse error"),
        ("JSON.stringify({}, {prety = true})", "there is no option 'prety'; it takes indent, pretty"),
        ("JSON.parse(nil)", "bad argument 'text' to 'JSON.parse' (string expected, got no value)"),
        ("JSON.parse(string.rep('[', 100000))", "JSON parse error"),
        ("JSON.stringify({f = print})", "JSON.stringify: the value at .f is a function"),
        ("local t = {} t.t = t JSON.stringify(t)", "is a cycle"),
        ("JSON.stringify({'\\255'})", "the value at [1] is a string that is not UTF-8"),
        ("JSON.stringify({}, {indent = 'x'})", "a whole number from 0 to 16 expected"),
        (
            "JSON.stringify({a = {[1] = 'i', ['1'] = 's'}})",
            "the value at .a has keys that are the same as text",
        ),
        ("JSON.null.x = 1", "JSON.null has no fields"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(client: EmbeddedClient, code: str, message: str) -> None:
    told = failure(client, code)
    assert message in told
    assert "cell" in told or ":1:" in told, told


@settings(max_examples=60, deadline=None)
@given(value=JSON_VALUES)
def test_any_text_survives(client: EmbeddedClient, value: Any) -> None:
    code = f"io.write(JSON.stringify(JSON.parse({lua_string(json.dumps(value))}, {{null = true}})))"
    execution = client.execute(code)
    assert execution.error is None, execution.error
    assert json.loads(execution.stdout) == value


def lua_string(text: str) -> str:
    return '"' + "".join(f"\\{byte:03d}" for byte in text.encode()) + '"'
