from __future__ import annotations

import random
import re

import pytest

from llmspell_kernel.lua.lexer import tokenize
from llmspell_kernel.lua.syntax import free_names, statements
from tests.lua.sources import LUAS, PROGRAM, loader


def cut(code: str) -> list[tuple[str, str]]:
    return [(statement.kind, code[statement.start : statement.end]) for statement in statements(code)]


@pytest.mark.parametrize(
    ("marked", "kinds"),
    [
        ("", ""),
        ("local x = f\n(print)(x)", "local"),
        ("local x = 1¦\n(print)(x)", "local call"),
        ("x = {}¦\n(f)()", "assignment call"),
        ("x = f{}\n(g)()", "assignment"),
        ("x = 'a'¦\n('b'):rep(2)", "assignment call"),
        ("x = f'a'\n('b'):rep(2)", "assignment"),
        ("x = function() end¦\n(f)()", "assignment call"),
        ("local a¦\n(f)()", "local call"),
        ("a = nil¦ b = ...¦ c = true", "assignment assignment assignment"),
        ("x = y\n-z", "assignment"),
        ("x = y¦\n#z", "assignment expression"),
        ("x = y¦\nnot z", "assignment expression"),
        ("f()¦ g()¦ h.i:j()¦ k'l'¦ m{}", "call call call call call"),
        ("a.b[1].c, d = 1, 2", "assignment"),
        ("::a::¦ goto a¦ break", "other other other"),
        ("goto = 1¦ goto(2)", "assignment call"),
        ("while f{} do a() end¦ b()", "other call"),
        ("while (function() do end end)() do end¦ b()", "other call"),
        ("for i = 1, 3 do if i then end end¦ b()", "other call"),
        ("repeat local x until x == 1¦ y()", "other call"),
        ("if a then elseif b then else end¦ c()", "other call"),
        ("do do end end¦ do end", "other other"),
        ("function a.b:c() end¦ d()", "function call"),
        ("return", "return"),
        ("f()¦ return f(), 2", "call return"),
        ("x = [[ end\n]]¦ y = 'do'¦ z = 1", "assignment assignment assignment"),
        ("x = 3LL¦ y = 0x1ULL¦\n(f)()", "assignment assignment call"),
        ("größe = 1¦\r\nprint'🎉'", "assignment call"),
        ("global x, y = 1¦ global <const> *¦ z()", "global global call"),
        ("global function f() end¦ f()", "global call"),
        ("x = y¦ global z¦ global = 3", "assignment global assignment"),
    ],
)
def test_statements_end_where_luas_do(marked: str, kinds: str) -> None:
    found = cut(marked.replace("¦", ""))
    assert "¦".join(text for _, text in found) == re.sub(r"¦\s*", "¦", marked)
    assert [kind for kind, _ in found] == kinds.split()


def test_blanks_comments_and_semicolons_are_no_statements() -> None:
    assert cut(" -- nothing\n;; --[[ here ]] ;\r\n") == []


@pytest.mark.parametrize(
    "call",
    [
        "f(x)",
        "f'x'",
        "f[[x]]",
        "f{1, 2}",
        "(f or g)(x)",
        "s:upper()",
        "f().g()",
        "f()()",
        "t[1](2)",
        "('x'):rep(3)",
    ],
)
def test_a_single_call(call: str) -> None:
    assert cut(f"local y = 1 {call}") == [("local", "local y = 1"), ("call", call)]


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "x",
            "x + 1",
            "a, b",
            "f(), g()",
            "f() + 1",
            "-f()",
            "not f()",
            "#t",
            "t.x",
            "t[1]",
            "f().x",
            "(f())",
            "nil",
        ),
        *(
            "true",
            "...",
            "'text'",
            "[[long]]",
            "12",
            "{1, 2}",
            "{x = 1}",
            "function() return 1 end",
            "a and b or c",
        ),
        *("f() == g()", "x .. y", "~x & y // 2 >> 3"),
    ],
)
def test_expressions_as_the_last_statement(expression: str) -> None:
    assert cut(expression) == [("expression", expression)]
    assert cut(f"local y = 1; {expression} -- shown")[1:] == [("expression", expression)]
    assert cut(f"if a then b() end\n{expression};")[1:] == [("expression", expression)]


