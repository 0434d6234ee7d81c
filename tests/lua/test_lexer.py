from __future__ import annotations

import random

import pytest

from llmspell_kernel.lua.lexer import Token, TokenKind, string_content, tokenize
from tests.lua.sources import PROGRAM


def texts(code: str) -> list[str]:
    return [token.text for token in tokenize(code)]


def kinds(code: str) -> list[str]:
    return [token.kind.value for token in tokenize(code)]


def only(code: str) -> Token:
    (token,) = tokenize(code)
    return token


def test_tokens_carry_kind_place_and_line() -> None:
    assert tokenize("local x =\n  'a' -- b") == [
        Token(TokenKind.KEYWORD, "local", 0, 5, 1, False),
        Token(TokenKind.NAME, "x", 6, 7, 1, False),
        Token(TokenKind.OPERATOR, "=", 8, 9, 1, False),
        Token(TokenKind.STRING, "'a'", 12, 15, 2, False),
        Token(TokenKind.COMMENT, "-- b", 16, 20, 2, False),
    ]


def test_comments_can_be_left_out() -> None:
    code = "#!/usr/bin/lua\na --[[ b ]] c --d\n--[==[ e ]] ]==] f"
    assert [token.text for token in tokenize(code, comments=False)] == ["a", "c", "f"]
    assert kinds(code).count("comment") == 4


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a..b", ["a", "..", "b"]),
        ("a...", ["a", "..."]),
        ("a.b:c::d::", ["a", ".", "b", ":", "c", "::", "d", "::"]),
        ("x<=y>=z~=w==v//u<<t>>s", "x <= y >= z ~= w == v // u << t >> s".split()),
        ("a- -b", ["a", "-", "-", "b"]),
        ("a--b", ["a", "--b"]),
        ("t[a[1]]", ["t", "[", "a", "[", "1", "]", "]"]),
        ("t[ [[x]]]", ["t", "[", "[[x]]", "]"]),
        ("[==[ ]] ]=] ]==]z", ["[==[ ]] ]=] ]==]", "z"]),
        ("-- [[ x\ny", ["-- [[ x", "y"]),
        ("--[=x\ny", ["--[=x", "y"]),
        ("0xe+1", ["0xe", "+", "1"]),
        ("1e+5-.5", ["1e+5", "-", ".5"]),
        ("0x1p-3 0xA.8p4", ["0x1p-3", "0xA.8p4"]),
        ("1..2", ["1..2"]),
    ],
)
def test_longest_token_wins(code: str, expected: list[str]) -> None:
    assert texts(code) == expected


@pytest.mark.parametrize("number", ["1LL", "0x7fULL", "12i", "1e3", "3.", "0X.8P+1"])
def test_numbers_of_every_lua(number: str) -> None:
    assert only(number).kind is TokenKind.NUMBER


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ('"abc', TokenKind.STRING),
        ("'abc\\'", TokenKind.STRING),
        ('"abc\\', TokenKind.STRING),
        ("[[abc\n]=]", TokenKind.LONGSTRING),
        ("[==[abc]]", TokenKind.LONGSTRING),
        ("--[[ abc", TokenKind.COMMENT),
    ],
)
def test_unfinished_tokens_reach_to_the_end(code: str, kind: TokenKind) -> None:
    assert only(code) == Token(kind, code, 0, len(code), 1, True)


def test_an_unfinished_string_ends_with_its_line() -> None:
    assert [(token.text, token.unfinished) for token in tokenize("x = \"abc\ny = 'd'")] == [
        ("x", False),
        ("=", False),
        ('"abc', True),
        ("y", False),
        ("=", False),
        ("'d'", False),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\r", "\r"])
def test_lines_end_as_luas_do(end: str) -> None:
    code = end.join(["a", "b [[", "", "]] c", '"\\', 'x" d', '"\\z', "", '  " e', "--[[", "]] f"])
    names = {token.text: token.line for token in tokenize(code) if token.kind is TokenKind.NAME}
    assert names == {"a": 1, "b": 2, "c": 4, "d": 6, "e": 9, "f": 11}


def test_other_alphabets_are_names_and_strays_are_errors() -> None:
    assert [(token.text, token.kind) for token in tokenize("größe = 変数 @ $ ` \x00")] == [
        ("größe", TokenKind.NAME),
        ("=", TokenKind.OPERATOR),
        ("変数", TokenKind.NAME),
        ("@", TokenKind.ERROR),
        ("$", TokenKind.ERROR),
        ("`", TokenKind.ERROR),
        ("\x00", TokenKind.ERROR),
    ]


@pytest.mark.parametrize(
    "code",
    [
        "global x",
        "global <const> *",
        "global *",
        "global function f() end",
        "x = y global z",
        "f() goto done",
        "if a then goto done end",
        "do global x end",
        "-- first\nglobal --[[ then ]] x",
        "{} global x",
    ],
)
def test_contextual_keywords(code: str) -> None:
    assert [token.kind for token in tokenize(code) if token.text in ("global", "goto")] == [TokenKind.KEYWORD]


@pytest.mark.parametrize(
    "code",
    [
        "global = 1",
        "global.x = 1",
        "x = global y = 2",
        "return global * 3",
        "local global x = 1",
        "t.global x = 1",
        "f(global) ",
        "goto = 1",
        "goto()",
        "t.goto = 5",
        "global",
    ],
)
def test_contextual_keywords_are_names_elsewhere(code: str) -> None:
    assert [token.kind for token in tokenize(code) if token.text in ("global", "goto")] == [TokenKind.NAME]


@pytest.mark.parametrize(
    ("literal", "content"),
    [
        ('"plain"', "plain"),
        ("'a\\tb\\65\\x42\\u{e9}\\\\\\''", "a\tbAB\u00e9\\'"),
        ('"a\\z  \n b"', "ab"),
        ('"a\\\r\nb"', "a\r\nb"),
        ("[[\nfirst]]", "first"),
        ("[==[ ]] ]==]", " ]] "),
        ('"\\xff"', "\udcff"),
        ('"open', "open"),
        ("[=[open", "open"),
        ('"open\\', "open"),
    ],
)
def test_string_content(literal: str, content: str) -> None:
    assert string_content(only(literal)) == content


def test_blank_source_has_no_tokens() -> None:
    assert tokenize("") == tokenize(" \t\r\n\f\v " + " " * 20000) == []


def test_every_character_is_in_a_token_or_blank() -> None:
    noise = random.Random(4)
    alphabet = [
        "\n",
        "\r",
        " ",
        '"',
        "'",
        "[[",
        "]]",
        "--",
        "=",
        "[=[",
        "\\",
        "a",
        "0x",
        ".",
        "global",
        "é",
        "\udcff",
    ]
    sources = ["".join(noise.choices(alphabet, k=40)) for _ in range(500)]
    for code in [*sources, *(PROGRAM[:cut] for cut in range(len(PROGRAM)))]:
        place, line = 0, 1
        for token in tokenize(code):
            assert not code[place : token.start].strip(" \t\r\n\f\v")
            assert token.text == code[token.start : token.end] != ""
            assert token.line >= line
            place, line = token.end, token.line
        assert not code[place:].strip(" \t\r\n\f\v")
