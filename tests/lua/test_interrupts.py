"""Cells that end before their code does: interrupts, the time limit, os.exit."""

from __future__ import annotations

import ctypes
import statistics
import threading
import time
from collections.abc import Iterator

import pytest

from llmspell_kernel.interpreter import ErrorReport, StreamName

from .shell import LANGUAGES, LuaShell, plain

SECONDS = 2
"""How soon a cell must have ended, at the median of a few tries: the machine may be busy."""

ENDLESS = {
    "while": "while true do end",
    "for": "for i = 1, 1e15 do x = i end",
    "repeat": "repeat until false",
    "goto": "::top:: goto top",
    "tail calls": "local function f() return f() end f()",
    "recursion in pcall": "local function f() pcall(f) end while true do f() end",
    "pcall": "while true do pcall(function() while true do end end) end",
    "pcall of errors": "while true do pcall(error, 'x') end",
    "xpcall": "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "xpcall catches all": "while true do "
    "xpcall(function() while true do end end, function(m) return m end) end",
    "coroutine": "local co = coroutine.create(function() while true do end end) "
    "while true do coroutine.resume(co) end",
    "yields": "local co = coroutine.create(function() while true do coroutine.yield() end end) "
    "while true do coroutine.resume(co) end",
    "new coroutines": "while true do coroutine.wrap(function() for i = 1, 10 do end end)() end",
    "nested coroutines": "local function nest(n) coroutine.resume(coroutine.create(function() "
    "if n > 0 then nest(n - 1) else while true do end end end)) end while true do nest(10) end",
    "wrap as iterator": "for i in coroutine.wrap(function() local i = 0 while true do i = i + 1 "
    "coroutine.yield(i) end end) do end",
    "pcall in coroutine in pcall": "pcall(function() coroutine.wrap(function() "
    "pcall(function() while true do end end) while true do end end)() end) while true do end",
    "metamethods": "local t = setmetatable({}, {__index = function(_, k) return k end}) "
    "while true do x = t.y end",
    "tostring": "tostring(setmetatable({}, {__tostring = function() while true do end end}))",
    "showing the result": "setmetatable({}, {__tostring = function() while true do end end})",
    "showing the error": "error(setmetatable({}, {__tostring = function() while true do end end}))",
    "inside the error": "error({setmetatable({}, {__tostring = function() while true do end end})})",
    "string functions": "local s = string.rep('a', 300) while true do s:find('.-b') string.rep(s, 10) end",
    "gsub callback": "local s = string.rep('a', 1000) "
    "while true do s:gsub('.', function(c) return c end) end",
    "sort comparator": "while true do local t = {} for i = 1, 200 do t[i] = (i * 37) % 101 end "
    "table.sort(t, function(a, b) return a < b end) end",
    "printing": "while true do print('x') end",
    "loading": "while true do load('return 1')() end",
    "load reader": "load(function() return ' ' end)",
    "allocating": "while true do local t = {} end",
    "sethook": "while true do debug.sethook() end",
    "own hook": "debug.sethook(function() end, '', 100) while true do end",
}
CLOSING = {
    "__close": "do local x <close> = setmetatable({}, {__close = function() while true do end end}) end",
    "closed coroutine": "local co = coroutine.create(function() local x <close> = setmetatable({}, "
    "{__close = function() while true do end end}) coroutine.yield() end) "
    "coroutine.resume(co) coroutine.close(co)",
    "failed wrap": "coroutine.wrap(function() local x <close> = setmetatable({}, "
    "{__close = function() while true do end end}) error('x') end)()",
}


@pytest.fixture(
    scope="module", params=[(each, way) for each in LANGUAGES for way in ("asynchronous", "always")]
)
def shell(request: pytest.FixtureRequest) -> Iterator[LuaShell]:
    """A state of each Lua, also as it is where lupa's build does not export what the interrupter needs."""
    language, way = request.param
    with pytest.MonkeyPatch.context() as patch:
        if way == "always":
            patch.setattr(ctypes, "CDLL", _refuse)
        shell = LuaShell(language)
    assert (shell.interpreter.state.interrupts.period > 0) == (way == "always")
    if language == "luajit":
        shell.run("jit.off()")
    yield shell


def _refuse(name: str) -> None:
    raise OSError(f"cannot load {name}")


