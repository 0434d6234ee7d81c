"""The bus as a service, without Lua."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.config.sections.events import Events, Export, Filtering
from llmspell_kernel.errors import CancelledError, NoSuchThingError, ScriptError
from llmspell_kernel.library.event.events import Event
from llmspell_kernel.library.event.service import EventBus
from llmspell_kernel.library.services import Services

Make = Callable[..., EventBus]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Services] = []

    def bus(**options: Any) -> EventBus:
        settings = Settings(events=Events(backend="memory", **options))
        services = Services(lambda: settings)
        made.append(services)
        return services.events

    yield bus
    for services in made:
        services.close()


@pytest.fixture
def bus(make: Make) -> EventBus:
    return make()


def types(events: list[Event]) -> list[str]:
    return [event.event_type for event in events]


def test_a_subscriber_gets_what_matches_in_order(bus: EventBus) -> None:
    number = bus.subscribe("user.*")
    for each in ("user.a", "other", "user.b"):
        bus.publish(each, {"of": each}, source="tool:x")
    first, second = bus.receive(number, 0), bus.receive(number, 0)
    assert first is not None and second is not None
    assert (first.event_type, second.event_type) == ("user.a", "user.b")
    assert second.sequence == first.sequence + 2 and second.id != first.id
    assert bus.receive(number, 0) is None
    table = first.table()
    assert table["data"] == {"of": "user.a"} and table["metadata"]["source"] == "tool:x"


def test_only_what_comes_after_subscribing(bus: EventBus) -> None:
    bus.publish("a", None)
    number = bus.subscribe("a")
    assert bus.receive(number, 0) is None
    assert bus.unsubscribe(number) and not bus.unsubscribe(number)
    with pytest.raises(NoSuchThingError, match="No active subscription found"):
        bus.receive(number, 0)


def test_waiting_ends_when_something_comes(bus: EventBus) -> None:
    number = bus.subscribe("a")
    found: list[Event | None] = []
    threads = [threading.Thread(target=lambda: found.append(bus.receive(number, 20))) for _ in range(2)]
    for thread in threads:
        thread.start()
    bus.publish("b", 1)
    bus.publish("a", 2)
    bus.publish("a", 3)
    for thread in threads:
        thread.join(20)
    assert sorted(event.data for event in found if event) == [2, 3]


@pytest.mark.parametrize("how", ["unsubscribe", "close"])
def test_waiting_ends_with_the_subscription_and_with_the_bus(bus: EventBus, how: str) -> None:
    number = bus.subscribe("a")
    found: list[Event | None] = []

    def wait() -> None:
        with suppress(NoSuchThingError):  # it has come too late to wait
            found.append(bus.receive(number, 20))

    thread = threading.Thread(target=wait)
    thread.start()
    if how == "close":
        bus.close()
    else:
        bus.unsubscribe(number)
    thread.join(10)
    assert not thread.is_alive() and found in ([], [None])


def test_the_oldest_go_when_a_queue_is_full(make: Make) -> None:
    bus = make(buffer_size=3)
    number = bus.subscribe("a")
    for value in range(10):
        bus.publish("a", value)
    assert [event.data for event in iter(lambda: bus.receive(number, 0), None) if event] == [7, 8, 9]
    assert [event.data for event in bus.history()] == [7, 8, 9]
    assert bus.subscriptions()[0]["dropped"] == 7
    assert bus.stats()["bridge_stats"]["events_dropped"] == 7


def test_events_from_many_threads_are_all_there_in_the_order_of_each(bus: EventBus) -> None:
    number = bus.subscribe("*")

    def publish(name: int) -> None:
        for value in range(500):
            bus.publish("a", (name, value))

    threads = [threading.Thread(target=publish, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [event for event in iter(lambda: bus.receive(number, 0), None) if event]
    assert len(found) == 2000 and [event.sequence for event in found] == list(range(1, 2001))
    for name in range(4):
        assert [event.data[1] for event in found if event.data[0] == name] == list(range(500))


def test_what_has_lived_too_long_is_not_received(bus: EventBus) -> None:
    number = bus.subscribe("*")
    old = bus.publish("old", 1, ttl=0)
    bus.publish("new", 2, ttl=1000)
    assert old is not None
    old.time -= 1
    event = bus.receive(number, 0)
    assert event is not None and event.data == 2
    assert types(bus.history()) == ["new"]


def test_callbacks_are_called_at_once_and_harm_nobody(bus: EventBus) -> None:
    found: list[Any] = []
    failed: list[str] = []

    def bad(event: Event) -> None:
        raise ValueError("oops")

    bus.call("*", bad)
    end = bus.call("a.*", lambda event: found.append(event.data))
    bus._hooks.register("EventHandlerError", lambda context: failed.append(context.data["error"]))
    bus.publish("a.b", 1)
    bus.publish("b", 2)
    end()
    bus.publish("a.b", 3)
    assert found == [1] and failed == ["oops"] * 3
    assert bus.stats()["event_bus_stats"]["handler_failures"] == 3


def test_history(bus: EventBus) -> None:
    with bus.correlated("mine"):
        bus.publish("a.1", 1)
        bus.publish("b.1", 2)
    bus.publish("a.2", 3)
    assert types(bus.history("a.*")) == ["a.1", "a.2"]
    assert types(bus.history(correlation_id="mine")) == ["a.1", "b.1"]
    assert types(bus.history(limit=1)) == ["a.2"] and bus.history(limit=0) == []
    assert types(bus.history(since=2)) == ["a.2"]


def test_correlation(bus: EventBus) -> None:
    first, second = bus.publish("a", 1), bus.publish("b", 1)
    assert first is not None and second is not None
    assert first.correlation_id == second.correlation_id != ""
    bus.correlation.begin_unit()
    with bus.correlated() as outer, bus.correlated() as inner:
        event = bus.publish("c", 1)
    assert event is not None and event.correlation_id == outer == inner != first.correlation_id
    with bus.correlated("x"):
        given = bus.publish("d", 1, correlation_id="y")
        assert given is not None and given.correlation_id == "y"
        assert bus.correlation_id == "x"


def test_too_many_in_a_second_are_refused(make: Make) -> None:
    bus = make(max_events_per_second=5)
    published = [bus.publish("a", value) for value in range(8)]
    assert [event is not None for event in published] == [True] * 5 + [False] * 3
    with pytest.raises(ScriptError, match="max_events_per_second"):
        bus.publish("a", 1, strict=True)
    assert bus.stats()["event_bus_stats"]["rate_limit_violations"] == 4


def test_filtering(make: Make) -> None:
    bus = make(
        filtering=Filtering(
            include_types=["a.*"],
            exclude_types=["*.secret"],
            include_components=["tool"],
            exclude_components=["tool:x"],
        )
    )
    for event_type, source in [
        ("a.b", "tool:y"),
        ("a.b", "tool:x"),
        ("a.secret", "tool:y"),
        ("b", "tool"),
        ("a.c", "state"),
        ("a.d", "tool"),
    ]:
        bus.publish(event_type, None, source=source)
    assert types(bus.history()) == ["a.b", "a.d"]
    assert bus.stats()["event_bus_stats"]["events_filtered"] == 4


def test_times_can_be_left_out(make: Make) -> None:
    for wanted in (True, False):
        event = make(emit_timing_events=wanted).publish("tool.completed", {"tool": "x", "duration_ms": 1.5})
        assert event is not None and ("duration_ms" in event.data) is wanted and event.data["tool"] == "x"


def test_switched_off_there_are_none(make: Make) -> None:
    bus = make(enabled=False)
    assert bus.publish("a", 1) is None and bus.history() == []


def test_export_to_a_file_and_to_the_output(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bus = make(export=Export(stdout=True, file=str(tmp_path / "events.jsonl")))
    bus.publish("a", {"text": "ü", b"\xff": float("nan"), 1: [True, None]})
    bus.publish("b", 2)
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text("utf-8").splitlines()]
    assert [line["event_type"] for line in lines] == ["a", "b"]
    assert lines[0]["data"] == {"text": "ü", "\\xff": None, "1": [True, None]}
    assert capsys.readouterr().out.count("\n") == 2


def test_a_runtime_that_forgets_writes_nothing(tmp_path: Path) -> None:
    settings = Settings(events=Events(export=Export(file=str(tmp_path / "events"))))
    services = Services(lambda: settings)
    services.forgets = True
    assert services.events.publish("a", 1) is not None
    assert not (tmp_path / "events").exists()
    services.close()


def test_a_file_that_cannot_be_written_is_told_once(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bus = make(export=Export(file=str(tmp_path)))
    assert bus.publish("a", 1) is not None and bus.publish("a", 2) is not None
    assert len(caplog.records) == 1 and "events.export.file" in caplog.text


def test_hooks_may_change_and_stop_events(bus: EventBus) -> None:
    told: list[str] = []
    bus._hooks.register("AfterEventEmit", lambda context: told.append(context.data["event_type"]))
    answers = {
        "plain": None,
        "changed": {"type": "modified", "data": {"data": "new"}},
        "stopped": "no",
        "left": "skip",
    }
    bus._hooks.register("BeforeEventEmit", lambda context: answers[context.data["event_type"]])
    for event_type in answers:
        bus.publish(event_type, "old")
    assert [(event.event_type, event.data) for event in bus.history()] == [
        ("plain", "old"),
        ("changed", "new"),
    ]
    assert told == ["plain", "changed"]
    with pytest.raises(CancelledError, match="no"):
        bus.publish("stopped", 1, strict=True)


def test_many_types_are_no_leak(bus: EventBus) -> None:
    found: list[str] = []
    bus.call("a.*", lambda event: found.append(event.event_type))
    for number in range(3000):
        bus.publish(f"a.{number}", None)
    assert len(found) == 3000 and len(bus._by_type) <= 1000
    counts = bus.stats()["event_bus_stats"]["events_by_type"]
    assert len(counts) <= 1001 and sum(counts.values()) == 3000


def test_an_empty_pattern_is_refused(bus: EventBus) -> None:
    with pytest.raises(ScriptError, match="pattern is empty"):
        bus.subscribe("")


def test_what_is_kept_is_limited_in_bytes(make: Make) -> None:
    bus = make(buffer_size_bytes=10_000)
    queue = bus.subscribe("*")
    for number in range(10):
        bus.publish("big", "x" * 3000 + str(number))
    assert [event.data[-1] for event in bus.history()] == ["7", "8", "9"]
    assert bus.stats()["event_bus_stats"]["buffer_size_bytes"] < 10_000
    assert bus.subscriptions()[0]["dropped"] == 7
    bus.publish("large", ["x" * 20_000])
    assert [event.event_type for event in bus.history()] == ["large"]
    received = bus.receive(queue, 0)
    assert received is not None and received.event_type == "large" and bus.receive(queue, 0) is None


def test_what_is_too_large_is_refused(make: Make) -> None:
    bus = make(max_event_size_bytes=1000)
    assert bus.publish("a", {"text": ["x" * 1000]}) is None
    with pytest.raises(ScriptError, match=r"the event 'a' take 1,\d+ bytes, and 1,000 are the limit"):
        bus.publish("a", [[] for _ in range(20)], strict=True)
    assert bus.history() == [] and bus.stats()["event_bus_stats"]["events_too_large"] == 2


def test_a_subscriber_may_end_those_behind_it(bus: EventBus) -> None:
    called: list[str] = []
    numbers: list[str] = []

    def end_all(event: Event) -> None:
        called.append("first")
        for number in numbers:
            bus.unsubscribe(number)

    numbers += [bus.subscribe("a", end_all), bus.subscribe("a", lambda event: called.append("second"))]
    bus.publish("a", 1)
    assert called == ["first"]
