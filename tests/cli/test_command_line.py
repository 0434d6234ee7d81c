from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from llmspell_kernel import __version__

from .command import LLMSPELL, llmspell


def test_version_says_the_number() -> None:
    assert llmspell("version").stdout == f"LLMSpell {__version__}\n"
    assert llmspell("version", "--short").stdout == f"{__version__}\n"
    assert llmspell("--version").stdout == f"{__version__}\n"


def test_a_version_for_programs() -> None:
    assert json.loads(llmspell("version", "--output", "json").stdout) == {"version": __version__}
    told = json.loads(llmspell("version", "--verbose", "--output", "pretty").stdout)
    assert told["version"] == __version__ and sys.executable in told["python"]


def test_a_verbose_version_serves_a_bug_report() -> None:
    said = llmspell("version", "--verbose").stdout
    assert sys.executable in said
    for part in ("Lua 5.4", "Lua 5.5", "LuaJIT 2.1", "ipykernel", "lupa"):
        assert part in said


@pytest.mark.parametrize("group", [(), ("kernel",)])
def test_without_a_command_there_is_help(group: tuple[str, ...]) -> None:
    done = llmspell(*group)
    assert done.returncode == 0 and done.stderr == ""
    assert "Commands:" in done.stdout
    assert done.stdout == llmspell(*group, "--help").stdout == llmspell(*group, "-h").stdout


@pytest.mark.parametrize(
    "command", [(), ("kernel", "install"), ("kernel", "start"), ("debug",), ("version",)]
)
def test_help_shows_examples_that_are_real(command: tuple[str, ...]) -> None:
    help_text = llmspell(*command, "--help").stdout
    examples = [line.split() for line in help_text.partition("Examples:")[2].splitlines()]
    ours = [words for words in examples if words and words[0] == "llmspell"]
    assert ours
    for words in ours:
        for option in (word for word in words if word.startswith("--") and len(word) > 2):
            if option != "--help-all":  # the kernel's own
                assert option in help_text.partition("Examples:")[0]


@pytest.mark.parametrize(
    ("arguments", "message", "where"),
    [
        (["versoin"], "No such command 'versoin'. Did you mean 'version'?", "llmspell"),
        (["kernel", "consoel"], "No such command 'consoel'. Did you mean 'console'?", "llmspell kernel"),
        (["version", "--shrt"], "No such option '--shrt'. Did you mean '--short'?", "llmspell version"),
        (["--vresion"], "No such option '--vresion'. Did you mean '--version'?", "llmspell"),
        (
            ["kernel", "install", "--language", "lua53"],
            "Invalid value for '--language': 'lua53' is not one of 'lua54', 'lua55', 'luajit'.",
            "llmspell kernel install",
        ),
        (
            ["kernel", "install", "--user", "--sys-prefix"],
            "--user, --sys-prefix and --prefix name three places; choose one.",
            "llmspell kernel install",
        ),
        (
            ["kernel", "install", "--all", "--name", "mine"],
            "--all installs every language under its own name; leave out the other options.",
            "llmspell kernel install",
        ),
        (
            ["kernel", "install", "--env", "NAME"],
            "Invalid value for '--env': 'NAME' is not NAME=VALUE",
            "llmspell kernel install",
        ),
        (
            ["version", "--short", "--verbose"],
            "--short and --verbose contradict each other; choose one.",
            "llmspell version",
        ),
        (
            ["kernel", "start", "--connection-file", "/nowhere/at/all.json"],
            "there is no directory /nowhere/at to write all.json in; create it first.",
            "llmspell kernel start",
        ),
        (
            ["debug", "pyproject.toml", "--listen", "localhost"],
            "Invalid value for '--listen': 'localhost' is not HOST:PORT; port 0 lets the system choose, as "
            "in 127.0.0.1:0",
            "llmspell debug",
        ),
        (
            ["debug", "pyproject.toml", "--wait"],
            "--wait is for editors; give --listen too, or leave it out.",
            "llmspell debug",
        ),
        (
            ["debug", "nowhere.lua"],
            "Invalid value for 'SCRIPT': File 'nowhere.lua' does not exist.",
            "llmspell debug",
        ),
    ],
)
def test_a_wrong_command_line(arguments: list[str], message: str, where: str) -> None:
    done = llmspell(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"error: {message}\nhelp:  {where} --help\n"


@pytest.mark.parametrize("arguments", [["--help"], ["version", "--verbose"]])
def test_a_reader_that_went_away_is_no_traceback(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([LLMSPELL, *arguments], stdout=writing, stderr=subprocess.PIPE, timeout=60)
    finally:
        os.close(writing)
    assert done.returncode == 141
    assert done.stderr == b""