def interrupted(shell: LuaShell, code: str, *, delay: float = 0.0) -> tuple[ErrorReport, float]:
    """The error of a cell that is interrupted once it runs, and how many seconds that took.

    It runs for `delay` seconds before.
    """
    shell.frontend.answers = [None]  # of a line the next cell would get what this one has not read yet
    asked: list[float] = []

    def interrupt() -> None:
        threading.Event().wait(delay)
        asked.append(time.perf_counter())
        shell.interpreter.interrupt()

    threads: list[threading.Thread] = []

    def start() -> None:
        threads.append(threading.Thread(target=interrupt))
        threads[-1].start()

    shell.frontend.on_read = start
    error = shell.fail(code if "io.read()" in code else "io.read() " + code)
    ended = time.perf_counter()
    threads[-1].join()
    return error, ended - asked[0]


def check_intact(shell: LuaShell) -> None:
    """The state works as before, and no hook is left anywhere."""
    shell.run("debug.sethook()")
    assert shell.run("local n = 0 for i = 1, 10 do n = n + i end return n, debug.gethook()") == "55\tnil"
    assert shell.run("coroutine.wrap(function() return debug.gethook() end)()") == "nil"
    assert shell.run("select(2, coroutine.resume(coroutine.create(function() return 5 end)))") == "5"


@pytest.mark.parametrize("name", ENDLESS)
def test_an_interrupt_ends(shell: LuaShell, name: str) -> None:
    seconds = []
    for _ in range(3):
        error, took = interrupted(shell, ENDLESS[name])
        assert (error.name, error.value) == ("KeyboardInterrupt", "the cell was interrupted")
        seconds.append(took)
    slow = shell.interpreter.state.interrupts.period > 0 and name == "string functions"
    assert statistics.median(seconds) < (10 * SECONDS if slow else SECONDS)
    check_intact(shell)


@pytest.mark.parametrize("name", CLOSING)
def test_an_interrupt_ends_what_closes(shell: LuaShell, name: str) -> None:
    if shell.language == "luajit":
        pytest.skip("Lua 5.1 closes nothing")
    error, took = interrupted(shell, CLOSING[name])
    assert error.name == "KeyboardInterrupt"
    assert took < 5 * SECONDS
    check_intact(shell)


def test_the_state_is_intact_after_many(shell: LuaShell) -> None:
    shell.run("kept = {n = 0} local upvalue = 0 function tick() upvalue = upvalue + 1 kept.n = upvalue end")
    took = []
    for count in range(60):
        error, seconds = interrupted(
            shell,
            "while true do tick() coroutine.wrap(function() pcall(function() tick() end) end)() end",
            delay=count % 10 / 5000,
        )
        assert error.name == "KeyboardInterrupt"
        took.append(seconds)
    assert shell.run("kept.n > 0, upvalue - kept.n <= 1") == "true\ttrue"
    assert statistics.median(took) < SECONDS


def test_the_traceback_shows_where(shell: LuaShell) -> None:
    error, _ = interrupted(
        shell, "\nlocal function spin() io.read()\n  while true do end\nend\nspin()", delay=0.01
    )
    text = plain(error)
    assert "-->    3   while true do end" in text
    assert "spin" in text


def test_generators_go_on_after_an_interrupt_elsewhere(shell: LuaShell) -> None:
    shell.run("generator = coroutine.wrap(function() for i = 1, 1e9 do coroutine.yield(i) end end)")
    assert shell.run("generator(), generator()") == "1\t2"
    interrupted(shell, "while true do end")
    assert shell.run("generator()") == "3"


def test_handlers_see_errors_as_before(shell: LuaShell) -> None:
    assert shell.run("xpcall(error, function(m) return m .. '!' end, 'x')") == 'false\t"x!"'
    assert shell.run("xpcall(function(...) return ... end, print, 1, nil)") == "true\t1\tnil"
    assert shell.run("select('#', pcall(function() return nil, nil end))") == "3"
    ok = shell.run("(select(2, xpcall(function() error('here') end, debug.traceback)))")
    assert ok is not None
    assert "here" in ok
    assert "stack traceback" in ok


def test_an_interrupt_between_cells_is_forgotten(shell: LuaShell) -> None:
    shell.interpreter.interrupt()
    assert shell.run("1 + 1") == "2"


