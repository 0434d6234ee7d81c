"""`llmspell repl --connect`: a kernel of another process, which others use too and which may die."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmspell_kernel import connect
from tests.client.conftest import KernelProcess, start_process
from tests.clients.terminal import Terminal

from .command import LLMSPELL


@pytest.fixture
def kernel_process(tmp_path: Path) -> Iterator[KernelProcess]:
    process = start_process(tmp_path)
    yield process
    process.end()


@pytest.fixture
def repl(
    kernel_process: KernelProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Terminal]]:
    """Starts REPLs that are connected to it."""
    started: list[Terminal] = []

    def start(prompt: str = "[1]> ") -> Terminal:
        words = [str(LLMSPELL), "repl", "--connect", str(kernel_process.file)]
        started.append(Terminal(tmp_path_factory.mktemp("terminal"), words, width=150, height=40))
        started[-1].wait_for(prompt, 60)
        return started[-1]

    yield start
    for terminal in started:
        terminal.close()


def test_a_pipe_reaches_a_running_kernel(kernel_process: KernelProcess) -> None:
    done = subprocess.run(
        [LLMSPELL, "repl", "--connect", kernel_process.file],
        input="shared = 20\nprint(shared * 2)\nio.read()\ntyped\n.run missing.lua\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == '40\n"typed"\n' and done.returncode == 1 and "missing.lua" in done.stderr
    done = subprocess.run(
        [LLMSPELL, "repl", "--connect", kernel_process.file],
        input="os.exit(3)\nprint('more')\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")
    with connect(kernel_process.file) as client:
        assert client.execute("shared").text == "20"


def test_variables_are_shared_and_the_others_output_is_not_shown(
    repl: Callable[..., Terminal], kernel_process: KernelProcess
) -> None:
    terminal = repl()
    with connect(kernel_process.file) as client:
        client.execute("theirs = 'theirs' print('not for ' .. 'you')")
        terminal.type("theirs")
        shown = terminal.wait_for('"theirs"\n')
        assert "not for you" not in shown and "[3]> " in terminal.wait_for("[3]> ")
        terminal.type("os.exit(3)")
        assert "the kernel goes on" in terminal.wait_for("[4]> ")
        terminal.type(".info")
        assert str(kernel_process.process.pid) in terminal.wait_for("its directory")
        terminal.press("C-d")
        terminal.wait_for("ended with 0")
        assert client.execute("theirs").text == '"theirs"'


def test_ctrl_c_interrupts_only(repl: Callable[..., Terminal], kernel_process: KernelProcess) -> None:
    terminal = repl()
    terminal.type("kept = 1 print('be' .. 'gun') while true do end")
    terminal.wait_for("\nbegun")
    terminal.press("C-c")
    terminal.wait_for("the cell was interrupted")
    terminal.type("kept")
    terminal.wait_for("\n1\n")
    assert kernel_process.process.poll() is None


def test_help_comes_while_typing(repl: Callable[..., Terminal]) -> None:
    terminal = repl()
    terminal.write("string.rep(")
    terminal.wait_for("string.rep(s: string, n: integer")
    terminal.press("C-c")
    terminal.type("for i = 1, 2 do")
    terminal.type("print('li' .. 'ne') end")
    terminal.wait_for("\nline\nline")


def test_a_kernel_that_dies_is_told_and_can_be_found_again(
    repl: Callable[..., Terminal], kernel_process: KernelProcess
) -> None:
    terminal = repl()
    terminal.type("print('be' .. 'gun') while true do end")
    terminal.wait_for("\nbegun")
    kernel_process.end()
    shown = terminal.wait_for("help:  .reset connects again")
    assert "has died" in shown and "Traceback" not in shown
    terminal.type("1 + 1")
    terminal.wait_for(lambda screen: screen.count("help:  .reset") == 2)
    terminal.type(".reset")
    terminal.wait_for(lambda screen: "no kernel runs at" in screen or "nobody listens" in screen)
    terminal.type("2 + 2")
    terminal.wait_for(lambda screen: screen.count("help:  .reset") == 4)
    terminal.press("C-d")
    terminal.wait_for("ended with 0")
