"""The round trip of a comm message that the kernel's side sends back."""

from __future__ import annotations

import os
import time

from benchmarks.client import BenchmarkError
from benchmarks.kernels import Contest, KernelProcess
from benchmarks.measure import Counts, Result, Target, batches, in_turns
from benchmarks.snippets import COMM_TARGET


class _Echo:
    """One open comm whose other end sends back what it gets."""

    def __init__(self, kernel: KernelProcess) -> None:
        self._client = kernel.client
        self._name = kernel.spec.name
        self._comm_id = os.urandom(16).hex()
        self._client.execute(kernel.spec.snippets.echo_comm)
        content = {"comm_id": self._comm_id, "target_name": COMM_TARGET, "data": {}}
        self._client.wait_idle(self._client.send("comm_open", content))

    def sample(self, count: int) -> list[float]:
        """Seconds from sending to the echo, `count` times."""
        return [self._round_trip(number) for number in range(count)]

    def _round_trip(self, number: int) -> float:
        data = {"number": number, "text": "echo"}
        elapsed = None
        started = time.perf_counter()
        msg_id = self._client.send("comm_msg", {"comm_id": self._comm_id, "data": data})
        for message in self._client.published(msg_id):
            if message.msg_type == "comm_msg" and message.content["data"] == data:
                elapsed = time.perf_counter() - started
        if elapsed is None:
            raise BenchmarkError(f"{self._name} did not echo a comm message")
        return elapsed


def echo(contest: Contest, counts: Counts) -> list[Result]:
    rounds, size = batches(counts.echoes)
    with contest.both() as (our_kernel, reference_kernel):
        ours, reference = _Echo(our_kernel), _Echo(reference_kernel)
        ours.sample(size)
        reference.sample(size)
        our_times, reference_times = in_turns(
            rounds, lambda: ours.sample(size), lambda: reference.sample(size)
        )
    return [Result("comm echo", "s", our_times, reference_times, Target(1.0, 0.5))]
