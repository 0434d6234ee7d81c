"""Completion of a library's members, of a global and of a large table's fields: request to reply."""

from __future__ import annotations

import time

from benchmarks.client import BenchmarkError
from benchmarks.kernels import Contest, KernelProcess
from benchmarks.measure import Counts, Result, Target, batches, in_turns


def _complete(kernel: KernelProcess, case: str, count: int) -> list[float]:
    client = kernel.client
    code = kernel.spec.snippets.completions[case]
    samples = []
    for _ in range(count):
        started = time.perf_counter()
        msg_id = client.send("complete_request", {"code": code, "cursor_pos": len(code)})
        reply = client.wait_reply(msg_id)
        samples.append(time.perf_counter() - started)
        client.wait_idle(msg_id)
        if not reply.require_ok(f"completion of {code!r} by {kernel.spec.name}")["matches"]:
            raise BenchmarkError(f"{kernel.spec.name} completes {code!r} to nothing")
    return samples


def complete(contest: Contest, counts: Counts) -> list[Result]:
    rounds, size = batches(counts.completions, 10)
    results = []
    with contest.both() as (ours, reference):
        for kernel in (ours, reference):
            kernel.client.execute(kernel.spec.snippets.fill_table)
        for case, code in ours.spec.snippets.completions.items():

            def sample(kernel: KernelProcess, case: str = case) -> list[float]:
                return _complete(kernel, case, size)

            sample(ours)
            sample(reference)
            our_times, reference_times = in_turns(rounds, lambda: sample(ours), lambda: sample(reference))
            title = f"completion, {case} ({code})"
            results.append(Result(title, "s", our_times, reference_times, Target(0.05)))
    return results
