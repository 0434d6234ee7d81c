"""The shells themselves: what is typed, Tab, Enter, and what the command is then called with."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from .command import LLMSPELL, llmspell

PROMPT = "ready> "
START = {
    "bash": (["--norc", "-i"], "bind 'set enable-bracketed-paste off'; PS1='rea''dy> '"),
    "zsh": (["-f", "-i"], "autoload -Uz compinit; compinit -u -D; PS1='rea''dy> '"),
    "fish": (["--no-config", "-i"], "function fish_prompt; echo -n rea'dy> '; end"),
}
CASES = {
    "a command": ("vers", ["version"]),
    "a command of a group": ("kernel inst", ["kernel", "install"]),
    "an option": ("run --time", ["run", "--timeout"]),
    "a profile": ("-p restr", ["-p", "restricted"]),
    "a profile behind a comma": ("--profile restricted,bases/te", ["--profile", "restricted,bases/testing"]),
    "a key": ("config get engines.lua.std", ["config", "get", "engines.lua.stdlib"]),
    "a value": (
        "config set runtime.security.allow_file_access f",
        ["config", "set", "runtime.security.allow_file_access", "false"],
    ),
    "a language": ("run --engine luaj", ["run", "--engine", "luajit"]),
    "a language behind =": ("run --engine=luaj", ["run", "--engine=luajit"]),
    "a script": ("run my", ["run", "my script.lua"]),
    "an argument of a script": ("run x.lua -- my", ["run", "x.lua", "--", "my script.lua"]),
    "a file behind =": ("exec --config=team", ["exec", "--config=team.toml"]),
    "a kernel": ("kernel stop wor", ["kernel", "stop", "work-1"]),
    "an app": ("app run hel", ["app", "run", "hello"]),
    "a kernel to run in": ("exec --connect wor", ["exec", "--connect", "work-1"]),
}


class Shell:
    """An interactive shell that completes `llmspell`, which then only says what it is called with."""

    def __init__(self, name: str, folder: Path) -> None:
        script = folder / f"completion.{name}"
        script.write_text(llmspell("completion", name).stdout)
        command = folder / "bin" / "llmspell"
        command.parent.mkdir()
        command.write_text(
            f'#!/bin/bash\n[[ -n ${{_LLMSPELL_COMPLETE-}} ]] && exec {shlex.quote(str(LLMSPELL))} "$@"\n'
            "printf 'called:'; printf '[%s]' \"$@\"; echo ':end'\n"
        )
        command.chmod(0o755)
        work = folder / "work"
        work.mkdir()
        (work / "my script.lua").touch()
        (work / "team.toml").touch()
        (work / "apps" / "hello").mkdir(parents=True)
        (work / "apps" / "hello" / "main.lua").touch()
        arguments, setup = START[name]
        self._process = pexpect.spawn(
            name,
            arguments,
            cwd=work,
            env={
                **os.environ,
                "PATH": f"{command.parent}:{os.environ['PATH']}",
                "HOME": str(folder),
                "XDG_CONFIG_HOME": str(folder),
                "XDG_DATA_HOME": str(folder),
                "TERM": "dumb",
            },
            encoding="utf-8",
            timeout=60,
            dimensions=(50, 250),
        )
        self._process.sendline(f"{setup}; source {shlex.quote(str(script))}")
        self._process.expect_exact(PROMPT)

    def called_with(self, typed: str) -> list[str]:
        """The words that the command gets when this is typed, completed and entered."""
        self._process.send(f"llmspell {typed}\t")
        self._process.send("\r")
        self._process.expect(r"called:([^\r\n]*):end")
        assert self._process.match is not None
        found = str(self._process.match[1])
        self._process.expect_exact(PROMPT)
        return re.findall(r"\[([^\]]*)\]", found)

    def close(self) -> None:
        """Ends the shell."""
        self._process.close(force=True)


@pytest.fixture(scope="module", params=list(START))
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, kernel_file: Path
) -> Iterator[Shell]:
    name = str(request.param)
    if not shutil.which(name):
        pytest.skip(f"there is no {name} here; make test installs it")
    shell = Shell(name, tmp_path_factory.mktemp(name))
    try:
        yield shell
    finally:
        shell.close()


@pytest.fixture(scope="module")
def kernel_file(isolated_folders: Path) -> Iterator[Path]:
    """The connection file of something that listens."""
    file = Path(os.environ["JUPYTER_RUNTIME_DIR"], "kernel-work-1.json")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ports = {f"{name}_port": port for name in ("shell", "iopub", "stdin", "control", "hb")}
        content = {"ip": "127.0.0.1", "transport": "tcp", "key": "secret", "kernel_name": "llmspell", **ports}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
        file.chmod(0o600)
        yield file
        file.unlink()


@pytest.mark.parametrize("case", CASES)
def test_what_is_typed_is_completed(shell: Shell, case: str) -> None:
    typed, words = CASES[case]
    assert shell.called_with(typed) == words


def answers(line: str, shell: str = "bash") -> str:
    done = subprocess.run(
        [LLMSPELL],
        env={**os.environ, "_LLMSPELL_COMPLETE": shell, "COMP_LINE": line},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


def test_every_command_is_offered_with_what_it_does() -> None:
    offered = answers("llmspell ", "fish")
    for line in ("plain,run\tRun a Lua script", "plain,config\tShow, check and change settings"):
        assert line in offered


def test_sections_are_offered_where_a_section_may_stand() -> None:
    assert "plain,kernel\n" in answers("llmspell config show ker")
    assert "plain,kernel\n" not in answers("llmspell config get ker")


@pytest.mark.parametrize(
    "line", ["llmspell nonsense ", "llmspell run --nonsense ", "llmspell 'unclosed ", ""]
)
def test_a_line_that_makes_no_sense_is_met_with_silence(line: str) -> None:
    assert "error" not in answers(line)


def test_an_unknown_shell_is_refused() -> None:
    done = llmspell("completion", "tcsh")
    assert done.returncode == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in done.stderr
