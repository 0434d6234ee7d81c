"""`llmspell debug` at a prompt: commands from a pipe, and a real terminal."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.terminal import Terminal
from tests.dap.session import Program
from tests.dap.targets import Pipe

from .command import LLMSPELL

AREA = Program.of("""
    local total = 0  -- @first
    local function area(w, h)
      local a = w * h  -- @product
      return a  -- @return
    end
    for i = 1, 3 do
      total = total + area(i, 4)  -- @call
    end
    print("total " .. total)
""")

Debugging = Callable[..., "Said"]


class Said:
    """What a debugging session in a pipe said: each command with what followed it."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr
        self.beginning, *parts = done.stdout.split("(debug) ")
        self.answers = [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]

    def to(self, command: str) -> str:
        """What the first command of that text was answered."""
        found = [answer for asked, answer in self.answers if asked == command]
        assert found, f"{command!r} was not asked; the session: {self.stdout}"
        return found[0]


@pytest.fixture
def debugging(tmp_path: Path) -> Debugging:
    """Debug a program with commands; the rest are arguments of `llmspell debug`."""

    def debug(
        program: Program, *commands: str, options: tuple[str, ...] = (), name: str = "program.lua"
    ) -> Said:
        (tmp_path / name).write_text(program.text)
        return Said(
            subprocess.run(
                [LLMSPELL, "debug", name, *options],
                input="".join(f"{command}\n" for command in commands),
                capture_output=True,
                text=True,
                timeout=60,
                cwd=tmp_path,
            )
        )

    return debug


@pytest.mark.parametrize("language", ["lua54", "lua55", "luajit"])
def test_it_begins_at_the_first_line_and_goes_on_to_the_end(debugging: Debugging, language: str) -> None:
    said = debugging(AREA, "continue", options=("--language", language))
    assert said.beginning == "start\nmain chunk at program.lua:1\n->    1  local total = 0  -- @first\n"
    assert said.to("continue") == "total 24\n"
    assert said.status == 0 and said.stderr == ""


def test_breakpoints_stacks_and_variables(debugging: Debugging) -> None:
    product = AREA.line("product")
    said = debugging(
        AREA,
        f"break {product}",
        "break area if w > 100",
        "break",
        "c",
        "backtrace",
        "locals",
        "print w + h",
        "up",
        "locals",
        "frame 0",
        "list",
        "delete 1",
        "b",
        "delete",
        "c",
    )
    assert f"program.lua:{product}" in said.to(f"break {product}")
    assert said.to("break").count("\n") == 2 and "area if w > 100" in said.to("break")
    assert said.to("c").startswith("breakpoint 1\n") and f"program.lua:{product}" in said.to("c")
    first, second, *_ = said.to("backtrace").splitlines()
    assert first.startswith("->  0") and "area" in first and f":{AREA.line('call')}" in second
    assert said.to("locals") == "w = 1\nh = 4\n"
    assert said.to("print w + h") == "5\n"
    assert f"program.lua:{AREA.line('call')}" in said.to("up")
    assert "area = function" in [answer for asked, answer in said.answers if asked == "locals"][1]
    assert f"->*{product:>4}" in said.to("list")
    assert "deleted 1" in said.to("delete 1")
    assert said.answers[-1][1] == "total 24\n" and said.status == 0


def test_breakpoints_are_numbered_one_after_the_other(debugging: Debugging) -> None:
    places = ["99", "area", "nosuch", "4 if (", "2", "5", "9"]
    said = debugging(AREA, *(f"break {place}" for place in places), "break area", "delete 77", "q")
    numbers = [answer.split()[1] for asked, answer in said.answers if asked.startswith("break")]
    assert numbers == ["1", "2", "3", "4", "5", "6", "7", "2"]
    assert said.to("delete 77") == "there is no breakpoint 77; there are: 1, 2, 3, 4, 5, 6, 7\n"


def test_steps_go_over_into_and_out(debugging: Debugging) -> None:
    call, product, after = (AREA.line(mark) for mark in ("call", "product", "return"))
    said = debugging(AREA, f"b {call}", "c", "step", "next", "finish", "d 1", "c", options=())
    assert f":{product}\n" in said.to("step")
    assert f":{after}\n" in said.to("next")
    assert "area" not in said.to("finish").splitlines()[0]
    assert said.answers[-1][1] == "total 24\n"


def test_enter_repeats_a_step(debugging: Debugging) -> None:
    said = debugging(AREA, "next", "", "", "quit")
    places = [answer.splitlines()[0] for asked, answer in said.answers if asked in ("next", "")]
    assert len(places) == 3 and len(set(places)) == 3


def test_watched_expressions_are_shown_at_each_stop(debugging: Debugging) -> None:
    said = debugging(AREA, f"b {AREA.line('call')}", "c", "watch i", "continue", "unwatch 1", "d", "c")
    assert said.to("watch i") == "watch 1: i = 1\n"
    assert "watch 1: i = 2  (was 1)" in said.to("continue")


