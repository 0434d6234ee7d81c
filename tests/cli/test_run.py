"""`llmspell run` and `exec` in this process and in a running kernel: the same from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from tests.clients.terminal import Terminal

from .command import LLMSPELL, llmspell

Run = Callable[..., subprocess.CompletedProcess[str]]

MINUTE = 60


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The connection file of a running kernel, in a folder of its own."""
    folder = tmp_path_factory.mktemp("kernel")
    file = folder / "there.json"
    process = subprocess.Popen(
        [LLMSPELL, "kernel", "start", "--connection-file", file],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout
    try:
        process.stdout.readline()
        yield file
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(MINUTE)
        process.stdout.close()


@pytest.fixture(params=["embedded", "connected"])
def options(request: pytest.FixtureRequest) -> list[str]:
    """What the command needs to run there."""
    return [] if request.param == "embedded" else ["--connect", str(request.getfixturevalue("kernel"))]


@pytest.fixture
def run(tmp_path: Path, options: list[str]) -> Run:
    """Write a script and run it; `arguments` go behind it, `before` are options."""

    def run_script(
        source: str | bytes,
        *arguments: str,
        before: tuple[str, ...] = (),
        name: str = "script.lua",
        stdin: str = "",
    ) -> subprocess.CompletedProcess[str]:
        data = source.encode() if isinstance(source, str) else source
        (tmp_path / name).write_bytes(data)
        words: list[str | Path] = [
            LLMSPELL,
            "run",
            *options,
            *before,
            name,
            *(["--", *arguments] if arguments else []),
        ]
        return subprocess.run(
            words, input=stdin, capture_output=True, text=True, timeout=MINUTE, cwd=tmp_path
        )

    return run_script


def test_what_a_script_prints_is_all_that_it_says(run: Run) -> None:
    done = run("print('hello', 1) io.write('a', 2, '\\n') return {1, 2}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\t1\na2\n", "")


def test_arguments_in_all_their_forms(run: Run) -> None:
    script = """
        print(...)
        print(#arg, arg[0], arg[1], arg[5])
        print(ARGS[0], ARGS["0"], ARGS[1], ARGS["1"], ARGS[2], ARGS["3"], #ARGS)
        print(ARGS.name, ARGS.level, ARGS.flag, ARGS.last)
    """
    done = run(script, "one", "--name", "ada", "--level=3", "two", "--flag", "--last")
    assert done.stdout.splitlines() == [
        "one\t--name\tada\t--level=3\ttwo\t--flag\t--last",
        "7\tscript.lua\tone\ttwo",
        "script.lua\tscript.lua\tone\tone\ttwo\tnil\t2",
        "ada\t3\ttrue\ttrue",
    ]
    assert run("print(ARGS.x, ARGS[1], ARGS[2])", "--x=1", "--", "--y", "z").stdout == "1\t--y\tz\n"
    assert run("print(#arg, ARGS[1])", "", before=()).stdout == "1\t\n"


def test_a_script_may_begin_with_the_name_of_its_interpreter(run: Run) -> None:
    done = run("#!/usr/bin/env llmspell run\nprint('here')\nerror('there')\n")
    assert done.stdout == "here\n"
    assert "script.lua:3: there" in done.stderr
    assert run(b"\xef\xbb\xbf#!/bin/x\nprint(1)").stdout == "1\n"


def test_an_uncaught_error_shows_where_and_why(run: Run) -> None:
    done = run("local function fail()\n  error('no luck')\nend\nfail()\n")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("LuaError: script.lua:2: no luck\n")
    assert "-->    2   error('no luck')" in done.stderr and "script.lua:4" in done.stderr
    assert "\x1b" not in done.stderr and "Traceback" not in done.stderr


def test_a_syntax_error_shows_its_line(run: Run) -> None:
    done = run("#!/x\n\nlocal x = = 1")
    assert done.returncode == 1
    assert "script.lua:3: unexpected symbol near '='" in done.stderr


@pytest.mark.parametrize(
    ("code", "status"),
    [("os.exit(7)", 7), ("os.exit()", 0), ("os.exit(false)", 1), ("pcall(os.exit, 3)", 3), ("error()", 1)],
)
def test_the_exit_status_is_the_scripts(run: Run, code: str, status: int) -> None:
    done = run(f"io.write('before ') {code} print('after')")
    assert (done.returncode, done.stdout) == (status, "before ")
    assert (done.stderr == "") == (code != "error()")


def test_files_are_loaded_from_beside_the_script(tmp_path: Path, options: list[str]) -> None:
    folder = tmp_path / "app"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "tool.lua").write_text("return {name = 'tool', where = ...}")
    (folder / "data.lua").write_text("return 42")
    (tmp_path / "data.lua").write_text("return 'the wrong one'")
    (folder / "main.lua").write_text("""
        local tool = require('lib.tool')
        print(tool.name, tool.where, dofile('data.lua'), loadfile('data.lua')())
        print(pcall(require, 'nowhere'))
    """)
    done = llmspell("run", *options, "app/main.lua", cwd=tmp_path)
    first, rest = done.stdout.split("\n", 1)
    assert first == "tool\tlib.tool\t42\t42", done.stderr
    assert rest.startswith("false\tmodule 'nowhere' not found") and "app/nowhere.lua" in rest


