"""Much output: a hundred thousand printed lines, and one large result."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.client import BenchmarkError
from benchmarks.kernels import Contest, KernelProcess
from benchmarks.measure import Condition, Counts, Result, Target, in_turns

MOST_MESSAGES = 50


@dataclass(slots=True)
class _Printed:
    """What came of printing so far: the most messages one round took and the most lines one lost."""

    messages: int = 0
    lost: int = 0

    def sample(self, kernel: KernelProcess, lines: int) -> list[float]:
        client = kernel.client
        expected = "".join(f"{number}\n" for number in range(1, lines + 1))
        started = time.perf_counter()
        msg_id = client.send_execute(kernel.spec.snippets.print_lines.format(count=lines))
        published = list(client.published(msg_id))
        elapsed = time.perf_counter() - started
        client.wait_reply(msg_id)
        streams = [message.content for message in published if message.msg_type == "stream"]
        text = "".join(stream["text"] for stream in streams)
        lost = 0 if text == expected else len(set(expected.split()) - set(text.split())) or 1
        self.messages = max(self.messages, len(streams))
        self.lost = max(self.lost, lost)
        return [elapsed]


def printed_lines(contest: Contest, counts: Counts) -> list[Result]:
    ours, reference = _Printed(), _Printed()
    with contest.both() as (our_kernel, reference_kernel):
        our_times, reference_times = in_turns(
            counts.prints,
            lambda: ours.sample(our_kernel, counts.lines),
            lambda: reference.sample(reference_kernel, counts.lines),
        )
    conditions = [
        Condition(
            f"{ours.messages} messages (at most {MOST_MESSAGES}; ipykernel {reference.messages})",
            ours.messages <= MOST_MESSAGES,
        ),
        Condition(f"{ours.lost} lines lost or out of order (ipykernel {reference.lost})", ours.lost == 0),
    ]
    title = f"{counts.lines:,} printed lines to idle"
    return [Result(title, "s", our_times, reference_times, Target(0.30, 0.12), conditions=conditions)]


def _large_result(kernel: KernelProcess, size: int) -> list[float]:
    client = kernel.client
    started = time.perf_counter()
    msg_id = client.send_execute(kernel.spec.snippets.large_result)
    published = list(client.published(msg_id))
    elapsed = time.perf_counter() - started
    client.wait_reply(msg_id)
    shown = [message.content["data"] for message in published if message.msg_type == "execute_result"]
    if len(shown) != 1 or len(shown[0]["text/plain"]) < size:
        length = len(shown[0]["text/plain"]) if shown else 0
        raise BenchmarkError(f"{kernel.spec.name} showed {length:,} of {size:,} characters")
    return [elapsed]


def large_result(contest: Contest, counts: Counts) -> list[Result]:
    size = counts.result_size
    with contest.both() as (ours, reference):
        for kernel in (ours, reference):
            # Made beforehand: the subject is how it is shown and sent.
            kernel.client.execute(kernel.spec.snippets.make_large.format(size=size))
            _large_result(kernel, size)
        our_times, reference_times = in_turns(
            counts.results, lambda: _large_result(ours, size), lambda: _large_result(reference, size)
        )
    return [Result(f"result of {size / 1e6:g} MB", "s", our_times, reference_times, Target(1.0))]
