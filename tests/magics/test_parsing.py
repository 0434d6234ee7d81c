"""Which lines of a cell are magics, and which are Lua."""

from __future__ import annotations

import time

import pytest

from llmspell_kernel.magics.parsing import blank_magics, split

KNOWN = {"time", "who"}


def cut(code: str) -> list[tuple[str, int, str, str]]:
    return [(part.kind, part.line, part.name, part.text) for part in split(code, KNOWN)]


def test_magics_and_lua_alternate_and_lines_stay() -> None:
    assert cut("local x = 1\n\n  %time f(x)\n!ls -l\nprint(x)\n") == [
        ("lua", 1, "", "local x = 1\n\n"),
        ("line", 3, "time", "f(x)"),
        ("shell", 4, "", "ls -l"),
        ("lua", 4, "", "\nprint(x)\n"),
    ]


@pytest.mark.parametrize(
    "code",
    [
        "x = [[\n%time\n!ls\n]]",
        "--[==[\n%time\n]==]",
        "x = 'a\\\n%time'",
        "f(\n%time\n)",
        "function f()\n%time\nend",
        "x = 10 +\n%time",
        "x = 10 % 3",
        "-- %time\nx = 1",
        "print('?')",
        "-- really?",
        "",
        "#!/usr/bin/lua\nx = 1",
    ],
)
def test_lua_stays_whole(code: str) -> None:
    assert all(part.kind == "lua" for part in split(code, KNOWN))


def test_an_unknown_name_is_modulo_where_lua_accepts_it() -> None:
    code = "x = 17\n%y\nz = 1"
    assert [part.kind for part in split(code, KNOWN, lambda text: True)] == ["lua"]
    assert [part.kind for part in split(code, KNOWN, lambda text: False)] == ["lua", "line", "lua"]


def test_quotes_in_a_magic_do_not_reach_the_lua_behind_it() -> None:
    assert [part.kind for part in split("!echo it's [[\nx = 1\n%who\n", KNOWN)] == ["shell", "lua", "line"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_counts(end: str) -> None:
    parts = split(end.join(["x = 1", "%time x", "y = 2", "!ls"]), KNOWN)
    assert [(part.kind, part.line) for part in parts if part.kind != "lua"] == [("line", 2), ("shell", 4)]


def test_a_backslash_goes_on_with_the_next_line() -> None:
    assert cut("!echo a \\\n  b\n%who\\\n table") == [
        ("shell", 1, "", "echo a \\\n  b"),
        ("line", 3, "who", "table"),
    ]


def test_a_cell_magic_takes_the_rest() -> None:
    (part,) = split("\n%%time  -n 3\n%who\nprint(1)")
    assert (part.kind, part.name, part.text, part.body, part.body_line) == (
        "cell",
        "time",
        "-n 3",
        "%who\nprint(1)",
        3,
    )
    assert [part.kind for part in split("x = 1\n%%time")] == ["lua", "cell"]


@pytest.mark.parametrize("code", ["name?", "name??", "?name", "  ??a.b:c ", "%time?", "%%time?", "?%who"])
def test_questions(code: str) -> None:
    (part,) = split(code)
    assert part.kind == "help" and part.name in code and part.text in ("?", "??")


def test_blanking_keeps_every_offset() -> None:
    code = "local a = 1\n%time b\nlocal c"
    blank = blank_magics(code, split(code, KNOWN))
    assert len(blank) == len(code) and blank.split() == ["local", "a", "=", "1", "local", "c"]


def test_long_cells_take_linear_time() -> None:
    start = time.process_time()
    assert len(split("x = [[\n" + "%time f()\n" * 20_000 + "]]", KNOWN)) == 1
    assert len(split("f(\n" + "%time f()\n" * 5_000, KNOWN)) == 1
    assert time.process_time() - start < 5