def test_statements_run_where_the_code_stands(debugging: Debugging) -> None:
    said = debugging(AREA, f"b {AREA.line('return')}", "c", "!a = 100", "do w = a", "print a + w", "d", "c")
    assert said.to("print a + w") == "200\n"
    assert said.answers[-1][1] == "total 120\n"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("brek 3", "there is no command 'brek'; `help` lists them, and ! runs Lua: !brek ..."),
        ("u 99", "there is no call 99; they count from 0 to"),
        ("break nowhere.lua:3", "nowhere.lua: no such file; give its path"),
        ("break 0", "lines count from 1"),
        ("break x y z", "'x y z' is no place; write LINE, FILE:LINE or the name of a function"),
        ("delete 7", "there is no breakpoint 7; there are: none"),
        ("delete one", "'one' is not a breakpoint's number"),
        ("print nowhere.x", "nowhere"),
        ("print", "print what? Write an expression behind it."),
        ("thread 99", "99"),
        ("list 1000", "program.lua has 9 lines"),
        ("catch fish", "catch what? One of: all, uncaught, none"),
        ("restart", "there is no command 'restart'"),
    ],
)
def test_what_cannot_be_done_says_why(debugging: Debugging, command: str, answer: str) -> None:
    said = debugging(AREA, command, "c")
    assert answer in said.to(command) and "Traceback" not in said.stdout + said.stderr
    assert said.answers[-1][1] == "total 24\n" and said.status == 0


def test_help_lists_every_command_and_explains_one(debugging: Debugging) -> None:
    said = debugging(AREA, "help", "help break", "q")
    for name in (
        "break",
        "delete",
        "list",
        "step",
        "next",
        "finish",
        "continue",
        "locals",
        "backtrace",
        "watch",
    ):
        assert f"\n{name}" in f"\n{said.to('help')}"
    assert said.to("help break").startswith("break, b [[FILE:]LINE | FUNCTION] [if CONDITION]\n")


def test_an_error_stops_the_script_before_it_ends(debugging: Debugging) -> None:
    program = Program.of("""
        local function fail(x)
          error("no luck")  -- @raise
        end
        fail(7)
    """)
    said = debugging(program, "c", "print x", "backtrace", "continue")
    assert "no luck" in said.to("c") and f":{program.line('raise')}\n" in said.to("c")
    assert said.to("print x") == "7\n"
    assert said.status == 1 and "no luck" in said.stderr and "\x1b" not in said.stderr


def test_a_script_has_its_arguments_and_its_own_exit_status(debugging: Debugging) -> None:
    program = Program.of("print(arg[0], #arg, ...) os.exit(3)")
    said = debugging(program, "c", options=("--", "one", "--two"))
    assert said.to("c") == "program.lua\t2\tone\t--two\n"
    assert said.status == 3 and said.stderr == ""


def test_a_script_reads_its_input_behind_the_commands(debugging: Debugging) -> None:
    said = debugging(Program.of("io.write('who? ') print('hello ' .. io.read())"), "c", "Ada")
    assert said.to("c") == "who? hello Ada\n"


def test_breakpoints_of_the_command_line_replace_the_first_stop(debugging: Debugging) -> None:
    line = AREA.line("return")
    said = debugging(AREA, "locals", "d", "c", options=("--break-at", str(line)))
    assert f"program.lua:{line}" in said.beginning and "start" not in said.beginning
    assert said.to("locals") == "w = 1\nh = 4\na = 4\n"
    both = debugging(AREA, "q", options=("--break-at", str(line), "--stop-on-entry"))
    assert "program.lua:1\n" in both.beginning


def test_the_end_of_the_commands_ends_the_script(debugging: Debugging) -> None:
    said = debugging(AREA, "next")
    assert said.status == 0 and "total 24" not in said.stdout


def test_coroutines_are_threads(debugging: Debugging) -> None:
    program = Program.of("""
        local co = coroutine.create(function(a)
          local b = coroutine.yield(a)  -- @yield
          return b  -- @inside
        end)
        coroutine.resume(co, 1)
        coroutine.resume(co, 2)
    """)
    said = debugging(program, f"b {program.line('inside')}", "c", "threads", "thread 1", "backtrace", "q")
    assert said.to("threads").count("\n") == 2 and "main" in said.to("threads")
    assert f":{len(program.text.splitlines())}\n" in said.to("thread 1")


def test_a_syntax_error_is_shown_with_its_line(debugging: Debugging) -> None:
    said = debugging(Program.of("local x = = 2"))
    assert said.status == 1 and "program.lua:1" in said.stderr


