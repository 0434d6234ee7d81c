"""csv-analyzer."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from llmspell_kernel.errors import NotAllowedError, ParameterError, ToolError
from tests.library.tool.guarding import Caller, settings

PEOPLE = """name;age;city;member;joined;zip
Ada;36;London;true;2024-01-01;01234
Bob;17;Bonn;false;2024-01-02;11111
Cid;;Köln;true;;22222
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def call(folder: Path) -> Iterator[Caller]:
    caller = Caller(settings(folder))
    yield caller
    caller.close()


def test_analyze(call: Caller) -> None:
    found = call("csv-analyzer", operation="analyze", input=PEOPLE)
    assert (found["row_count"], found["column_count"], found["delimiter"]) == (3, 6, ";")
    columns = {each["name"]: each for each in found["columns"]}
    assert {name: each["type"] for name, each in columns.items()} == {
        "name": "string", "age": "integer", "city": "string", "member": "boolean", "joined": "date",
        "zip": "string",
    }  # fmt: skip
    assert {"count": 2, "null_count": 1, "min": 17, "max": 36, "mean": 26.5, "sum": 53}.items() <= columns[
        "age"
    ].items()
    assert (columns["city"]["min_length"], columns["city"]["max_length"]) == (4, 6)
    assert columns["member"]["top"][0] == {"value": "true", "count": 2}
    assert columns["joined"]["max"] == "2024-01-02"
    assert found["sample"][0]["zip"] == "01234"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\nw,x\n\ny,z\n\n\n", [("w", "x"), ("y", "z")]),
        ("\n\na,b\r\n\r\nw,x\r\n\r\ny,z", [("w", "x"), ("y", "z")]),
        ("a,b\nw,x\n,\n\ny,z\n", [("w", "x"), (None, None), ("y", "z")]),
        ('a,b\n"w\n\nw",x\n\n"\n\n",zä\n', [("w\n\nw", "x"), ("\n\n", "zä")]),
    ],
)
@pytest.mark.parametrize("has_header", [True, False])
def test_blank_lines_are_no_rows(
    call: Caller, folder: Path, text: str, rows: list[tuple[str | None, str | None]], has_header: bool
) -> None:
    (folder / "blank.csv").write_bytes(text.encode())
    options = {"has_header": has_header, "size": 10, "method": "first"}
    if not has_header:
        rows = [("a", "b"), *rows]
    for source in (text, str(folder / "blank.csv")):
        analyzed = call("csv-analyzer", operation="analyze", input=source, options=options)
        assert analyzed["row_count"] == len(rows)
        found = call("csv-analyzer", operation="sample", input=source, options=options)
        assert [tuple(row.values()) for row in found["rows"]] == rows
        checked = call("csv-analyzer", operation="validate", input=source, options={"has_header": has_header})
        assert checked["row_count"] == len(rows)


@pytest.mark.parametrize("cell", ["1", '"1"'])
def test_lines_that_end_oddly_are_still_lines(call: Caller, cell: str) -> None:
    found = call("csv-analyzer", operation="analyze", input=f"a,b\r\r\n{cell},2\r\r\n\n3,4\n")
    assert (found["row_count"], found["columns"][0]["sum"]) == (2, 4)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("csv", "a,b\n1,x y\n2,\n"),
        ("tsv", "a\tb\n1\tx y\n2\t\n"),
        ("json", '[{"a":1,"b":"x y"},{"a":2,"b":null}]'),
        ("jsonl", '{"a":1,"b":"x y"}\n{"a":2,"b":null}\n'),
    ],
)
def test_convert_to_texts(call: Caller, form: str, text: str) -> None:
    answer = call("csv-analyzer", operation="convert", input="a|b\n1|x y\n2|\n", options={"format": form})
    assert answer == {"output": text, "format": form, "row_count": 2, "columns": ["a", "b"]}


