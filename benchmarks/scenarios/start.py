"""How soon a kernel answers: from starting the process to its first kernel_info_reply."""

from __future__ import annotations

import time

from benchmarks.kernels import Contest, KernelSpec
from benchmarks.measure import Counts, Result, Target, in_turns


def first_reply(contest: Contest, counts: Counts) -> list[Result]:
    def sample(spec: KernelSpec) -> list[float]:
        with contest.start(spec) as kernel:
            kernel.client.wait_reply(kernel.client.send("kernel_info_request", {}))
            return [time.perf_counter() - kernel.started]

    # Once each unmeasured: the first start of all writes profiles and byte code.
    sample(contest.ours)
    sample(contest.reference)
    ours, reference = in_turns(counts.starts, lambda: sample(contest.ours), lambda: sample(contest.reference))
    return [Result("start to first kernel_info_reply", "s", ours, reference, Target(1.05, 0.9))]
