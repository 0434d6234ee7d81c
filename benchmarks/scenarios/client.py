"""Programs that run code through a handle: in their own process, and in a kernel over its sockets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

from benchmarks.client import BenchmarkError
from benchmarks.kernels import Contest
from benchmarks.measure import Counts, Result, Target, batches, in_turns
from llmspell_kernel import Client, connect, start_embedded_kernel

_EMBEDDED_TURNS = 10
"""So many executes of ours for each of the reference's: a batch must be longer than a glance at the clock."""


def _times(execute: Callable[[], str], count: int) -> list[float]:
    samples = []
    for _ in range(count):
        started = time.perf_counter()
        status = execute()
        samples.append(time.perf_counter() - started)
        if status != "ok":
            raise BenchmarkError(f"a trivial cell came back {status!r}")
    return samples


@contextmanager
def _blocking_client(connection: dict[str, Any]) -> Iterator[BlockingKernelClient]:
    client = BlockingKernelClient()
    client.load_connection_info(connection)
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield client
    finally:
        client.stop_channels()


def _connection_of(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_bytes())
    return content


def _jupyter_execute(client: BlockingKernelClient, code: str) -> Callable[[], str]:
    def execute() -> str:
        reply = client.execute_interactive(code, output_hook=lambda message: None, timeout=60)
        return str(reply["content"]["status"])

    return execute


def _own_execute(client: Client, code: str) -> Callable[[], str]:
    return lambda: client.execute(code, timeout=60).status


def embedded(contest: Contest, counts: Counts) -> list[Result]:
    """A kernel in this process against one over ZeroMQ, as ipykernel's is reached."""
    rounds, size = batches(counts.executes)
    many = size * _EMBEDDED_TURNS
    with contest.start(contest.reference) as reference, start_embedded_kernel() as kernel:
        reference.client.wait_ready()
        with _blocking_client(_connection_of(reference.connection_file)) as theirs:
            ours = _own_execute(kernel, contest.ours.snippets.trivial)
            other = _jupyter_execute(theirs, contest.reference.snippets.trivial)
            _times(ours, many)
            _times(other, size)
            our_times, other_times = in_turns(rounds, lambda: _times(ours, many), lambda: _times(other, size))
    target = Target(0.0001, 0.00005, of="ours", below_reference=True)
    return [Result("trivial cell through the embedded handle", "s", our_times, other_times, target)]


def connected(contest: Contest, counts: Counts) -> list[Result]:
    """Our client against jupyter_client's, on the same kernel of ours."""
    rounds, size = batches(counts.executes)
    with contest.start(contest.ours) as process:
        process.client.wait_ready()
        connection = _connection_of(process.connection_file)
        code = contest.ours.snippets.trivial
        with connect(connection) as own, _blocking_client(connection) as theirs:
            ours, other = _own_execute(own, code), _jupyter_execute(theirs, code)
            _times(ours, size)
            _times(other, size)
            our_times, other_times = in_turns(rounds, lambda: _times(ours, size), lambda: _times(other, size))
    return [
        Result(
            "trivial cell through the connected handle",
            "s",
            our_times,
            other_times,
            Target(1.0, 0.6),
            reference_name="jupyter_client",
        )
    ]