def test_convert_to_parquet_and_excel(call: Caller, folder: Path) -> None:
    parquet = call("csv-analyzer", operation="convert", input=PEOPLE, options={"format": "parquet"})
    read = polars.read_parquet(io.BytesIO(base64.b64decode(parquet["output"])))
    assert read["age"].to_list() == [36, 17, None]
    path = str(folder / "people.xlsx")
    answer = call(
        "csv-analyzer",
        operation="convert",
        input=PEOPLE + "=1+1;5;x;true;;1\n",
        options={"format": "xlsx", "output_file": path},
    )
    assert answer["output_file"] == path
    assert polars.read_excel(path, engine="calamine")["name"].to_list() == ["Ada", "Bob", "Cid", "=1+1"]


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("age > 20", ["Ada"]),
        ("age = 17 or city == 'Köln'", ["Bob", "Cid"]),
        ("contains(city, 'o') and not is_null(age)", ["Ada", "Bob"]),
        ("name in ['Ada', 'Cid']", ["Ada", "Cid"]),
        ("name not in ['Ada']", ["Bob", "Cid"]),
        ("member", ["Ada", "Cid"]),
        ("joined > '2024-01-01'", ["Bob"]),
        ("zip == '01234'", ["Ada"]),
        ("10 < age <= 17", ["Bob"]),
        ("upper(name) <> 'ADA' and length(name) = 3", ["Bob", "Cid"]),
        ("name == 'a=b' or col('name') == 'Cid'", ["Cid"]),
        ({"column": "age", "operator": ">=", "value": 17}, ["Ada", "Bob"]),
        ([{"column": "age", "operator": "lt", "value": 30},
          {"column": "city", "op": "contains", "value": "o"}], ["Bob"]),
        ({"column": "name", "operator": "in", "value": ["Bob"]}, ["Bob"]),
        ({"column": "age", "operator": "is_null"}, ["Cid"]),
    ],
)  # fmt: skip
def test_filter(call: Caller, condition: Any, names: list[str]) -> None:
    answer = call("csv-analyzer", operation="filter", input=PEOPLE, options={"filter": condition})
    rows = list(csv.DictReader(io.StringIO(answer["output"])))
    assert [row["name"] for row in rows] == names
    assert (answer["row_count"], answer["total_rows"]) == (len(names), 3)


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("__import__('os').system('true')", "is no part of an expression"),
        ("__import__('os')", "no function '__import__'"),
        ("name.__class__", "no part of an expression"),
        ("(lambda: 1)()", "no part of an expression"),
        ("nope > 1", "no column 'nope'"),
        ("agee > 1", "did you mean 'age'?"),
        ("name > 3", "cannot be worked on"),
        ("age >", "cannot be read"),
        ("(" * 300 + "1" + ")" * 300, "cannot be read"),
        ("not " * 60 + "member", "50 deep"),
        ("age + " * 500 + "1", "2,000"),
        ({"column": "age", "operator": "~", "value": 1}, "the operator '~'"),
        ("", "options.filter is missing"),
    ],
)
def test_wrong_filters(call: Caller, condition: Any, problem: str) -> None:
    with pytest.raises(ToolError, match=re.escape(problem)):
        call("csv-analyzer", operation="filter", input=PEOPLE, options={"filter": condition})


def test_transform(call: Caller) -> None:
    answer = call(
        "csv-analyzer",
        operation="transform",
        input=PEOPLE,
        options={
            "add_columns": {"next": "age + 1", "label": "concat(name, '-', city)", "five": 5},
            "rename_columns": {"name": "who"},
            "drop_columns": ["member", "joined", "city"],
            "sort_by": "age",
        },
    )
    assert answer["output"] == (
        "who,age,zip,next,label,five\n"
        "Bob,17,11111,18,Bob-Bonn,5\nAda,36,01234,37,Ada-London,5\nCid,,22222,,Cid-Köln,5\n"
    )
    chosen = {"select_columns": ["zip", "name"], "format": "jsonl"}
    answer = call("csv-analyzer", operation="transform", input=PEOPLE, options=chosen)
    assert json.loads(answer["output"].splitlines()[0]) == {"zip": "01234", "name": "Ada"}
    doubled = {"add_columns": {"age": "age * 2"}, "select_columns": ["age", "member"], "format": "json"}
    answer = call("csv-analyzer", operation="transform", input=PEOPLE, options=doubled)
    assert json.loads(answer["output"])[0] == {"age": 72, "member": True}


