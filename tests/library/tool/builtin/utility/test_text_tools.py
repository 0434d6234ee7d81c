"""text-manipulator, diff-calculator and template-creator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from llmspell_kernel.errors import ParameterError, ToolError, ToolTimeoutError
from tests.library.tool.guarding import Caller, settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("texts")


@pytest.fixture(scope="module")
def call(folder: Path) -> Iterator[Caller]:
    caller = Caller(settings(folder))
    yield caller
    caller.close()


@pytest.mark.parametrize(
    ("operation", "text", "options", "result"),
    [
        ("uppercase", "straße", {}, "STRASSE"),
        ("lowercase", "ÀB", {}, "àb"),
        ("reverse", "abe\u0301c", {}, "ce\u0301ba"),
        ("trim", " \n a b \t", {}, "a b"),
        ("replace", "a.b.c", {"from": ".", "to": "->"}, "a->b->c"),
        ("substring", "Hällo", {"start": 1, "end": 3}, "äl"),
        ("substring", "Hällo", {"start": 3}, "lo"),
        ("split", "a, b,c", {"delimiter": ","}, ["a", " b", "c"]),
        ("split", "abc", {"delimiter": ""}, ["a", "b", "c"]),
        ("join", "a\nb\nc", {"delimiter": "+"}, "a+b+c"),
        ("snake_case", "parseHTTPServer fast-path Été", {}, "parse_http_server_fast_path_été"),
        ("camel_case", "hello big_world", {}, "helloBigWorld"),
        ("pascal_case", "hello big_world 2day", {}, "HelloBigWorld2day"),
        ("sanitize", "a\x00b\x1b[31m\u202ec\td\n", {}, "ab[31mc\td\n"),
        ("truncate", "abcdefghij", {"max_length": 6}, "abc..."),
        ("truncate", "abc", {"max_length": 3}, "abc"),
        ("truncate", "abcdef", {"max_length": 2}, "ab"),
        ("indent", "a\n\nb", {"spaces": 2}, "  a\n\n  b"),
        ("dedent", "  a\n    b", {}, "a\n  b"),
        ("normalize_whitespace", " a \n\t b  ", {}, "a b"),
        ("word_wrap", "one two three four", {"width": 9}, "one two\nthree\nfour"),
        ("to_upper", "a", {}, "A"),
    ],
)
def test_text(call: Caller, operation: str, text: str, options: dict[str, Any], result: Any) -> None:
    answer = call("text-manipulator", operation=operation, input=text, options=options)
    assert answer["result"] == result
    assert answer["original_length"] == len(text)
    assert answer["result_length"] == (len(result) if isinstance(result, str) else sum(map(len, result)))


def test_lists_are_joined(call: Caller) -> None:
    assert call("text_manipulator", operation="join", input=["a", "b"])["result"] == "a b"


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"operation": "replace", "input": "a"}, "options.from is missing"),
        (
            {"operation": "substring", "input": "abc", "options": {"start": 2, "end": 1}},
            "at least options.start",
        ),
        ({"operation": "trim", "input": ["a"]}, "not a list"),
        ({"operation": "trim", "input": "a", "options": {"form": "x"}}, "form"),
        ({"operation": "upcase", "input": "a"}, "uppercase"),
        (
            {"operation": "replace", "input": "a" * 60_000, "options": {"from": "a", "to": "b" * 10_000}},
            "may be",
        ),
    ],
)
def test_wrong_texts(call: Caller, parameters: dict[str, Any], problem: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(problem)):
        call("text-manipulator", **parameters)


def test_long_texts_take_another_process(call: Caller) -> None:
    text = "word " * 100_000
    assert call("text-manipulator", operation="uppercase", input=text)["result"] == text.upper()


OLD, NEW = "one\ntwo\nthree\n", "one\n2\nthree\nfour\n"


@pytest.mark.parametrize(
    ("form", "part"),
    [
        ("unified", "--- old\n+++ new\n@@ -1,3 +1,4 @@\n one\n-two\n+2\n three\n+four\n"),
        ("context", "! two\n"),
        ("inline", "one\n[-two-]{+2+}\nthree\n{+four+}\n"),
        ("simple", "  one\n- two\n+ 2\n  three\n+ four\n"),
    ],
)
def test_diffs_of_texts(call: Caller, form: str, part: str) -> None:
    answer = call("diff-calculator", old_text=OLD, new_text=NEW, format=form)
    assert part in answer["diff"]
    assert answer["format"] == form
    assert answer["stats"] == {"added": 1, "removed": 0, "modified": 1, "unchanged": 2}


def test_diff_of_files(call: Caller, folder: Path) -> None:
    (folder / "a.txt").write_text(OLD)
    (folder / "b.txt").write_text(OLD)
    answer = call("diff-calculator", old_file=str(folder / "a.txt"), new_file=str(folder / "b.txt"))
    assert answer["diff"] == ""
    assert answer["identical"]


def test_diff_of_json(call: Caller) -> None:
    answer = call(
        "diff-calculator",
        type="json",
        old_json={"a": 1, "list": [1, 2, {"x": 1}], "gone": None, "same": 1},
        new_json='{"a": 2, "list": [0, 1, 2, {"x": 1}], "new key": [], "same": 1.0}',
    )
    assert answer["summary"] == {"added": 2, "removed": 1, "modified": 1, "total_changes": 4}
    assert {(each["op"], each["path"]) for each in answer["diff"]} == {
        ("replace", "$.a"), ("add", "$.list[0]"), ("remove", "$.gone"), ("add", '$["new key"]'),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"old_text": "a"}, "new_text is missing"),
        ({"old_json": "{", "new_json": "{}"}, "no JSON"),
        ({"old_json": "[" * 5000 + "]" * 5000, "new_json": "1"}, "nested too deeply|the depth of old_json"),
        ({"old_text": "a", "new_text": "b", "old_file": "/tmp/x"}, "not both"),
    ],
)
def test_wrong_diffs(call: Caller, parameters: dict[str, Any], problem: str) -> None:
    with pytest.raises(ParameterError, match=problem):
        call("diff-calculator", **parameters)


def patched(old: str, diff: str) -> str:
    """What patch(1) makes of it."""
    lines, result, at = old.split("\n"), [], 0
    if lines[-1] == "":
        lines.pop()
    rows = diff.split("\n")[2:-1]
    for row in rows:
        if row.startswith("@@"):
            match = re.match(r"@@ -(\d+)(?:,(\d+))?", row)
            assert match is not None
            start = int(match[1]) - (match[2] != "0")
            result += lines[at:start]
            at = start
        elif row.startswith("\\"):
            continue
        elif row[0] == "+":
            result.append(row[1:])
        else:
            assert lines[at] == row[1:]
            result += [row[1:]] if row[0] == " " else []
            at += 1
    return "\n".join(result + lines[at:])


LINES = st.lists(st.text("ab \r\x0c\u2028", max_size=3), max_size=12)


@given(old=LINES, new=LINES)
@hypothesis_settings(max_examples=80, deadline=None)
def test_a_diff_makes_the_new_of_the_old(call: Caller, old: list[str], new: list[str]) -> None:
    before, after = ("".join(f"{line}\n" for line in lines) for lines in (old, new))
    diff = call("diff-calculator", old_text=before, new_text=after)["diff"]
    assert (patched(before, diff) if diff else before.rstrip("\n")).rstrip("\n") == after.rstrip("\n")
    assert bool(diff) == (before != after)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xy", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(old=JSON, new=JSON)
@hypothesis_settings(max_examples=30, deadline=None)
def test_values_differ_when_their_json_does(call: Caller, old: Any, new: Any) -> None:
    answer = call("diff-calculator", type="json", old_json=json.dumps(old), new_json=json.dumps(new))
    assert answer["identical"] == (json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True))


@pytest.mark.parametrize(
    ("template", "context", "rendered"),
    [
        ("Hi {{ name | upper }}!", {"name": "x"}, "Hi X!"),
        ("{% for k, v in m %}{{ k }}={{ v }};{% endfor %}", {"m": {"a": 1, "b": 2}}, "a=1;b=2;"),
        ("{% for x in l %}{{ loop.index }}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}",
         {"l": ["a", "b"]}, "1a,2b"),
        ("{% if nope %}a{% else %}b{% endif %}", {}, "b"),
        ("{{ nope | default(value='d') }}", {}, "d"),
        ("{{ 'a b' | replace(from=' ', to='-') }} {{ 'Ä b!' | slugify }}", {}, "a-b a-b"),
        ("{{ 3.14159 | round(precision=2) }} {{ 2.1 | round(method='ceil') }}", {}, "3.14 3"),
        ("{{ d | date(format='%d.%m.%Y') }}", {"d": "2024-01-31"}, "31.01.2024"),
        ("{{ l | map(attribute='n') | join(sep='+') }}", {"l": [{"n": "a"}, {"n": "b"}]}, "a+b"),
        ("{{ l | filter(attribute='k', value=1) | length }}", {"l": [{"k": 1}, {"k": 2}]}, "1"),
        ("{{ l | sort | reverse | first }} {{ l | json_encode }}", {"l": [3, 1]}, "3 [3,1]"),
        ("{{ true }} {{ 'x' is starting_with('x') }}", {}, "true true"),
        ("{{ range(end=3) | join(sep=',') }}", {}, "0,1,2"),
        ("{% set x = 1 %}{{ x ~ 'a' }}{# comment #}", {}, "1a"),
        ("{{ 'long text' | truncate(length=4) }} {{ 2 | pluralize }}", {}, "long… s"),
        ("{{ l | group_by(attribute='k') | json_encode }}", {"l": [{"k": "a"}]}, '{"a":[{"k":"a"}]}'),
        ("{% set n = 1 %}{% for x in l %}{% set_global n = n + x %}{% endfor %}{{ n }}", {"l": [2, 3]}, "6"),
        ("{% for n in l %}{{ n }}{% set_global n = 9 %}{% endfor %}{{ n }}", {"l": [2, 3], "n": 0}, "239"),
        ("{% if n is defined %}a{% endif %}{% if true %}{% set_global n = 1 %}{% endif %}{{ n }}", {}, "1"),
        ("{% macro f(n, s='!') %}{{ n }}{% if n > 0 %}{{ self::f(n=n - 1) }}{% else %}{{ s }}{% endif %}"
         "{% endmacro f %}{{ self::f(n=2) }}{% set_global n = 7 %}{{ n }}", {}, "210!7"),
        ("{{ `a \\n \"b\"` ~ '`' }} ` {# ` #}{% raw %}{{ `x` }}{% endraw %}", {},
         'a \\n "b"` ` {{ `x` }}'),
        ("{{ 'abc' is matching('^a.c$') }}{{ 'abc' is not matching('b$') }}", {}, "truetrue"),
        ("{{ get_random(start=3, end=4) }} {{ 'a\n\nb' | indent(prefix='> ', first=true) }}", {},
         "3 > a\n\n> b"),
        ("{{ l | reverse }} {{ m }} {{ [] | first }}", {"l": ["a", True, None], "m": {}},
         "[, true, a] [object] "),
        ("{% if a.b.c %}x{% else %}{{ a.b.c | default(value='y') }}{% endif %}", {}, "y"),
    ],
)  # fmt: skip
def test_tera(call: Caller, template: str, context: dict[str, Any], rendered: str) -> None:
    assert call("template-creator", input=template, context=context, engine="tera")["rendered"] == rendered


@pytest.mark.parametrize(
    ("template", "context", "rendered"),
    [
        ("{{name}} {{{name}}} {{&name}}", {"name": "<b>"}, "&lt;b&gt; <b> <b>"),
        ("{{#each l}}{{@index}}:{{this}}{{#unless @last}}, {{/unless}}{{else}}none{{/each}}",
         {"l": ["a", "b"]}, "0:a, 1:b"),
        ("{{#each l}}x{{else}}none{{/each}}", {"l": []}, "none"),
        ("{{#if a}}A{{else if b}}B{{else}}C{{/if}}", {"b": True}, "B"),
        ("{{#if a}}A{{else if b}}B{{else}}C{{/if}}", {}, "C"),
        ("{{#each m}}{{@key}}={{x}}/{{../t}} {{/each}}", {"m": {"p": {"x": 1}}, "t": "T"}, "p=1/T "),
        ("<ul>\n{{#each l as |it i|}}\n  <li>{{i}} {{it}}</li>\n{{/each}}\n</ul>\n", {"l": ["a", "b"]},
         "<ul>\n  <li>0 a</li>\n  <li>1 b</li>\n</ul>\n"),
        ("{{#with a}}{{b.c}}{{/with}} {{a.b.[c]}} {{lookup a.b 'c'}}", {"a": {"b": {"c": 5}}}, "5 5 5"),
        ("{{#if (eq x 5)}}yes{{/if}}{{#if (and x (not y))}}!{{/if}} {{len l}}", {"x": 5, "l": [1, 2]},
         "yes! 2"),
        ("a {{~#if x~}}  b  {{~/if~}}  c {{! gone }}{{!-- {{x}} --}}", {"x": True}, "abc "),
        ("\\{{x}}", {"x": 1}, "{{x}}"),
        ("{{#list}}{{name}}{{/list}}{{^none}}no{{/none}}", {"list": [{"name": 1}, {"name": 2}]}, "12no"),
        ("{{nope}}{{a.b.c}}", {"a": 1}, ""),
    ],
)  # fmt: skip
def test_handlebars(call: Caller, template: str, context: dict[str, Any], rendered: str) -> None:
    answer = call("template-creator", input=template, context=context, engine="handlebars")
    assert answer == {
        "rendered": rendered, "engine": "handlebars", "template_length": len(template),
        "context_size": len(context),
    }  # fmt: skip


def test_the_engine_is_found_out(call: Caller) -> None:
    found = [
        call("template-creator", input=text)["engine"]
        for text in ("{{ a | default(value=1) }}", "{% if a %}{% endif %}", "{{#if a}}{{/if}}", "plain")
    ]
    assert found == ["tera", "tera", "handlebars", "tera"]
    assert call("template-engine", input="{# {{#if a}} #}", auto_detect=False)["engine"] == "tera"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ '{0.__class__}'.format(1) }}", "unsafe"),
        ("{{ x.pop() }}", "unsafe"),
        ("{{ cycler.__init__.__globals__ }}", "unsafe"),
        ("{{ nope }}", "'nope' is undefined"),
        ("{% set_global a = 1 %}{{ _globals['__class__'] }}", "'__class__' is undefined"),
        ("{{ nope }}{% set_global nope = 1 %}", "'nope' is undefined"),
        ("{{ 'a' is matching('(') }}", "no regular expression"),
        ("{% set_global a %}", "line 1: expected token '='"),
        ("{% include '/etc/passwd' %}", "loader"),
        ("{% for x in", "line 1"),
        ("{% break %}", "outside loop"),
        ("{{ 1 / 0 }}", "division"),
        ("{{ range(end=10000000) }}", "100,000"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "too deeply"),
    ],
)
def test_tera_keeps_in_its_bounds(call: Caller, template: str, problem: str) -> None:
    with pytest.raises(ToolError, match=problem):
        call("template-creator", input=template, context={"x": [1]}, engine="tera")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{#if x}}", "line 1: the block 'if' is never closed"),
        ("a\n{{/if}}", "line 2: {{/if}} without its beginning"),
        ("{{#if x}}{{/each}}", "does not close the block 'if'"),
        ("{{> partial}}", "no partials"),
        ("{{foo 1}}", "no helper 'foo'"),
        ("a\nb {{ c", "line 2: {{ is never closed"),
        ("{{#if a}}" * 60 + "{{/if}}" * 60, "50 deep"),
        ("{{" + "(" * 500 + "}}", "50 deep"),
        ("{{}}", "a name was expected"),
        ("{{#each n}}{{/each}}", "#each takes a list"),
    ],
)
def test_wrong_handlebars(call: Caller, template: str, problem: str) -> None:
    with pytest.raises(ToolError, match=re.escape(problem)):
        call("template-creator", input=template, context={"n": 5}, engine="handlebars")


def test_handlebars_sees_nothing_of_python(call: Caller) -> None:
    template = "{{a.__class__}}{{this.constructor}}{{@root.__init__}}{{l.append}}{{s.upper}}"
    context = {"a": {}, "l": [], "s": "x"}
    assert call("template-creator", input=template, context=context, engine="handlebars")["rendered"] == ""


def test_endless_templates_end(folder: Path) -> None:
    loops = "{% for a in range(end=100000) %}" * 3 + "x" + "{% endfor %}" * 3
    caller = Caller(settings(folder, tools={"timeout_seconds": 1}))
    with pytest.raises(ToolTimeoutError):
        caller("template-creator", input=loops)
    each = "{{#each l}}" * 12 + "x" + "{{/each}}" * 12
    with pytest.raises(ToolTimeoutError):
        caller("template-creator", input=each.replace("l}}", "@root.l}}"), context={"l": list(range(50))})
    caller.close()


def test_huge_texts_need_no_more_than_their_memory(folder: Path) -> None:
    caller = Caller(settings(folder, tools={"max_memory_mb": 64, "timeout_seconds": 20}))
    with pytest.raises(ToolError, match="memory"):
        caller("template-creator", input="{{ 'x' * 1000000000 }}")
    with pytest.raises(ToolError, match="memory"):
        caller("template-creator", input="{{ '%1000000000d' % 1 }}")
    caller.close()
