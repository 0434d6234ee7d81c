"""How the arguments of a magic are read by its usage line."""

from __future__ import annotations

import pytest

from llmspell_kernel.errors import MagicError
from llmspell_kernel.magics.arguments import Usage

TIMEIT = Usage("%timeit [-n LOOPS] [-r RUNS] CODE")
RUN = Usage("%run FILE [ARGS ...]")
WRITE = Usage("%%writefile [-a] FILE")
CAPTURE = Usage("%%capture [--no-stdout] [--no-stderr] [VARIABLE]")


def test_code_is_taken_as_typed() -> None:
    found = TIMEIT.read("-n 10 -r3 f('a  b', \"it's\")  -- why")
    assert found.options == {"n": "10", "r": "3"}
    assert found.text == "f('a  b', \"it's\")  -- why"
    assert (found.number("n"), found.number("r"), found.number("x")) == (10, 3, None)


@pytest.mark.parametrize("code", ["-x", "-(1)", "'open", "- n", '#"a b"'])
def test_code_may_look_like_options_and_quotes(code: str) -> None:
    assert TIMEIT.read(code).text == code
    assert TIMEIT.read(f"-- {code}").text == code


def test_words_are_cut_as_a_shell_does() -> None:
    assert RUN.read(r"a\ b.lua 'x y' -n \"").values == ("a b.lua", "x y", "-n", '"')
    assert WRITE.read('-a "my file"').values == ("my file",)
    assert WRITE.read("-- -a").values == ("-a",)
    assert CAPTURE.read("--no-stderr out").options == {"no-stderr": ""}


@pytest.mark.parametrize(
    ("usage", "text", "complaint"),
    [
        (WRITE, "", "missing"),
        (WRITE, "a b", "too much: 'b'"),
        (WRITE, "-q a", "no such option: -q"),
        (WRITE, "'a", "quote is not closed"),
        (CAPTURE, "--stdout x", "no such option: --stdout"),
        (TIMEIT, "-n", "-n wants a value"),
        (TIMEIT, "", "missing"),
        (Usage("%pwd"), "x", "too much"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_usage(usage: Usage, text: str, complaint: str) -> None:
    with pytest.raises(MagicError) as caught:
        usage.read(text)
    assert complaint in str(caught.value) and usage.text in str(caught.value)


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5"])
def test_numbers_are_checked(text: str) -> None:
    with pytest.raises(MagicError, match="whole number"):
        TIMEIT.read(f"-n {text} f()").number("n")
