"""How long code takes."""

from __future__ import annotations

import resource
import time

from llmspell_kernel.errors import LuaSyntaxError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.lua.binding import LuaFunction
from llmspell_kernel.lua.syntax import statements
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call

GROUP = "Timing"


def format_seconds(seconds: float, digits: int = 3) -> str:
    """A duration in the unit that suits it: `1.23 ms`; over a minute as `1min 5s`."""
    if seconds >= 60:
        parts, rest = [], int(seconds)
        for suffix, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
            count, rest = divmod(rest, size)
            if count:
                parts.append(f"{count}{suffix}")
        return " ".join(parts)
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.{digits}g} {unit}"
    return f"{seconds * 1e9:.{digits}g} ns"


@magic("%time CODE", group=GROUP, takes="lua")
@magic("%%time", group=GROUP, takes="lua")
def time_code(call: Call) -> Outcome | None:
    """Runs code once and shows how long it took; its value is shown as always.

    `%time CODE` times the rest of the line, `%%time` the cell below it. CPU time is that of this process and
    of the child processes that it waited for; wall time is the clock's. Showing the value is not included.
    """
    user_before, system_before = cpu_times()
    start = time.perf_counter()
    compiled = True
    try:
        show = call.run_given()
    except LuaSyntaxError:
        compiled = False
        raise
    finally:
        wall = time.perf_counter() - start
        user, system = (
            now - before for now, before in zip(cpu_times(), (user_before, system_before), strict=True)
        )
        if compiled:
            call.write(
                f"CPU times: user {format_seconds(user)}, sys: {format_seconds(system)}, "
                f"total: {format_seconds(user + system)}\nWall time: {format_seconds(wall)}\n"
            )
    return show()


def cpu_times() -> tuple[float, float]:
    """Seconds that this process and its ended children have spent in user code and in the system."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + children.ru_utime, own.ru_stime + children.ru_stime


@magic("%timeit [-n LOOPS] [-r RUNS] CODE", group=GROUP, takes="lua")
@magic("%%timeit [-n LOOPS] [-r RUNS] [CODE]", group=GROUP, takes="lua")
def timeit(call: Call) -> Outcome | None:
    """Runs code many times and shows the mean time of one run.

    The loop is Lua's own, so nothing but Lua is measured. `-n` says how often it runs the code (by default as
    often as takes about a fifth of a second), `-r` how often the loop is run (7). `%%timeit CODE` runs CODE
    once before each loop and does not time it; its locals are visible in the cell below it.
    """
    loop = _loop(call)
    runs = call.arguments.number("r") or 7
    loops = call.arguments.number("n")
    if loops is None:
        loops = next((10**power for power in range(9) if _elapsed(call, loop, 10**power) >= 0.2), 10**9)
    each = [_elapsed(call, loop, loops) / loops for _ in range(runs)]
    mean = sum(each) / runs
    deviation = (sum((seconds - mean) ** 2 for seconds in each) / runs) ** 0.5
    call.write(
        f"{format_seconds(mean)} ± {format_seconds(deviation)} per loop (mean ± std. dev. of {runs} "
        f"run{'s' if runs > 1 else ''}, {loops:,} loop{'s' if loops > 1 else ''} each)\n"
    )
    return None


def _loop(call: Call) -> LuaFunction:
    """A Lua function of two arguments: a number of runs, and a function it calls before and after them.

    Raises:
        LuaSyntaxError: Lua refuses the code.
    """
    setup, code, line = ("", call.text, call.line)
    if call.magic.usage.is_cell:
        setup, code, line = call.text, call.body, call.body_line
    source = "\n" * (call.line - 1) + f"local __llmspell_n, __llmspell_tick = ... {setup} __llmspell_tick()"
    source += (
        "\n" * (line - call.line) + f" for __llmspell_i = 1, __llmspell_n do {_without_value(code)}\nend"
    )
    source += " __llmspell_tick()"
    compiler = call.session.lua.compiler
    return compiler.compile(f"do {source} end", call.cell.chunk)


def _without_value(code: str) -> str:
    """Code that may end with an expression, as statements."""
    found = statements(code)
    if not found or found[-1].kind != "expression":
        return code
    start = found[-1].start
    return f"{code[:start]}local _ = {code[start:]}"


def _elapsed(call: Call, loop: LuaFunction, loops: int) -> float:
    """Seconds that `loops` runs take."""
    state = call.session.lua.state
    ticks: list[float] = []
    tick = state.binder.function(lambda: ticks.append(time.perf_counter()))
    state.call(loop, loops, tick)
    return ticks[1] - ticks[0]
