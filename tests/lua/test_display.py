"""What a user sees of Lua values, in every Lua."""

from __future__ import annotations

import importlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.interpreter import MimeBundle
from llmspell_kernel.lua.display import DisplayLimits, ValueFormatter
from llmspell_kernel.records import replaced

LANGUAGES = ("lua54", "lua55", "luajit21")


class Session:
    """A Lua state and its formatter; values stay in Lua, as they do in a cell."""

    def __init__(self, language: str, **settings: Any) -> None:
        self.runtime = importlib.import_module(f"lupa.{language}").LuaRuntime(
            encoding=None,
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            **settings,
        )
        self.formatter = ValueFormatter(self.runtime, self._run_file)
        self._pack = self.runtime.eval(b"function(...) return {n = select('#', ...), ...} end")

    def _run_file(self, path: str, *args: Any) -> Any:
        return self.runtime.compile(Path(path).read_bytes(), name=b"=" + Path(path).stem.encode())(*args)

    def run(self, code: str) -> None:
        self.runtime.execute(code.encode(), name=b"=cell [1]")

    def packed(self, expressions: str) -> Any:
        source = f"local pack = ...; return pack({expressions}\n)"
        return self.runtime.execute(source.encode(), self._pack, name=b"=cell [2]")

    def bundle(self, expressions: str) -> MimeBundle:
        return self.formatter.format_results(self.packed(expressions))

    def text(self, expressions: str, **limits: int) -> str:
        self.formatter.limits = replaced(DisplayLimits(), **limits)
        text = self.bundle(expressions).data["text/plain"]
        assert isinstance(text, str)
        return text


@pytest.fixture(params=LANGUAGES)
def lua(request: pytest.FixtureRequest) -> Session:
    return Session(request.param)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("nil", "nil"),
        ("true", "true"),
        ("42", "42"),
        ("1.5", "1.5"),
        ("1/0", "inf"),
        ("-1/0", "-inf"),
        ("''", '""'),
        ("'it\\'s'", "\"it's\""),
        ("'say \"hi\"\\\\'", '"say \\"hi\\"\\\\"'),
        ("'a\\tb\\r\\0001\\27'", '"a\\tb\\r\\0001\\027"'),
        ("'grüße 😀'", '"grüße 😀"'),
        ("'\\255\\254ok'", '"\\xff\\xfeok"'),
        ("'two\\nlines'", "[[\ntwo\nlines]]"),
        ("'two\\n]]lines'", "[=[\ntwo\n]]lines]=]"),
        ("'ends\\n]'", "[=[\nends\n]]=]"),
        ("'\\n\\255'", '"\\n\\xff"'),
        ("'\\nü'", "[[\n\nü]]"),
        ("{}", "{}"),
        ("{1, 2, 3}", "{1, 2, 3}"),
        ("{1, 2, x = 3}", "{1, 2, x = 3}"),
        ("{1, 2, [5] = 5}", "{1, 2, [5] = 5}"),
        ("{[0] = 0, [-1] = 1}", "{[-1] = 1, [0] = 0}"),
        ("{b = 1, a = 2, [10] = 3, [1.5] = 4, [true] = 5, [false] = 6}",
         "{[10] = 3, [1.5] = 4, a = 2, b = 1, [false] = 6, [true] = 5}"),
        ("{['end'] = 1, ['a b'] = 2, ['1'] = 3}", '{["1"] = 3, ["a b"] = 2, ["end"] = 1}'),
        ("{[{1, {2}}] = 1}", "{[{1, {...}}] = 1}"),
        ("{'a\\nb'}", '{"a\\nb"}'),
        ("setmetatable({1}, {__name = 'Account'})", "Account {1}"),
        ("setmetatable({}, {__tostring = function() return 'me' end, __name = 'no'})", "me"),
        ("setmetatable({}, {__tostring = function() return 7 end})", "7"),
    ],
)  # fmt: skip
def test_values_as_text(lua: Session, expression: str, text: str) -> None:
    assert lua.text(expression) == text


