"""What someone waits for at a stop: the variables, the first page of a large table, a step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.client import BenchmarkError
from benchmarks.debugging import DebugClient, Program
from benchmarks.kernels import Contest, KernelProcess
from benchmarks.measure import Counts, Result, Target, in_turns
from benchmarks.scenarios.debugger import DEBUGPY, timed_run

FOR_EVER = 1_000_000_000
PAGE = 100
STEP_SIZES = {"full": 27, "short": 15}


@dataclass(slots=True)
class _Stops:
    """A program that stops in `visit` again and again, with a debugger attached."""

    debugger: DebugClient
    program: Program
    msg_id: str
    stop: dict[str, Any]

    @classmethod
    def begin(cls, kernel: KernelProcess, name: str, prepare: str = "") -> _Stops:
        """Run the program, then `prepare`, to the first stop."""
        debugger, program = DebugClient(kernel), Program.load(name, kernel)
        debugger.set_breakpoints(program, [program.breakpoint("stop")])
        kernel.client.execute(program.code)
        if prepare:
            kernel.client.execute(prepare)
        return cls(debugger, program, *debugger.stopped_in(f"run({FOR_EVER})"))

    def next_stop(self) -> None:
        """Go on to the next stop."""
        self.debugger.resume(self.stop)
        self.stop = self.debugger.wait_stopped(self.msg_id)

    def seconds_to_variables(self) -> float:
        """From the event of the next stop to the variables of all scopes."""
        self.next_stop()
        started = time.perf_counter()
        shown = self.debugger.local_variables(self.stop)
        elapsed = time.perf_counter() - started
        names = {variable["name"] for variable in shown}
        if not names >= {"number", "name", "ratio", "even", "values", "record"}:
            raise BenchmarkError(f"a stop shows the local variables {sorted(names)}")
        return elapsed

    def seconds_to_page(self, name: str) -> float:
        """From asking for the first page of a variable, just stopped, to its rows."""
        self.next_stop()
        (parent,) = (each for each in self.debugger.local_variables(self.stop) if each["name"] == name)
        started = time.perf_counter()
        rows = self.debugger.children(parent, start=0, count=PAGE)
        elapsed = time.perf_counter() - started
        if len(rows) < PAGE:
            raise BenchmarkError(f"the first page of {name} has {len(rows)} rows")
        return elapsed


def to_variables(contest: Contest, counts: Counts) -> list[Result]:
    with contest.both() as (our_kernel, reference_kernel):
        ours, reference = _Stops.begin(our_kernel, "stop"), _Stops.begin(reference_kernel, "stop")
        ours.seconds_to_variables()
        reference.seconds_to_variables()
        samples = in_turns(
            counts.stops, _one(ours.seconds_to_variables), _one(reference.seconds_to_variables)
        )
    return [
        Result("stopped to variables shown", "s", *samples, Target(0.050, of="ours", below_reference=True))
    ]


def first_pages(contest: Contest, counts: Counts) -> list[Result]:
    prepare = f"fill({counts.entries})"
    with contest.both() as (our_kernel, reference_kernel):
        ours = _Stops.begin(our_kernel, "large", prepare)
        reference = _Stops.begin(reference_kernel, "large", prepare)
        results = []
        for name in ("array", "keyed"):
            samples = in_turns(
                counts.pages,
                _one(partial(ours.seconds_to_page, name)),
                _one(partial(reference.seconds_to_page, name)),
            )
            title = f"first page of {counts.entries:,} entries ({name})"
            results.append(Result(title, "s", *samples, Target(0.100, of="ours")))
    return results


@dataclass(slots=True)
class _Steps:
    """A step over a call that takes long, and the same call without a debugger."""

    free: KernelProcess
    debugged: KernelProcess
    debugger: DebugClient
    program: Program
    size: int

    @classmethod
    def begin(cls, free: KernelProcess, debugged: KernelProcess, size: int) -> _Steps:
        """The program is defined in both; the debugger stops before the call."""
        program, debugger = Program.load("fib", debugged), DebugClient(debugged)
        free.client.execute(program.code)
        debugger.set_breakpoints(program, [program.breakpoint("call")])
        debugged.client.execute(program.code)
        return cls(free, debugged, debugger, program, size)

    def factor(self) -> float:
        """How many times as long the step takes as the call."""
        free, _ = timed_run(self.free, self.size)
        msg_id, stop = self.debugger.stopped_in(f"run({self.size})")
        line = self.debugger.frame(stop)["line"]
        seconds, stop = self.debugger.step_over(msg_id, stop)
        if self.debugger.frame(stop)["line"] != line + 1:
            raise BenchmarkError("a step over a call did not end on the next line")
        self.debugger.run_to_end(msg_id, stop)
        return seconds / free


def step_over(contest: Contest, counts: Counts) -> list[Result]:
    size = STEP_SIZES[counts.debugged_size]
    with contest.both() as (our_free, reference_free), contest.both() as (our_kernel, reference_kernel):
        ours = _Steps.begin(our_free, our_kernel, size)
        reference = _Steps.begin(reference_free, reference_kernel, size)
        ours.factor()
        reference.factor()
        samples = in_turns(counts.steps, _one(ours.factor), _one(reference.factor))
    return [Result(f"step over fib({size})", "x", *samples, Target(1.0), DEBUGPY)]


def _one(sample: Callable[[], float]) -> Callable[[], list[float]]:
    return lambda: [sample()]