def test_an_interrupt_that_has_made_code_end_is_told_of_first(shell: LuaShell) -> None:
    """A signal ends what the operating system waits for, and so perhaps the code, before anybody was told."""
    gate = shell.interpreter.gate
    asked: list[bool] = []

    def settle() -> None:
        gate.heard = False
        asked.append(shell.interpreter.interrupt())

    gate.settle = settle
    try:
        gate.heard = True
        assert shell.fail("return 1").name == "KeyboardInterrupt"
        gate.heard = True
        shell.frontend.answers = ["unread"]
        assert shell.fail("io.read() return 1").name == "KeyboardInterrupt"
    finally:
        gate.settle = lambda: None
    assert (asked, shell.frontend.answers) == ([True, True], ["unread"])
    check_intact(shell)


def test_no_hook_is_left_behind(shell: LuaShell) -> None:
    interrupts = shell.interpreter.state.interrupts
    if interrupts.period > 0:
        pytest.skip("here a hook is always there")
    for code in ("while true do end", "coroutine.wrap(function() while true do end end)()", "os.exit()"):
        interrupted(shell, code) if "exit" not in code else shell.outcome(code)
        assert not interrupts.hooked


def test_a_hook_of_the_users_survives_an_interrupt(shell: LuaShell) -> None:
    shell.run("hits = 0 function count() hits = hits + 1 end debug.sethook(count, '', 100)")
    interrupted(shell, "while true do end")
    assert shell.run("local f, mask, n = debug.gethook() return f == count, mask, n") == 'true\t""\t100'
    shell.run("hits = 0")
    shell.run("for i = 1, 10000 do local x = i * 2 end")
    assert shell.run("hits > 10") == "true"
    shell.run("debug.sethook()")
    shell.run("hits = 0 for i = 1, 10000 do local x = i * 2 end")
    assert shell.run("hits") == "0"


def test_hooks_get_what_lua_gives_them(shell: LuaShell) -> None:
    shell.run(
        "local lines = {} debug.sethook(function(event, line) lines[#lines + 1] = event .. line end, 'l')\n"
        "local a = 1\n"
        "debug.sethook()"
    )
    assert shell.run("table.concat(lines, ' ')") == '"line2 line3"'
    shell.run(
        "local here debug.sethook(function() here = debug.getinfo(2, 'l').currentline end, 'l')\n\nhere = 0"
    )
    assert shell.run("debug.sethook() return here") == "1"
    shell.run("local events = {} local function f() end")
    shell.run("debug.sethook(function(event) events[event] = true end, 'cr') f() debug.sethook()")
    assert shell.run("events.call, events.line, events.count") == "true\tnil\tnil"


def test_bad_hooks_are_refused(shell: LuaShell) -> None:
    assert "function expected, got number" in shell.fail("debug.sethook(5, 'l')").value


@pytest.mark.parametrize(
    "code",
    [
        "os.exit()", "os.exit(true)", "pcall(os.exit)", "while true do pcall(os.exit) end",
        "xpcall(os.exit, print)", "coroutine.wrap(os.exit)()",
        "while true do coroutine.resume(coroutine.create(function() os.exit(0) end)) end",
        "table.sort({3, 2, 1}, function() os.exit() end)", "print(pcall(pcall, os.exit))",
        "error(setmetatable({}, {__tostring = function() os.exit() end}))",
    ],
)  # fmt: skip
def test_os_exit_ends_the_cell(shell: LuaShell, code: str) -> None:
    shell.output()
    outcome = shell.outcome(f"print('before') {code} print('after')")
    assert outcome.error is None
    assert outcome.result is None
    assert shell.output() == (
        "before\nos.exit(0) ended this cell; the kernel goes on. To end the kernel, shut it down.\n"
    )
    check_intact(shell)