def test_sample(call: Caller) -> None:
    table = "n\n" + "".join(f"{number}\n" for number in range(100))

    def taken(**options: Any) -> list[int]:
        answer = call("csv-analyzer", operation="sample", input=table, options=options)
        assert (answer["total_rows"], answer["columns"]) == (100, ["n"])
        return [row["n"] for row in answer["rows"]]

    assert taken(size=5, seed=1) == taken(size=5, seed=1) != taken(size=5, seed=2)
    assert taken(size=3, method="first") == [0, 1, 2]
    assert taken(size=4, method="systematic") == [0, 25, 50, 75]
    assert len(taken(size=1000)) == 100


def test_validate(call: Caller) -> None:
    rules = {
        "age": {"rules": [{"type": "required"}, {"type": "range", "min": 18}]},
        "zip": [{"type": "length", "min": 5, "max": 5}],
        "member": {"type": "unique"},
    }
    answer = call("csv-analyzer", operation="validate", input=PEOPLE + "x;1\n", options={"rules": rules})
    assert {(each["row"], each["column"], each["rule"]) for each in answer["errors"]} == {
        (2, "age", "range"), (3, "age", "required"), (3, "member", "unique"), (4, "", "columns"),
        (4, "age", "range"),
    }  # fmt: skip
    assert (answer["valid"], answer["row_count"], answer["error_count"]) == (False, 4, 5)
    assert call("csv-analyzer", operation="validate", input=PEOPLE)["valid"]
    listed = [{"column": "age", "type": "type", "expected": "integer"}]
    assert call("csv-analyzer", operation="validate", input=PEOPLE, options={"rules": listed})["valid"]


@pytest.mark.parametrize(
    ("operation", "options"),
    [
        ("analyze", {}),
        ("convert", {"format": "json"}),
        ("filter", {"filter": "a > 0"}),
        ("transform", {"select_columns": ["a"]}),
        ("sample", {"size": 1}),
    ],
)
def test_surplus_cells_are_not_lost_without_a_word(
    call: Caller, operation: str, options: dict[str, Any]
) -> None:
    table = "a,b\n\n1,2,\n3\n4,5,6\n"
    with pytest.raises(ParameterError, match=r"row 3 has 3 cells, and there are 2 columns.*extra_cells"):
        call("csv-analyzer", operation=operation, input=table, options=options)
    call("csv-analyzer", operation=operation, input=table, options={**options, "extra_cells": "drop"})
    call("csv-analyzer", operation=operation, input=table.replace(",6", ","), options=options)


def test_long_numbers_keep_their_digits(call: Caller) -> None:
    table = "id,serial,mixed,size\n9007199254740993,99999999999999999999,1234567890123456,0.5\n1,1,1.5,12\n"
    answer = call("csv-analyzer", operation="convert", input=table, options={"format": "json"})
    assert json.loads(answer["output"]) == [
        {"id": 9007199254740993, "serial": "99999999999999999999", "mixed": "1234567890123456", "size": 0.5},
        {"id": 1, "serial": "1", "mixed": "1.5", "size": 12.0},
    ]


def test_surplus_cells_without_a_header(call: Caller) -> None:
    options = {"format": "json", "has_header": False}
    with pytest.raises(ParameterError, match="row 2 has 3 cells"):
        call("csv-analyzer", operation="convert", input="1,2\n3,4,5\n", options=options)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("latin-1", "cp1252"), ("utf-16", "utf-16")],
)
def test_encodings(call: Caller, folder: Path, encoding: str, found: str) -> None:
    path = folder / f"{encoding}.csv"
    path.write_bytes("näme\tv\nÄ\t1\n".encode(encoding))
    answer = call("csv-analyzer", operation="analyze", input=str(path))
    assert (answer["encoding"], answer["delimiter"]) == (found, "\t")
    assert answer["sample"] == [{"näme": "Ä", "v": 1}]


