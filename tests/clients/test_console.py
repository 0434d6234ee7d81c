"""`jupyter console --kernel llmspell` in a terminal, with keys pressed as a person would."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

import pytest

from .terminal import Terminal


@pytest.fixture(scope="module")
def console(kernelspecs: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A console at its first prompt, shared by the tests of this module."""
    assert shutil.which("tmux"), "this test needs tmux: apt-get install tmux"
    folder = tmp_path_factory.mktemp("terminal")
    terminal = Terminal(folder, [sys.executable, "-m", "jupyter_console", "--kernel", "llmspell"])
    try:
        terminal.wait_for("In [1]:", 120)
        yield terminal
        terminal.press("C-c")
        terminal.press("C-d")
        terminal.wait_for(lambda screen: "ended with" in screen or "Do you really want to exit" in screen)
        terminal.press("Enter")
        terminal.wait_for("ended with 0")
    finally:
        terminal.close()


def test_the_banner_names_the_language(console: Terminal) -> None:
    assert "Lua 5.4" in console.screen()


def test_a_value_is_shown(console: Terminal) -> None:
    console.type("21 * 2, 'second'")
    console.wait_for(": 42")


def test_tab_completes(console: Terminal) -> None:
    console.write("coroutine.isyield")
    console.press("Tab")
    console.wait_for("coroutine.isyieldable")
    console.type("()")
    console.wait_for(": false")


def test_an_open_block_asks_for_more_lines(console: Terminal) -> None:
    console.type("for i = 1, 2 do")
    console.wait_for("...:")
    console.type("print('line ' .. i)")
    console.type("end")
    console.wait_for("line 2")


def test_an_error_shows_its_traceback(console: Terminal) -> None:
    console.type("error('shown in red')")
    console.wait_for(": shown in red")


def test_control_c_interrupts(console: Terminal) -> None:
    console.type("print('loop ' .. 'runs') while true do end")
    console.wait_for("loop runs")
    console.press("C-c")
    console.wait_for("interrupted")
    console.type("'alive ' .. 'again'")
    console.wait_for("alive again")


def test_io_read_asks_the_terminal(console: Terminal) -> None:
    console.type("io.write('your ' .. 'name? ') name = io.read()")
    console.wait_for("your name?")
    console.type("Ada")
    console.type("'hello ' .. name")
    console.wait_for("hello Ada")
