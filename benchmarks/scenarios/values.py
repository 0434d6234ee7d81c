"""Whole values between Lua and Python: 100,000 records to JSON text and back."""

from __future__ import annotations

import json
import time

from benchmarks.client import BenchmarkError
from benchmarks.kernels import Contest
from benchmarks.measure import Counts, Result, Target, batches, in_turns
from llmspell_kernel import Client, start_embedded_kernel

RECORDS = 100_000

_MAKE = f"""
records = {{}}
for i = 1, {RECORDS} do records[i] = {{id = i, name = "name" .. i, score = i + 0.5}} end
text = JSON.stringify(records)
assert(#JSON.parse(text) == {RECORDS})"""


def _seconds(kernel: Client, code: str) -> float:
    started = time.perf_counter()
    result = kernel.execute(code, timeout=60)
    elapsed = time.perf_counter() - started
    if result.status != "ok":
        raise BenchmarkError(f"JSON came back with {result.error}")
    return elapsed


def records(contest: Contest, counts: Counts) -> list[Result]:
    """Ours from Lua, against Python's own json module in Python."""
    del contest
    rounds, _ = batches(counts.executes)
    value = [
        {"id": number, "name": f"name{number}", "score": number + 0.5} for number in range(1, RECORDS + 1)
    ]
    text = json.dumps(value)

    def timed(parses: bool) -> float:
        started = time.perf_counter()
        if parses:
            json.loads(text)
        else:
            json.dumps(value)
        return time.perf_counter() - started

    with start_embedded_kernel() as kernel:
        _seconds(kernel, _MAKE)
        there = in_turns(
            rounds * 2, lambda: [_seconds(kernel, "JSON.stringify(records);")], lambda: [timed(False)]
        )
        back = in_turns(rounds * 2, lambda: [_seconds(kernel, "JSON.parse(text);")], lambda: [timed(True)])
    limit = Target(0.25, of="ours")
    return [
        Result("100,000 records from Lua to JSON text", "s", *there, limit, "json.dumps"),
        Result("100,000 records from JSON text to Lua", "s", *back, limit, "json.loads"),
    ]