def test_one_json_document(run: Run) -> None:
    done = run(
        "print('said') io.stderr:write('aside\\n') return {a = 1, b = {true}}", before=("--output", "json")
    )
    document = json.loads(done.stdout)
    assert done.stderr == "aside\n" and done.returncode == 0 and done.stdout.count("\n") == 1
    assert document.pop("duration") >= 0
    assert document.pop("mode") in ("embedded", "connected")
    assert document == {
        "status": "ok",
        "script": "script.lua",
        "result": {"a": 1, "b": [True]},
        "output": "said\n",
        "exit_code": 0,
    }


@pytest.mark.parametrize(
    ("returned", "result"),
    [
        ("", None),
        ("return nil", None),
        ("return 'text'", "text"),
        ("return 1, 'b', nil", [1, "b", None]),
        ("return 0/0", None),
        ("return print", "builtin function print(...)"),
        ("return '\\xff'", "\\xff"),
    ],
)
def test_results_as_json_has_them(run: Run, returned: str, result: object) -> None:
    done = run(returned, before=("--output", "pretty"))
    assert json.loads(done.stdout)["result"] == result
    assert done.stdout.startswith('{\n  "status": "ok",\n')


def test_a_failure_as_json(run: Run) -> None:
    done = run("print('before') error('no luck')", before=("--output", "json"))
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert (document["status"], document["output"], document["exit_code"]) == ("error", "before\n", 1)
    assert document["error"]["name"] == "LuaError"
    assert document["error"]["message"] == "script.lua:1: no luck"
    assert any("script.lua:1" in line for line in document["error"]["traceback"])
    document = json.loads(run("os.exit(4)", before=("--output", "json")).stdout)
    assert (document["status"], document["exit_code"], "error" in document) == ("error", 4, False)


def test_children_write_in_order(run: Run) -> None:
    code = "print('one') os.execute('echo two') io.stderr:write('') print(io.popen('echo three'):read('a'))"
    assert run(code).stdout == "one\ntwo\nthree\n\n"
    document = json.loads(run(code, before=("--output", "json")).stdout)
    assert document["output"] == "one\ntwo\nthree\n\n"


def test_a_script_reads_what_is_typed(run: Run) -> None:
    done = run("io.write('name? ') local name = io.read() print('hello ' .. name, io.read())", stdin="Ada\n")
    assert done.stdout == "name? hello Ada\tnil\n"


def test_a_time_limit(run: Run) -> None:
    for code in ("while true do end", "timer.sleep(30)", "os.execute('sleep 30; true')"):
        done = run(f"print('on') {code}", before=("--timeout", "1.5"))
        assert done.returncode == 124 and done.stdout == "on\n"
        assert "ran longer than its limit of 1.5 s" in done.stderr
    document = json.loads(run("while true do end", before=("--timeout", "1.5", "--output", "json")).stdout)
    assert (document["exit_code"], document["error"]["name"]) == (124, "CellTimeLimit")