@pytest.mark.parametrize("language", ["lua54", "lua55"])
def test_integers_and_floats_differ_where_lua_has_both(language: str) -> None:
    lua = Session(language)
    assert lua.text("1, 1.0, math.mininteger") == "1\t1.0\t-9223372036854775808"
    assert lua.text("{[2^53] = 1, [1] = 1.0}") == "{1.0, [9007199254740992] = 1}"


def test_nan_is_printed_as_lua_prints_it(lua: Session) -> None:
    for expression in ("0/0", "-(0/0)"):
        assert lua.text(expression) == lua.runtime.eval(f"tostring({expression})".encode()).decode()


def test_quoted_strings_read_back(lua: Session) -> None:
    lua.run("all = {} for i = 0, 127 do all[#all + 1] = string.char(i) .. '1' end all = table.concat(all)")
    for expression in ("all", "all:sub(70, 250)", "all:gsub('%c', '')", "'a\\n' .. ('x]==]'):rep(3)"):
        text = lua.text(f"({expression})")
        assert lua.runtime.eval(f"{text} == ({expression})".encode()), text


def test_a_table_that_does_not_fit_is_written_one_item_a_line(lua: Session) -> None:
    assert lua.text("{name = 'x', list = {1, 2, {3}}, f = {a = 1}}", width=24) == (
        '{\n  f = {a = 1},\n  list = {1, 2, {3}},\n  name = "x"\n}'
    )
    assert lua.text("{outer = {inner = 'long text'}}", width=16) == (
        '{\n  outer = {\n    inner = "long text"\n  }\n}'
    )


def test_width_counts_characters_not_bytes(lua: Session) -> None:
    assert lua.text("{'üüüüüüüü'}", width=12) == '{"üüüüüüüü"}'
    assert lua.text("{'üüüüüüüü'}", width=11) == '{\n  "üüüüüüüü"\n}'


def test_cycles_name_where_they_lead_and_shared_tables_are_shown_again(lua: Session) -> None:
    lua.run("t = {a = {b = {}}, list = {{}}} t.a.b.up = t.a t.list[1].top = t")
    assert lua.text("t") == "{a = {b = {up = <cycle: .a>}}, list = {{top = <cycle: .>}}}"
    lua.run("s = {1} shared = {s, s, x = s}")
    assert lua.text("shared") == "{{1}, {1}, x = {1}}"


def test_depth_and_length_are_limited(lua: Session) -> None:
    assert lua.text("{{{{}}}, {{1}}}", depth=2) == "{{{...}}, {{...}}}"
    assert lua.text("{1, 2, 3, 4, 5}", length=3) == "{1, 2, 3, ... 2 more}"
    assert lua.text("{1, 2, a = 1, b = 2, c = 3}", length=3) == "{1, 2, a = 1, ... 2 more}"
    assert lua.text("{1, 2, 3, a = 1}", length=3) == "{1, 2, 3, ... 1 more}"


def test_deep_nesting_is_no_error(lua: Session) -> None:
    lua.run("deep = {} for i = 1, 10000 do deep = {deep} end")
    assert "{...}" in lua.text("deep", depth=10**6, width=1000)


def test_long_strings_inside_tables_are_cut_between_characters(lua: Session) -> None:
    assert lua.text("{('ü'):rep(10)}", string_length=5) == '{"üü"... (16 more bytes)}'


def test_the_whole_text_is_cut_with_a_notice(lua: Session) -> None:
    hint = "for more: %config display_bytes = "
    assert lua.text("('x'):rep(1000)", bytes=100) == f'"{"x" * 99}\n... (902 more bytes; {hint}1000)'
    lua.run("big = {} for i = 1, 90 do big[i] = {} for j = 1, 90 do big[i][j] = ('x'):rep(100) end end")
    text = lua.text("big", bytes=5000)
    assert len(text) < 5200
    assert text.endswith(f"\n... (cut at 5000 bytes; {hint}50000)")


