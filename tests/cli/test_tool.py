"""`llmspell tool`."""

from __future__ import annotations

import json
from pathlib import Path

import pexpect
import pytest

from llmspell_kernel.library.tool.registry import Registry
from tests.kernels import KernelSession

from .command import LLMSPELL, llmspell

PARAMS = '{"operation": "uppercase", "input": "abc"}'


def test_list_and_search() -> None:
    done = llmspell("tool", "list", "--category", "utility")
    assert done.stdout.splitlines()[0].split() == ["NAME", "CATEGORY", "LEVEL", "DESCRIPTION"]
    assert "\ncalculator " in done.stdout and "json-processor" not in done.stdout
    listed = json.loads(llmspell("tool", "list", "--format", "json").stdout)
    assert [each["name"] for each in listed] == Registry().names()
    assert set(listed[0]) == {"name", "description", "version", "category", "security_level"}
    found = json.loads(llmspell("tool", "search", "json", "--category", "data", "--output", "json").stdout)
    assert found[0]["name"] == "json-processor"
    assert llmspell("tool", "search", "zebra").stdout == "no such tools\n"
    wrong = llmspell("tool", "list", "--category", "nothing")
    assert wrong.returncode == 1
    assert "there is no tool of a category 'nothing'; categories: " in wrong.stderr


def test_info() -> None:
    done = llmspell("tool", "info", "hash_calculator")
    assert done.stdout.startswith("hash-calculator 1.0.0: utility, restricted\n")
    assert "\nOperations\n  hash " in done.stdout and "\nParameters\n  operation " in done.stdout
    shown = json.loads(
        llmspell("tool", "info", "hash-calculator", "--show-schema", "--output", "json").stdout
    )
    assert shown["schema"]["properties"]["algorithm"]["default"] == "sha256"
    mail = llmspell("tool", "info", "email-sender").stdout
    assert "\n  attachments[].path " in mail and "One of: sendgrid, ses, smtp." in mail
    unknown = llmspell("tool", "info", "hash-calculater")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "Tool 'hash-calculater' not found; did you mean hash-calculator" in unknown.stderr


def test_invoke(tmp_path: Path) -> None:
    done = llmspell("tool", "invoke", "text-manipulator", "--params", PARAMS)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["result"] == "ABC"
    whole = json.loads(
        llmspell("tool", "invoke", "text-manipulator", "--params", PARAMS, "--output", "json").stdout
    )
    assert (whole["status"], whole["tool"], whole["result"]["success"]) == ("ok", "text-manipulator", True)
    file = tmp_path / "params.json"
    file.write_text(PARAMS)
    both = llmspell(
        "tool", "invoke", "text-manipulator", "--params-file", str(file), "--params", '{"input": "x"}'
    )
    assert json.loads(both.stdout)["result"] == "X"
    piped = llmspell("tool", "invoke", "text-manipulator", "--params-file", "-", stdin=PARAMS)
    assert json.loads(piped.stdout)["result"] == "ABC"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("text-manipulater",), "Tool 'text-manipulater' not found; did you mean text-manipulator"),
        (("nosuch",), "Tool 'nosuch' not found; `llmspell tool list` names them all"),
        (("text-manipulator", "--params", "{"), "--params: that is no JSON"),
        (("text-manipulator", "--params", "[" * 100_000), "--params: that is nested too deeply"),
        (("text-manipulator", "--params", "[1]"), "--params: parameters are a JSON object"),
        (("text-manipulator", "--params-file", "gone.json"), "gone.json cannot be read: No such file"),
        (("text-manipulator", "--params", '{"operatoin": 1}'), "there is no parameter 'operatoin'"),
        (("calculator", "--params", '{"input": "1 +"}'), "calculator: "),
    ],
)
def test_what_goes_wrong_is_told(arguments: tuple[str, ...], said: str) -> None:
    done = llmspell("tool", "invoke", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ") and said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_reads_what_went_wrong() -> None:
    wrong = llmspell("tool", "invoke", "calculator", "--params", '{"x": 1}', "--output", "json")
    assert wrong.returncode == 1
    assert json.loads(wrong.stdout)["validation_errors"] == [
        "there is no parameter 'x'; there are operation, input, expression, variables"
    ]
    failed = llmspell("tool", "invoke", "calculator", "--params", '{"input": "1 +"}', "--output", "json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["result"]["success"] is False


def test_a_tool_is_tested() -> None:
    done = llmspell("tool", "test", "calculator")
    assert (done.returncode, done.stdout) == (0, "calculator: ok: its example succeeds\n")
    verbose = llmspell("tool", "test", "calculator", "--verbose")
    assert "\nresult: {" in verbose.stdout
    assert llmspell("tool", "test", "nothing").returncode == 1


def test_a_running_kernel_is_asked(kernel: KernelSession) -> None:
    kernel.execute("Tool.register{name = 'mine', execute = function(p) return {twice = p.n * 2} end}")
    there = ("--connect", kernel.manager.connection_file)
    assert "\nmine " in llmspell("tool", "list", *there).stdout
    done = llmspell("tool", "invoke", "mine", "--params", '{"n": 21}', *there)
    assert json.loads(done.stdout) == {"twice": 42}
    wrong = llmspell("tool", "invoke", "mine", "--params", '{"n": "x"}', *there)
    assert wrong.returncode == 1 and wrong.stderr.startswith("error: ")
    both = llmspell("-p", "minimal", "tool", "list", *there)
    assert both.returncode == 2 and "--profile chooses settings for this process" in both.stderr
    kernel.execute("Tool.unregister('mine')")


def test_settings_count(tmp_path: Path) -> None:
    file = tmp_path / "llmspell.toml"
    file.write_text("[tools]\nenabled = false\n")
    off = llmspell("-c", str(file), "tool", "list")
    assert off.returncode == 1 and "tools.enabled is false" in off.stderr
    file.write_text("[tools]\napproval = 'always'\n")
    refused = llmspell("-c", str(file), "tool", "invoke", "uuid-generator")
    assert refused.returncode == 1 and "nobody can be asked here" in refused.stderr


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 1)])
def test_the_user_is_asked_at_a_terminal(tmp_path: Path, answer: str, status: int) -> None:
    file = tmp_path / "llmspell.toml"
    file.write_text("[tools]\napproval = 'always'\n")
    process = pexpect.spawn(
        str(LLMSPELL), ["-c", str(file), "tool", "invoke", "uuid-generator"], encoding="utf-8", timeout=30
    )
    process.expect_exact("Allow tool uuid-generator to generate ()? [y/N/always] ")
    process.sendline(answer)
    process.expect(pexpect.EOF)
    process.close()
    assert process.exitstatus == status
    assert ("uuid" if answer == "y" else "has not approved") in process.before


def test_the_prompt_shows_tools() -> None:
    lines = ".tools\n.tools hash-calculator\n.tools csv json\n.tools qwertzuiop\n"
    done = llmspell("repl", stdin=lines)
    assert "calculator " in done.stdout
    assert "hash-calculator 1.0.0: utility, restricted" in done.stdout
    assert "nothing found" in done.stdout + done.stderr


def test_a_scripts_input_approves_nothing(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text("[tools]\napproval = 'always'\n")
    (tmp_path / "script.lua").write_text("print(pcall(Tool.execute, 'uuid-generator')) print(io.read())")
    done = llmspell("run", "script.lua", cwd=tmp_path, stdin="y\n")
    assert "nobody can be asked here" in done.stdout
    assert done.stdout.endswith("\ny\n")
