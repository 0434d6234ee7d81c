from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from llmspell_kernel import __version__
from llmspell_kernel.cli.commands import llmspell as program

from .command import LLMSPELL, llmspell

ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize("group", [(), ("kernel",), ("config",), ("app",)])
def test_without_a_command_there_is_help(group: tuple[str, ...]) -> None:
    done = llmspell(*group)
    assert done.returncode == 0 and done.stderr == ""
    assert "Commands:" in done.stdout
    assert done.stdout == llmspell(*group, "--help").stdout == llmspell(*group, "-h").stdout


def commands(context: click.Context) -> Iterator[click.Context]:
    """The context of every command and group."""
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            child = context.command.get_command(context, name)
            assert child is not None
            yield from commands(click.Context(child, parent=context, info_name=name))


@pytest.mark.parametrize(
    "context",
    list(commands(click.Context(program, info_name="llmspell"))),
    ids=lambda each: each.command_path,
)
def test_help_shows_examples_that_are_real(context: click.Context) -> None:
    _, _, examples = context.command.get_help(context).partition("Examples:")
    codes = [re.split(r"  +", line.strip())[0] for line in examples.splitlines()]
    ours = [
        found[1] or found[2]
        for code in codes
        if (found := re.search(r"<\(llmspell ([^)]*)|(?:^|\| )llmspell (.*)", code))
    ]
    assert ours
    for words in ours:
        assert_parses(shlex.split(words))


@pytest.mark.parametrize(
    "page",
    [
        file
        for file in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
        if file.parent.name != "reference"
    ],
    ids=lambda file: file.stem,
)
def test_command_lines_of_the_pages_are_real(page: Path) -> None:
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```(?:bash|console|text)\n(.*?)^```", text, re.M | re.S)
    lines = [*"".join(blocks).splitlines(), *re.findall(r"`(llmspell [a-z-][^`]*)`", text.replace("\n", " "))]
    for line in lines:
        if found := re.match(r"(?:\$ |[A-Z_]+=\S+ |echo .* \| )?llmspell ([a-z-].*)", line):
            words = shlex.split(re.sub(r" (> .*|--\.\.\.|\.\.\.)$", "", found[1]), comments=True)
            assert_parses([word for word in words if word != "<Tab>"])


def assert_parses(words: list[str]) -> None:
    """All the options of an example are there, and what they are given fits."""
    command: click.Command = program
    parent = None
    while isinstance(command, click.Group):
        context = command.make_context("llmspell", words.copy(), parent=parent, resilient_parsing=True)
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        name, found, words = command.resolve_command(context, rest)
        assert found is not None, name
        command, parent = found, context
    known = {option for each in command.get_params(click.Context(command)) for option in each.opts}
    for word in words:
        if word == "--":
            break
        if word.startswith("--"):
            assert word.partition("=")[0] in known, f"{word} in {words}"


def test_lists_show_whole_sentences() -> None:
    for group in ((), ("kernel",), ("config",)):
        commands_listed = llmspell(*group, "--help").stdout.partition("Commands:")[2].partition("\n\n")[0]
        assert "..." not in commands_listed


@pytest.mark.parametrize(
    ("arguments", "message", "where"),
    [
        (["versoin"], "No such command 'versoin'. Did you mean 'version'?", "llmspell"),
        (["kernel", "consoel"], "No such command 'consoel'. Did you mean 'console'?", "llmspell kernel"),
        (["version", "--shrt"], "No such option '--shrt'. Did you mean '--short'?", "llmspell version"),
        (
            ["completion"],
            "Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish",
            "llmspell completion",
        ),
        (
            ["exec", "1", "--timeout", "soon"],
            "Invalid value for '--timeout': 'soon' is not a number.",
            "llmspell exec",
        ),
        (
            ["kernel", "start", "--port", "x"],
            "Invalid value for '--port': 'x' is not a whole number.",
            "llmspell kernel start",
        ),
        (["--vresion"], "No such option '--vresion'. Did you mean '--version'?", "llmspell"),
        (
            ["kernel", "install", "--language", "lua53"],
            "Invalid value for '--engine' / '--language': 'lua53' is not one of 'lua54', 'lua55', 'luajit'.",
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
            ["debug", "pyproject.toml", "--token", "x"],
            "--token is for editors; give --listen too, or leave it out.",
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


def test_a_closed_standard_output_is_told() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{shlex.quote(str(LLMSPELL))} app list >&-"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: standard output is closed: there is nowhere to show the result\n"
