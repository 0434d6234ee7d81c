"""json-processor, data-validator, graph-builder and citation-formatter."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.errors import ParameterError, ToolError, ToolTimeoutError
from llmspell_kernel.library.tool.builtin.utility.citations import STYLES
from tests.library.tool.guarding import Caller


def caller(**tools: Any) -> Caller:
    return Caller(msgspec.convert({"tools": tools}, Settings))


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    made = caller()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("query", "result"),
    [
        (".", {"a": 1, "b": [1, 2, {"c": None}]}),
        (".a", 1),
        (".b[0, 1]", [1, 2]),
        ("empty", None),
        (".b | map(numbers) | add", 3),
        ("def twice: . * 2; .a | twice", 2),
        ("{(.a | tostring): 5}", {"1": 5}),
        (". as $x | $x.a", 1),
        ("# only a comment\n.a", 1),
        ("[limit(3; repeat(1))]", [1, 1, 1]),
    ],
)
def test_queries(call: Caller, query: str, result: object) -> None:
    value = {"a": 1, "b": [1, 2, {"c": None}]}
    assert call("json-processor", operation="query", input=value, query=query) == result
    assert call("json_processor", operation="jq", input=json.dumps(value), query=query) == result
    assert call("json-processor", operation="transform", input=value, query=query) == result


@pytest.mark.parametrize(
    ("query", "secret"),
    [
        ("$ENV", {}),
        ("env", {}),
        ("$ENV.PATH", None),
        ("(1 | $ENV), env | select(type == \"object\")", [{}, {}]),
        ("input_filename", None),
        ("get_search_list", []),
    ],
)  # fmt: skip
def test_programs_see_nothing_of_the_process(call: Caller, query: str, secret: object) -> None:
    assert call("json-processor", input={}, query=query) == secret


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"input": {}, "query": "1 +"}, "no program of jq: syntax error"),
        ({"input": {}, "query": 'import "a" as a; .'}, "unexpected import"),
        ({"input": {}, "query": 'include "a"; .'}, "unexpected include"),
        ({"input": {}, "query": '"/tmp/x" | modulemeta'}, "there are no modules"),
        ({"input": {"a": 1}, "query": ".a.b"}, "Cannot index number"),
        ({"input": {}, "query": 'error("no")'}, "no"),
        ({"input": '{"a":'}, "input is no JSON"),
        ({"input": "[" * 100_000 + "]" * 100_000}, "nested too deeply"),
        ({"input": b"\xff"}, "UTF-8"),
        ({}, "input is missing"),
        ({"input": "1", "operation": "validate"}, "schema"),
    ],
)
def test_wrong_queries(call: Caller, parameters: dict[str, Any], problem: str) -> None:
    with pytest.raises(ToolError, match=re.escape(problem)):
        call("json-processor", **parameters)


def test_endless_programs_end() -> None:
    short = caller(timeout_seconds=1)
    began = time.monotonic()
    with pytest.raises(ToolTimeoutError):
        short("json-processor", input={}, query="def f: f; f")
    assert time.monotonic() - began < 20
    short.close()


def test_numbers_keep_all_their_digits(call: Caller) -> None:
    value = {"id": 9007199254740993, "share": 1.0}
    for written in (value, json.dumps(value)):
        found = call("json-processor", input=written, query="[., .id, .share]")
        assert (found, type(found[2])) == ([value, 9007199254740993, 1.0], float)


def test_a_program_needs_no_more_than_its_memory() -> None:
    small = caller(max_memory_mb=64, timeout_seconds=20)
    for query in ('"x" * 100000000 | . * 20', "[range(1e9)]"):
        with pytest.raises(ToolError, match=r"tools\.max_memory_mb"):
            small("json-processor", input={}, query=query)
    small.close()


def test_huge_json_is_refused() -> None:
    small = caller(data={"max_json_size": 1000})
    with pytest.raises(ParameterError, match=r"tools\.data\.max_json_size"):
        small("json-processor", input=json.dumps(["x" * 2000]))
    small.close()


def test_json_lines(call: Caller) -> None:
    answer = call("json-processor", operation="stream", input='{"a":1}\n\n{"a":2}\n', query=".a + 1")
    assert answer == {"results": [2, 3], "count": 2, "processed": 2}
    listed = call("json-processor", operation="stream", input=[{"a": 1}, {"a": 2}], query="select(.a > 1)")
    assert listed == {"results": [{"a": 2}], "count": 1, "processed": 2}
    with pytest.raises(ParameterError, match="line 2"):
        call("json-processor", operation="stream", input="1\n{", query=".")


def test_json_schema(call: Caller) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]}
    answer = call("json-processor", operation="validate", input={"a": 1}, schema=schema)
    assert answer["valid"] is False
    assert {(each["path"], each["rule"]) for each in answer["errors"]} == {("$.a", "type"), ("$", "required")}
    good = call("json-processor", operation="validate", input='{"a": "x", "b": 1}', schema=schema)
    assert good == {"valid": True, "errors": []}


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "nope"}, "no JSON Schema"),
        ({"$ref": "http://127.0.0.1:1/x"}, "refers to what is not in it"),
        ({"$ref": "file:///etc/passwd"}, "refers to what is not in it"),
        ({"$ref": "#"}, "without an end"),
    ],
)
def test_wrong_schemas(call: Caller, schema: dict[str, Any], problem: str) -> None:
    with pytest.raises(ParameterError, match=problem):
        call("json-processor", operation="validate", input=1, schema=schema)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
@hypothesis_settings(max_examples=50, deadline=None)
def test_json_comes_back(call: Caller, value: Any) -> None:
    assert call("json-processor", input=json.dumps(value)) == value


def checked(call: Caller, value: Any, *rules: dict[str, Any]) -> list[str]:
    """The rules that the value breaks."""
    envelope = call.services.tools.call("data-validator", {"input": value, "rules": {"rules": list(rules)}})
    assert envelope.success == envelope.result["valid"] == (not envelope.result["errors"])
    assert envelope.success or (envelope.error is not None and envelope.error["message"])
    return [f"{each['field']} {each['rule']}".strip() for each in envelope.result["errors"]]


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ({"type": "required"}, [0, False, "x"], [None, ""]),
        ({"type": "type", "expected": "string"}, ["a"], [1, [], True]),
        ({"type": "type", "expected": "number"}, [1, 1.5], ["1", True]),
        ({"type": "type", "expected": "integer"}, [1, 2.0], [1.5]),
        ({"type": "type", "expected": "boolean"}, [True], [1]),
        ({"type": "type", "expected": "array"}, [[1], {}], [{"a": 1}, "x"]),
        ({"type": "type", "expected": "object"}, [{"a": 1}, []], [[1]]),
        ({"type": "length", "min": 2, "max": 3}, ["ab", [1, 2, 3]], ["a", "abcd", 5]),
        ({"type": "range", "min": 1, "max": 2.5}, [1, 2.5], [0, 3, "2", float("nan")]),
        ({"type": "pattern", "regex": "^[a-z]+$"}, ["abc"], ["aBc", 5]),
        ({"type": "enum", "values": ["a", 1]}, ["a", 1], ["b", True]),
        ({"type": "email"}, ["a.b@example.org"], ["a@b", "a b@c.de", "@c.de", "a@b..de", 5]),
        ({"type": "url"}, ["https://example.org/x?y#z", "http://[::1]:80/"], ["example.org", "http://"]),
        ({"type": "date"}, ["2024-02-29", "2024-02-29T10:00:00Z"], ["2024-02-30", "29.2.2024"]),
        ({"type": "date", "format": "%d.%m.%Y"}, ["29.02.2024"], ["2024-02-29"]),
        ({"type": "custom", "name": "uuid"}, ["00000000-0000-0000-0000-000000000000"], ["x"]),
        ({"type": "custom", "name": "credit_card"}, ["4111 1111 1111 1111"], ["4111 1111 1111 1112"]),
        ({"type": "array", "items": {"type": "range", "min": 1}, "max": 2, "unique": True},
         [[1, 2]], [[0], [1, 2, 3], [1, 1], "x"]),
        ({"type": "object", "required": ["a"], "properties": {"a": {"type": "range", "max": 1}},
          "additional": False}, [{"a": 1}], [{}, {"a": 2}, {"a": 1, "b": 2}]),
    ],
)  # fmt: skip
def test_rules(call: Caller, rule: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if checked(call, value, rule)] == []
    assert [value for value in bad if not checked(call, value, rule)] == []


def test_paths_of_what_is_wrong(call: Caller) -> None:
    item = {"type": "object", "properties": {"name": {"rules": [{"type": "length", "min": 2}]}}}
    rule = {"type": "object", "properties": {"items": {"type": "array", "items": {"rules": [item]}}}}
    value = {"items": [{"name": "ok"}, {"name": "x"}]}
    assert checked(call, value, rule) == ["items[2].name length"]


def test_numbers_in_messages_are_whole(call: Caller) -> None:
    parameters = {"input": 1234567, "rules": [{"type": "range", "max": 1000000.5}]}
    envelope = call.services.tools.call("data-validator", parameters)
    assert envelope.result["errors"][0]["message"] == "must be at most 1000000.5, and is 1234567"


def test_own_messages(call: Caller) -> None:
    rules = [{"type": "range", "max": 3, "message": "is too much"}]
    envelope = call.services.tools.call("data-validation", {"input": 5, "rules": rules})
    assert envelope.error == {"message": "the input is too much"}


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ([{"type": "nope"}], "no rule 'nope'"),
        ([{"type": "pattern", "regex": "("}], "no regular expression"),
        ([{"type": "custom", "name": "x"}], "no custom rule"),
        ([{"type": "type", "expected": "thing"}], "must be one of"),
        (["x"], "with a `type`"),
        ([{"type": "length", "min": "1"}], "must be a number"),
    ],
)
def test_rules_that_make_no_sense(call: Caller, rules: list[Any], problem: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(problem)):
        call("data-validator", input="x", rules={"rules": rules})


def test_patterns_that_try_forever_end(call: Caller) -> None:
    began = time.monotonic()
    with pytest.raises(ParameterError, match="did not come to an end"):
        rule = {"type": "pattern", "regex": r"^(\w*\w*)*\d$"}
        call("data-validator", input="a" * 30_000 + "!", rules=[rule])
    assert time.monotonic() - began < 20


GRAPH = {
    "graph_type": "directed",
    "nodes": [{"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "d"}],
    "edges": [{"from": "a", "to": "b"}, {"from": "b", "to": "c", "weight": 2}],
}


def test_graphs_are_built(call: Caller) -> None:
    graph = call("graph-builder", operation="create_graph", graph_type="undirected")
    assert graph == {"graph_type": "undirected", "nodes": [], "edges": []}
    for name in ("a", "b"):
        graph = call("graph-builder", operation="add_node", graph=graph, node_id=name, label=name.upper())
    graph = call(
        "graph-builder",
        operation="add_edge",
        graph=graph,
        weight=2.5,
        data={"x": 1},
        **{"from": "a", "to": "b"},
    )
    assert graph == {
        "graph_type": "undirected",
        "nodes": [{"id": "a", "label": "A"}, {"id": "b", "label": "B"}],
        "edges": [{"from": "a", "to": "b", "weight": 2.5, "data": {"x": 1}}],
    }
    again = call("graph-builder", operation="add_node", graph=graph, node_id="a", label="again")
    assert [each["label"] for each in again["nodes"]] == ["again", "B"]


def test_graphs_as_json(call: Caller) -> None:
    exported = call("graph-builder", operation="export_json", graph=GRAPH)
    assert (exported["node_count"], exported["edge_count"]) == (4, 2)
    imported = call("graph-builder", operation="import_json", input=exported["json"])
    assert call("graph-builder", operation="import_json", input=exported) == imported
    assert [each["weight"] for each in imported["edges"]] == [1.0, 2]
    d3 = '{"directed": false, "nodes": [{"id": 1}, {"id": 2}], "links": [{"source": 1, "target": 2}]}'
    found = call("graph-builder", operation="import_json", input=d3)
    assert found["graph_type"] == "undirected"
    assert found["edges"] == [{"from": "1", "to": "2", "weight": 1.0}]


def test_graphs_are_analysed(call: Caller) -> None:
    found = call("graph-builder", operation="analyze", graph=GRAPH)
    assert found["degree_statistics"] == {
        "min": 0, "max": 2, "average": 1.0, "median": 1.0, "max_in": 1, "max_out": 1,
    }  # fmt: skip
    assert (found["node_count"], found["edge_count"], found["density"]) == (4, 2, pytest.approx(1 / 6))
    assert (found["is_connected"], found["component_count"], found["has_cycles"]) == (False, 2, False)
    assert found["isolated_nodes"] == ["d"]
    assert found["central_nodes"][0]["id"] == "b"
    ring = {
        "graph_type": "undirected",
        "nodes": ["a", "b", "c"],
        "edges": [["a", "b"], ["b", "c"], ["c", "a"]],
    }
    found = call("graph-builder", operation="analyze", graph=ring)
    assert (found["has_cycles"], found["diameter"], found["clustering"]) == (True, 1, 1.0)
    assert call("graph-builder", operation="analyze")["node_count"] == 0


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"operation": "add_edge", "graph": GRAPH, "from": "a", "to": "z"}, "no node 'z'"),
        ({"operation": "add_edge", "graph": GRAPH, "from": "a"}, "'to'"),
        ({"operation": "add_node", "graph": GRAPH}, "node_id"),
        ({"operation": "import_json", "input": "{"}, "no JSON"),
        ({"operation": "import_json", "input": {"bogus": 1}}, "a table with nodes and edges"),
        ({"operation": "analyze", "graph": {"nodes": ["a", "a"]}}, "same id"),
        ({"operation": "analyze", "graph": {"nodes": [], "edges": [["a", "b"]]}}, "no node"),
        ({"operation": "analyze", "graph": {"nodes": ["a"], "edges": [["a", "a", "x"]]}}, "a number"),
        ({"operation": "analyze", "graph": {"graph_type": "round"}}, "directed or undirected"),
        ({"operation": "analyze", "graph": 5}, "a table"),
    ],
)
def test_wrong_graphs(call: Caller, parameters: dict[str, Any], problem: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(problem)):
        call("graph-builder", **parameters)


def test_graphs_have_a_limit() -> None:
    small = caller(data={"max_graph_elements": 3})
    with pytest.raises(ParameterError, match="max_graph_elements"):
        small("graph-builder", operation="create_graph", graph=GRAPH)
    small.close()


BIBTEX = r"""
@string{cacm = "Communications of the {ACM}"}
@article{Knuth84, author = {Knuth, Donald E. and G{\"o}del, Kurt}, title = {Literate {P}rogramming \& more},
  journal = cacm, year = 1984, month = may, volume = 27, number = 2, pages = {97--111}, doi = {10.1/x}}
@book{lua, author = {van der Berg, Jan}, title = {Lua}, publisher = {P}, year = 2016}
"""


@pytest.mark.parametrize("style", sorted(STYLES))
def test_styles(call: Caller, style: str) -> None:
    answer = call(
        "citation-formatter", operation="format_citation", input=BIBTEX, style=style, format="bibtex"
    )
    assert answer["entry_count"] == 2
    assert [each["key"] for each in answer["citations"]] == ["Knuth84", "lua"]
    assert all(each["text"] for each in answer["citations"])
    references = "\n".join(answer["reference_list"])
    for part in ("Knuth", "Berg", "1984", "97", "111"):
        assert part in references
    assert "{" not in references


def test_apa(call: Caller) -> None:
    answer = call("citation-formatter", input=BIBTEX, style="apa", cite_keys=["Knuth84"])
    assert answer["citations"] == [{"key": "Knuth84", "text": "(Knuth & Gödel, 1984)"}]
    assert answer["reference_list"] == [
        "Knuth, D. E., & Gödel, K. (1984). Literate Programming & more. Communications of the ACM, 27(2), "
        "97\u2013111. https://doi.org/10.1/x"
    ]
    mla = call("citation-formatter", input=BIBTEX, style="mla", cite_keys=["lua"])
    assert "Jan" in mla["reference_list"][0]


def test_yaml(call: Caller) -> None:
    hayagriva = """
    lua:
      type: article
      title: Passing a Language
      author: ["Ierusalimschy, Roberto", "Luiz Henrique de Figueiredo"]
      date: 2011-07
      parent: {type: periodical, title: CACM, volume: 54, issue: 7}
      page-range: 38-43
      serial-number: {doi: 10.1/y}
    """
    answer = call("citation-formatter", input=hayagriva)
    assert (
        answer["reference_list"]
        == [
            "Ierusalimschy, R., & Figueiredo, L. H. de. (2011). Passing a Language. CACM, 54(7), 38\u201343. "
            "https://doi.org/10.1/y"
        ]
        or "Ierusalimschy, R." in answer["reference_list"][0]
    )
    csl = "- {id: q, type: article-journal, title: T, author: [{family: A, given: B}], issued: 2011-02-03}"
    assert call("citation-formatter", input=csl)["citations"] == [{"key": "q", "text": "(A, 2011)"}]


def test_bibliographies_are_checked(call: Caller) -> None:
    assert call("citation-formatter", operation="validate_bibliography", input=BIBTEX) == {
        "valid": True, "entry_count": 2, "keys": ["Knuth84", "lua"], "errors": [],
    }  # fmt: skip
    found = call("citation-formatter", operation="validate_bibliography", input="a: {type: book, title: X}")
    assert [(each["key"], each["field"]) for each in found["errors"]] == [("a", "issued"), ("a", "publisher")]
    broken = call("citation-formatter", operation="validate_bibliography", input="@article{a, title = {x}")
    assert "syntax error" in broken["errors"][0]["message"]


def test_styles_are_listed(call: Caller) -> None:
    found = call("citation-formatter", operation="list_styles")
    assert {each["name"] for each in found["styles"]} == set(STYLES)
    assert found["count"] == len(STYLES)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"input": BIBTEX, "style": "apaa"}, "did you mean apa?"),
        ({"input": BIBTEX, "style": "../../etc/passwd"}, "no style is called"),
        ({"input": BIBTEX, "cite_keys": ["z"]}, "no entry has the key 'z'"),
        ({"input": "a: &x [lol]\nb: *x"}, "aliases"),
        ({"input": "a: !!python/object/apply:os.system ['true']"}, "no bibliography in yaml"),
        ({"input": "[" * 5000}, "20 deep"),
        ({"input": "just text"}, "entries by their keys"),
        ({"operation": "format_citation"}, "input"),
    ],
)
def test_wrong_bibliographies(call: Caller, parameters: dict[str, Any], problem: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(problem)):
        call("citation-formatter", **parameters)