def test_cells_with_everything(call: Caller) -> None:
    table = 'a,b\n"x, ""y""\nz",2\n'
    assert call("csv-analyzer", operation="sample", input=table)["rows"] == [{"a": 'x, "y"\nz', "b": 2}]
    headless = call("csv-analyzer", operation="sample", input="1,2\n3,4\n", options={"has_header": False})
    assert [list(row.values()) for row in headless["rows"]] == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"input": ""}, "input is empty"),
        ({"input": "a,b\n1,2\n", "options": {"encoding": "nope"}}, "cannot be read as nope"),
        ({"input": 'a,b\n1,"x\n2,y'}, "cannot be worked on"),
        ({"input": "a\n1\n", "operation": "convert"}, "options.format is missing"),
        ({"input": "a\n1\n", "options": {"formt": "csv"}}, "formt"),
        ({"input": "a\n1\n", "operation": "validate", "options": {"rules": {"b": []}}}, "no column 'b'"),
        ({"input": "a\n1\n", "operation": "validate", "options": {"rules": [{"type": "x"}]}}, "`column`"),
    ],
)
def test_wrong_tables(call: Caller, parameters: dict[str, Any], problem: str) -> None:
    with pytest.raises(ToolError, match=re.escape(problem)):
        call("csv-analyzer", **parameters)


def test_files_elsewhere(call: Caller, folder: Path) -> None:
    with pytest.raises(NotAllowedError):
        call("csv-analyzer", operation="analyze", input="/etc/passwd.csv")
    with pytest.raises(NotAllowedError, match="may not read '/etc/passwd'"):
        call("csv-analyzer", operation="analyze", input="/etc/passwd")
    with pytest.raises(ToolError, match="no such file"):
        call("csv-analyzer", operation="analyze", input=str(folder / "tabel"))
    assert call("csv-analyzer", operation="analyze", input="a;b")["column_count"] == 2
    options = {"format": "csv", "output_file": "/etc/out.csv"}
    with pytest.raises(NotAllowedError):
        call("csv-analyzer", operation="convert", input="a\n1\n", options=options)


def test_limits(folder: Path) -> None:
    small = Caller(settings(folder, tools={"data": {"max_csv_rows": 2, "max_csv_size": 100}}))
    with pytest.raises(ParameterError, match="max_csv_rows"):
        small("csv-analyzer", operation="convert", input="a\n1\n2\n3\n", options={"format": "json"})
    written = {"format": "json", "output_file": str(folder / "three.json")}
    assert small("csv-analyzer", operation="convert", input="a\n1\n2\n3\n", options=written)["row_count"] == 3
    with pytest.raises(ParameterError, match="max_csv_size"):
        small("csv-analyzer", input="a\n" + "1\n" * 100)
    small.close()


def test_large_files(call: Caller, folder: Path) -> None:
    path = folder / "large.csv"
    rows = 400_000
    path.write_text(
        "id,value,name\n" + "".join(f"{each},{each / 7:.3f},name{each % 10}\n" for each in range(rows))
    )
    began = time.monotonic()
    found = call("csv-analyzer", operation="analyze", input=str(path))
    assert time.monotonic() - began < 30
    assert found["row_count"] == rows
    assert [each["type"] for each in found["columns"]] == ["integer", "float", "string"]
    assert found["columns"][2]["unique_count"] == 10


CELL = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"), max_size=6)


@given(st.lists(st.tuples(CELL.map("x{}y".format), CELL.map("-{}-".format)), min_size=1, max_size=5))
@hypothesis_settings(max_examples=40, deadline=None)
def test_cells_come_back(call: Caller, rows: list[tuple[str, str]]) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([("a", "b"), *rows])
    options = {"format": "jsonl", "delimiter": ","}
    answer = call("csv-analyzer", operation="convert", input=written.getvalue(), options=options)
    found = [json.loads(line) for line in answer["output"].split("\n")[:-1]]
    assert [(row["a"], row["b"]) for row in found] == rows
