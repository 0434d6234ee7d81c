"""What a debugger costs the code that runs under it: with it over without it, each kernel by itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.client import BenchmarkError
from benchmarks.debugging import DebugClient, Program
from benchmarks.kernels import Contest, KernelProcess
from benchmarks.measure import Counts, Result, Target

SIZES = {
    "fib": {"full": 27, "short": 15},
    "nbody": {"full": 10_000, "short": 20},
    "sort": {"full": 40_000, "short": 100},
}
TITLES = {"fib": "fib(27)", "nbody": "nbody", "sort": "table sort"}
DEBUGPY = "debugpy"
OUR_SHARE = 5
"""How often our side is measured in each round; a round of debugpy's takes many seconds."""
LONG_RUN = 0.1
MOST_RUNS = 5


@dataclass(frozen=True, slots=True)
class _Mode:
    """A way to run a program: with a breakpoint, or none, set before its functions are defined or after."""

    title: str
    target: Target
    mark: str | None = None
    late: bool = False


MODES = (
    _Mode("debugger attached", Target(1.1, of="ours", below_reference=True)),
    _Mode("breakpoint in another function", Target(1.6, of="ours", below_reference=True), "other"),
    _Mode("false condition in the hot function", Target(1.0), "hot"),
    _Mode("breakpoint in another function, set once it was compiled", Target(None), "other", late=True),
)


@dataclass(slots=True)
class _Side:
    """One program in two kernels of one language: a debugger is attached to one of them."""

    free: KernelProcess
    debugged: KernelProcess
    debugger: DebugClient
    program: Program
    size: int
    factors: dict[str, list[float]] = field(default_factory=lambda: {mode.title: [] for mode in MODES})
    values: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Run the program once in each; see that breakpoints stop it."""
        self.free.client.execute(self.program.code)
        self._timed(self.free)
        self._prove("other()", "other")
        run = self.debugged.spec.snippets.timed_run.format(size=self.size)
        self._prove(run, "hot", condition="1 == 1")
        for mode in MODES:
            self._prepare(mode)
            self._timed(self.debugged)

    def _prove(self, code: str, mark: str, **changes: str) -> None:
        self.debugger.set_breakpoints(self.program, [self.program.breakpoint(mark) | changes])
        self.debugged.client.execute(self.program.code)
        msg_id, stop = self.debugger.stopped_in(code)
        self.debugger.set_breakpoints(self.program, [])
        self.debugger.run_to_end(msg_id, stop)

    def measure(self) -> None:
        """One more factor for each of the modes."""
        for mode in MODES:
            self._prepare(mode)
            free = self._timed(self.free)
            self.factors[mode.title].append(self._timed(self.debugged) / free)

    def _prepare(self, mode: _Mode) -> None:
        breakpoints = [] if mode.mark is None else [self.program.breakpoint(mode.mark)]
        self.debugger.set_breakpoints(self.program, [] if mode.late else breakpoints)
        self.debugged.client.execute(self.program.code)
        if mode.late:
            self.debugger.set_breakpoints(self.program, breakpoints)

    def end(self) -> None:
        """Take the breakpoints away, so that nothing of them is left for the next program."""
        self.debugger.set_breakpoints(self.program, [])

    def _timed(self, kernel: KernelProcess) -> float:
        """The processor's seconds for the quickest of a few runs; of one run if that takes long."""
        runs: list[float] = []
        while sum(runs) < LONG_RUN and len(runs) < MOST_RUNS:
            seconds, value = timed_run(kernel, self.size)
            self.values.add(value)
            runs.append(seconds)
        return min(runs)


def timed_run(kernel: KernelProcess, size: int) -> tuple[float, str]:
    """The processor's seconds for one run of the program that the kernel has, and its value."""
    printed = kernel.client.execute(kernel.spec.snippets.timed_run.format(size=size)).text()
    try:
        seconds, value = printed.split()
        return float(seconds), value
    except ValueError as error:
        raise BenchmarkError(f"a program printed {printed!r} instead of seconds and a value") from error


def slowdown(contest: Contest, counts: Counts) -> list[Result]:
    results = []
    with contest.both() as (our_free, reference_free), contest.both() as (our_kernel, reference_kernel):
        our_debugger, reference_debugger = DebugClient(our_kernel), DebugClient(reference_kernel)
        for name, title in TITLES.items():
            size = SIZES[name][counts.debugged_size]
            ours = _Side(our_free, our_kernel, our_debugger, Program.load(name, our_kernel), size)
            reference = _Side(
                reference_free,
                reference_kernel,
                reference_debugger,
                Program.load(name, reference_kernel),
                size,
            )
            results += _compare(title, ours, reference, counts.debugged_rounds)
    return results


def _compare(title: str, ours: _Side, reference: _Side, rounds: int) -> list[Result]:
    for side in (ours, reference):
        side.begin()
    for _ in range(rounds):
        for _ in range(OUR_SHARE):
            ours.measure()
        reference.measure()
    for side in (ours, reference):
        side.end()
    if len(ours.values | reference.values) != 1:
        raise BenchmarkError(f"{title} gives {ours.values} in Lua and {reference.values} in Python")
    return [
        Result(
            f"{title}: {mode.title}",
            "x",
            ours.factors[mode.title],
            reference.factors[mode.title],
            mode.target,
            DEBUGPY,
        )
        for mode in MODES
    ]
