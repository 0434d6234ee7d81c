"""The option that chooses a Lua means the same in every command, and settings hold in every command."""

from __future__ import annotations

from pathlib import Path

import pytest

from .command import llmspell


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "version.lua").write_text("print(jit and 'JIT' or _VERSION)")
    return tmp_path


@pytest.mark.parametrize("option", ["--engine", "--language"])
@pytest.mark.parametrize("command", [("run", "version.lua"), ("exec", "print(jit and 'JIT')")])
def test_a_lua_goes_by_both_options(work: Path, command: tuple[str, ...], option: str) -> None:
    assert llmspell(*command, option, "luajit", cwd=work).stdout == "JIT\n"


def test_the_debugger_takes_it_too(work: Path) -> None:
    done = llmspell("debug", "version.lua", "--engine", "luajit", cwd=work, stdin="continue\n")
    assert "JIT\n" in done.stdout


def test_settings_hold_under_the_debugger(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "shell.lua").write_text("print(pcall(os.execute, 'echo it ran'))")
    (work / "llmspell.toml").write_text('default_engine = "lua55"')
    done = llmspell("-p", "restricted", "debug", "shell.lua", cwd=work, stdin="continue\n")
    assert "it ran\n" not in done.stdout.replace("echo it ran", "")
    assert "allow_process_spawn" in done.stdout
    assert "Lua 5.5\n" in llmspell("debug", "version.lua", cwd=work, stdin="continue\n").stdout
    monkeypatch.setenv("LLMSPELL_ENGINE", "lua54")
    assert "Lua 5.4\n" in llmspell("debug", "version.lua", cwd=work, stdin="continue\n").stdout


def test_a_time_limit_holds_under_the_debugger(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMSPELL_SCRIPT_TIMEOUT_SECONDS", "0.001")
    (work / "loop.lua").write_text("while true do end")
    done = llmspell("debug", "loop.lua", cwd=work, stdin="continue\n")
    assert done.returncode == 124
    assert "limit" in done.stderr