class Started:
    """A command that has said a first line."""

    def __init__(self, words: Sequence[str | Path], folder: Path) -> None:
        self.process = subprocess.Popen(
            words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.out: IO[bytes] = self.process.stdout  # type: ignore[assignment]
        self.first = self.out.readline()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Exit status and stderr; it must come by itself."""
        try:
            self.process.wait(MINUTE)  # while its input stays open
        finally:
            self.process.kill()
            _, err = self.process.communicate(timeout=MINUTE)  # of children too, if one is left
        return self.process.returncode, err.decode()


@pytest.mark.parametrize(
    "code",
    [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "timer.sleep(600)",
        "os.execute('sleep 600; true')",
        "io.popen('sleep 600; true'):read()",
        "io.read()",
        "print(io.read() .. '!')",
        "for line in io.lines() do end",
    ],
)
def test_ctrl_c_ends_the_script(tmp_path: Path, options: list[str], code: str) -> None:
    started = Started([LLMSPELL, "exec", *options, f"print('on') {code}"], tmp_path)
    started.interrupt()
    status, err = started.end()
    assert (started.first, status) == (b"on\n", 130)
    assert "KeyboardInterrupt" in err and "Traceback" not in err


_INTERRUPTED_AT_START = """
import signal, sys
from llmspell_kernel.cli.script import run_here
from llmspell_kernel.interpreter import Script

def interrupt(frame, event, called):
    if event == "c_return" and called.__name__ == "fork_exec":
        sys.setprofile(None)
        signal.raise_signal(signal.SIGINT)

sys.setprofile(interrupt)
run_here(sys.argv[1].encode(), Script("started"))
"""


@pytest.mark.parametrize(
    "code", ["os.execute('sleep 600; true')", "local p = io.popen('sleep 600; true') p:read()"]
)
def test_ctrl_c_ends_a_child_that_is_just_being_started(code: str) -> None:
    done = subprocess.run(  # which waits also for children that still have stdout or stderr
        [sys.executable, "-c", _INTERRUPTED_AT_START, code], capture_output=True, text=True, timeout=MINUTE
    )
    assert done.returncode == 130 and "KeyboardInterrupt" in done.stderr


def test_a_time_limit_ends_waiting_for_input(tmp_path: Path, options: list[str]) -> None:
    started = Started([LLMSPELL, "exec", *options, "--timeout", "1.5", "print('on') io.read()"], tmp_path)
    status, err = started.end()
    assert status == 124 and "ran longer than its limit of 1.5 s" in err


def test_a_second_ctrl_c_leaves_code_that_does_not_listen(tmp_path: Path) -> None:
    code = "print('on') local s = ('x'):rep(30) s:find(('x*'):rep(30) .. 'y')"
    started = Started([LLMSPELL, "exec", code], tmp_path)
    while started.process.poll() is None:
        started.interrupt()
        with suppress(subprocess.TimeoutExpired):
            started.process.wait(0.2)  # two signals at once would be one
    assert started.end()[0] == 130
    limited = Started([LLMSPELL, "exec", "--timeout", "0.2", code], tmp_path).end()
    assert limited[0] == 124 and "ran longer than its limit of 0.2 s\n" in limited[1]


def test_output_comes_as_it_is_written(tmp_path: Path, options: list[str]) -> None:
    started = Started([LLMSPELL, "exec", *options, "print('first') io.read() print('second')"], tmp_path)
    assert started.first == b"first\n"
    assert started.process.stdin
    started.process.stdin.write(b"\n")
    started.process.stdin.flush()
    assert started.out.readline() == b"second\n"
    assert started.end()[0] == 0


def test_a_reader_that_goes_away_ends_the_script(tmp_path: Path, options: list[str]) -> None:
    started = Started([LLMSPELL, "exec", *options, "while true do print('more') end"], tmp_path)
    started.out.close()
    started.process.stdout = None
    status, err = started.end()
    assert (status, err) == (141, "")


def test_values_of_code_are_shown(tmp_path: Path, options: list[str]) -> None:
    def shown(*words: str) -> tuple[str, str, int]:
        done = llmspell("exec", *options, *words, cwd=tmp_path)
        return done.stdout, done.stderr, done.returncode

    assert shown("1 + 1") == ("2\n", "", 0)
    assert shown("print('x') return 'y', {1}") == ('x\n"y"\t{1}\n', "", 0)
    assert shown("local x = 1") == ("", "", 0)
    assert shown("return #arg, ARGS.k", "--", "a", "--k", "v") == ('3\t"v"\n', "", 0)
    out, err, status = shown("x = = 1")
    assert (out, status) == ("", 1) and "(command line):1: unexpected symbol" in err
    assert shown("os.exit(5)") == ("", "", 5)


def test_code_sees_the_variables_of_a_kernel(tmp_path: Path, kernel: Path) -> None:
    def shown(code: str) -> str:
        return llmspell("exec", "--connect", str(kernel), code, cwd=tmp_path).stdout

    shown("count = 5 local hidden = 6")
    assert shown("count + hidden") == "11\n"


def test_a_script_leaves_no_locals_in_a_kernel(tmp_path: Path, kernel: Path) -> None:
    (tmp_path / "s.lua").write_text("local mine = 1 theirs = 2")
    assert llmspell("run", "--connect", str(kernel), "s.lua", cwd=tmp_path).returncode == 0
    assert llmspell("exec", "--connect", str(kernel), "mine, theirs").stdout == "nil\t2\n"


def test_a_busy_kernel_is_waited_for(tmp_path: Path, kernel: Path) -> None:
    busy = Started([LLMSPELL, "exec", "--connect", kernel, "print('on') while true do end"], tmp_path)
    late = llmspell("exec", "--connect", str(kernel), "--timeout", "0.5", "x = 1")
    assert late.returncode == 124
    assert "is busy; waiting" in late.stderr and "still busy after 0.5 s" in late.stderr
    waiting = subprocess.Popen(
        [LLMSPELL, "exec", "--connect", kernel, "6 * 7"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert waiting.stderr and "is busy; waiting" in waiting.stderr.readline()
        # Whoever ends the command ends its code, also without Ctrl-C.
        busy.process.terminate()
        assert busy.end()[0] == 143
        assert waiting.communicate(timeout=MINUTE)[0] == "42\n"
    finally:
        waiting.kill()


def test_a_kernel_that_is_stopped_is_told(kernel: Path) -> None:
    assert llmspell("exec", "--connect", str(kernel), "1").returncode == 0
    pid = json.loads(kernel.read_text())["llmspell_pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        done = llmspell("exec", "--connect", str(kernel), "--timeout", "0.5", "1")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert done.returncode == 124 and "its process is there, but does nothing" in done.stderr


def test_a_kernel_that_dies_meanwhile(tmp_path: Path) -> None:
    file = tmp_path / "dying.json"
    with subprocess.Popen(
        [LLMSPELL, "kernel", "start", "--connection-file", file], stdout=subprocess.PIPE, cwd=tmp_path
    ) as process:
        try:
            assert process.stdout and process.stdout.readline()
            started = Started(
                [LLMSPELL, "exec", "--connect", file, "print('on') while true do end"], tmp_path
            )
            process.kill()
            status, err = started.end()
        finally:
            process.kill()
    assert status == 1
    assert err.startswith("error: ") and "kernel" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("nowhere", "there is no kernel 'nowhere'"),
        ("./nowhere.json", "nowhere.json"),
        ("broken.json", "broken.json"),
    ],
)
def test_a_kernel_that_is_not_there(tmp_path: Path, where: str, message: str) -> None:
    (tmp_path / "broken.json").write_text('{"shell_port": "x"}')
    done = llmspell("exec", "--connect", where, "1", cwd=tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and message in done.stderr and "Traceback" not in done.stderr


def test_what_is_no_text_stays_here(tmp_path: Path, kernel: Path) -> None:
    (tmp_path / "latin.lua").write_bytes(b"print(1)\nprint('\xe4')")
    done = llmspell("run", "--connect", str(kernel), "latin.lua", cwd=tmp_path)
    assert done.returncode == 1
    assert "latin.lua is not UTF-8 text (byte 0xe4 in line 2)" in done.stderr
    here = subprocess.run([LLMSPELL, "run", "latin.lua"], capture_output=True, timeout=MINUTE, cwd=tmp_path)
    assert here.stdout == b"1\n\xe4\n"


def test_ctrl_c_in_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "busy.lua").write_text("print('at ' .. 'work')\nwhile true do end\n")
    (tmp_path / "ask.lua").write_text("io.write('name? ') print('hello ' .. io.read())\n")
    shell = Terminal(tmp_path, ["sh", "-c", f"cd {tmp_path} && exec sh"])
    try:
        shell.type(f"{LLMSPELL} run busy.lua; echo status $?")
        shell.wait_for("at work")
        shell.press("C-c")
        shell.wait_for("status 130")
        shell.type(f"{LLMSPELL} run ask.lua; echo status $?")
        shell.wait_for("name?")
        shell.type("Ada")
        shell.wait_for("hello Ada")
        shell.wait_for("status 0")
        shell.type(f"{LLMSPELL} exec 'error(1)'; echo coloured")
        shell.wait_for("coloured")
        shell.type(f"{LLMSPELL} exec 'os.execute(\"read x; echo got $x\")'")
        shell.type("this")
        shell.wait_for("got this")
    finally:
        shell.close()


def test_colours_are_for_terminals_unless_asked_for(tmp_path: Path) -> None:
    def err(*words: str, **variables: str) -> str:
        return subprocess.run(
            [LLMSPELL, *words, "exec", "error('x')"],
            capture_output=True,
            text=True,
            timeout=MINUTE,
            cwd=tmp_path,
            env={**os.environ, **variables},
        ).stderr

    assert "\x1b" not in err()
    assert "\x1b" in err("--color", "always") and "\x1b" in err(FORCE_COLOR="1")
    assert "\x1b" not in err(FORCE_COLOR="1", NO_COLOR="1")
    assert "\x1b" not in err("--color", "never", FORCE_COLOR="1")