def test_semicolons_are_told_and_left_out() -> None:
    code = "a = 1; f() ; ; x;"
    assert [(code[s.start : s.end], s.semicolon) for s in statements(code)] == [
        ("a = 1", True),
        ("f()", True),
        ("x", True),
    ]
    assert not statements("f()\n")[0].semicolon


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("local x", [("x", None)]),
        ("local x, y = 1", [("x", None), ("y", None)]),
        ("local x <const>, y <close>, z = f()", [("x", "const"), ("y", "close"), ("z", None)]),
        ("local x <const> y = 2", [("x", "const")]),
        ("local <const> x, y = 1, 2", [("x", "const"), ("y", "const")]),
        ("local <const> x, y <close> = 1, 2", [("x", "const"), ("y", "close")]),
        ("local größe = 1", [("größe", None)]),
        ("local function f(a, b) local c end", [("f", None)]),
        ("function f() local x end", []),
        ("global x, y", []),
    ],
)
def test_declared_names(code: str, names: list[tuple[str, str | None]]) -> None:
    assert list(statements(code)[0].names) == names


def test_kind_of_local_functions() -> None:
    assert [s.kind for s in statements("local function f() end local f = function() end")] == [
        "local_function",
        "local",
    ]


def test_a_whole_program() -> None:
    assert " ".join(kind for kind, _ in cut(PROGRAM)) == (
        "local local assignment function function local_function local call other local local other call "
        "call local return"
    )
    load = loader("lua54")
    separated = PROGRAM
    for statement in reversed(statements(PROGRAM)):
        separated = separated[: statement.end] + ";" + separated[statement.end :]
    separated = separated.replace(";;", ";")
    # A semicolon after each statement changes nothing: none was cut in two.
    assert load(without_shebang(separated)) == load(without_shebang(PROGRAM)) is not None


def without_shebang(code: str) -> str:
    return code.partition("\n")[2]


def test_tokens_serve_as_source() -> None:
    assert statements(tokenize(PROGRAM)) == statements(PROGRAM)
    assert free_names(tokenize(PROGRAM)) == free_names(PROGRAM)


@pytest.mark.parametrize("lua", LUAS)
def test_where_neighbours_are_one_statement_is_luas_opinion(lua: str) -> None:
    load = loader(lua)
    starts = [
        "x = 1",
        "x = f",
        "x = {}",
        "x = 'a'",
        "x = f()",
        "x = t[1]",
        "x = nil",
        "x = -y",
        "x = (y)",
        "f()",
        "x = f'a'",
    ]
    for first in starts:
        for second in ["(g)()", "g()", "local z = 2", "('a'):rep(2)", "do end", "function h() end", ";"]:
            code = f"{first}\n{second}"
            count = len(cut(code))
            apart = load(f"{first};\n{second}") == load(code)
            assert count == (1 if second == ";" or not apart else 2), code


def test_free_names() -> None:
    assert free_names("local a = b.c:d(e[f]) return {g = h, [i] = j; k}") == set("abefhijk")
    assert free_names("x, y = 1, 2 t = {f(a, b), c, d = e}") == set("xyftabce")
    assert free_names("t = {function() local x, y = z end, k = 1}") == set("txyz")
    assert free_names("return a..b, c --[[ d ]] .. 'e'") == set("abc")
    assert free_names("größe.x = 変数") == {"größe", "変数"}


def test_nothing_raises_on_half_typed_programs() -> None:
    for end in range(len(PROGRAM)):
        check(PROGRAM[:end])


def test_nothing_raises_on_garbage() -> None:
    noise = random.Random(7)
    extra = "global goto :: ... .. < > \\ @ \n".split(" ")
    words = [*re.findall(r"\w+|[^\w\s]", PROGRAM), *extra]
    for _ in range(1500):
        check(" ".join(noise.choices(words, k=30)))
    for opener in "( { [ function do if repeat while for local :: ) end ;".split():
        check(f"{opener} " * 3000)


def check(code: str) -> None:
    """Statements are in order, apart and not empty, and what they leave out is `;` and comments."""
    place = 0
    for statement in statements(code):
        assert place <= statement.start < statement.end <= len(code)
        assert {token.text for token in tokenize(code[place : statement.start], comments=False)} <= {";"}
        place = statement.end
    assert isinstance(free_names(code), set)
