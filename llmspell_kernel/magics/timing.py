"""How long code takes."""

from __future__ import annotations

import resource
import time

from llmspell_kernel.interpreter import Outcome
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
    try:
        show = call.run_given()
    finally:
        wall = time.perf_counter() - start
        user, system = (
            now - before for now, before in zip(cpu_times(), (user_before, system_before), strict=True)
        )
        call.write(
            f"CPU times: user {format_seconds(user)}, sys: {format_seconds(system)}, "
            f"total: {format_seconds(user + system)}\nWall time: {format_seconds(wall)}\n"
        )
    return show()


def cpu_times() -> tuple[float, float]:
    """Seconds that this process and its ended children have spent in user code and in the system."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + children.ru_utime, own.ru_stime + children.ru_stime
