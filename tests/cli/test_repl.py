"""`llmspell repl` in a real terminal: tmux."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.terminal import Terminal

from .command import LLMSPELL

Repl = Callable[..., Terminal]


@pytest.fixture
def repl(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[Repl]:
    """Starts REPLs (options; `history`, further variables), each at its first prompt."""
    started: list[Terminal] = []

    def start(*options: str, prompt: str = "[1]> ", width: int = 100, **variables: str) -> Terminal:
        settings = {"XDG_STATE_HOME": str(tmp_path / "state"), **variables}
        words = ["env", *(f"{name}={value}" for name, value in settings.items()), str(LLMSPELL), "repl"]
        folder = tmp_path_factory.mktemp("terminal")
        started.append(Terminal(folder, [*words, *options], width=width, height=40))
        started[-1].wait_for(prompt, 60)
        return started[-1]

    yield start
    for terminal in started:
        terminal.close()


def coloured(terminal: Terminal) -> str:
    """The screen with its colours."""
    return terminal._tmux("capture-pane", "-p", "-e", "-J", "-S", "-500")


def lines(screen: str) -> list[str]:
    return [line.rstrip() for line in screen.splitlines() if line.strip()]


def test_values_are_shown_and_counted(repl: Repl) -> None:
    terminal = repl()
    terminal.type("1 + 1")
    terminal.wait_for("[2]> ")
    terminal.type("{a = 'x', 2}")
    shown = lines(terminal.wait_for("[3]> "))
    assert shown[0].startswith("LLMSpell") and "Lua 5.4" in shown[0] and ".help" in shown[0]
    assert shown[1:] == ["[1]> 1 + 1", "2", "[2]> {a = 'x', 2}", '{2, a = "x"}', "[3]>"]


def test_enter_goes_on_where_code_is_not_whole(repl: Repl) -> None:
    terminal = repl()
    for line in ("for i = 1, 2 do", "if i > 1 then", "print('at ' .. i)", "end", "end"):
        terminal.type(line)
    shown = lines(terminal.wait_for("[2]> "))
    assert shown[1:] == [
        "[1]> for i = 1, 2 do",
        "   ·     if i > 1 then",
        "   ·         print('at ' .. i)",
        "   ·     end",
        "   · end",
        "at 2",
        "[2]>",
    ]


def test_alt_enter_begins_a_line_in_any_case(repl: Repl) -> None:
    terminal = repl()
    terminal.write("print(1)")
    terminal.press("M-Enter")
    terminal.type("print(2)")
    assert lines(terminal.wait_for("[2]> "))[1:] == ["[1]> print(1)", "   · print(2)", "1", "2", "[2]>"]


def test_several_statements_are_pasted_as_one(repl: Repl) -> None:
    terminal = repl()
    terminal._tmux("set-buffer", "local x = 5\nlocal y = 6\nprint(x * y)")
    terminal._tmux("paste-buffer", "-p")
    terminal.wait_for("print(x * y)")
    terminal.press("Enter")
    assert "30" in terminal.wait_for("[2]> ")


def test_tables_of_records_are_drawn(repl: Repl) -> None:
    terminal = repl()
    terminal.type("{{name = 'Ada', born = 1815}, {name = 'Alan', born = 1912}}")
    shown = lines(terminal.wait_for("[2]> "))
    assert shown[2:6] == ["  │ name │ born", "──┼──────┼─────", "1 │ Ada  │ 1815", "2 │ Alan │ 1912"]
    terminal.type(".set tables off")
    terminal.type("{{name = 'Ada', born = 1815}}")
    terminal.wait_for('{{born = 1815, name = "Ada"}}')


def test_names_are_completed_with_what_they_are(repl: Repl) -> None:
    terminal = repl()
    terminal.type("x = 1")
    terminal.wait_for("[2]> ")
    terminal.write("string.for")
    terminal.press("Tab")
    terminal.wait_for("string.format")
    terminal.press("C-u")
    terminal.write("table.")
    shown = terminal.wait_for("concat")
    assert "function (list: table" in shown and "unpack" in shown
    terminal.press("C-u")
    terminal.write(".hi")
    terminal.press("Tab")
    terminal.wait_for(".history")


def test_the_signature_of_an_open_call_is_shown(repl: Repl) -> None:
    terminal = repl()
    terminal.type("x = 1")
    terminal.wait_for("[2]> ")
    terminal.write("string.rep('a', ")
    shown = terminal.wait_for("string.rep(s: string, n: integer, sep?: string) -> string")
    assert shown.rstrip().endswith("-> string")
    assert re.search(r"\x1b\[[\d;]*[14][\d;]*mn: integer", coloured(terminal))
    terminal.write("2)")
    terminal.wait_for(lambda screen: "-> string" not in screen)


def test_code_values_and_errors_have_colours(repl: Repl) -> None:
    terminal = repl()
    terminal.type("x = 1")
    terminal.wait_for("[2]> ")
    terminal.type("local s = 'text' return {s, 12}")
    terminal.wait_for("[3]> ")
    terminal.type("error('boom')")
    terminal.wait_for("[4]> ")
    shown = coloured(terminal)
    assert re.search(r"\x1b\[35mlocal", shown) and re.search(r"\x1b\[36m12", shown)
    assert re.search(r"\x1b\[31mLuaError", shown)


@pytest.mark.parametrize(("options", "variables"), [((), {"NO_COLOR": "1"}), (("--color", "never"), {})])
def test_without_colours(repl: Repl, options: tuple[str, ...], variables: dict[str, str]) -> None:
    terminal = repl(*options, prompt="[1]>", **variables)
    terminal.type("local s = 'text' return {s, 12}")
    terminal.wait_for("[2]>")
    terminal.type("error('boom')")
    terminal.wait_for("[3]>")
    assert not re.search(r"\x1b\[[\d;]*3[1-7]", coloured(terminal))


def test_ctrl_c_ends_code_and_drops_input(repl: Repl) -> None:
    terminal = repl()
    terminal.type("print('be' .. 'gun') while true do end")
    terminal.wait_for("begun\n")
    terminal.press("C-c")
    shown = terminal.wait_for("[2]> ")
    assert "KeyboardInterrupt: the cell was interrupted" in shown
    terminal.write("never run")
    terminal.press("C-c")
    terminal.type("'next'")
    terminal.wait_for('"next"')


def test_ctrl_d_leaves_and_a_status_is_handed_on(repl: Repl) -> None:
    first, second = repl(), repl()
    first.press("C-d")
    first.wait_for("ended with 0")
    second.type("os.exit(7)")
    assert "Exit" not in second.wait_for("ended with 7")


def test_input_and_passwords_are_read(repl: Repl) -> None:
    terminal = repl()
    terminal.type("io.write('na' .. 'me? ') local n = io.read() print('hello ' .. n)")
    terminal.wait_for("\nname?")
    terminal.type("Ada")
    terminal.wait_for("hello Ada")
    terminal.type("local p = io.getpass('Secret? ') print(#p)")
    terminal.wait_for("\nSecret?")
    terminal.type("word")
    shown = terminal.wait_for("\n4\n")
    assert "\nSecret? ****\n" in shown
    terminal.type("io.write('mo' .. 're? ') io.read()")
    terminal.wait_for("\nmore?")
    terminal.press("C-c")
    terminal.wait_for("interrupted")
    terminal.wait_for("[4]> ")


def test_output_comes_as_it_is_written_and_bars_stay_on_their_line(repl: Repl) -> None:
    terminal = repl()
    terminal.type("for _ in display.progress(3, 'work') do end print('do' .. 'ne')")
    shown = lines(terminal.wait_for("[2]> "))
    assert len([line for line in shown if line.startswith("work")]) == 1 and "done" in shown
    terminal.type("local h = display('fi' .. 'rst') h:update('sec' .. 'ond')")
    shown = lines(terminal.wait_for("[3]> "))
    assert '"second"' in shown and '"first"' not in shown


def test_what_timers_write_stands_above_the_prompt(repl: Repl) -> None:
    terminal = repl()
    terminal.type("t = timer.after(0.5, function() print('ti' .. 'ck') end)")
    terminal.wait_for("[2]> ")
    terminal.write("half a l")
    shown = lines(terminal.wait_for("tick"))
    terminal.write("ine")
    shown = lines(terminal.wait_for("half a line"))
    assert shown.index("tick") < shown.index("[2]> half a line")


def test_history_lasts_and_is_searched(repl: Repl, tmp_path: Path) -> None:
    terminal = repl()
    terminal.type("first = 'one'")
    terminal.wait_for("[2]> ")
    terminal.write("for i = 1, 1 do")
    terminal.press("Enter")
    terminal.type("print('many' .. 'lines') end")
    terminal.wait_for("[3]> ")
    terminal.press("C-d")
    terminal.wait_for("ended with 0")
    file = tmp_path / "state/llmspell/repl_history"
    assert "+first = 'one'\n" in file.read_text() and file.stat().st_mode & 0o77 == 0
    again = repl()
    again.write("fi")
    again.press("Up")
    again.wait_for("[1]> first = 'one'")
    again.press("C-c")
    again.wait_for(lambda screen: screen.count("[1]>") == 2)
    again.press("C-r")
    again.write("many")
    again.wait_for("print('many'")
    again.press("Enter")
    again.press("Enter")
    again.wait_for("manylines")
    again.type(".history 2")
    entry = re.compile(r"\d  for i = 1, 1 do\n +print\('many' .. 'lines'\) end")
    again.wait_for(lambda screen: bool(entry.search(screen)))
    again.type(".history clear")
    again.wait_for("forgotten")
    assert file.read_text() == ""


def test_history_can_be_kept_elsewhere_or_not_at_all(repl: Repl, tmp_path: Path) -> None:
    mine, none, broken = tmp_path / "mine", tmp_path / "state", tmp_path / "folder"
    broken.mkdir()
    for option in (str(mine), ":memory:"):
        terminal = repl("--history", option)
        terminal.type("kept = 1")
        terminal.wait_for("[2]> ")
    assert "+kept = 1" in mine.read_text() and not none.exists()
    terminal = repl("--history", str(broken))
    terminal.type("1 + 1")
    terminal.wait_for(f"the history file {broken} cannot be read: Is a directory")


def test_help_of_names_and_loaded_files(repl: Repl, tmp_path: Path) -> None:
    file = tmp_path / "file.lua"
    file.write_text("print('loa' .. 'ded')\n")
    terminal = repl()
    terminal.type("string.rep?")
    terminal.wait_for("Parameters:")
    terminal.type(f"%load {file}")
    terminal.wait_for("[3]> -- %load")
    terminal.press("Enter")
    terminal.wait_for("\nloaded")


def test_the_terminal_may_change_its_size(repl: Repl) -> None:
    terminal = repl()
    terminal.write("'" + "x" * 60)
    terminal._tmux("resize-window", "-x", "50", "-y", "20")
    terminal.write("y" * 10 + "'")
    terminal.press("Enter")
    shown = terminal.wait_for("[2]> ")
    assert '"' + "x" * 60 + "y" * 10 + '"' in shown.replace("\n", "")
    terminal.type("{{text = string.rep('long ', 30)}}")
    shown = terminal.wait_for("[3]> ")
    assert "…" in shown and all(len(line) <= 50 for line in lines(shown) if "│" in line)


def test_a_fresh_start_and_clearing_the_screen(repl: Repl) -> None:
    terminal = repl()
    terminal.type("x = 1")
    terminal.wait_for("[2]> ")
    terminal.type(".reset")
    terminal.wait_for("a new kernel\n[1]> ")
    terminal.type("x")
    terminal.wait_for("nil\n[2]> ")
    terminal.type(".clear")
    terminal.wait_for(lambda _: lines(terminal._tmux("capture-pane", "-p")) == ["[2]>"])


def test_settings_of_the_prompt(repl: Repl) -> None:
    terminal = repl()
    for line in (".set timing on", "1 + 1"):
        terminal.type(line)
    terminal.wait_for(lambda screen: bool(re.search(r"\n2\n[\d.]+ ms\n", screen)))
    terminal.type(".set style monokai")
    terminal.type(".set editing vi")
    terminal.type("nil")
    terminal.wait_for("[3]> ")


def test_an_unknown_lua_and_a_dead_connection_are_told(tmp_path: Path) -> None:
    for options, told in (
        (("--connect", str(tmp_path / "missing.json")), "missing.json"),
        (("--connect", "nosuchkernel"), "nosuchkernel"),
        (("--engine", "lua54", "--connect", "x"), "leave out one"),
    ):
        done = subprocess.run(
            [LLMSPELL, "repl", *options],
            input="",
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ,
            check=False,
        )
        assert done.returncode in (1, 2) and told in done.stderr and "Traceback" not in done.stderr


def test_code_that_does_not_stop_can_be_left_behind(repl: Repl) -> None:
    terminal = repl("--engine", "luajit")
    terminal.type("local n = 0 print('be' .. 'gun') repeat n = n + 1 until n < 0")
    terminal.wait_for("\nbegun")
    for told in ("", "Ctrl-C once more", "not waiting any longer"):
        terminal.press("C-c")
        terminal.wait_for(told)
    terminal.type(".reset")
    terminal.wait_for("a new kernel")
    terminal.type("'al' .. 'ive'")
    terminal.wait_for('"alive"')
    terminal.press("C-d")
    terminal.wait_for("ended with 0")


def test_a_question_between_inputs_is_refused_and_the_prompt_lives(repl: Repl) -> None:
    terminal = repl()
    terminal.type("timer.after(0, function() print(pcall(io.read)) end);")
    terminal.wait_for("nobody can be asked for input here")
    terminal.type("io.write('Na' .. 'me? ') io.read()")
    terminal.wait_for("\nName?")
    terminal.press("C-c")
    terminal.wait_for("[3]> ")
    terminal.type("6 * 7")
    terminal.wait_for("42")
    terminal.wait_for("[4]> ")
    terminal.press("C-d")
    terminal.wait_for("ended with 0")