def test_functions_show_name_parameters_and_place(lua: Session) -> None:
    lua.run("function add(a, b, ...) end\nAccount = {}\nfunction Account:deposit(sum) end")
    assert lua.text("add") == "function add(a, b, ...) -- cell [1]:1"
    assert lua.text("Account.deposit") == "function Account.deposit(self, sum) -- cell [1]:3"
    assert lua.text("function(x) end") == "function(x) -- cell [2]:1"
    assert lua.text("print") == "builtin function print"
    assert lua.text("string.len") == "builtin function string.len"
    assert lua.text("{f = add, p = print}") == (
        "{f = <function add(a, b, ...): cell [1]:1>, p = <builtin function print>}"
    )


def test_threads_and_userdata(lua: Session) -> None:
    assert lua.text("coroutine.create(print)") == "<thread: suspended>"
    assert lua.text("io.stdout").startswith("file (0x")


def test_several_values_share_a_line_if_they_fit(lua: Session) -> None:
    assert lua.text("1, nil, 'x', nil") == '1\tnil\t"x"\tnil'
    assert lua.text("1, 'a\\nb'") == "1\n[[\na\nb]]"
    assert lua.text("('x'):rep(50), ('y'):rep(50)") == f'"{"x" * 50}"\n"{"y" * 50}"'
    assert lua.formatter.text((1, None, b"x")) == '1\tnil\t"x"'
    assert lua.formatter.bundle((None,)) == MimeBundle({"text/plain": "nil"})


def test_of_several_values_with_more_than_text_each_is_shown(lua: Session) -> None:
    shown = lua.formatter.format_each(lua.packed("{{a = 1}}, 2, {{b = 2}}"))
    assert [sorted(bundle.data) for bundle in shown] == [
        ["text/html", "text/plain"],
        ["text/plain"],
        ["text/html", "text/plain"],
    ]
    mine = "setmetatable({}, {__mimebundle = function() return {['text/html'] = '<b>'} end})"
    assert [len(bundle.data) for bundle in lua.formatter.format_each(lua.packed(f"nil, {mine}"))] == [1, 2]
    nothing = "setmetatable({}, {__mimebundle = function() return {} end})"
    assert len(lua.formatter.format_each(lua.packed(f"{nothing}, {nothing}"))) > 0
    assert lua.formatter.format_each(lua.packed("1, 2")) == [MimeBundle({"text/plain": "1\t2"})]


def test_short_items_of_a_list_share_lines(lua: Session) -> None:
    assert lua.text("{10, 20, 30, 40, 50, 'x', a = 1}", width=16) == (
        '{\n  10, 20, 30,\n  40, 50, "x",\n  a = 1\n}'
    )
    assert lua.text("{10, {20, 30, 40}, 50}", width=16) == "{\n  10,\n  {20, 30, 40},\n  50\n}"


def test_the_globals_show_what_the_script_made_first(lua: Session) -> None:
    lua.run("mine = {1, {2}} string.mine = 1")
    lines = lua.text("_G").splitlines()
    assert lines[1] == "  mine = {1, {2}},"
    assert "  string = <module>," in lines
    assert len(lines) < 60
    lua.run("string = 'mine too'")
    assert lua.text("_G").splitlines()[2] == '  string = "mine too",'


def test_a_failing_tostring_is_shown_not_raised(lua: Session) -> None:
    lua.run("function with(f) return setmetatable({}, {__tostring = f}) end")
    assert lua.text("with(function() error('bad') end)") == "<error in __tostring: cell [2]:1: bad>"
    assert lua.text("{with(function() error({}) end)}") == (
        "{<error in __tostring: (error object is a table value)>}"
    )
    assert "returned a nil value, not a string" in lua.text("with(function() end)")
    assert "<error in __tostring: " in lua.text("with(42)")
    assert "<error in __tostring: " in lua.text("with(function(t) return (tostring(t)) end)")


