"""The bus of several processes, over a real PostgreSQL server."""

from __future__ import annotations

import logging
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count

import psycopg
import pytest

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.config.sections.events import Events
from llmspell_kernel.config.sections.storage import PostgresStorage, Storage
from llmspell_kernel.library.event.events import Event
from llmspell_kernel.library.event.service import EventBus
from llmspell_kernel.library.services import Services

from ...kernels import KernelSession
from ...lua.shell import MemoryFrontend
from ...postgres import PostgresServer
from ..scripts import Scripts

_TENANTS = count(1)
SECONDS = 10

Join = Callable[..., EventBus]


def settings_of(url: str, tenant: str) -> Settings:
    """With the bus in this database, and nothing else."""
    return Settings(
        events=Events(backend="postgres"),
        storage=Storage(postgres=PostgresStorage(url=url, tenant_id=tenant)),
    )


@pytest.fixture
def tenant() -> str:
    return f"events-{next(_TENANTS)}"


@pytest.fixture
def join(postgres_server: PostgresServer, tenant: str) -> Iterator[Join]:
    """A bus as another process would have it."""
    made: list[Services] = []

    def one_more(of: str = tenant, url: str = "") -> EventBus:
        settings = settings_of(url or postgres_server.url(), of)
        made.append(Services(lambda: settings, MemoryFrontend()))
        bus = made[-1].events
        assert bus.link is not None and bus.link.wait_listening(SECONDS)
        return bus

    yield one_more
    for services in made:
        services.close()


def test_what_one_publishes_all_of_the_tenant_get_once(join: Join) -> None:
    first, second, third = join(), join(), join()
    numbers = [bus.subscribe("order.*") for bus in (first, second, third)]
    data = {"text": "ü", "bytes": b"\xff", "list": [1, 2.5, None, True], 7: {"deep": {}}}
    sent = first.publish(
        "order.new", data, source="shop", tags=("a",), priority=3, correlation_id="c", language="lua"
    )
    assert sent is not None
    for bus, number in zip((first, second, third), numbers, strict=True):
        event = bus.receive(number, SECONDS)
        assert event is not None
        assert (event.id, event.data, event.source, event.correlation_id) == (sent.id, data, "shop", "c")
        assert (event.language, event.priority, list(event.tags), event.time) == ("lua", 3, ["a"], sent.time)
    second.publish("order.more", None)
    for bus, number in zip((first, second, third), numbers, strict=True):
        event = bus.receive(number, SECONDS)
        assert event is not None and event.event_type == "order.more"
        assert bus.receive(number, 0) is None


def test_many_come_in_order_and_large_ones_whole(join: Join) -> None:
    first, second = join(), join()
    number = second.subscribe("*")
    for value in range(1500):
        first.publish("many", value)
    first.publish("large", "x" * 300_000)
    found: list[Event] = []
    while not found or found[-1].event_type != "large":
        event = second.receive(number, SECONDS)
        assert event is not None
        found.append(event)
    assert [event.data for event in found[:-1]] == list(range(1500))
    assert len(found[-1].data) == 300_000
    assert [event.sequence for event in found] == sorted(event.sequence for event in found)


def test_other_tenants_hear_nothing(join: Join, tenant: str, postgres_server: PostgresServer) -> None:
    mine, other = join(), join(f"{tenant}-other")
    number = other.subscribe("*")
    mine.publish("secret", "for nobody else")
    other.publish("marker", 1)
    event = other.receive(number, SECONDS)
    assert event is not None and event.event_type == "marker"
    store = other._services.store("postgres")
    with store.connect() as connection:  # type: ignore[attr-defined]
        rows = connection.execute("SELECT event FROM event_log").fetchall()
        assert not any(b"for nobody else" in row[0] for row in rows)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "INSERT INTO event_log (tenant_id, origin, event) VALUES (%s, 'x', '')", [tenant]
            )
    assert other.receive(number, 0) is None


def test_what_a_notification_says_is_only_numbers(join: Join, postgres_server: PostgresServer) -> None:
    bus = join()
    assert bus.link is not None
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f"LISTEN {bus.link._channel}")
        bus.publish("secret", "for nobody else")
        notification = next(connection.notifies(timeout=SECONDS, stop_after=1))
    origin, _, numbers = notification.payload.partition(" ")
    assert len(origin) == 16 and numbers.isdigit()


