"""`llmspell repl` without a terminal that can be edited in: pipes, dumb terminals, closed stdin."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest

from llmspell_kernel.cli.repl.commands import loaded

from .command import LLMSPELL


def piped(
    text: str, *options: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The finished session in which these lines came from a pipe."""
    return subprocess.run(
        [LLMSPELL, "repl", *options],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        env={**os.environ, **(env or {})},
    )


def test_inputs_run_one_by_one_without_prompts() -> None:
    done = piped("print(1)\n1 + 1\nlocal x = 4\nfor i = 1, 2 do\n  print(i)\nend\nx * 2\n")
    assert done.stdout == "1\n2\n1\n2\n8\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_ends_it_with_status_1() -> None:
    done = piped('print("before")\nerror("boom")\nprint("after")\n')
    assert done.returncode == 1
    assert done.stdout == "before\n"
    assert "boom" in done.stderr and "cell [2]" in done.stderr and "\x1b" not in done.stderr


def test_code_that_stays_unfinished_is_an_error() -> None:
    done = piped("print(1)\nfor i = 1, 2 do\n")
    assert done.returncode == 1 and done.stdout == "1\n" and "end" in done.stderr


def test_the_last_line_needs_no_end() -> None:
    assert piped("1 + 1").stdout == "2\n"
    assert piped("").returncode == 0


def test_code_reads_the_lines_that_follow_it() -> None:
    done = piped('local name = io.read()\nAda\nprint("hi " .. name)\nio.read()\n')
    assert done.stdout == "hi Ada\nnil\n" and done.returncode == 0


@pytest.mark.parametrize(
    ("code", "status"),
    [("os.exit(3)", 3), ("os.exit()", 0), ("os.exit(false)", 1), (".exit 4", 4), ("exit", 0), (".quit", 0)],
)
def test_leaving(code: str, status: int) -> None:
    done = piped(f"print(1)\n{code}\nprint(2)\n")
    assert (done.returncode, done.stdout, done.stderr) == (status, "1\n", "")


def test_magics_and_shell_commands_work() -> None:
    done = piped("%time 1 + 1\n!echo shell\n%%capture text\nprint(5)\n\ntext.stdout\n")
    assert done.returncode == 0, done.stderr
    assert "2\n" in done.stdout and "shell\n" in done.stdout and done.stdout.endswith("5\n]]\n")