def test_no_other_metamethod_runs(lua: Session) -> None:
    lua.run(
        "ran = {} trap = {__name = 'Trap'}\n"
        "for name in ('index newindex len pairs eq lt call concat'):gmatch('%a+') do\n"
        "  trap['__' .. name] = function() ran[#ran + 1] = name error(name) end\n"
        "end"
    )
    assert lua.text("{setmetatable({1, 2, x = 1}, trap), [setmetatable({}, trap)] = 1}") == (
        "{Trap {1, 2, x = 1}, [Trap {}] = 1}"
    )
    lua.bundle("setmetatable({{a = 1}}, trap)")
    assert lua.text("ran") == "{}"


def test_scripts_that_replace_standard_functions_change_nothing(lua: Session) -> None:
    lua.run("tostring, type, next, rawget, string.format, table.concat, pcall = nil")
    assert lua.text("{1, {a = print}}") == "{1, {a = <builtin function print>}}"


def test_huge_tables_are_shown_quickly(lua: Session) -> None:
    lua.run(
        "array, hash = {}, {}\n"
        "for i = 1, 1000000 do array[i] = i end\n"
        "for i = 1, 200000 do hash['key' .. i] = i end"
    )
    started = time.thread_time()
    array, hashed = lua.text("array"), lua.text("hash")
    elapsed = time.thread_time() - started
    assert array.startswith("{\n  1, 2, 3,") and array.endswith(" 100,\n  ... 999900 more\n}")
    assert "... more than " in hashed and hashed.count(" = ") == 100
    assert elapsed < 1, "a shared machine may be slow, but walking everything would take far longer"


def test_keys_of_a_large_table_are_sorted(lua: Session) -> None:
    lua.run("t = {} for i = 1, 5000 do t[('k%04d'):format(i)] = i end")
    text = lua.text("t", length=2)
    assert text == "{k0001 = 1, k0002 = 2, ... 4998 more}"


def test_records_are_also_an_html_table(lua: Session) -> None:
    bundle = lua.bundle("{{name = '<Ann>', age = 30}, {name = 'Bob', city = 'Rome & Pisa'}}")
    assert bundle.data["text/plain"].startswith("{")
    html = bundle.data["text/html"]
    assert html.startswith('<table border="1" class="dataframe">\n<thead>\n<tr><th></th>')
    assert html.index(">name<") < html.index(">age<") < html.index(">city<")
    assert '<td style="text-align: right">30</td>' in html
    assert '<td style="text-align: left">&lt;Ann&gt;</td>' in html
    assert "Rome &amp; Pisa" in html and "<td></td>" in html
    day = lua.bundle("{{day = '2024-05-17'}}").data["text/html"]
    assert '<td style="text-align: left; white-space: nowrap">2024-05-17</td>' in day


def test_rows_and_cells_of_html_tables_are_limited(lua: Session) -> None:
    lua.run("rows = {} for i = 1, 100 do rows[i] = {id = i, note = ('é'):rep(1000), deep = {x = {1}}} end")
    html = lua.bundle("rows").data["text/html"]
    assert html.endswith("<p>... 40 more rows</p>")
    assert html.count("<tr>") == 61
    assert f">{'é' * 100}...<" in html and "{x = {1}}" in html


def test_equally_long_lists_are_a_table_too(lua: Session) -> None:
    html = lua.bundle("{{1, 2}, {3, 'x'}}").data["text/html"]
    assert ">3</td>" in html and ">x</td>" in html


@pytest.mark.parametrize(
    "expression",
    [
        "{}",
        "{1, 2}",
        "{{}}",
        "{{1, 2}, {3}}",
        "{{a = 1}, 2}",
        "{{a = 1}, {1}}",
        "{{a = 1}, extra = {a = 1}}",
        "{x = {a = 1}}",
        "{{a = 1}, {b = 1}, {c = 1}}",
        "{setmetatable({a = 1}, {__tostring = function() return 'me' end})}",
        "{{a = 1}}, {{a = 1}}",
    ],
)
def test_what_is_no_list_of_records_has_no_html(lua: Session, expression: str) -> None:
    assert set(lua.bundle(expression).data) == {"text/plain"}


