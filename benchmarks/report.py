"""Tables of the results: for a terminal, as Markdown and as JSON."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any

import orjson
import zmq

from benchmarks.measure import Failure, Result, Unit, percentile

HEADINGS = (
    "scenario",
    "ours",
    "p99",
    "compared with",
    "theirs",
    "p99",
    "ratio",
    "reach",
    "better still",
    "reached",
)
PACKAGES = ("ipykernel", "debugpy", "jupyter_client", "pyzmq", "tornado", "traitlets", "orjson", "lupa")
VERDICTS = {"better still": "yes, better still", "reached": "yes", "missed": "NO", "no target": ""}


def quantity(value: float, unit: Unit) -> str:
    """A figure with three significant digits in a unit people read."""
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    if unit == "x":
        return f"{value:.3g} x"
    return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def _limit(result: Result, value: float | None) -> str:
    if value is None:
        return ""
    limit = f"{value:.2f}" if result.target.of == "ratio" else quantity(value, result.unit)
    return f"<= {limit}" + (", below theirs" if result.target.below_reference else "")


def row(result: Result | Failure) -> tuple[str, ...]:
    """One line of the table, as many cells as there are headings."""
    if isinstance(result, Failure):
        return (result.title, *[""] * (len(HEADINGS) - 2), "FAILED")

    def median_and_p99(samples: Sequence[float]) -> tuple[str, str]:
        return (
            quantity(statistics.median(samples), result.unit),
            quantity(percentile(samples, 99), result.unit),
        )

    return (
        result.title,
        *median_and_p99(result.ours),
        result.reference_name,
        *median_and_p99(result.reference),
        f"{result.ratio:.3f}",
        _limit(result, result.target.reach),
        _limit(result, result.target.better),
        VERDICTS[result.verdict],
    )


def remarks(results: Sequence[Result | Failure]) -> list[str]:
    """What the table has no column for: conditions, and why scenarios failed."""
    lines = []
    for result in results:
        if isinstance(result, Failure):
            lines.append(f"{result.title}: failed: {result.reason}")
        elif result.conditions:
            lines.append(f"{result.title}: {'; '.join(condition.text for condition in result.conditions)}")
    return lines


def table(results: Sequence[Result | Failure]) -> str:
    """The results in aligned columns."""
    rows = [HEADINGS, *(row(result) for result in results)]
    widths = [max(len(line[column]) for line in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*(line.rstrip() for line in lines), "", *remarks(results)])


def markdown(results: Sequence[Result | Failure], surroundings: Sequence[str]) -> str:
    """A page with the table, the remarks and where and with what it was measured."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(row(result) for result in results)]
    lines = ["# Benchmarks", ""]
    lines += [
        "Medians of samples taken in turns (A B A B) in one run; written by `python -m benchmarks`.",
        "Figures with an x say how many times as long something takes under a debugger as without one.",
        "",
    ]
    lines += [f"| {' | '.join(cells)} |" for cells in rows]
    lines += ["", *(f"- {remark}" for remark in remarks(results))]
    lines += ["", "## Measured on", "", *(f"- {fact}" for fact in surroundings)]
    return "\n".join(lines) + "\n"


def as_json(results: Sequence[Result | Failure], surroundings: Sequence[str]) -> bytes:
    """All samples with their targets and verdicts."""
    return orjson.dumps(
        {"surroundings": list(surroundings), "results": [_record(result) for result in results]},
        option=orjson.OPT_INDENT_2,
    )


def _record(result: Result | Failure) -> dict[str, Any]:
    if isinstance(result, Failure):
        return {"title": result.title, "failed": result.reason}
    return {
        "title": result.title,
        "unit": result.unit,
        "compared_with": result.reference_name,
        "median": statistics.median(result.ours),
        "p99": percentile(result.ours, 99),
        "reference_median": statistics.median(result.reference),
        "reference_p99": percentile(result.reference, 99),
        "ratio": result.ratio,
        "target": {"of": result.target.of, "reach": result.target.reach, "better": result.target.better},
        "verdict": result.verdict,
        "conditions": [{"text": condition.text, "holds": condition.holds} for condition in result.conditions],
        "ours": list(result.ours),
        "reference": list(result.reference),
    }


def surroundings(plain_lua: str) -> list[str]:
    """Date, machine, load and versions, a line each."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        f"date: {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        f"machine: {_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        f"load averages at the end: {load}",
        f"Python {platform.python_version()}, {packages}, libzmq {zmq.zmq_version()}",
        f"{plain_lua}: {_lua_version(plain_lua)}",
    ]


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def _lua_version(executable: str) -> str:
    found = shutil.which(executable)
    if found is None:
        return "not installed"
    return subprocess.run([found, "-v"], capture_output=True, text=True, check=False).stdout.strip()
