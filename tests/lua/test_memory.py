"""The limit of Lua's memory: an error for the cell, never the end of the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .shell import LANGUAGES, LuaShell, plain

LIMIT = 30_000_000

SCRIPT = r"""
import sys
from tests.lua.shell import LuaShell

HUNGRY = {
    "tables": "local t = {} while true do t[#t + 1] = {} end",
    "strings": "local s = 'x' while true do s = s .. s end",
    "rep": "return string.rep('x', 1e9)",
    "concat": "local t = {} for i = 1, 1e9 do t[i] = 'some text ' .. i end return table.concat(t)",
    "closures": "local t = {} while true do t[#t + 1] = function() return t end end",
    "coroutines": "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
    "in pcall": "local t = {} while pcall(function() for i = 1, 1000 do t[#t + 1] = {} end end) do end "
    "for i = 1, 10 do pcall(print, {}) pcall(os.execute, 'true') pcall(io.read) end "
    "error('caught')",
    "in a coroutine": "coroutine.wrap(function() local t = {} while true do t[#t + 1] = {1, 2, 3} end end)()",
    "printing": "local t = {} while true do t[#t + 1] = string.rep('x', 1e5) .. #t print(#t) end",
    "gsub": "return (string.rep('x', 1e6):gsub('.', string.rep('y', 1000)))",
    "load": "return load(string.rep('x = 1 ', 1e7))",
    "xpcall": "local t = {} xpcall(function() while true do t[#t + 1] = {} end end, print) "
    "while true do t[#t + 1] = {} end",
    "callbacks": "local t = {} while true do t[#t + 1] = {os.execute(true and nil)} end",
}

language, limit = sys.argv[1], int(sys.argv[2])
shell = LuaShell(language, memory_limit=limit)
shell.run("local kept = 5 function work() local t = {} for i = 1, 1000 do t[i] = {} end return #t end")
for name, code in HUNGRY.items():
    for _ in range(2):
        error = shell.outcome("do " + code + " end").error
        print(name, "->", error and error.name, flush=True)
        assert error is not None
        assert error.name == "LuaMemoryError" or name == "in pcall", error
        assert shell.run("kept, work()") == "5\t1000"
        shell.output()

error = shell.outcome("full = {} while true do full[#full + 1] = {} end").error
assert error is not None and error.name == "LuaMemoryError", error
for _ in range(5):
    for code in (
        "local t = {} for i = 1, 1e7 do t[i] = {i} end",
        "error({deep = {1, 2, 3}})",
        "print(('x'):rep(1000)) return {1, 2}",
        "local function f() return f() + 1 end f()",
        "coroutine.wrap(function() error('x') end)()",
        "local a, b, c = 1, {}, function() end",
        "os.execute('true') io.popen('echo x'):read('*a')",
        "nosuch.thing = 1",
        "syntax = = error",
    ):
        shell.outcome(code)
        shell.interpreter.evaluate("#full")
shell.run("full, t = nil collectgarbage() collectgarbage()")
assert shell.run("kept, work()") == "5\t1000"
shell.interpreter.close()
print("alive")
"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_too_much_memory_is_an_error_of_the_cell(language: str) -> None:
    """In a process of its own: what is tested for is that it does not end."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, language, str(LIMIT)], capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    assert ended.stdout.splitlines()[-1] == "alive"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_error_names_the_limit_and_the_way_out(language: str) -> None:
    shell = LuaShell(language, memory_limit=LIMIT)
    error = shell.fail("return #string.rep('x', 100000000)")
    assert error.name == "LuaMemoryError"
    assert error.value == "not enough memory (the limit is 30,000,000 bytes of Lua memory)"
    assert "memory_limit" in plain(error)
    assert shell.run("select(2, pcall(string.rep, 'x', 100000000))") == '"not enough memory"'


@pytest.mark.parametrize("language", LANGUAGES)
def test_memory_that_is_given_back_can_be_used_again(language: str) -> None:
    shell = LuaShell(language, memory_limit=LIMIT)
    for _ in range(100):
        shell.run("do local t = {} for i = 1, 100 do t[i] = string.rep('x', 10000) .. i end end")


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_limit_nothing_is_limited(language: str) -> None:
    shell = LuaShell(language, memory_limit=0)
    assert shell.run("#string.rep('x', 100000000)") == "100000000"
