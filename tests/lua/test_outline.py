from __future__ import annotations

import pytest

from llmspell_kernel.lua.outline import assigned_fields, constructor_fields, definition_line, table_of_self
from tests.lua.sources import PROGRAM, at_cursor


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("{}", {}),
        ("{1, 2}", {}),
        ("{a = 1}", {"a": "1"}),
        ("{a = 1, b = {c = 2}; ['d e'] = f(1, {2})}", {"a": "1", "b": "{c = 2}", "d e": "f(1, {2})"}),
        (
            "{f = function(a, b) return {x = 1}, 2 end, g = 1}",
            {"f": "function(a, b) return {x = 1}, 2 end", "g": "1"},
        ),
        ("{a == b, [i] = 1, [[x]], c = 'x'}", {"c": "'x'"}),
        ("{a = 1, b = ", {"a": "1"}),
        ("{a = ", {}),
        ("print", {}),
        ("", {}),
    ],
)
def test_fields_of_a_constructor(source: str, fields: dict[str, str]) -> None:
    assert constructor_fields(source) == fields


def test_fields_that_are_assigned() -> None:
    code = """
        M.one = 1; M.two = function() end
        function M.three() end function M:four() end
        local x = M.five, M.six == 7, M.seven(8), NM.eight == 9, a.M.nine
        NM.ten = 1 a.M.eleven = 2 M . sub.twelve = 3"""
    assert assigned_fields(code, "M") == {"one": False, "two": True, "three": True, "four": True}
    assert assigned_fields(code, "a.M") == {"eleven": False}
    assert assigned_fields(code, "nosuch") == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Shop", "local Shop = {}"),
        ("Shop.new", "function Shop.new(name, ...)"),
        ("Shop:add", "function Shop:add(item, price)"),
        ("Shop.add", "function Shop:add(item, price)"),
        ("Shop.__index", "Shop.__index = Shop"),
        ("each", "local function each(list)"),
        ("last", "local last <close> = nil"),
    ],
)
def test_where_a_name_is_defined(name: str, text: str) -> None:
    line = definition_line(PROGRAM, name)
    assert line is not None
    assert PROGRAM.splitlines()[line - 1].strip() == text


def test_the_last_definition_counts() -> None:
    assert definition_line("a = 1\na = 2\nprint(a == 3)", "a") == 2
    assert definition_line("print(a == 3)", "a") is None
    assert definition_line("", "a.b[1]") is None


def test_the_table_of_self() -> None:
    assert table_of_self(*at_cursor("function A.B:c() self.¦ end function D:e() end")) == "A.B"
    assert table_of_self("x = 1", 5) is None
