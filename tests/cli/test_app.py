from __future__ import annotations

import json
from pathlib import Path

import pytest

from .command import llmspell

HELLO = """
default_engine = "lua55"

[app]
name = "Hello World"
description = "Greets whoever is there."
version = "1.2"
author = "Ada"
tags = ["demo", "Text"]
complexity = "simple"
agents = ["greeter", "writer"]

[runtime]
script_timeout_seconds = 50
"""
MAIN = """
local greeting = require "greeting"
print(_VERSION, greeting(ARGS[1] or "nobody"), Config.getSection("runtime.script_timeout_seconds"))
return {answer = 42}
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with apps in it, and a home without any."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    add(tmp_path / "apps", "hello", HELLO, MAIN)
    (tmp_path / "apps/hello/greeting.lua").write_text('return function(name) return "hello " .. name end')
    add(tmp_path / "apps", "bare", None)
    (tmp_path / "apps" / "no app").mkdir()
    return tmp_path


def add(place: Path, name: str, config: str | None, main: str = "print(...)") -> None:
    folder = place / name
    folder.mkdir(parents=True)
    (folder / "main.lua").write_text(main)
    if config is not None:
        (folder / "config.toml").write_text(config)


def test_apps_are_listed_with_what_they_say(work: Path) -> None:
    done = llmspell("app", "list", cwd=work)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "NAME   VERSION  COMPLEXITY  AGENTS  DESCRIPTION",
        "bare",
        "hello  1.2      simple           2  Greets whoever is there.",
    ]
    (_, hello) = json.loads(llmspell("app", "list", "--output", "json", cwd=work).stdout)
    assert hello == {
        "name": "hello",
        "title": "Hello World",
        "description": "Greets whoever is there.",
        "version": "1.2",
        "author": "Ada",
        "tags": ["demo", "Text"],
        "complexity": "simple",
        "agents": ["greeter", "writer"],
        "folder": "apps/hello",
        "problems": [],
    }


def test_without_apps_the_places_are_named(tmp_path: Path) -> None:
    done = llmspell("app", "list", "--search-path", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(f"no apps in {tmp_path}, ")
    assert "/usr/local/share/llmspell/apps" in done.stdout


def test_the_first_place_counts(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("home/.llmspell/apps", "named", "first"):
        add(work / place, "hello", f'[app]\ndescription = "in {place}"')

    def found(*options: str) -> str:
        return llmspell("app", "info", "hello", *options, cwd=work).stdout

    assert "in home" in found()
    monkeypatch.setenv("LLMSPELL_APP_PATH", f"nowhere:{work / 'named'}")
    assert "in named" in found()
    assert "in first" in found("--search-path", "first")


def test_info_shows_the_settings_too(work: Path) -> None:
    done = llmspell("app", "info", "Hello world", cwd=work)
    assert done.stdout.splitlines() == [
        "hello: Hello World",
        "about       Greets whoever is there.",
        "version     1.2",
        "author      Ada",
        "tags        demo, Text",
        "complexity  simple",
        "agents      greeter, writer",
        "script      apps/hello/main.lua",
        'setting     default_engine = "lua55"',
        "setting     runtime.script_timeout_seconds = 50",
    ]


def test_an_app_runs_with_its_settings_its_files_and_its_arguments(work: Path) -> None:
    done = llmspell("app", "run", "hello", "--", "Ada", cwd=work)
    assert done.stdout == "Lua 5.5\thello Ada\t50.0\n"
    document = json.loads(llmspell("app", "run", "./apps/hello", "--output", "json", cwd=work).stdout)
    assert (document["result"], document["exit_code"]) == ({"answer": 42}, 0)


def test_what_the_user_sets_comes_over_the_apps_settings(work: Path) -> None:
    (work / "llmspell.toml").write_text("[runtime]\nscript_timeout_seconds = 40\n")
    done = llmspell("app", "run", "hello", "--engine", "lua54", cwd=work)
    assert done.stdout == "Lua 5.4\thello nobody\t40.0\n"
    shown = llmspell("app", "run", "hello", "--dry-run", cwd=work).stdout
    assert 'default_engine = "lua55"  # apps/hello/config.toml:2' in shown
    assert "script_timeout_seconds = 40.0  # llmspell.toml:2" in shown


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["GREETS", "ada"], ["hello"]),
        (["--tag", "text", "--tag", "demo"], ["hello"]),
        (["--tag", "text", "--tag", "other"], []),
        (["--complexity", "Simple"], ["hello"]),
        (["--agents", "2"], ["hello"]),
        (["--agents", "0-1"], ["bare"]),
        (["--agents", "1+"], ["hello"]),
        ([], ["bare", "hello"]),
    ],
)
def test_search(work: Path, arguments: list[str], found: list[str]) -> None:
    done = llmspell("app", "search", *arguments, "--output", "json", cwd=work)
    assert [app["name"] for app in json.loads(done.stdout)] == found


def test_what_is_wrong_in_a_config_is_told_and_the_app_is_there(work: Path) -> None:
    add(work / "apps", "old", '[app]\nversion = 1.0\nagents = "many"\ndescription = "Works."')
    add(work / "apps", "torn", "[app\n")
    done = llmspell("app", "list", cwd=work)
    assert done.returncode == 0
    assert "Works." in done.stdout and "torn" in done.stdout
    assert done.stderr.splitlines() == [
        "note: apps/old/config.toml:2: app.version: expected a text, got 1.0",
        'note: apps/old/config.toml:3: app.agents: expected a number or a list of names, got "many"',
        "note: apps/torn/config.toml:1: is not TOML: expected ']' at the end of a table declaration",
    ]
    assert llmspell("app", "run", "old", "--", "runs", cwd=work).stdout == "runs\n"
    done = llmspell("app", "run", "torn", cwd=work)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: apps/torn/config.toml:1: is not TOML")


def test_a_wrong_setting_is_told(work: Path) -> None:
    add(work / "apps", "wrong", "[runtime]\nscript_timout_seconds = 1\n")
    problem = "apps/wrong/config.toml:2: runtime.script_timout_seconds: no such setting; did you mean"
    assert f"note: {problem}" in llmspell("app", "info", "wrong", cwd=work).stderr
    done = llmspell("app", "run", "wrong", cwd=work)
    assert done.returncode == 1 and done.stderr.startswith(f"error: {problem}")


def test_an_app_cannot_leave_the_sandbox_by_itself(work: Path) -> None:
    add(work / "apps", "wild", '[engines.lua]\nsecurity_level = "unrestricted"\n')
    done = llmspell("app", "run", "wild", cwd=work)
    assert (done.returncode, done.stdout) == (1, "")
    assert "an app cannot ask for more than safe" in done.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("helo", "there is no app called helo; did you mean hello?"),
        ("x", "there is no app called x; `llmspell app list` shows those that there are"),
        ("./apps/no app", "apps/no app is no app: there is no main.lua in it"),
    ],
)
def test_an_app_that_is_not_there(work: Path, name: str, message: str) -> None:
    done = llmspell("app", "run", name, cwd=work)
    assert (done.returncode, done.stderr) == (1, f"error: {message}\n")


def test_a_number_of_agents_that_is_none() -> None:
    done = llmspell("app", "search", "--agents", "few")
    assert done.returncode == 2
    assert "'few' is not a number, N-M or N+" in done.stderr