def test_bytes_that_are_no_text_do_no_harm() -> None:
    done = subprocess.run(
        [LLMSPELL, "repl"],
        input=b'print("\xff\xfe")\nprint(#"\xc3\xa4")\n',
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == b"\\xff\\xfe\n2\n"


def test_colours_only_when_they_are_wanted() -> None:
    assert piped("{1}\n").stdout == "{1}\n"
    assert "\x1b[36m1\x1b[0m" in piped("{1}\n", "--color", "always").stdout
    assert piped("{1}\n", env={"FORCE_COLOR": "1"}).stdout != "{1}\n"
    assert piped("{1}\n", env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout == "{1}\n"


def test_another_lua() -> None:
    assert piped("_VERSION\n", "--engine", "lua55").stdout == '"Lua 5.5"\n'
    assert "2.1" in piped("jit.version\n", "--language", "luajit").stdout


def test_the_settings_count(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text('default_engine = "lua55"\n')
    assert piped("_VERSION\n", cwd=tmp_path).stdout == '"Lua 5.5"\n'


def test_closed_stdin_is_told() -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {LLMSPELL} repl <&-"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1 and "standard input is closed" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_gone_is_no_drama() -> None:
    done = subprocess.run(
        ["sh", "-c", f"yes 'print(string.rep(\"x\", 1000))' | head -500 | {LLMSPELL} repl | head -1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "x" * 1000 + "\n" and done.stderr == ""


def test_an_interrupt_ends_it_with_status_1() -> None:
    process = subprocess.Popen(
        [LLMSPELL, "repl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write('print("running") io.stdout:flush() while true do end\n')
    process.stdin.flush()
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and "interrupted" in errors


# Words with a dot


def test_help_names_every_command_and_each_has_its_own() -> None:
    shown = piped(".help\n").stdout
    names = [line.split()[0] for line in shown.splitlines() if line.startswith(".")]
    wanted = ".help .exit .vars .history .save .load .run .reset .time .info .set .cd .pwd .clear .debug"
    assert set(wanted.split()) <= set(names)
    told = piped("".join(f".help {name}\n" for name in names))
    assert told.returncode == 0 and told.stdout.count("\n.") + 1 == len(names)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (".hlep", "there is no command .hlep; did you mean .help?"),
        (".help nosuch", "there is no command .nosuch; .help lists them"),
        (".load missing.lua", "there is no file missing.lua"),
        (".run", ".run FILE"),
        (".save", ".save"),
        (".cd /no/such/folder", "cannot go to /no/such/folder: No such file or directory"),
        (".set colours perhaps", "colours is on or off, not 'perhaps'"),
        (".set color_style monokay", "color_style cannot be 'monokay'; did you mean monokai?"),
        (".set nosuch 1", "no setting called 'nosuch'"),
        (".unset nosuch", "'nosuch' is no setting of the prompt"),
        (".exit soon", "an exit status is a number"),
        (".debug missing.lua", "there is no file missing.lua"),
        ('.load "half', "put names with blanks in quotes"),
    ],
)
def test_what_cannot_be_done_is_told(line: str, told: str) -> None:
    done = piped(f"{line}\n")
    assert done.returncode == 1 and told in done.stderr and "Traceback" not in done.stderr


def test_a_session_is_saved_and_loaded(tmp_path: Path) -> None:
    done = piped(
        'local x = 20\nfunction twice(n)\n  return 2 * n\nend\n.save "a session.lua"\n', cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    again = piped('.load "a session.lua"\ntwice(x)\n.save "a session.lua"\n', cwd=tmp_path)
    assert again.stdout.startswith("40\n") and "overwrites it" in again.stderr
    assert (tmp_path / "a session.lua").read_text() == (
        "-- [1]\nlocal x = 20\n\n-- [2]\nfunction twice(n)\n  return 2 * n\nend\n"
    )
    typed = "local t = {1}\nt\n%time 1 + 1\nfor i = 1, 2 do print(i) end\n.save all.lua\n"
    assert piped(typed, cwd=tmp_path).returncode == 0
    again = piped(".load all.lua\n#t\n", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.startswith("{1}\n") and again.stdout.endswith("1\n2\n1\n")


def test_a_script_runs_with_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "script.lua").write_text("local x = 1\ny = 2\nprint(...)\nprint(ARGS.name)\n")
    done = piped(".run script.lua one --name two\ny\nx\n", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("one") and lines[1:3] == ["two", "2"] and done.returncode == 0
    (tmp_path / "script.lua").write_text("\n\nerror('on line 3')")
    done = piped(".run script.lua\n", cwd=tmp_path)
    assert done.returncode == 1 and "script.lua:3" in done.stderr
    (tmp_path / "script.lua").write_text("os.exit(0)")
    assert piped(".run script.lua\n'still here'\n", cwd=tmp_path).stdout == (
        'script.lua has ended with status 0\n"still here"\n'
    )


def test_variables_folders_settings_and_a_fresh_start(tmp_path: Path) -> None:
    done = piped(
        f"answer = 42\n.vars\n.cd {tmp_path}\n.pwd\nio.open('made', 'w'):close()\n.ls\n"
        ".set time_limit 5\n.set time_limit\n.set timing on\n.set timing\n.unset timing\n.reset\nanswer\n"
    )
    assert done.returncode == 0, done.stderr
    assert "answer" in done.stdout and "42" in done.stdout
    assert done.stdout.count(f"{tmp_path}\n") == 2 and "\nmade\n" in done.stdout
    assert "time_limit = 5" in done.stdout and "timing = on" in done.stdout and "timing = off" in done.stdout
    assert done.stdout.endswith("a new kernel\nnil\n")


def test_info_says_what_this_is() -> None:
    shown = piped(".info\n").stdout
    assert "in this process" in shown and "5.4" in shown and os.getcwd() in shown


def test_a_script_is_debugged(tmp_path: Path) -> None:
    (tmp_path / "script.lua").write_text("local x = 1\nprint(x + 1)\n")
    process = pexpect.spawn(
        str(LLMSPELL), ["repl"], cwd=str(tmp_path), env={**os.environ, "TERM": "dumb"}, timeout=60
    )
    try:
        process.expect_exact("[1]> ")
        process.sendline(".debug script.lua")
        process.expect_exact("script.lua:1")
        process.expect_exact("(debug) ")
        process.sendline("continue")
        process.expect_exact("\n2\r\n")
        process.expect_exact("[1]> ")
        process.sendline("'still here'")
        process.expect_exact('"still here"')
    finally:
        process.close(force=True)


# A terminal that cannot move its cursor


def test_a_dumb_terminal_has_plain_prompts() -> None:
    process = pexpect.spawn(
        str(LLMSPELL), ["repl"], env={**os.environ, "TERM": "dumb"}, timeout=60, encoding="utf-8"
    )
    try:
        process.expect_exact(".help lists the commands")
        process.expect_exact("[1]> ")
        process.sendline("for i = 1, 2 do")
        process.expect_exact("· ")
        process.sendline("print('line ' .. i) end")
        process.expect_exact("line 2")
        process.expect_exact("[2]> ")
        process.sendline("print('run' .. 'ning') while true do end")
        process.expect_exact("running\r\n")
        process.sendintr()
        process.expect_exact("interrupted")
        process.expect_exact("[3]> ")
        process.sendline("error('x')")
        process.expect_exact("cell [3]:1: x")
        process.expect_exact("[4]> ")
        shown = process.before
        process.sendeof()
        process.expect(pexpect.EOF)
        assert "\x1b" not in shown + process.before
        process.wait()
        assert process.exitstatus == 0
    finally:
        process.close(force=True)


def test_the_page_names_every_command_and_its_other_names() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/repl.md").read_text("utf-8")
    for command in loaded():
        for name in command.names:
            assert re.search(rf"`\.{re.escape(name)}[ `]", page), name
