"""Events of several threads at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from llmspell_kernel.config.loading import over_defaults
from llmspell_kernel.kernel.comms import KernelComm
from llmspell_kernel.kernel.events import EventComm
from llmspell_kernel.library.event.service import EventBus
from llmspell_kernel.library.services import Services

COUNT = 300


@pytest.fixture
def bus() -> Iterator[EventBus]:
    """A bus of its own."""
    with closing(Services(lambda: over_defaults({}))) as services:
        yield services.events


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(*works: Callable[[], object]) -> None:
    """Does each on a thread of its own, all at the same time."""
    together = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        together.wait()
        work()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_what_begins_on_several_threads_belongs_together(bus: EventBus, often: None) -> None:
    for _ in range(200):
        bus.correlation.begin_unit()
        found: set[str] = set()
        at_once(*[partial(note, bus, found)] * 4)
        assert len(found) == 1


def note(bus: EventBus, found: set[str]) -> None:
    """The id that is the running one."""
    found.add(bus.correlation_id)


class Received:
    """The data of the events that a client gets on a comm."""

    def __init__(self) -> None:
        self.data: list[int] = []
        self.comm = EventComm(KernelComm(publish=self._add, target_name="llmspell.events"))

    def _add(self, _type: str, content: dict[str, Any], *_rest: object) -> None:
        if content["data"]:
            self.data.append(content["data"]["event"]["data"])


def test_a_client_that_watches_misses_nothing_and_gets_nothing_twice(bus: EventBus, often: None) -> None:
    for number in range(20):
        received, pattern = Received(), f"round.{number}"
        at_once(partial(publish, bus, pattern), partial(received.comm.subscribe, bus, pattern, None))
        assert sorted(received.data) == list(range(COUNT))


def publish(bus: EventBus, event_type: str) -> None:
    """So many events."""
    for number in range(COUNT):
        bus.publish(event_type, number)
