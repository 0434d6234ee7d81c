"""The round trip of a trivial cell, alone and a thousand in the pipe."""

from __future__ import annotations

import time

from benchmarks.kernels import Contest, KernelProcess
from benchmarks.measure import Condition, Counts, Result, Target, batches, in_turns


def _execute_to_idle(kernel: KernelProcess, count: int) -> list[float]:
    client = kernel.client
    code = kernel.spec.snippets.trivial
    samples = []
    for _ in range(count):
        started = time.perf_counter()
        msg_id = client.send_execute(code)
        client.wait_idle(msg_id)
        samples.append(time.perf_counter() - started)
        client.wait_reply(msg_id).require_ok(repr(code))
    return samples


def trivial_cell(contest: Contest, counts: Counts) -> list[Result]:
    rounds, size = batches(counts.executes)
    with contest.both() as (ours, reference):
        _execute_to_idle(ours, size)
        _execute_to_idle(reference, size)
        our_times, reference_times = in_turns(
            rounds, lambda: _execute_to_idle(ours, size), lambda: _execute_to_idle(reference, size)
        )
    return [Result("execute to idle, trivial cell", "s", our_times, reference_times, Target(0.35, 0.20))]


def _pipeline(kernel: KernelProcess, count: int) -> float:
    """Seconds until the last of `count` requests sent at once is idle; every one is answered and counted.

    Raises:
        BenchmarkError: a request failed, or its idle or reply did not come.
    """
    client = kernel.client
    code = kernel.spec.snippets.trivial
    started = time.perf_counter()
    waiting = {client.send_execute(code) for _ in range(count)}
    unanswered = set(waiting)
    while waiting:
        message = client.receive(client.iopub)
        if message.is_idle:
            waiting.discard(message.parent_id)
    elapsed = time.perf_counter() - started
    while unanswered:
        reply = client.receive(client.shell)
        reply.require_ok("a pipelined request")
        unanswered.discard(reply.parent_id)
    return elapsed


def pipelined(contest: Contest, counts: Counts) -> list[Result]:
    count = counts.pipelined
    with contest.both() as (ours, reference):
        our_times, reference_times = in_turns(
            counts.pipelines, lambda: [_pipeline(ours, count)], lambda: [_pipeline(reference, count)]
        )
    answered = Condition(f"all {count:,} answered and idle, each round", True)
    return [
        Result(
            f"{count:,} pipelined executes",
            "s",
            our_times,
            reference_times,
            Target(0.25, 0.12),
            conditions=[answered],
        )
    ]
