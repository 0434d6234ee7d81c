"""Parts of the REPL that need no terminal: open calls, tables, values, the history file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmspell_kernel.cli.repl.history import HistoryFile, parsed
from llmspell_kernel.cli.repl.signatures import OpenCall, open_call, parts_of
from llmspell_kernel.cli.repl.tables import drawn
from llmspell_kernel.cli.repl.values import coloured


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("f(", OpenCall("f(", 0)),
        ("f(1, ", OpenCall("f(", 1)),
        ("f(g(1, 2), {3, 4}, ", OpenCall("f(", 2)),
        ("f(g(1, ", OpenCall("f(g(", 1)),
        ("a.b:c('(', ", OpenCall("a.b:c(", 1)),
        ("f(1)", None),
        ("(1, ", None),
        ("f({", None),
        ("if (", None),
        ("f(function(a) return ", OpenCall("f(", 0)),
        ("-- f(", None),
    ],
)
def test_the_innermost_open_call(text: str, found: OpenCall | None) -> None:
    assert open_call(text) == found


@pytest.mark.parametrize(
    ("argument", "active"), [(0, "a: string"), (1, "b?: fun(x, y)"), (2, "..."), (5, "...")]
)
def test_the_argument_at_the_cursor_is_set_off(argument: int, active: str) -> None:
    parts = parts_of("f(a: string, b?: fun(x, y), ...) -> (integer, string)", argument)
    assert [text for style, text in parts if style.endswith("active")] == [active]
    assert "".join(text for _, text in parts) == "f(a: string, b?: fun(x, y), ...) -> (integer, string)"


def _html(*rows: tuple[str, ...]) -> str:
    head = "".join(f"<th>{name}</th>" for name in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f'<table class="dataframe"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def test_tables_fit_or_are_not_drawn() -> None:
    html = _html(("", "name"), ("1", "Ada &amp; <b>co</b>"), ("2", "長い"))
    assert drawn(html, 80, colours=False) == "  │ name\n──┼─────────\n1 │ Ada & co\n2 │ 長い"
    long = _html(("", "text"), ("1", "x" * 200))
    shown = drawn(long, 40, colours=False)
    assert shown is not None and all(len(line) <= 40 for line in shown.splitlines()) and "…" in shown
    wide = _html(tuple("column" for _ in range(30)), tuple("a long cell" for _ in range(30)))
    assert drawn(wide, 80, colours=False) is None
    assert drawn("<p>no table</p>", 80, colours=False) is None
    many = _html(("",), *((str(number),) for number in range(1000)))
    assert "... 800 more rows" in (drawn(many, 80, colours=False) or "")


@pytest.mark.parametrize(
    "text", ["a plain sentence with 12 and nil", "Point(1, 2)", "\x1b[1mown colours\x1b[0m", ""]
)
def test_what_is_no_lua_stays_as_it_is(text: str) -> None:
    assert coloured(text) == text


@pytest.mark.parametrize("text", ['{1, "two", x = nil}', "-1.5e10", "[[\nlong\n]]", '"a \\" b"', "<thread>"])
def test_colours_change_no_text(text: str) -> None:
    assert coloured(text) != text
    assert re.sub(r"\x1b\[\d+m", "", coloured(text)) == text


def test_the_history_file_keeps_lines_and_is_cut(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "history"
    history = HistoryFile(str(file), 4)
    for text in ("one", "one", "for\n  x\n\nend", "  ", "+plus", "# no comment"):
        history.append(text)
    kept = ["one", "for\n  x\n\nend", "+plus", "# no comment"]
    assert history.entries == kept and HistoryFile(str(file), 4).entries == kept
    other = HistoryFile(str(file), 4)
    for number in range(3):
        other.append(str(number))
    assert HistoryFile(str(file), 4).entries == ["# no comment", "0", "1", "2"]
    assert parsed(file.read_text()) == ["# no comment", "0", "1", "2"]
    assert [path.name for path in file.parent.iterdir()] == ["history"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_history_that_cannot_be_kept_says_why(tmp_path: Path) -> None:
    history = HistoryFile(str(tmp_path), 0)
    history.append("one")
    assert history.entries == ["one"] and "Is a directory" in history.problem
    history.append("two")
    assert history.entries == ["one", "two"]