def own(fields: str) -> str:
    return f"setmetatable({{name = 'me'}}, {{__mimebundle = {fields}}})"


def test_a_type_gives_its_own_data(lua: Session) -> None:
    code = own(
        "function(self) return {['text/html'] = '<b>' .. self.name}, {['text/html'] = {wide = true}} end"
    )
    bundle = lua.bundle(code)
    assert bundle.data == {"text/html": "<b>me", "text/plain": '{name = "me"}'}
    assert bundle.metadata == {"text/html": {"wide": True}}
    assert lua.bundle(own("{['text/plain'] = 'mine'}")).data == {"text/plain": "mine"}


def test_binary_data_becomes_base64_and_json_types_become_json(lua: Session) -> None:
    lua.run("object = setmetatable({}, {__jsontype = 'object'})")
    data = lua.bundle(
        own(
            "{['image/png'] = '\\137PNG\\0', ['image/jpeg'] = 'iVBO\\nRw==', ['image/svg+xml'] = '<svg/>', "
            "['application/json'] = {1, {}, object, {a = 1.5}}, ['application/x+json'] = '{\"a\": [1]}', "
            "['text/html'] = '\\255'}"
        )
    ).data
    assert data == {
        "image/png": "iVBORwA=",
        "image/jpeg": "iVBO\nRw==",
        "image/svg+xml": "<svg/>",
        "application/json": [1, [], {}, {"a": 1.5}],
        "application/x+json": {"a": [1]},
        "text/html": "\\xff",
        "text/plain": '{name = "me"}',
    }


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ("function() error('oops') end", "oops"),
        ("function() end", "it returned a nil value, not a table"),
        ("42", "attempt to call"),
        ("{'text'}", "1 is not a MIME type"),
        ("{['text/html'] = {}}", "the data of text/html must be a string, not a table"),
        ("{['image/png'] = true}", "the data of image/png must be a string, not a bool"),
        (
            "{['application/json'] = {f = print}}",
            "the data of application/json: the value at .f is a function",
        ),
        ("{['application/json'] = '{'}", "no JSON text"),
        ("(function() local t = {} t.a = {t} return {['application/json'] = t} end)()", ".a[1] is a cycle"),
    ],
)
def test_a_failing_mimebundle_falls_back_to_text_with_a_note(lua: Session, fields: str, note: str) -> None:
    bundle = lua.bundle(own(fields))
    text = bundle.data["text/plain"]
    assert set(bundle.data) == {"text/plain"}
    assert text.startswith('{name = "me"}\n(__mimebundle failed: ') and note in text


def test_running_out_of_memory_is_shown_not_raised() -> None:
    lua = Session("lua54", max_memory=4_000_000)
    lua.run("big = ('x\\1'):rep(500000)")
    assert "not enough memory" in lua.text("big")


def test_empty_tables_are_lists_unless_marked(lua: Session) -> None:
    value = lua.runtime.eval(b"{a = {}, b = setmetatable({}, {__jsontype = 'object'})}")
    assert lua.formatter.to_python(value) == {"a": [], "b": {}}


def test_types_and_keys_are_sorted(lua: Session) -> None:
    names = [f"x/{letter}" for letter in "fedcbahg"]
    fields = ", ".join(f"['{name}'] = 'x'" for name in names)
    assert list(lua.bundle(own(f"{{['text/plain'] = 'x', {fields}}}")).data) == ["text/plain", *sorted(names)]
    keys = ", ".join(f"{letter} = 1" for letter in "fedcbahg")
    data = lua.bundle(own(f"{{['application/json'] = {{{keys}}}}}")).data
    assert json.dumps(data["application/json"]) == json.dumps({letter: 1 for letter in "abcdefgh"})
