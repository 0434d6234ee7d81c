"""Lua programs in the kernel against the same text in plain lua5.4, timed inside by os.clock."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from benchmarks.client import BenchmarkError
from benchmarks.kernels import Contest, KernelProcess
from benchmarks.measure import Counts, Result, Target, in_turns

PROGRAMS = Path(__file__).parent.parent / "programs"
PLAIN_LUA = "lua5.4"


def _in_kernel(kernel: KernelProcess, program: str) -> tuple[float, str]:
    return _parse(kernel.client.execute(program).text())


def _in_plain_lua(executable: str, program: str) -> tuple[float, str]:
    done = subprocess.run(
        [executable, "-"], input=program, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise BenchmarkError(f"{executable} failed: {done.stderr.strip()}")
    return _parse(done.stdout)


def _parse(printed: str) -> tuple[float, str]:
    """Seconds and value, as every program prints them."""
    try:
        seconds, value = printed.split()
        return float(seconds), value
    except ValueError as error:
        raise BenchmarkError(f"a program printed {printed!r} instead of seconds and a value") from error


def programs(contest: Contest, counts: Counts) -> list[Result]:
    executable = shutil.which(PLAIN_LUA)
    if executable is None:
        raise BenchmarkError(
            f"no {PLAIN_LUA} on PATH to compare with; install the Debian package {PLAIN_LUA}"
        )
    results = []
    with contest.start(contest.ours) as kernel:
        kernel.client.wait_ready()
        for path in sorted(PROGRAMS.glob("*.lua")):
            program = path.read_text()
            _, ours = _in_kernel(kernel, program)
            _, plain = _in_plain_lua(executable, program)
            if ours != plain:
                raise BenchmarkError(f"{path.name} gives {ours} in the kernel and {plain} in {PLAIN_LUA}")

            def in_kernel(program: str = program) -> list[float]:
                return [_in_kernel(kernel, program)[0]]

            def in_plain_lua(program: str = program) -> list[float]:
                return [_in_plain_lua(executable, program)[0]]

            our_times, plain_times = in_turns(counts.cpu_runs, in_kernel, in_plain_lua)
            title = f"{path.stem} in Lua 5.4"
            results.append(Result(title, "s", our_times, plain_times, Target(1.25, 1.05), PLAIN_LUA))
    return results