@pytest.mark.parametrize(
    "code", ["os.exit(3)", "pcall(os.exit, 3)", "coroutine.wrap(function() os.exit(3) end)()"]
)
def test_os_exit_with_a_code_is_an_error(shell: LuaShell, code: str) -> None:
    error = shell.fail(code)
    assert (error.name, error.value.partition(" ended")[0]) == ("Exit", "os.exit(3)")
    assert f"-->    1 {code}" in plain(error)
    assert shell.fail("os.exit(false)").value.startswith("os.exit(1) ")
    assert "number expected, got table" in shell.fail("os.exit({})").value
    check_intact(shell)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_time_limit(language: str) -> None:
    shell = LuaShell(language, time_limit=0.05)
    if language == "luajit":
        shell.run("jit.off()")
    for code in ("while true do end", "while true do pcall(function() while true do end end) end"):
        error = shell.fail(code)
        assert error.name == "CellTimeLimit"
        assert error.value == "the cell ran longer than its limit of 0.05 s"
        assert "time_limit" in plain(error)
        assert "-->    1 while true do" in plain(error)
    assert shell.run("1 + 1") == "2"
    check_intact(shell)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_second_interrupt_says_why_nothing_happens(language: str) -> None:
    shell = LuaShell(language)
    told = threading.Event()
    write = shell.interpreter.frontend.write

    def ignore() -> None:
        shell.interpreter.interrupt()
        shell.interpreter.interrupt()
        assert told.wait(60)

    def tell(stream: StreamName, data: bytes) -> None:
        write(stream, data)
        told.set()

    shell.frontend.on_read = ignore
    shell.frontend.write = tell  # type: ignore[method-assign]
    assert shell.fail("io.read()").name == "KeyboardInterrupt"
    notice = shell.output()
    assert "restart the kernel" in notice
    assert ("LuaJIT" in notice) == (language == "luajit")
    check_intact(shell)


def test_a_signal_in_a_python_call_ends_the_cell_through_pcall(language: str) -> None:
    shell = LuaShell(language)

    def signal() -> None:
        shell.interpreter.interrupt()
        raise KeyboardInterrupt

    shell.frontend.on_read = signal
    error = shell.fail("while true do pcall(io.read) end")
    assert error.name == "KeyboardInterrupt"
    assert shell.run("1 + 1") == "2"


@pytest.mark.parametrize(
    "code", ["io.read()", "pcall(io.read)", "coroutine.wrap(function() io.read() end)()"]
)
def test_a_signal_in_a_python_call_shows_where(language: str, code: str) -> None:
    shell = LuaShell(language)

    def signal() -> None:
        shell.interpreter.interrupt()
        raise KeyboardInterrupt

    shell.frontend.on_read = signal
    text = plain(shell.fail(f"local function ask()\n  local answer = {code}\nend\nask()"))
    # LuaJIT's own pcall still catches it; the next line ends the cell.
    assert (
        "-->    3 end" if language == "luajit" and "pcall" in code else f"-->    2   local answer = {code}"
    ) in text
    assert "-->    4 ask()" in text
    assert "llmspell" not in text


def test_a_signal_raises_only_in_python_calls(language: str) -> None:
    shell = LuaShell(language)
    gate = shell.interpreter.gate
    seen: list[bool] = []
    shell.frontend.on_read = lambda: seen.append(gate.open)
    shell.frontend.answers = ["", ""]
    shell.run("io.read()")
    assert seen == [True]
    assert not gate.open


def test_a_time_limit_s_own_signal_is_no_second_request(language: str) -> None:
    shell = LuaShell(language, time_limit=0.05)
    interrupts = shell.interpreter.state.interrupts
    told: list[bool] = []
    interrupts.on_stubborn = lambda: told.append(True)
    limited = threading.Event()

    def wake() -> None:
        shell.interpreter.interrupt()
        limited.set()

    shell.frontend.wake = wake  # type: ignore[method-assign]
    # Longer than it takes until a cell is said not to listen.
    shell.frontend.on_read = lambda: (limited.wait(60), threading.Event().wait(0.5), None)[-1]
    assert shell.fail("io.read()").name == "CellTimeLimit"
    assert not told


def test_a_python_call_does_not_begin_in_a_cell_that_ends(language: str) -> None:
    shell = LuaShell(language)
    called: list[bool] = []

    def ask_to_end() -> None:
        with shell.interpreter.gate.shut():
            shell.interpreter.interrupt()

    shell.frontend.on_read = ask_to_end
    shell.frontend.answers = [""]
    binder = shell.interpreter.state.binder
    shell.interpreter.state.globals[b"wait"] = binder.function(lambda: called.append(True))
    assert shell.fail("pcall(io.read) pcall(wait) wait()").name == "KeyboardInterrupt"
    assert not called