def test_ctrl_c_pauses_a_busy_script_and_a_second_one_ends_it(tmp_path: Path) -> None:
    (tmp_path / "busy.lua").write_text("print('busy')\nlocal n = 0\nwhile true do n = n + 1 end\n")
    process = subprocess.Popen(
        [LLMSPELL, "debug", "busy.lua"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin and process.stdout and process.stderr
    out, err = Pipe(process.stdout.fileno()), Pipe(process.stderr.fileno())
    try:
        process.stdin.write(b"continue\n")
        process.stdin.flush()
        out.wait_for(r"\nbusy\n")
        process.send_signal(signal.SIGINT)
        out.wait_for(r"paused\nmain chunk at busy.lua:[23]\n")
        process.stdin.write(b"print type(n)\nquit\n")
        process.stdin.flush()
        assert process.wait(60) == 0
        assert re.search(r"\(debug\) print type\(n\)\n\"n\w+\"\n", out.join())
        assert err.join() == ""
    finally:
        process.kill()
        process.wait()
        out.join()
        err.join()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "area.lua").write_text(AREA.text)
    (tmp_path / "sleepy.lua").write_text("print('name?')\nlocal name = io.read()\nprint('hello ' .. name)\n")
    shell = Terminal(tmp_path, ["sh", "-c", f"cd {tmp_path} && exec sh"])
    yield shell
    shell.close()


def test_a_terminal_completes_repeats_and_pauses(terminal: Terminal) -> None:
    terminal.type(f"{LLMSPELL} debug area.lua; echo status $?")
    terminal.wait_for("(debug)")
    terminal.type(f"break {AREA.line('return')}")
    terminal.wait_for("breakpoint 1  area.lua:4")
    terminal.write("cont")
    terminal.press("Tab")
    terminal.press("Enter")
    terminal.wait_for(lambda screen: "(debug) continue" in screen and "breakpoint 1\n" in screen)
    terminal.type("up")
    terminal.wait_for("total = total + area")
    terminal.write("print tota")
    terminal.press("Tab")
    terminal.press("Enter")
    terminal.wait_for("print total\n0\n")
    terminal.press("C-u", "C-d")
    terminal.wait_for("status 0")


def test_ctrl_c_throws_away_what_was_typed(terminal: Terminal) -> None:
    terminal.type(f"{LLMSPELL} debug area.lua; echo status $?")
    terminal.wait_for("(debug)")
    terminal.type("print 41 + 1")
    terminal.wait_for("\n42\n")
    terminal.write("print abc")
    terminal.wait_for("(debug) print abc")
    terminal.press("C-c")
    terminal.wait_for(
        lambda screen: re.search(r"\(debug\) \^C *\nquit ends .*\n\(debug\)", screen) is not None
    )
    terminal.type("n")
    terminal.wait_for(lambda screen: "(debug) n\nmain chunk" in screen)
    terminal.press("Up", "Up")
    terminal.wait_for(lambda screen: screen.rstrip().endswith("(debug) print 41 + 1"))
    terminal.press("C-c", "C-d")
    terminal.wait_for("status 0")


def test_ctrl_c_ends_what_is_evaluated(terminal: Terminal) -> None:
    terminal.type(f"{LLMSPELL} debug area.lua; echo status $?")
    terminal.wait_for("(debug)")
    terminal.type("!started = true while true do end")
    terminal.wait_for("while true do end\n")
    terminal.press("C-c")
    terminal.wait_for("it was interrupted\n(debug)")
    terminal.type("print started")
    terminal.wait_for("\ntrue\n")
    terminal.press("C-d")
    terminal.wait_for("status 0")


def test_a_script_asks_its_questions_in_the_terminal(terminal: Terminal) -> None:
    terminal.type(f"{LLMSPELL} debug sleepy.lua; echo status $?")
    terminal.wait_for("(debug)")
    terminal.type("c")
    terminal.wait_for("name?")
    terminal.type("Ada")
    terminal.wait_for("hello Ada")
    terminal.wait_for("status 0")


def test_the_session_in_the_documentation_is_real(debugging: Debugging) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "debug-scripts.md").read_text("utf-8")
    program, session = (
        found[1] for kind in ("lua", "text") if (found := re.search(rf"```{kind}\n(.*?)```", page, re.DOTALL))
    )
    commands = re.findall(r"^\(debug\) (.*)$", session, re.MULTILINE)
    said = debugging(Program(program), *commands, name="area.lua")
    assert said.stdout == session and said.status == 0


def test_output_and_stops_have_lines_of_their_own(debugging: Debugging) -> None:
    program = Program.of("""
        io.write("half a line")
        local x = 1  -- @stop
    """)
    said = debugging(program, "break 2", "c", "c")
    assert (
        said.to("c")
        == "half a line\nbreakpoint 1\nmain chunk at program.lua:2\n->*   2  local x = 1  -- @stop\n"
    )
