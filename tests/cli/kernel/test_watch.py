from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.cli.command import LLMSPELL
from tests.clients.terminal import Terminal

from .conftest import Start

WATCH = [str(LLMSPELL), "kernel", "list", "--watch", "--interval", "0.2"]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[[Sequence[str]], Terminal]]:
    """A real terminal that runs a command in a shell."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    opened: list[Terminal] = []

    def open_one(command: Sequence[str]) -> Terminal:
        opened.append(Terminal(tmp_path, command, width=100, height=15))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def test_a_terminal_shows_the_kernels_in_place_until_ctrl_c(
    start: Start, terminal: Callable[[Sequence[str]], Terminal]
) -> None:
    start("--id", "work")
    shell = terminal(WATCH)
    screen = shell.wait_for("Ctrl-C ends")
    assert screen.count("ID    STATE") == 1 and screen.count("work  idle") == 1
    (clock,) = (line for line in screen.splitlines() if "Ctrl-C ends" in line)
    screen = shell.wait_for(lambda screen: "Ctrl-C ends" in screen and clock not in screen)
    assert screen.count("work  idle") == 1, "drawn over what was there"
    play = start("--id", "play")
    shell.wait_for("play  idle")
    play.end()
    shell.wait_for("play  dead")
    shell.press("C-c")
    screen = shell.wait_for("ended with 0")
    assert screen.count("work  idle") == 1, "what was shown last stays"
    assert "Ctrl-C ends" not in screen


def test_a_smaller_or_larger_window_is_filled_anew(
    start: Start, terminal: Callable[[Sequence[str]], Terminal]
) -> None:
    start("--id", "work")
    for number in range(8):
        (Path(os.environ["JUPYTER_RUNTIME_DIR"]) / f"kernel-bad-{number}.json").write_text("{}")
    shell = terminal([*WATCH[:-1], "3600"])
    shell.wait_for("Ctrl-C ends")
    for width, height in ((40, 8), (120, 20), (60, 6)):
        shell.resize(width, height)
        shell.wait_for(_fills(shell, width, height))


def _fills(shell: Terminal, width: int, height: int) -> Callable[[str], bool]:
    """Whether ten lines of kernels are shown as well as they can be, and nothing of earlier sizes."""

    def fills(_: str) -> bool:
        lines = [line for line in shell.visible() if line]
        fewer = any(line.startswith("... ") and line.endswith(" more") for line in lines)
        return (
            bool(lines)
            and lines[0].startswith("ID ")
            and "Ctrl-C" in lines[-1]
            and sum("Ctrl-C" in line for line in lines) == 1
            and all(len(line) <= width for line in lines)
            and len(lines) == min(height - 1, 11)
            and fewer == (height < 12)
        )

    return fills


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_pipe_gets_each_look_after_the_other(start: Start, form: str) -> None:
    start("--id", "work")
    process = subprocess.Popen(
        [*WATCH, "--output", form], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        if form == "json":
            assert [json.loads(line)[0]["id"] for line in lines] == ["work"] * 4
        else:
            assert [line.split()[0] for line in lines] == ["ID", "work"] * 2
        assert "\x1b" not in "".join(lines)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0 and said == ""
    finally:
        process.kill()
        process.communicate()


def test_a_reader_that_goes_away_ends_it_quietly(start: Start) -> None:
    start("--id", "work")
    process = subprocess.Popen(WATCH, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == ""
    process.stderr.close()
