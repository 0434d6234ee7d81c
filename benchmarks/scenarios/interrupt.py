"""Interrupting a busy loop, by signal and by message: from asking to idle, and nothing lost."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.client import BenchmarkError, SilentKernelError
from benchmarks.kernels import Contest, KernelProcess
from benchmarks.measure import Condition, Counts, Result, Target

ROUNDS = 10
MOST_ATTEMPTS = 3
LONGEST_WAIT = 3.0


def _by_signal(kernel: KernelProcess) -> None:
    os.kill(kernel.pid, signal.SIGINT)


def _by_message(kernel: KernelProcess) -> None:
    kernel.client.send("interrupt_request", {}, "control")


WAYS: dict[str, Callable[[KernelProcess], None]] = {"SIGINT": _by_signal, "interrupt_request": _by_message}


@dataclass(slots=True)
class _Interrupts:
    """A kernel that is sent into an endless loop again and again."""

    kernel: KernelProcess
    ask: Callable[[KernelProcess], None]
    samples: list[float] = field(default_factory=list)
    asked: int = 0
    # Seeded: the loop is met at different moments, but at the same ones in every run.
    _random: random.Random = field(default_factory=lambda: random.Random(1))

    def reset(self) -> None:
        """Set the counter in the kernel to zero, and lose patience sooner from here on."""
        self.kernel.client.limit_waits(LONGEST_WAIT)
        self.kernel.client.execute(self.kernel.spec.snippets.reset_counter)

    def interrupt(self) -> None:
        """Start the loop, ask for the interrupt, take the time until idle.

        It succeeds if the first asking ends the cell, with an error. One that was not heard, or that took
        the reply with it, counts as asked and is asked again.

        Raises:
            SilentKernelError: the cell does not end, however often it is asked to.
        """
        client = self.kernel.client
        self.asked += 1
        msg_id = client.send_execute(self.kernel.spec.snippets.count_then_spin)
        for message in client.published(msg_id):
            if message.msg_type == "execute_input":
                break
        # Nothing tells from outside that the loop turns: no output could leave it unbuffered.
        time.sleep(self._random.uniform(0.005, 0.015))
        for attempt in range(MOST_ATTEMPTS):
            started = time.perf_counter()
            self.ask(self.kernel)
            try:
                client.wait_idle(msg_id)
            except SilentKernelError:
                continue
            elapsed = time.perf_counter() - started
            with suppress(SilentKernelError):
                if client.wait_reply(msg_id).content["status"] == "error" and attempt == 0:
                    self.samples.append(elapsed)
            return
        raise SilentKernelError(f"{self.kernel.spec.name} does not end a loop asked {MOST_ATTEMPTS} times")

    def state_is_intact(self) -> bool:
        """Whether the counter in the kernel counts every loop that was entered."""
        return self.kernel.client.execute(self.kernel.spec.snippets.counter).result() == str(self.asked)


def busy_loop(contest: Contest, counts: Counts) -> list[Result]:
    return [_interrupt(contest, counts, way) for way in WAYS]


def _interrupt(contest: Contest, counts: Counts, way: str) -> Result:
    with contest.both() as (our_kernel, reference_kernel):
        ours = _Interrupts(our_kernel, WAYS[way])
        reference = _Interrupts(reference_kernel, WAYS[way])
        ours.reset()
        reference.reset()
        for number in range(ROUNDS):
            _run_share(ours, counts.interrupts, number)
            _run_share(reference, counts.reference_interrupts, number)
        intact = ours.state_is_intact()
    if not ours.samples:
        raise BenchmarkError(f"none of {ours.asked} interrupts by {way} ended the loop with an error")
    conditions = [
        Condition(
            f"{len(ours.samples):,} of {ours.asked:,} ended it (ipykernel {len(reference.samples):,} of "
            f"{reference.asked:,})",
            len(ours.samples) == ours.asked,
        ),
        Condition(
            f"state {'intact' if intact else 'damaged'}, slowest {max(ours.samples) * 1e3:.1f} ms", intact
        ),
    ]
    target = Target(0.050, 0.005, of="ours")
    title = f"interrupt of a busy loop, {way}"
    return Result(title, "s", ours.samples, reference.samples, target, conditions=conditions)


def _run_share(interrupts: _Interrupts, total: int, round_number: int) -> None:
    """The share of one round in `total`; over all rounds they add up to it."""
    until = total * (round_number + 1) // ROUNDS
    while interrupts.asked < until:
        interrupts.interrupt()
