"""What stopped and idle code holds, as a client sees it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from llmspell_kernel.errors import DebuggerError
from llmspell_kernel.lua.debugger.model import Scope, Variable

from .session import Session


def stopped_in(session: Session, code: str) -> int:
    """The frame in which a cell has stopped, at its line that ends in `-- here`."""
    session.start(code, "here")
    session.wait_stop()
    return session.frames()[0].id


def scope(session: Session, frame: int, kind: str) -> Scope:
    (found,) = (scope for scope in session.debugger.scopes(frame) if scope.kind == kind)
    return found


def rows(session: Session, frame: int, kind: str) -> dict[str, Variable]:
    return by_name(session.debugger.variables(scope(session, frame, kind).reference))


def by_name(variables: Sequence[Variable]) -> dict[str, Variable]:
    found = {variable.name: variable for variable in variables}
    assert len(found) == len(variables), "two rows have the same name"
    return found


def children(session: Session, variable: Variable) -> dict[str, Variable]:
    return by_name(session.debugger.variables(variable.reference))


def local(session: Session, code: str, name: str = "t") -> Variable:
    """A local of a cell that stops behind the code that makes it."""
    frame = stopped_in(session, f"{code}\nlocal at_the_end -- here")
    return rows(session, frame, "locals")[name]


# Scopes


def test_a_frame_has_its_locals_upvalues_varargs_and_the_globals(session: Session) -> None:
    frame = stopped_in(
        session,
        """
        local up = "captured"
        alpha = 1
        local function f(a, b, ...)
          local c = a + b
          return up, c -- here
        end
        return f(1, 2, "x", nil, false)
        """,
    )
    scopes = session.debugger.scopes(frame)
    assert [each.kind for each in scopes] == ["locals", "upvalues", "varargs", "globals"]
    assert [each.expensive for each in scopes] == [False, False, False, True]
    values = {
        each.kind: {name: row.value for name, row in rows(session, frame, each.kind).items()}
        for each in scopes
    }
    assert values["locals"] == {"a": "1", "b": "2", "c": "3"}
    assert values["upvalues"] == {"up": '"captured"'}
    assert values["varargs"] == {"[1]": '"x"', "[2]": "nil", "[3]": "false"}
    assert values["globals"]["alpha"] == "1"


def test_scopes_that_would_be_empty_are_left_out_but_for_the_locals(session: Session) -> None:
    frame = stopped_in(session, "function f()\n  return 1 -- here\nend\nf()")
    assert [each.kind for each in session.debugger.scopes(frame)] == ["locals", "globals"]


def test_a_hidden_local_is_marked_and_the_inner_one_is_the_variable(session: Session) -> None:
    frame = stopped_in(
        session, "local x = 1\ndo\n  local x = 2\n  do\n    local x = 3\n    x = x -- here\n  end\nend"
    )
    variables = rows(session, frame, "locals")
    assert {name: row.value for name, row in variables.items()} == {
        "x (outer 2)": "1",
        "x (outer)": "2",
        "x": "3",
    }
    assert variables["x"].evaluate_name == "x"
    assert variables["x (outer)"].evaluate_name == ""
    reference = scope(session, frame, "locals").reference
    session.debugger.set_variable(reference, "x (outer)", "20")
    session.debugger.set_variable(reference, "x", "30")
    assert {name: row.value for name, row in rows(session, frame, "locals").items()} == {
        "x (outer 2)": "1",
        "x (outer)": "20",
        "x": "30",
    }


def test_what_lua_needs_for_a_loop_is_no_variable(session: Session) -> None:
    frame = stopped_in(session, "for i, v in ipairs({5}) do\n  local w = v -- here\nend")
    assert list(rows(session, frame, "locals")) == ["i", "v"]


def test_nothing_of_the_runtime_shows(session: Session) -> None:
    session.run("local before = 1 function later() return before end")
    frame = stopped_in(session, "local x = before\nlocal y = x -- here\nx = y")
    assert list(rows(session, frame, "locals")) == ["x"]
    assert list(rows(session, frame, "upvalues")) == ["before"]
    shown = rows(session, frame, "globals")
    assert "later" in shown
    assert not {"print", "string", "_G", "In", "Out", "_", "before"} & shown.keys()
    library = shown["[library]"]
    assert library.internal
    assert {"print", "string", "_G"} <= children(session, library).keys()
    assert "later" not in children(session, library)


def test_the_pcall_that_stops_on_raised_errors_is_of_the_library(session: Session) -> None:
    session.debugger.set_exception_filters(session.recorder, ["raised"])
    frame = stopped_in(session, "x = 1\nlocal y = x -- here\nx = y")
    shown = rows(session, frame, "globals")
    assert list(shown) == ["x", "[library]"]
    assert "pcall" in children(session, shown["[library]"])
    assert [each.name for each in session.debugger.variables(0)] == ["x"]


def test_a_standard_function_that_a_script_replaced_or_renamed_is_the_scripts(session: Session) -> None:
    frame = stopped_in(session, "function tostring() end\nshow = print\nlocal x -- here\nx = 1")
    assert {"tostring", "show"} <= rows(session, frame, "globals").keys()


def test_locals_of_earlier_cells_that_a_frame_does_not_capture_are_with_the_globals(session: Session) -> None:
    session.run("local far = {1}")
    frame = stopped_in(session, "function f()\n  return 1 -- here\nend\nf()")
    row = rows(session, frame, "globals")["far"]
    assert row.value == "{1}"
    reference = scope(session, frame, "globals").reference
    assert session.debugger.set_variable(reference, "far", "{2}").value == "{2}"
    assert session.evaluate("far[1]") == "2"


def test_another_environment_is_shown(session: Session) -> None:
    code = (
        "local f = setfenv(function()\n  return y -- here\nend, {y = 5})"
        if session.shell.language == "luajit"
        else "local f\ndo local _ENV = {y = 5}\nf = function()\n  return y -- here\nend end"
    )
    frame = stopped_in(session, code + "\nf()")
    environment = rows(session, frame, "upvalues")["_ENV"]
    assert children(session, environment)["y"].value == "5"
    assert session.evaluate("y") == "5"
    session.evaluate("z = 6")
    assert session.evaluate("_ENV.z") == "6"


def test_without_stopped_code_the_users_variables_can_be_looked_into(session: Session) -> None:
    session.run("local kept = {1, 2} shared = {name = {deep = true}}")
    variables = by_name(session.debugger.global_variables())
    assert variables["kept"].value == "{1, 2}"
    name = children(session, variables["shared"])["name"]
    assert children(session, name)["deep"].value == "true"
    assert name.evaluate_name == "shared.name"


# Values


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("nil", "nil"),
        ("true", "true"),
        ("3", "3"),
        ("1.5", "1.5"),
        ('"two\\nlines"', '"two\\nlines"'),
        ('"\\255\\0"', '"\\xff\\000"'),
        ('"ü\\255ü€\\226\\130\\240😀x"', '"ü\\xffü€\\xe2\\x82\\xf0😀x"'),
        ('"ö"', '"ö"'),
        ("{}", "{}"),
        ("{1, 2, {3, {4}}}", "{1, 2, {3, {...}}}"),
        ('{x = 1, ["a b"] = 2, [true] = 3, [2.5] = 4}', '{[true] = 3, [2.5] = 4, ["a b"] = 2, x = 1}'),
        ("coroutine.create(function() end)", "<thread: suspended>"),
        ("string.format", "builtin function string.format"),
        ("setmetatable({1}, {__name = 'Point'})", "Point {1}"),
        ("setmetatable({}, {__name = 'Po\\nint'})", "Po\\10int {}"),
    ],
)
def test_a_value_is_one_line_of_text(session: Session, code: str, value: str) -> None:
    assert local(session, f"local t = {code}").value == value


def test_a_function_says_its_parameters_and_place(session: Session) -> None:
    row = local(session, "local function t(a, b, ...) end")
    assert row.value == "function(a, b, ...): cell [1]:1"
    assert row.type == "function"


def test_types_are_luas_or_the_name_of_the_metatable(session: Session) -> None:
    frame = stopped_in(
        session,
        "local i, f, s, n, b = 1, 1.5, '', nil, true\n"
        "local t, p = {}, setmetatable({}, {__name = 'Point'})\nlocal stop -- here",
    )
    types = {name: row.type for name, row in rows(session, frame, "locals").items()}
    number = session.shell.language == "luajit"
    assert types == {
        "i": "number" if number else "integer",
        "f": "number" if number else "float",
        "s": "string",
        "n": "nil",
        "b": "boolean",
        "t": "table",
        "p": "Point",
    }


def test_a_long_string_is_cut_without_tearing_a_character(session: Session) -> None:
    row = local(session, 'local t = string.rep("ö", 5000)')
    assert row.value == '"' + "ö" * 100 + '"... (9800 more bytes)'


def test_no_metamethod_runs_for_a_list(session: Session) -> None:
    code = """
        local function fail() ran = true error("a metamethod ran") end
        local meta = {__metatable = "locked"}
        for _, name in ipairs({"index", "newindex", "len", "pairs", "tostring", "call", "eq"}) do
          meta["__" .. name] = fail
        end
        local t = setmetatable({1, 2, x = setmetatable({}, meta)}, meta)
    """
    row = local(session, code)
    assert row.value == "{1, 2, x = {}}"
    found = children(session, row)
    assert list(found) == ["[1]", "[2]", "x", "[metatable]"]
    session.debugger.set_variable(row.reference, "new", "7")
    assert children(session, row)["new"].value == "7"
    assert session.evaluate("ran") == "nil"


# Children


def test_entries_are_in_the_order_that_people_read_them_in(session: Session) -> None:
    row = local(
        session,
        'local t = {10, 20, 30, zebra = 1, apple = 2, ["a b"] = 3, [true] = 4, [0] = 5, [-1] = 6, '
        "[2.5] = 7, [99] = 8}",
    )
    assert (row.indexed, row.named) == (3, 8)
    names = list(children(session, row))
    assert " ".join(names) == '[1] [2] [3] [-1] [0] [2.5] [99] ["a b"] apple zebra [true]'


def test_each_child_tells_the_expression_that_gives_it(session: Session) -> None:
    row = local(
        session,
        'local t = setmetatable({{x = {"deep"}}, ["a b"] = 1, ["end"] = 2, ["q\\"\\n"] = 3, name = 4, '
        '[1.5] = 5, [true] = 6, ["\\255"] = 7, [-3] = 8, [{}] = 9}, {__index = {}})',
    )
    frame = session.frames()[0].id
    for child in children(session, row).values():
        if child.name.startswith("[table: "):
            assert child.evaluate_name == ""
        else:
            assert session.debugger.evaluate(child.evaluate_name, frame, "watch").value == child.value
    found = children(session, row)
    assert found["name"].evaluate_name == "t.name"
    assert found["[1]"].evaluate_name == "t[1]"
    assert found['["a b"]'].evaluate_name == 't["a b"]'
    assert found["[metatable]"].evaluate_name == "debug.getmetatable(t)"
    deep = children(session, children(session, found["[1]"])["x"])["[1]"]
    assert (deep.evaluate_name, deep.value) == ("t[1].x[1]", '"deep"')


def test_a_table_that_contains_itself_can_be_opened_for_ever(session: Session) -> None:
    row = local(session, "local t = {} t.t = t")
    for _ in range(50):
        row = children(session, row)["t"]
    assert row.value == "{t = {...}}"


def test_metatables_and_captured_variables_are_children(session: Session) -> None:
    frame = stopped_in(
        session,
        "local up = {1}\nlocal function f() return up end\n"
        "local m = setmetatable({}, {__index = {a = 1}})\nlocal x -- here",
    )
    variables = rows(session, frame, "locals")
    metatable = children(session, variables["m"])["[metatable]"]
    assert metatable.internal
    assert metatable.read_only
    assert children(session, children(session, metatable)["__index"])["a"].value == "1"
    captured = children(session, variables["f"])
    assert captured["up"].value == "{1}"
    session.debugger.set_variable(variables["f"].reference, "up", "{5}")
    assert session.evaluate("f()[1]") == "5"


def test_functions_of_the_runtime_cannot_be_opened(session: Session) -> None:
    frame = stopped_in(session, "local p, r, w = print, require, coroutine.wrap\nlocal x -- here")
    assert [row.reference for row in rows(session, frame, "locals").values()] == [0, 0, 0]


def test_keys_that_look_alike_have_rows_of_their_own(session: Session) -> None:
    row = local(session, 'local k = string.rep("x", 300)\nlocal t = {[k .. "1"] = 1, [k .. "2"] = 2}')
    found = children(session, row)
    assert sorted(each.value for each in found.values()) == ["1", "2"]
    frame = session.frames()[0].id
    for each in found.values():
        assert session.debugger.evaluate(each.evaluate_name, frame, "watch").value == each.value


# Large tables


def paged(session: Session, variable: Variable, filter: str, start: int, count: int) -> list[Variable]:
    return list(session.debugger.variables(variable.reference, filter, start, count))


def test_a_client_can_page_through_an_array(session: Session) -> None:
    row = local(session, "local t = {} for i = 1, 1050 do t[i] = i * 2 end t.name = 'x'")
    assert row.indexed == 1050
    page = paged(session, row, "indexed", 1000, 100)
    assert [(each.name, each.value) for each in (page[0], page[-1])] == [
        ("[1001]", "2002"),
        ("[1050]", "2100"),
    ]
    assert [each.name for each in paged(session, row, "named", 0, 0)] == ["name"]
    assert [each.name for each in paged(session, row, "", 1049, 2)] == ["[1050]", "name"]


def test_a_client_can_page_through_other_keys(session: Session) -> None:
    row = local(session, "local t = setmetatable({}, {}) for i = 1, 1050 do t['k' .. i] = i end")
    names = [each.name for start in range(0, 1100, 100) for each in paged(session, row, "named", start, 100)]
    assert names == [*sorted(f"k{i}" for i in range(1, 1051)), "[metatable]"]


def test_a_client_that_does_not_page_gets_groups_of_a_long_array(session: Session) -> None:
    row = local(session, "local t = {} for i = 1, 1000000 do t[i] = i end t.last = true")
    began = time.thread_time()
    found = children(session, row)
    assert time.thread_time() - began < 0.3
    assert list(found)[:2] == ["[1]", "[2]"]
    assert list(found)[-1] == "last"
    group = next(each for each in found.values() if each.internal and each.name.startswith("[500"))
    assert group.name == "[500101 .. 510100]"
    inner = children(session, group)
    assert len(inner) == 100
    leaf = children(session, inner["[500201 .. 500300]"])
    assert leaf["[500250]"].value == "500250"
    assert leaf["[500250]"].evaluate_name == "t[500250]"
    reference = inner["[500201 .. 500300]"].reference
    assert session.debugger.set_variable(reference, "[500250]", "0").value == "0"
    assert session.evaluate("t[500250]") == "0"


def test_every_key_of_a_large_table_can_be_reached(session: Session) -> None:
    row = local(session, "local t = {} for i = 1, 12000 do t['k' .. i] = i end")
    began = time.thread_time()
    found = children(session, row)
    assert time.thread_time() - began < 0.3
    seen: set[str] = set()
    while True:
        more = found.pop("[more]", None)
        seen |= found.keys()
        if more is None:
            break
        found = children(session, more)
    assert seen == {f"k{i}" for i in range(1, 12001)}


def test_more_entries_say_how_many_they_are(session: Session) -> None:
    row = local(session, "local t = {} for i = 1, 700 do t['k' .. i] = i end")
    assert children(session, row)["[more]"].value == "200 more entries"


def test_a_scope_can_be_paged(session: Session) -> None:
    frame = stopped_in(session, "local a, b, c = 1, 2, 3\nlocal x -- here")
    reference = scope(session, frame, "locals").reference
    assert [each.name for each in session.debugger.variables(reference, "", 1, 1)] == ["b"]
    assert session.debugger.variables(reference, "indexed", 0, 10) == []


# Assigning


def test_all_kinds_of_variables_can_be_assigned(session: Session) -> None:
    frame = stopped_in(
        session,
        """
        local up = 1
        shared = 2
        local function f(a, ...)
          local t = {10, name = "x"}
          local before = up
          return a, up, shared, t[1], t.name, t.new, ... -- here
        end
        return f(3, 4, 5)
        """,
    )
    references = {each.kind: each.reference for each in session.debugger.scopes(frame)}
    assign = session.debugger.set_variable
    assert assign(references["locals"], "a", "a + 30").value == "33"
    assert assign(references["upvalues"], "up", '"' + "u" + '"').value == '"u"'
    assert assign(references["varargs"], "[2]", "a").value == "33"
    assert assign(references["globals"], "shared", "{1}").value == "{1}"
    table = rows(session, frame, "locals")["t"].reference
    assert assign(table, "[1]", "11").evaluate_name == "t[1]"
    assert assign(table, "name", "nil").value == "nil"
    assert assign(table, "new", "true").value == "true"
    assert (
        session.evaluate("a, up, shared[1], t[1], t.name, t.new, ...") == '33, "u", 1, 11, nil, true, 4, 33'
    )


def test_varargs_with_a_name_are_varargs_too(session: Session) -> None:
    if session.shell.language != "lua55":
        pytest.skip("only Lua 5.5 has them")
    frame = stopped_in(
        session, "local function f(a, ...t)\n  local n = t\n  return ... -- here\nend\nf(1, 2, nil)"
    )
    assert [row.value for row in rows(session, frame, "varargs").values()] == ["2", "nil"]
    session.debugger.set_variable(scope(session, frame, "varargs").reference, "[1]", "20")
    assert session.evaluate("..., t[1], t.n") == "20, 20, 2"


def test_what_cannot_be_assigned_is_refused_with_a_reason(session: Session) -> None:
    frame = stopped_in(session, "local t = setmetatable({}, {})\nlocal x -- here")
    references = {each.kind: each.reference for each in session.debugger.scopes(frame)}
    table = rows(session, frame, "locals")["t"]
    for reference, name, value, reason in (
        (references["locals"], "nope", "1", "no variable nope"),
        (references["locals"], "t", "1 +", "unexpected symbol near"),
        (references["locals"], "t", "x = 1", "only expressions"),
        (references["locals"], "t", "nope.x", "index"),
        (references["globals"], "[library]", "1", "cannot be changed"),
        (table.reference, "[metatable]", "{}", "cannot be changed"),
        (123456, "t", "1", "no list of variables 123456"),
    ):
        with pytest.raises(DebuggerError, match=reason):
            session.debugger.set_variable(reference, name, value)
    assert rows(session, frame, "locals")["t"].value == "{}"


def test_the_library_is_read_only(session: Session) -> None:
    frame = stopped_in(session, "local x -- here\nx = 1")
    library = rows(session, frame, "globals")["[library]"]
    with pytest.raises(DebuggerError, match="print cannot be changed"):
        session.debugger.set_variable(library.reference, "print", "nil")


def test_references_end_when_the_code_goes_on(session: Session) -> None:
    cell = session.start("local t = {{}, {1}}\nlocal x -- here\nx = 1 -- later", "here", "later")
    session.wait_stop()
    row = rows(session, session.frames()[0].id, "locals")["t"]
    session.resume_to_stop()
    with pytest.raises(DebuggerError, match="ask for the scopes again"):
        session.debugger.variables(row.reference)
    session.resume()
    session.finish(cell)


def test_variables_of_coroutines_are_seen_from_outside_and_inside(session: Session) -> None:
    cell = session.start(
        """
        local function body(a)
          local inner = a * 2
          coroutine.yield(inner) -- inside
          return inner
        end
        local co = coroutine.create(body)
        coroutine.resume(co, 21)
        local outside = 1 -- outside
        """,
        "inside",
        "outside",
    )
    session.wait_stop()
    assert session.local_variables() == {"a": "21", "inner": "42"}
    assert session.evaluate("inner + a") == "63"
    assert session.scope("globals")
    session.resume_to_stop()
    (thread,) = (each.id for each in session.debugger.threads() if each.id != 1)
    frame = next(each for each in session.frames(thread) if not each.subtle).id
    assert rows(session, frame, "locals")["inner"].value == "42"
    session.debugger.evaluate("inner = 5", frame, "repl")
    session.resume()
    session.finish(cell)
    assert session.run("return select(2, coroutine.resume(co))") == "5"
