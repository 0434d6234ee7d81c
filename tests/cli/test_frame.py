"""The global options, the forms of output, and what every command has in common."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from llmspell_kernel.cli.commands import llmspell as root
from llmspell_kernel.cli.frame import Frame, global_options
from llmspell_kernel.cli.output import Table, fact, json_text, size, wrapped

from .command import LLMSPELL, llmspell

MINUTE = 60


Words = tuple[str, ...]


def context_of(command: click.Command) -> click.Context:
    return click.Context(command, **root.context_settings)


def commands(group: click.Group, path: Words = ()) -> Iterator[tuple[Words, click.Command]]:
    for name in group.list_commands(context_of(group)):
        command = group.get_command(context_of(group), name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands(root))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_takes_the_global_options(path: Words) -> None:
    command = COMMANDS[path]
    words = {word for param in command.get_params(context_of(command)) for word in param.opts}
    assert {option.opts[-1] for option in global_options()} <= words


@pytest.mark.parametrize(
    "words",
    [
        ["--output", "json", "exec", "1"],
        ["exec", "--output", "json", "1"],
        ["exec", "1", "--output", "json"],
        ["--output", "pretty", "exec", "1", "--output", "json"],
    ],
)
def test_global_options_stand_anywhere(tmp_path: Path, words: list[str]) -> None:
    done = llmspell(*words, cwd=tmp_path)
    assert json.loads(done.stdout)["result"] == 1 and done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rum", "x.lua"], "No such command 'rum'. Did you mean"),
        (["--outptu", "json", "version"], "No such option '--outptu'. Did you mean '--output'?"),
        (["version", "--colr", "always"], "No such option '--colr'. (Did you mean one of: '--color'"),
        (["version", "--color", "sometimes"], "Invalid value for '--color': 'sometimes' is not one of"),
        (["version", "--trace", "loud"], "Invalid value for '--trace': 'loud' is not one of"),
        (["version", "--output", "yaml"], "Invalid value for '--output': 'yaml' is not one of"),
    ],
)
def test_what_was_meant(words: list[str], message: str) -> None:
    done = llmspell(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}") and done.stderr.count("\n") == 2


def test_a_traceback_is_for_those_who_ask(tmp_path: Path) -> None:
    done = llmspell("run", "nowhere.lua", cwd=tmp_path)
    assert done.stderr == "error: there is no file nowhere.lua\n" and done.returncode == 1
    done = llmspell("--trace", "debug", "run", "nowhere.lua", cwd=tmp_path)
    assert done.stderr.startswith("Traceback (most recent call last):\n") and done.returncode == 1
    assert done.stderr.endswith("error: there is no file nowhere.lua\n")


@pytest.mark.parametrize(
    ("words", "status", "name", "message"),
    [
        (["run", "nowhere.lua"], 1, "UsageError", "there is no file nowhere.lua"),
        (["run", "--connect", "nowhere", "good.lua"], 1, "NoSuchKernelError", "no kernel 'nowhere'"),
        (["run", "good.lua", "-c", "broken.toml"], 1, "SettingsError", "broken.toml"),
        (["run", "good.lua", "--bogus"], 2, "UsageError", "No such option '--bogus'"),
        (["exec", "1", "--engine", "lua54", "--connect", "x"], 2, "UsageError", "--engine chooses a Lua"),
        (["app", "run", "nowhere"], 1, "UsageError", "no app called nowhere"),
        (["state", "get", "nothing"], 1, "UsageError", "there is no 'nothing'"),
        (["kernel", "status", "nowhere"], 1, "NoSuchKernelError", "no kernel 'nowhere'"),
        (["frobnicate"], 2, "UsageError", "No such command 'frobnicate'"),
    ],
)
def test_what_cannot_begin_is_a_document_too(
    tmp_path: Path, words: list[str], status: int, name: str, message: str
) -> None:
    (tmp_path / "good.lua").write_text("return 1")
    (tmp_path / "broken.toml").write_text("[kernel\n")
    for line in (["--output", "json", *words], [*words, "--output", "json"]):
        done = llmspell(*line, cwd=tmp_path)
        document = json.loads(done.stdout)
        assert document["status"] == "error" and document["exit_code"] == done.returncode == status
        assert document["error"]["name"] == name and message in document["error"]["message"]
        assert done.stderr.startswith(f"error: {document['error']['message']}\n")
        assert document.get("output", "") == "" and document.get("result") is None


def test_the_document_of_a_script_names_it_also_if_it_cannot_begin(tmp_path: Path) -> None:
    (tmp_path / "bad.lua").write_text("error('no luck')")
    failed, missing = (
        json.loads(llmspell("run", name, "--output", "json", cwd=tmp_path).stdout)
        for name in ("bad.lua", "nowhere.lua")
    )
    assert failed.keys() == missing.keys() and failed["error"].keys() == missing["error"].keys()
    assert (missing["script"], missing["mode"]) == ("nowhere.lua", "embedded")


def test_there_is_never_a_second_document(tmp_path: Path) -> None:
    done = llmspell("--output", "json", "tool", "invoke", "calculator", "--params", '{"x": 1}', cwd=tmp_path)
    assert "validation_errors" in json.loads(done.stdout)
    assert done.stderr.startswith("error: ") and done.returncode == 1


def test_quiet_leaves_results_and_errors(tmp_path: Path) -> None:
    (tmp_path / "good.lua").write_text("return 1")
    (tmp_path / "bad.lua").write_text("retrun 1")
    assert llmspell("check", "good.lua", "-q", cwd=tmp_path).stderr == ""
    done = llmspell("-q", "check", "bad.lua", cwd=tmp_path)
    assert done.stdout.startswith("bad.lua:1") and done.stderr == "" and done.returncode == 1


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_help_is_what_the_parser_would_say(columns: str) -> None:
    parser = "from llmspell_kernel.cli.dispatch import run_command; run_command(['--help'])"

    def said(*words: str | Path) -> str:
        environment = {**os.environ, "COLUMNS": columns}
        return subprocess.run(
            words, capture_output=True, text=True, timeout=MINUTE, env=environment, check=True
        ).stdout

    expected = said(sys.executable, "-c", parser)
    assert said(LLMSPELL) == said(LLMSPELL, "--help") == said(LLMSPELL, "-h") == expected


def test_colours_as_the_frame_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    assert Frame(color="always").colours() and not Frame(color="never").colours()
    assert not Frame().colours()
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert Frame().colours() and not Frame(color="never").colours()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Frame().colours() and Frame(color="always").colours()


def test_tables() -> None:
    table = Table(["name", "size"], [["a", 1], ["länger", None], ["日本", 20]], right=[1])
    assert table.text().splitlines() == ["NAME    SIZE", "a          1", "länger", "日本      20"]
    wide = Table(["a", "b"], [["x", "one two three"]])
    assert wide.text(width=10).splitlines()[1] == "x  one tw…"
    assert wide.text(colours=True).startswith("\x1b[1mA")
    assert Table(["a"], [], empty="nothing").text() == "nothing"


def test_narrow_tables_leave_out_what_matters_least() -> None:
    rows = [["a" * 10, "b" * 10, "c" * 10, "a note that is long"]]
    table = Table(["id", "x", "y", "note"], rows, right=[2], spare=(1, 2))
    assert table.text(width=55).splitlines() == [
        "ID          X                    Y  NOTE",
        "aaaaaaaaaa  bbbbbbbbbb  cccccccccc  a note that is long",
    ]
    assert table.text(width=54).splitlines() == [
        "ID                   Y  NOTE",
        "aaaaaaaaaa  cccccccccc  a note that is long",
    ]
    assert table.text(width=20).splitlines()[1] == "aaaaaaaaaa  a note …"
    assert table.text().splitlines()[1].split()[:3] == rows[0][:3]


def test_words_stay_whole_on_a_terminal() -> None:
    line = "  name  Names in snake_case, camel-case and PascalCase, one after the other."
    assert wrapped(line, " " * 8, 40).splitlines() == [
        "  name  Names in snake_case, camel-case",
        "        and PascalCase, one after the",
        "        other.",
    ]
    assert wrapped(line, " " * 8, None) == line


def test_sizes() -> None:
    assert [size(count) for count in (0, 552, 98304, 41_200_000, 5_000_000_000)] == [
        "0 B",
        "552 B",
        "98.3 kB",
        "41.2 MB",
        "5 GB",
    ]
    assert fact("free_bytes", 98304) == ("free", "98.3 kB")
    assert fact("journal_mode", "wal") == ("journal mode", "wal")


def test_json_can_always_be_read() -> None:
    data = {"nan": float("nan"), "bytes": b"\xff", "text": "\udcff", "set": {1}, "path": Path("x")}
    assert json.loads(json_text(data)) == {"nan": None, "bytes": "�", "text": "�", "set": [1], "path": "x"}
    assert json_text({"a": [1]}, indented=True) == '{\n  "a": [\n    1\n  ]\n}'


def test_what_counts_is_told_on_request(tmp_path: Path) -> None:
    done = llmspell("exec", "--trace", "info", "1", cwd=tmp_path)
    assert "the default settings; the Lua is lua54" in done.stderr
    done = llmspell("exec", "--trace", "info", "-p", "restricted", "1", cwd=tmp_path)
    assert "settings come from profile restricted" in done.stderr
    assert llmspell("exec", "1", cwd=tmp_path).stderr == ""


def test_help_may_be_asked_for_without_dashes() -> None:
    for words, same in ((["help"], ["--help"]), (["help", "kernel", "list"], ["kernel", "list", "--help"])):
        assert llmspell(*words).stdout == llmspell(*same).stdout != ""
    assert "No such command 'nonsense'" in llmspell("help", "nonsense").stderr
