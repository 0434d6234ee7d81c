"""Files of settings: what is no TOML, what cannot be read, and where each key stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmspell_kernel.config.documents import key_lines, parse_document

from .reader import Reader


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = \n", "bad.toml:1: is not TOML: invalid value"),
        ("x = 1\n[kernel\n", "bad.toml:2: is not TOML: expected ']' at the end of a table declaration"),
        ("x = 1\nx = 2\n", "bad.toml:2: is not TOML: cannot overwrite a value"),
        ('x = """\n\n', "bad.toml:3: is not TOML: "),
    ],
)
def test_what_is_no_toml(reader: Reader, text: str, problem: str) -> None:
    assert reader.problems_in(text)[0].startswith(problem)


def test_what_is_no_file(reader: Reader, here: Path) -> None:
    (here / "folder").mkdir()
    (here / "binary").write_bytes(b"x = 1\n\x7fELF\xff\xfe")
    (here / "closed").write_text("")
    assert reader.problems(str(here / "folder")) == ["folder: is a directory; name a TOML file in it"]
    assert reader.problems(str(here / "binary")) == ["binary:2: is not UTF-8 text; settings are TOML files"]
    assert reader.problems(str(here / "gone"))[0].startswith("gone: there is no such file")
    assert reader.problems(str(here / "closed" / "x"))[0].startswith("closed/x: cannot be read: ")
    if os.getuid() != 0:  # root may read everything
        (here / "closed").chmod(0)
        assert "Permission denied" in reader.problems(str(here / "closed"))[0]


def test_a_found_file_that_cannot_be_read_is_told_too(reader: Reader, here: Path) -> None:
    (here / "llmspell.toml").mkdir()
    assert reader.problems() == ["llmspell.toml: is a directory; name a TOML file in it"]


def test_windows_files_are_read(reader: Reader, here: Path) -> None:
    (here / "llmspell.toml").write_bytes(b"\xef\xbb\xbf[kernel]\r\nport = 3\r\n")
    assert reader.read().settings.kernel.port == 3


def test_lines_of_keys() -> None:
    text = """
    a = 1 # = 2
    "b.c" = '''
    d = 3
    '''
    e.f . g = [
      "]", # ]
      "'", { x = 1 },
    ]
    [h . "i j"] # comment
    k = { l = 1, m = { n = 2 } }
    o = '\"\"\"'
    p = 3
    [[q]]
    r = 1
    """
    assert parse_document(text, "text")
    assert key_lines(text) == {
        ("a",): 2,
        ("b.c",): 3,
        ("e",): 6,
        ("e", "f"): 6,
        ("e", "f", "g"): 6,
        ("h", "i j"): 10,
        ("h", "i j", "k"): 11,
        ("h", "i j", "o"): 12,
        ("h", "i j", "p"): 13,
        ("q",): 14,
        ("q", "r"): 15,
    }
