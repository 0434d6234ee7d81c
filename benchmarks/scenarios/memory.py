"""Resident memory of an idle kernel, after its first cell."""

from __future__ import annotations

from pathlib import Path

from benchmarks.client import BenchmarkError
from benchmarks.kernels import Contest, KernelSpec
from benchmarks.measure import Counts, Result, Target, in_turns


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and all its descendants.

    Raises:
        BenchmarkError: this system has no /proc, or the process is gone.
    """
    process = Path(f"/proc/{pid}")
    try:
        status = (process / "status").read_text()
        threads = [(thread / "children").read_text() for thread in (process / "task").iterdir()]
    except OSError as error:
        raise BenchmarkError(f"cannot read the memory of process {pid} from /proc: {error}") from error
    fields = dict(line.split(":", 1) for line in status.splitlines())
    kibibytes = int(fields["VmRSS"].split()[0])
    children = [int(child) for thread in threads for child in thread.split()]
    return kibibytes * 1024 + sum(resident_bytes(child) for child in children)


def resident(contest: Contest, counts: Counts) -> list[Result]:
    def sample(spec: KernelSpec) -> list[float]:
        with contest.start(spec) as kernel:
            kernel.client.wait_ready()
            kernel.client.execute(spec.snippets.trivial)
            return [float(resident_bytes(kernel.pid))]

    ours, reference = in_turns(
        counts.memories, lambda: sample(contest.ours), lambda: sample(contest.reference)
    )
    return [Result("resident memory, idle", "bytes", ours, reference, Target(1.0, 0.8))]
