"""What `llmspell run` does with files, streams and the end of a process, as people know it from `lua`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .command import LLMSPELL, llmspell

MINUTE = 60


def run_bytes(
    *words: str | Path, cwd: Path, stdin: bytes | None = b"", **streams: int
) -> subprocess.CompletedProcess[bytes]:
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    return subprocess.run([LLMSPELL, *words], input=stdin, timeout=MINUTE, cwd=cwd, **given)  # type: ignore[call-overload, no-any-return]


NO_TEXT = "not the text of a script"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("scirpt.lua", None, "there is no file scirpt.lua; did you mean script.lua?"),
        ("script", None, "there is no file script; did you mean script.lua?"),
        ("no/such/place.lua", None, "there is no file no/such/place.lua: there is no directory no"),
        ("nothing.lua", None, "there is no file nothing.lua"),
        (".", None, ". is a directory; name a file in it"),
        ("", None, "the name of the script is empty; name a file, or - for standard input"),
        ("/dev/zero", None, f"/dev/zero is a binary file, {NO_TEXT}; give the Lua source"),
        ("app", None, "app is a directory; run app/main.lua"),
        ("x.lua", b"\x7fELF\x02\x01", f"x.lua is a program (ELF), {NO_TEXT}; give the Lua source"),
        ("x.luac", b"\x1bLua\x54", f"x.luac is compiled Lua, {NO_TEXT}; give the Lua source"),
        ("x.lua", b"return 1 \0\1", f"x.lua is a binary file, {NO_TEXT}; give the Lua source"),
        ("x.lua", "print(1)".encode("utf-16"), f"x.lua is UTF-16 text, {NO_TEXT}; save it as UTF-8"),
    ],
)
def test_what_cannot_be_run_says_what_to_do(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    (tmp_path / "script.lua").write_text("print(1)")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.lua").write_text("print(1)")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    for options in ([], ["--output", "text"]):
        done = llmspell("run", *options, name, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"error: {message}\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "secret.lua").touch(0o000)
    done = llmspell("run", "secret.lua", cwd=tmp_path)
    assert done.stderr == "error: cannot read secret.lua: Permission denied\n"


def test_a_script_of_ten_megabytes(tmp_path: Path) -> None:
    line = "x = 'some text that takes space in a line of the file'\n"
    (tmp_path / "big.lua").write_text(line * 200_000 + "print('end')")
    assert llmspell("run", "big.lua", cwd=tmp_path).stdout == "end\n"


def test_a_script_from_standard_input(tmp_path: Path) -> None:
    code = b"print(arg[0], ...)\nprint(io.read())\nerror('x')"
    done = run_bytes("run", "-", "--", "a", cwd=tmp_path, stdin=code)
    assert done.stdout == b"stdin\ta\nnil\n"
    assert done.returncode == 1 and done.stderr.startswith(b"LuaError: stdin:3: x\n")


def test_standard_input_as_lua_has_it(tmp_path: Path) -> None:
    code = """
        print(io.read("n", "n", "l"))
        print(io.read(2), io.read("L"))
        for line in io.lines() do if line == "stop" then break end io.write("[", line, "]") end
        print(#io.read("a"), io.read("a"), io.read())
    """
    (tmp_path / "read.lua").write_text(code)
    stdin = b"1 2.5\nabc\n\n\xff\nstop\nrest\n\nof it"
    done = run_bytes("run", "read.lua", cwd=tmp_path, stdin=stdin)
    assert done.stdout == b"1\t2.5\t\nab\tc\n\n[][\xff]11\t\tnil\n", done.stderr


def test_order_with_children_and_stderr(tmp_path: Path) -> None:
    code = """
        print(1) io.stderr:write("2\\n") os.execute("echo 3; echo 4 >&2") print(5)
        local pipe = io.popen("cat", "w") pipe:write("6\\n") pipe:close() print(7)
    """
    done = run_bytes("exec", code, cwd=tmp_path, stderr=subprocess.STDOUT)
    assert done.stdout == b"1\n2\n3\n4\n5\n6\n7\n"


def test_a_child_reads_the_same_input(tmp_path: Path) -> None:
    done = run_bytes("exec", "os.execute('cat')", cwd=tmp_path, stdin=b"through\n")
    assert done.stdout == b'through\ntrue\t"exit"\t0\n'


@pytest.mark.parametrize("engine", ["lua54", "lua55", "luajit"])
def test_a_million_lines_arrive(tmp_path: Path, engine: str) -> None:
    done = run_bytes("exec", "--engine", engine, "for i = 1, 1000000 do print(i) end", cwd=tmp_path)
    assert done.stdout == b"".join(b"%d\n" % number for number in range(1, 1_000_001))


def test_the_end_of_a_script_is_that_of_lua(tmp_path: Path) -> None:
    code = """
        kept = setmetatable({}, {__gc = function() print("finalizer") end})
        file = io.open("file.txt", "w") file:write("not closed")
        pipe = io.popen("cat > child.txt", "w") pipe:write("not closed either")
        print("end")
    """
    (tmp_path / "end.lua").write_text(code)
    assert llmspell("run", "end.lua", cwd=tmp_path).stdout == "end\nfinalizer\n"
    assert (tmp_path / "file.txt").read_text() == "not closed"
    assert (tmp_path / "child.txt").read_text() == "not closed either"
    done = llmspell("exec", "f = io.open('exit.txt', 'w') f:write('kept') os.exit(3)", cwd=tmp_path)
    assert done.returncode == 3 and (tmp_path / "exit.txt").read_text() == "kept"


def test_timers_run_after_the_script(tmp_path: Path) -> None:
    def done(code: str) -> tuple[int, str]:
        (tmp_path / "timer.lua").write_text(code)
        done = llmspell("run", "timer.lua", cwd=tmp_path)
        return done.returncode, done.stdout

    assert done("timer.after(0.05, function() print('later') end) print('now')") == (0, "now\nlater\n")
    assert done("timer.after(0.05, function() os.exit(9) end)") == (9, "")
    assert done("timer.after(0.05, function() error('x') end)") == (1, "")


def test_closed_streams(tmp_path: Path) -> None:
    def shell(line: str) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", "-c", line],
            capture_output=True,
            text=True,
            timeout=MINUTE,
            cwd=tmp_path,
            env={**os.environ, "L": str(LLMSPELL)},
        )
        return done.returncode, done.stdout + done.stderr

    assert shell('"$L" exec "print(1)" >&-') == (0, "")
    assert shell('"$L" exec "error(1)" 2>&-') == (1, "")
    assert shell('"$L" exec "print(io.read() == nil)" <&-')[1] == "true\n"
    code = "print(io.read('a') == '', io.read(), io.open('file', 'w'):write('x') ~= nil)"
    assert shell(f'"$L" exec "{code}" <&-') == (0, "true\tnil\ttrue\n")
    assert shell('"$L" exec "local _ = os.execute(\'cat; echo said\')" <&-') == (0, "said\n")
    status, said = shell('"$L" run - <&-')
    assert status == 1 and "standard input is closed" in said
    status, said = shell('"$L" version >&-')
    assert status == 1 and "standard output is closed" in said
    status, said = shell('"$L" exec "print(1)" > /dev/full')
    assert (status, said) == (1, "error: cannot write the output: No space left on device\n")
    for command in ("--help", "run --help", "config show"):
        assert shell(f'"$L" {command} > /dev/full') == (status, said)
    assert shell('"$L" exec "for i = 1, 1e9 do print(i) end" | head -n 1')[1] == "1\n"


@pytest.mark.parametrize("engine", ["lua54", "lua55", "luajit"])
def test_engines(tmp_path: Path, engine: str) -> None:
    expected = {"lua54": "Lua 5.4", "lua55": "Lua 5.5", "luajit": "Lua 5.1"}[engine]
    assert llmspell("exec", "--engine", engine, "print(_VERSION)", cwd=tmp_path).stdout == f"{expected}\n"
    done = subprocess.run(
        [LLMSPELL, "exec", "print(_VERSION)"],
        capture_output=True,
        text=True,
        timeout=MINUTE,
        cwd=tmp_path,
        env={**os.environ, "LLMSPELL_ENGINE": engine},
    )
    assert done.stdout == f"{expected}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run"], "Missing argument 'SCRIPT'."),
        (["exec"], "Missing argument 'CODE'."),
        (["run", "x.lua", "--fast"], "No such option '--fast'; options of the script come behind --."),
        (
            ["run", "--engine", "python", "x.lua"],
            "Invalid value for '--engine' / '--language': 'python' is not one of ",
        ),
        (["run", "--timeout", "0", "x.lua"], "Invalid value for '--timeout': 0.0 is not in the range x>0."),
        (["exec", "--engine", "lua55", "--connect", "x", "1"], "--engine chooses a Lua for this process"),
        (["exec", "-p", "restricted", "--connect", "x", "1"], "--profile chooses settings for this process"),
        (["run", "-c", "x.toml", "--connect", "x", "x.lua"], "--config chooses settings for this process"),
        (["run", "--dry-run", "--connect", "x", "x.lua"], "--dry-run shows settings for this process"),
        (["run", "--timeout", "inf", "x.lua"], "Invalid value for '--timeout': inf is not in the range"),
        (
            ["run", "--timeout", "nan", "x.lua"],
            "Invalid value for '--timeout': nan is not a number of seconds.",
        ),
        (["exec", "-1"], "No such option '-1'; options of the script come behind --, and so does code that"),
        (["exec", "--connect", "", "1"], "--connect is empty"),
    ],
)
def test_a_wrong_command_line(tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "x.lua").write_text("print(1)")
    done = llmspell(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.endswith(f"help:  llmspell {words[0]} --help\n")


def test_a_byte_order_mark_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "x.lua").write_text("\ufefferror('x')")
    done = llmspell("run", "x.lua", cwd=tmp_path)
    assert "-->    1 error('x')" in done.stderr
