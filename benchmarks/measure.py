"""Results, their targets, and how samples of two kernels are taken in turns."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Unit = Literal["s", "bytes", "x"]
"""Seconds, bytes, or how many times as long as without what is measured."""

Verdict = Literal["better still", "reached", "missed", "no target"]


@dataclass(frozen=True, slots=True)
class Counts:
    """How often a run does what: the full run, or the short one that only shows that all works."""

    starts: int = 20
    executes: int = 500
    pipelined: int = 1_000
    pipelines: int = 7
    completions: int = 100
    lines: int = 100_000
    prints: int = 7
    result_size: int = 1_000_000
    results: int = 15
    echoes: int = 300
    interrupts: int = 1_000
    reference_interrupts: int = 50
    memories: int = 5
    cpu_runs: int = 7
    debugged_rounds: int = 3
    debugged_size: Literal["full", "short"] = "full"
    stops: int = 40
    pages: int = 10
    steps: int = 5
    entries: int = 1_000_000
    repl_starts: int = 20
    repl_rounds: int = 5
    prompts: int = 20
    commands: int = 40

    @classmethod
    def short(cls) -> Counts:
        """A few of each."""
        return cls(
            1, 3, 20, 1, 2, 2_000, 1, 100_000, 1, 3, 3, 1, 1, 1, 1, "short", 1, 1, 1, 1_000, 1, 1, 2, 1
        )


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be at most: `reach` (None: any), and `better` where there is more to want.

    `of` says which figure: the ratio of the medians, or our median itself in the result's unit. Where it is
    our median, `below_reference` asks for one below the reference's as well.
    """

    reach: float | None
    better: float | None = None
    of: Literal["ratio", "ours"] = "ratio"
    below_reference: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """Something besides time that must hold, in words that carry the figure."""

    text: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Result:
    """The samples of one scenario; lower is better in every unit."""

    title: str
    unit: Unit
    ours: Sequence[float]
    reference: Sequence[float]
    target: Target
    reference_name: str = "ipykernel"
    conditions: Sequence[Condition] = ()

    @property
    def ratio(self) -> float:
        """Our median over the reference's; infinite where the reference has no samples."""
        return (
            statistics.median(self.ours) / statistics.median(self.reference) if self.reference else math.inf
        )

    @property
    def verdict(self) -> Verdict:
        """How far the target is reached; a condition that does not hold misses it."""
        figure = self.ratio if self.target.of == "ratio" else statistics.median(self.ours)
        if self.target.reach is None:
            return "no target"
        if figure > self.target.reach or not all(condition.holds for condition in self.conditions):
            return "missed"
        if self.target.below_reference and self.ratio >= 1:
            return "missed"
        if self.target.better is not None and figure <= self.target.better:
            return "better still"
        return "reached"


@dataclass(frozen=True, slots=True)
class Failure:
    """A scenario that did not get to its figures, and why."""

    title: str
    reason: str


def percentile(samples: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of at least one sample."""
    rank = math.ceil(percent / 100 * len(samples))
    return sorted(samples)[max(rank, 1) - 1]


def in_turns(
    rounds: int, ours: Callable[[], Iterable[float]], reference: Callable[[], Iterable[float]]
) -> tuple[list[float], list[float]]:
    """Samples of both, taken A B A B, so that what else the machine does falls on both alike."""
    our_samples: list[float] = []
    reference_samples: list[float] = []
    for _ in range(rounds):
        our_samples.extend(ours())
        reference_samples.extend(reference())
    return our_samples, reference_samples


def batches(total: int, size: int = 25) -> tuple[int, int]:
    """Rounds and samples a round that give at least `total` samples."""
    size = min(size, total)
    return math.ceil(total / size), size
