"""print and the io library: the front's streams, its input, child processes and real files."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from llmspell_kernel.interpreter import StreamName

from .shell import LuaShell, plain

FIVE_FOUR = pytest.mark.parametrize("language", ["lua54", "lua55"])


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("print('a', 1, nil, true)", b"a\t1\tnil\ttrue\n"),
        ("print()", b"\n"),
        ("print('\\255\\0\\254')", b"\xff\x00\xfe\n"),
        ("print(setmetatable({}, {__tostring = function() return 'own' end}), 1)", b"own\t1\n"),
        ("io.write('a', 1, '\\n')", b"a1\n"),
        ("io.write('a'):write('b')", b"ab"),
        ("io.stdout:write('a', 'b'):write('c')", b"abc"),
        ("io.write()", b""),
        ("io.output():write('x')", b"x"),
        ("local w = io.write for i = 1, 3 do w(i) end", b"123"),
    ],
)
def test_text_on_stdout(shell: LuaShell, code: str, text: bytes) -> None:
    assert shell.run(code) is None
    assert b"".join(data for stream, data in shell.streams() if stream == "stdout") == text


def test_numbers_are_written_as_lua_writes_them(shell: LuaShell) -> None:
    shell.run("io.write(1, ' ', 2.5, ' ', 10 / 2, ' ', 1e100)")
    assert shell.output() == ("1 2.5 5 1e+100" if shell.language == "luajit" else "1 2.5 5.0 1e+100")


def test_both_streams_keep_their_order(shell: LuaShell) -> None:
    shell.run(
        "print('1') io.stderr:write('2\\n') io.write('3\\n') io.stdout:write('4\\n') io.stderr:write('5\\n')"
    )
    assert shell.streams() == [
        ("stdout", b"1\n"), ("stderr", b"2\n"), ("stdout", b"3\n4\n"), ("stderr", b"5\n"),
    ]  # fmt: skip


def test_output_before_an_error_arrives(shell: LuaShell) -> None:
    shell.fail("print('before') for i = 1, 5 do print(i) end error('x')")
    assert shell.output() == "before\n1\n2\n3\n4\n5\n"


def test_the_standard_streams_are_files(shell: LuaShell) -> None:
    assert shell.run("io.type(io.stdout), io.type(io.stderr), io.type(io.stdin)") == '"file"\t"file"\t"file"'
    assert (
        shell.run("io.stdout:flush() == io.stdout, io.stdout:setvbuf('no'), io.flush() ~= nil")
        == "true\ttrue\ttrue"
    )
    assert shell.run("io.stdout:seek()") == 'nil\t"Illegal seek"\t29'
    assert shell.run("io.stdout:close()") == 'nil\t"a standard stream cannot be closed"'
    assert shell.run("io.input() == io.stdin, io.output() == io.stdout") == "true\ttrue"
    assert shell.run("tostring(io.stdout):match('^file %(') ~= nil") == "true"


@pytest.mark.parametrize(
    ("reading", "answers", "result"),
    [
        ("io.read()", ["hello"], '"hello"'),
        ("io.read('l')", [""], '""'),
        ("io.read('*l')", ["hello"], '"hello"'),
        ("io.read('L')", ["hello"], '"hello\\n"'),
        ("io.read('n')", ["42"], "42"),
        ("io.read('n', 'n')", ["1 0x10"], "1\t16"),
        ("io.read('n', 'l')", ["", "  7 rest"], '7\t" rest"'),
        ("io.read('n')", ["none"], "nil"),
        ("io.read(2, 3)", ["abcdef"], '"ab"\t"cde"'),
        ("io.read(0)", ["x"], '""'),
        ("io.read('a')", ["one", "two", ""], '"one\\ntwo\\n"'),
        ("io.read('l', 'l')", ["one"], '"one"\tnil'),
        ("io.stdin:read()", ["grüße 😀"], '"grüße 😀"'),
        ("io.read()", [None], "nil"),
        ("io.input():read('l')", ["x"], '"x"'),
    ],
)
def test_reading_asks_the_front(
    shell: LuaShell, reading: str, answers: list[str | None], result: str
) -> None:
    shell.frontend.answers = list(answers)
    shown = shell.run(reading)
    assert shown is not None
    assert shown.replace("[[\n", '"').replace("\n]]", '\\n"').replace("one\ntwo", "one\\ntwo") == result


def test_the_rest_of_a_line_is_kept_for_the_next_read(shell: LuaShell) -> None:
    shell.frontend.answers = ["12 apples", "next"]
    assert shell.run("io.read('n')") == "12"
    assert shell.run("io.read()") == '" apples"'
    assert shell.run("io.read()") == '"next"'
    assert len(shell.frontend.asked) == 2


def test_lines_of_the_input(shell: LuaShell) -> None:
    shell.frontend.answers = ["a", "b"]
    shell.run("for line in io.lines() do print('<' .. line .. '>') end")
    assert shell.output() == "<a>\n<b>\n"
    shell.frontend.answers = ["1 2"]
    shell.run("for a, b in io.stdin:lines('n', 'n') do print(a + b) if a then break end end")
    assert shell.output() == "3\n"


def test_passwords_are_asked_for_as_such(shell: LuaShell) -> None:
    shell.frontend.answers = ["secret", "other", None]
    assert shell.run("io.getpass('Key: '), io.getpass(), io.getpass()") == '"secret"\t"other"\tnil'
    assert shell.frontend.asked == [("Key: ", True), ("Password: ", True), ("Password: ", True)]


def test_no_input_is_an_error_that_says_so(shell: LuaShell) -> None:
    for code in ("io.read()", "io.lines()()", "io.getpass()", "io.stdin:read('n')"):
        error = shell.fail(code)
        assert "this front end cannot be asked for input" in error.value
    assert shell.run("select(2, pcall(io.read))") is not None


def test_children_write_to_the_cell_in_order(shell: LuaShell) -> None:
    shell.run("print('1') os.execute('echo 2') print('3') os.execute('echo 4 >&2') print('5')")
    assert shell.output() == "1\n2\n3\n4\n5\n"
    shell.run("os.execute('printf \"\\\\377\"');")
    assert shell.streams() == [("stdout", b"\xff")]


def test_the_end_of_a_child(shell: LuaShell) -> None:
    jit = shell.language == "luajit"
    assert shell.run("os.execute('exit 0')") == ("0" if jit else 'true\t"exit"\t0')
    assert shell.run("os.execute('exit 3')") == ("768" if jit else 'nil\t"exit"\t3')
    assert shell.run("os.execute('kill -9 $$')") == ("9" if jit else 'nil\t"signal"\t9')
    assert shell.run("os.execute() and true") == "true"


def test_a_pipe_is_read(shell: LuaShell) -> None:
    shell.run("pipe = io.popen('echo one; echo two; echo oops >&2; exit 5')")
    assert shell.run("pipe:read('*l'), #pipe:read('*a')") == '"one"\t4'
    assert shell.run("io.type(pipe), pipe:close()") == '"file"\tnil\t"exit"\t5'
    assert shell.output() == "oops\n"
    assert shell.run("io.type(pipe)") == '"closed file"'
    shell.run("for line in io.popen('seq 3'):lines() do io.write(line, ';') end")
    assert shell.output() == "1;2;3;"


def test_a_pipe_is_written(shell: LuaShell) -> None:
    assert (
        shell.run("local p = io.popen('cat', 'w') p:write('through\\n', 'cat\\n') return p:close()")
        == 'true\t"exit"\t0'
    )
    assert shell.output() == "through\ncat\n"
    assert "invalid mode" in shell.fail("io.popen('x', 'rw')").value


def test_children_end_with_their_state(shell: LuaShell) -> None:
    shell.run("pipe = io.popen('echo $$; exec sleep 100') pid = pipe:read('*l')")
    pid = int((shell.run("pid") or "").strip('"'))
    shell.interpreter.close()
    shell.run("pipe:close()")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_files_in_every_mode(shell: LuaShell, tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    shell.run(f"path = '{path}'")
    assert shell.run("io.open(path)") == f'nil\n"{path}: No such file or directory"\n2'
    shell.run(
        "f = assert(io.open(path, 'w')) f:write('line 1\\n', 'line 2\\n', '3.5 0x10\\n', 'end') f:close()"
    )
    assert path.read_bytes() == b"line 1\nline 2\n3.5 0x10\nend"
    shell.run("f = io.open(path, 'rb')")
    assert shell.run("f:read('*l', '*l', '*n', '*n', '*l', '*a')") == '"line 1"\t"line 2"\t3.5\t16\t""\t"end"'
    assert shell.run("f:read('*a'), f:read('*l'), f:read(1)") == '""\tnil\tnil'
    assert shell.run("f:seek('set', 5), f:read(1), f:read(0), f:seek(), f:seek('end')") == '5\t"1"\t""\t6\t26'
    assert shell.run("f:close(), io.type(f)") == 'true\t"closed file"'
    shell.run("f = io.open(path, 'r+') f:write('LINE') f:close()")
    shell.run("f = io.open(path, 'a') f:write('!') f:close()")
    assert path.read_bytes() == b"LINE 1\nline 2\n3.5 0x10\nend!"
    shell.run("f = io.open(path, 'wb') f:write(('\\255\\0'):rep(3)) f:close()")
    assert path.read_bytes() == b"\xff\x00" * 3


def test_lines_of_files(shell: LuaShell, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("a 1\nb 2\nc 3")
    shell.run(f"path = '{path}' out = {{}}")
    shell.run("for line in io.lines(path) do out[#out + 1] = line end")
    shell.run("local f = io.open(path) for line in f:lines() do out[#out + 1] = line end f:close()")
    assert shell.run("table.concat(out, ',')") == '"a 1,b 2,c 3,a 1,b 2,c 3"'
    shell.run("out = {} for a, b in io.lines(path, 1, '*l') do out[#out + 1] = b .. a end")
    assert shell.run("table.concat(out, ',')") == '" 1a, 2b, 3c"'
    shell.run("local f = io.open(path) local it = f:lines() it() f:close() ok, message = pcall(it)")
    assert shell.run("ok, (message:match('file is already closed') or message:match('closed'))") is not None


def test_default_input_and_output_can_be_files(shell: LuaShell, tmp_path: Path) -> None:
    path = tmp_path / "default.txt"
    shell.run(
        f"io.output('{path}') io.write('to ', 'file\\n', 5) print('out') io.close() io.output(io.stdout)"
    )
    assert shell.output() == "out\n"
    assert path.read_text() == "to file\n5"
    shell.run(
        f"io.input('{path}') first = io.read() rest = io.read('*a') io.input():close() io.input(io.stdin)"
    )
    assert shell.run("first, rest") == '"to file"\t"5"'
    assert shell.run("io.write('x') == io.stdout") == "true"


@FIVE_FOUR
def test_files_that_close_themselves(shell: LuaShell, tmp_path: Path) -> None:
    path = tmp_path / "closing.txt"
    shell.run(f"local kept do local f <close> = io.open('{path}', 'w') kept = f f:write('x') end file = kept")
    assert shell.run("io.type(file)") == '"closed file"'
    assert path.read_text() == "x"
    shell.run(f"for line in io.lines('{path}') do break end")
    shell.run("local p <close> = io.popen('cat', 'w') p:write('piped')")
    assert shell.output() == "piped"


def test_more_files_than_the_system_opens_at_once(shell: LuaShell, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("1")
    shell.run(f"for i = 1, 3000 do local f = io.open('{tmp_path}/one.txt') f:read('*a') f:close() end")
    shell.run("for i = 1, 20 do io.popen('true'):close() end")


def test_warnings_reach_the_front_end(shell: LuaShell) -> None:
    if shell.language == "luajit":
        pytest.skip("Lua 5.1 has no warnings")
    shell.run("warn('unseen')")
    shell.run("print('before') warn('@on') warn('care', 'ful', 5) print('after')")
    assert shell.streams() == [
        ("stdout", b"before\n"),
        ("stderr", b"Lua warning: careful5\n"),
        ("stdout", b"after\n"),
    ]
    failing = "setmetatable({}, {__gc = function() error('in gc') end}) collectgarbage()"
    shell.run(failing)
    assert shell.streams() == [("stderr", b"Lua warning: error in __gc (cell [3]:1: in gc)\n")]
    shell.run("warn('@off') warn('unseen') " + failing)
    assert shell.streams() == []
    assert "string expected, got table" in shell.fail("warn({})").value


def test_an_interrupted_child_is_waited_for(shell: LuaShell) -> None:
    code = "os.execute('trap \"\" INT; echo started; exec sleep 60')"
    children = shell.interpreter.children
    found: list[subprocess.Popen[bytes]] = []
    write = shell.frontend.write

    def interrupt(stream: StreamName, data: bytes) -> None:
        write(stream, data)
        if b"started" in data:
            found.extend(child.process for child in children._running.values())
            os.kill(os.getpid(), signal.SIGINT)  # to the main thread, which waits

    def handle(_number: int, _frame: object) -> None:
        shell.interpreter.interrupt()
        if shell.interpreter.gate.open:
            raise KeyboardInterrupt

    children._write = interrupt
    before = signal.signal(signal.SIGINT, handle)
    try:
        error = shell.fail(code)
    finally:
        signal.signal(signal.SIGINT, before)
    assert error.name == "KeyboardInterrupt"
    assert f"-->    1 {code}" in plain(error)
    assert [process.returncode for process in found] == [-signal.SIGKILL]
    assert not children._running


def test_a_child_that_cannot_start_leaves_no_pipe_open(shell: LuaShell) -> None:
    before = set(os.listdir("/dev/fd"))
    for code in ("os.execute(string.rep('x', 1e7))", "io.popen(string.rep('x', 1e7))"):
        assert "Argument list too long" in shell.fail(code).value
    assert before.issuperset(os.listdir("/dev/fd"))  # what earlier tests left may close in between