def test_filters_and_hooks_are_those_of_the_publisher(join: Join) -> None:
    first, second = join(), join()
    first._hooks.register(
        "BeforeEventEmit", lambda context: "no" if context.data["event_type"] == "no" else None
    )
    number = second.subscribe("*")
    first.publish("no", 1)
    first.publish("yes", 2)
    event = second.receive(number, SECONDS)
    assert event is not None and event.event_type == "yes"


def test_scripts_hear_others_while_they_wait(
    join: Join, tenant: str, postgres_server: PostgresServer
) -> None:
    other = join()
    scripts = Scripts(settings_of(postgres_server.url(), tenant))
    scripts.frontend.call_later = lambda seconds, callback: lambda: None  # type: ignore[method-assign]
    scripts.run("id = Event.subscribe('news') Event.on('news', function(e) heard = e.data.n end)")
    link = scripts.runtime.services.events.link
    assert link is not None and link.wait_listening(SECONDS)
    timer = threading.Timer(0.05, lambda: other.publish("news", {"n": 5, "none": None}))
    timer.start()
    assert scripts.run("e = Event.receive(id, 20000) return e.data.n, heard, e.language") == '5\t5\t"python"'
    assert scripts.run("e.data.none == JSON.null") == "true"
    timer.join()
    scripts.runtime.close()


OTHER_PROCESS = """
import sys
from llmspell_kernel.library.services import Services
from tests.library.event.test_link import settings_of
settings = settings_of(sys.argv[1], sys.argv[2])
services = Services(lambda: settings)
services.events.publish("from.afar", {"pid": "other"})
services.close()
"""


def test_a_short_process_is_heard(join: Join, tenant: str, postgres_server: PostgresServer) -> None:
    bus = join()
    number = bus.subscribe("from.*")
    command = [sys.executable, "-c", OTHER_PROCESS, postgres_server.url(), tenant]
    subprocess.run(command, check=True, timeout=60)
    event = bus.receive(number, SECONDS)
    assert event is not None and event.data == {"pid": "other"}


def test_a_database_that_goes_and_comes_back(
    join: Join, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "llmspell.events")
    url = postgres_server.new_database()
    name = url.rpartition("/")[2]
    first, second = join(url=url), join(url=url)
    number = second.subscribe("*")
    postgres_server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    postgres_server.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    first.publish("while.away", 1)
    assert second.receive(number, 0) is None
    postgres_server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    found = [second.receive(number, SECONDS)]
    first.publish("after", 2)
    found.append(second.receive(number, SECONDS))
    assert [event and event.event_type for event in found] == ["while.away", "after"]
    assert second.receive(number, 0) is None
    assert "Events do not reach other processes" in caplog.text


def test_kernels_call_back_between_cells(
    join: Join,
    tenant: str,
    postgres_server: PostgresServer,
    new_kernel: Callable[..., KernelSession],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bus = join()
    monkeypatch.setenv("LLMSPELL_POSTGRES_URL", postgres_server.url())
    monkeypatch.setenv("LLMSPELL_STORAGE_POSTGRES_TENANT_ID", tenant)
    monkeypatch.setenv("LLMSPELL_EVENTS_BACKEND", "postgres")
    kernel = new_kernel()
    ready = bus.subscribe("ready")
    done = kernel.execute("Event.on('news', function(e) print('heard', e.data) end) Event.publish('ready')")
    assert done.status == "ok" and bus.receive(ready, SECONDS) is not None
    # The kernel may not listen yet: it is told until it has heard.
    while True:
        bus.publish("news", 5)
        with suppress(queue.Empty):
            message = kernel.client.get_iopub_msg(timeout=0.2)
            if message["msg_type"] == "stream":
                break
    assert message["content"]["text"].startswith("heard\t5\n")
    assert message["parent_header"]["msg_id"] == done.reply["parent_header"]["msg_id"]


def test_a_database_that_cannot_be_reached_is_told_and_harms_nothing() -> None:
    frontend = MemoryFrontend()
    settings = settings_of("postgresql://nobody@127.0.0.1:1/none", "x")
    services = Services(lambda: settings, frontend)
    assert services.events.link is None
    assert services.events.publish("a", 1) is not None
    assert b"events stay within this process" in frontend.written[0][1]
    services.close()
