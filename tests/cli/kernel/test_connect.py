from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import LLMSPELL, llmspell
from tests.client.files import write
from tests.clients.terminal import Terminal

from .conftest import Manage, Start
from .running import state_of

SECRETS = ("key", "curve_secretkey", "curve_publickey")


def test_the_ways_to_connect_are_real(start: Start) -> None:
    running = start("--id", "my-work")
    done = llmspell("kernel", "connect")
    assert done.returncode == 0 and running.content["key"] not in done.stdout
    told = json.loads(llmspell("kernel", "connect", "my-work", "--output", "json").stdout)
    assert told["id"] == "my-work" and told["connection_file"] == str(running.file) and told["listens"]
    assert {name: running.content[name] for name in told if name.endswith("_port")} == {
        f"{name}_port": told[f"{name}_port"] for name in ("shell", "iopub", "stdin", "control", "hb")
    }
    assert not set(SECRETS) & told.keys()
    for command in told["commands"].values():
        assert command in done.stdout
        assert "my-work" in command or str(running.file) in command or str(running.file.parent) in command
    words = shlex.split(told["commands"]["llmspell run"].replace("SCRIPT", "-"))
    ran = subprocess.run(
        [LLMSPELL, *words[1:]], input="print(6 * 7)", capture_output=True, text=True, timeout=60
    )
    assert ran.stdout == "42\n", ran.stderr
    assert running.content["shell_port"] == told["shell_port"]


def test_of_a_kernel_that_does_not_run_it_says_so(runtime: Path) -> None:
    write(runtime / "kernel-gone.json")
    done = llmspell("kernel", "connect", "gone")
    assert done.returncode == 0 and "nothing listens there now" in done.stdout
    done = llmspell("kernel", "connect")
    assert done.returncode == 1 and "no LLMSpell kernel runs" in done.stderr


def test_which_one_is_meant_has_to_be_said_if_there_are_several(start: Start, manage: Manage) -> None:
    start("--id", "work")
    manage("python3", "snake")
    assert llmspell("kernel", "connect").stdout.startswith("kernel             work\n"), (
        "the only one of ours"
    )
    start("--id", "play")
    done = llmspell("kernel", "connect")
    assert done.returncode == 1
    assert "several kernels run: say which of" in done.stderr and "play" in done.stderr


@pytest.mark.parametrize("existing", [True, False])
def test_the_console_of_jupyter(start: Start, kernelspecs: list[str], tmp_path: Path, existing: bool) -> None:
    assert shutil.which("tmux"), "this test needs tmux: apt-get install tmux"
    arguments = ["--language", "luajit"]
    if existing:
        start("--id", "work")
        arguments = ["work"]
    console = Terminal(tmp_path, [str(LLMSPELL), "kernel", "console", *arguments])
    try:
        console.wait_for("In [1]:", 120)
        console.type("6 * 7, (jit and jit.version or _VERSION)")
        screen = console.wait_for("In [2]:")
        assert ('"Lua 5.4"' if existing else '"LuaJIT') in screen
        console.press("C-d")
        console.wait_for(lambda screen: "ended with" in screen or "Do you really want to exit" in screen)
        console.press("Enter")
        console.wait_for("ended with 0")
    finally:
        console.close()
    assert not existing or state_of("work") == "idle"


def test_the_console_says_what_is_missing(runtime: Path) -> None:
    write(runtime / "kernel-gone.json")
    done = llmspell("kernel", "console", "gone")
    assert done.returncode == 1 and "does not run any more" in done.stderr
    done = llmspell("kernel", "console", "gone", "--language", "luajit")
    assert done.returncode == 2 and "--engine is for a new kernel" in done.stderr
    program = (
        "import sys; sys.modules['jupyter_console'] = None\n"
        "from llmspell_kernel.cli import main; sys.exit(main(['kernel', 'console']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "pip install jupyter-console" in done.stderr
