"""`State` without Lua."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import msgpack

from llmspell_kernel.errors import CancelledError, ConflictError, ScriptError, StorageKeyError
from llmspell_kernel.library.hook.registered import HookContext
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.state.migration import Migrations
from llmspell_kernel.library.state.scopes import prefix, split, stored_key
from llmspell_kernel.library.state.service import ATTEMPTS, State, same


@pytest.mark.parametrize(
    ("scope", "stored"),
    [
        ("global", "global:"),
        ("user:alice", "user:alice:"),
        ("user", "%user:"),
        ("user:", "user::"),
        ("", "custom::"),
        ("mine", "mine:"),
        ("a:b", "a%3Ab:"),
        ("session:x:y", "session:x%3Ay:"),
        ("100%", "100%25:"),
    ],
)
def test_stored_keys_lead_back(scope: str, stored: str) -> None:
    assert prefix(scope) == stored
    assert split(stored_key(scope, "a:key%3A")) == (scope, "a:key%3A")


def test_no_two_places_have_the_same_stored_key() -> None:
    places = [("a", "b:c"), ("a:b", "c"), ("user:1", "x"), ("user", "1:x"), ("", ":x"), ("custom", "x")]
    places += [
        ("", "x"),
        ("user:", "x"),
        ("user", "x"),
        ("%user", "x"),
        ("custom:custom", "x"),
        ("global", "x"),
    ]
    assert len({stored_key(*place) for place in places}) == len(places)


def test_scopes_are_told_whatever_their_keys(state: State) -> None:
    scopes = ["", "a:b", "custom", "custom:x", "global", "user", "user:", "user:1", "\U0010ffff"]
    for scope in scopes:
        for key in ("k", "\U0010ffffkey", "\U0010ffff" * 100):
            state.set(scope, key, 1)
    assert sorted(state.scopes()) == sorted(scopes)


VALUES: list[Any] = [
    0, -1, 2**63 - 1, -(2**63), 1.0, 0.1, "", "Grüße", b"\xff\x00", True, False, [], [1, 2.0, "x"],
    {"a": {"b": [1]}}, {1: "a", 3: "c"}, {1: "list", "x": "and table", b"\xff": 1}, {2.5: 1, True: 2},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_as_they_were(state: State, value: Any) -> None:
    state.set("global", "k", value)
    found = state.get("global", "k")
    assert found == value
    assert type(found) is type(value)


def test_what_was_saved_is_loaded_under_the_same_scope_and_key(state: State) -> None:
    """The original read the key without its scope, so that nothing was ever found."""
    state.set("user:alice", "k", 1)
    assert state.get("user:alice", "k") == 1
    assert state.get("global", "k") is None
    assert state.keys("user:alice") == ["k"]
    assert state.delete("user:alice", "k")
    assert not state.delete("user:alice", "k")
    assert state.get("user:alice", "k") is None


def test_scopes_keys_and_values_are_listed(state: State) -> None:
    with state.storage.transaction():
        for number in range(2345):
            state.set("many", f"k{number:05}", number)
    state.set("many:more", "k", 1)
    state.set("global", "z", 1)
    assert state.scopes() == ["global", "many:more", "many"]
    assert state.keys("many") == [f"k{number:05}" for number in range(2345)]
    assert state.keys("many", "k0234") == [f"k{number:05}" for number in range(2340, 2345)]
    assert state.all("many")["k02344"] == 2344
    facts = state.facts("many", "k00001")
    assert facts is not None
    assert (facts.version, facts.size_bytes, facts.expires_at) == (1, 1, None)
    assert state.clear("many") == 2345
    assert state.scopes() == ["global", "many:more"]


def test_another_process_sees_a_write_at_once(new_services: Callable[..., Services]) -> None:
    one, other = new_services().state, new_services().state
    one.set("global", "k", 1)
    assert other.get("global", "k") == 1
    other.set("global", "k", 2)
    assert one.get("global", "k") == 2


def test_values_beyond_the_limit_are_refused(new_services: Callable[..., Services]) -> None:
    state = new_services({"runtime.state_persistence.max_state_size_bytes": 1000}).state
    state.set("global", "k", "x" * 900)
    with pytest.raises(
        ScriptError, match=r"'k' in scope 'global' takes 1,003 bytes, and 1,000 are the limit.*max_state"
    ):
        state.set("global", "k", "x" * 1000)
    assert state.get("global", "k") == "x" * 900


def test_state_that_is_switched_off_is_in_memory(new_services: Callable[..., Services]) -> None:
    off = {"runtime.state_persistence.enabled": False}
    one = new_services(off).state
    one.set("global", "k", 1)
    assert one.get("global", "k") == 1
    assert new_services(off).state.get("global", "k") is None


def test_keys_that_cannot_be_kept_are_refused(state: State) -> None:
    for key in ("", "a\0b", "x" * 2000):
        with pytest.raises(StorageKeyError):
            state.set("global", key, 1)


def test_what_has_expired_is_gone(state: State) -> None:
    state.set("global", "k", 1, expires_in=1e-6)
    state.set("global", "long", 1, expires_in=1000)
    assert state.get("global", "k") is None
    assert not state.exists("global", "k")
    assert state.keys("global") == ["long"]
    state.increment("global", "long")
    facts = state.facts("global", "long")
    assert facts is not None
    assert facts.expires_at is not None


def test_what_has_expired_takes_no_room_for_ever(new_services: Callable[..., Services]) -> None:
    services = new_services()
    services.state.set("global", "k", 1, expires_in=1e-6)
    services.close()
    assert new_services().state.storage.purge() == 0


def test_transactions_are_whole(state: State) -> None:
    def body() -> None:
        state.set("global", "a", 1)
        state.transaction(lambda: state.set("global", "b", 2))
        raise ScriptError("no")

    with pytest.raises(ScriptError, match="no"):
        state.transaction(body)
    assert state.all("global") == {}
    assert state.transaction(lambda: state.increment("global", "a")) == 1
    assert state.all("global") == {"a": 1}


def test_a_transaction_within_another_is_undone_by_itself(state: State) -> None:
    seen = []

    def inner() -> None:
        state.set("global", "a", 2)
        raise ScriptError("no")

    def outer() -> None:
        state.set("global", "a", 1)
        with pytest.raises(ScriptError, match="no"):
            state.transaction(inner)
        seen.append(state.get("global", "a"))

    state.transaction(outer)
    assert (seen, state.get("global", "a")) == ([1], 1)


def test_a_transaction_that_met_a_faster_writer_begins_anew(services: Services) -> None:
    state, calls = services.state, []

    def body() -> int:
        calls.append(1)
        if len(calls) < 3:
            raise ConflictError("somebody was faster")
        return len(calls)

    assert state.transaction(body) == 3
    calls[:] = [1] * 10

    def always() -> None:
        calls.append(1)
        raise ConflictError("somebody was faster")

    calls.clear()
    services.waits = _Impatient()  # type: ignore[assignment]
    with pytest.raises(ConflictError):
        state.transaction(always)
    assert len(calls) == ATTEMPTS


class _Impatient:
    def sleep(self, seconds: float) -> None:
        """At once."""


def test_compare_and_set(state: State) -> None:
    assert state.compare_and_set("global", "k", None, {"n": 1})
    assert not state.compare_and_set("global", "k", None, 5)
    assert not state.compare_and_set("global", "k", {"n": True}, 5)
    assert state.compare_and_set("global", "k", {"n": 1.0}, 5)
    assert state.compare_and_set("global", "k", 5, None)
    assert not state.exists("global", "k")


def test_equality_is_that_of_lua() -> None:
    assert same([1, {"a": 2.0}], [1.0, {"a": 2}])
    assert same([], {})
    assert not same(1, True)
    assert not same({"a": 1}, {"b": 1})
    assert not same("a", b"a")


def test_increment(state: State) -> None:
    assert state.increment("global", "n") == 1
    assert state.increment("global", "n", 2.5) == 3.5
    state.set("global", "text", "1")
    with pytest.raises(ScriptError, match="'text' in scope 'global' is no number but a str"):
        state.increment("global", "text")
    state.set("global", "big", 2**63 - 1)
    with pytest.raises(ScriptError, match="beyond 64 bits"):
        state.increment("global", "big")
    assert state.get("global", "big") == 2**63 - 1


def test_no_increment_is_lost(new_services: Callable[..., Services]) -> None:
    """Four writers, each with a connection of its own."""

    def work() -> None:
        state = new_services().state
        for _ in range(50):
            state.increment("global", "n")

    new_services().state.set("global", "n", 0)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert new_services().state.get("global", "n") == 200


def test_hooks_see_change_and_stop_writes(services: Services) -> None:
    seen: list[tuple[str, Any]] = []

    def before(context: HookContext) -> Any:
        data = context.data
        seen.append((data["operation"], data["value"]))
        if data["key"] == "secret":
            return "nobody may write this"
        if data["key"] == "low":
            return {"type": "modified", "data": {**data, "value": data["value"].upper()}}
        if data["key"] == "skipped":
            return "skip"
        return "continue"

    after: list[Any] = []
    services.hooks.register("BeforeStateWrite", before)
    services.hooks.register("AfterStateWrite", lambda context: after.append(context.data["value"]))
    state = services.state
    state.set("global", "low", "loud")
    assert state.get("global", "low") == "LOUD"
    with pytest.raises(CancelledError, match="nobody may write this"):
        state.set("global", "secret", 1)
    state.set("global", "skipped", 1)
    state.delete("global", "low")
    assert state.all("global") == {}
    assert seen == [("save", "loud"), ("save", 1), ("save", 1), ("delete", None)]
    assert after == ["LOUD", None]


def test_hooks_see_and_change_reads(services: Services) -> None:
    services.hooks.register(
        "AfterStateRead", lambda context: {"type": "replace", "data": [context.data["value"]]}
    )
    services.state.set("global", "k", 1)
    assert services.state.get("global", "k") == [1]


def test_a_conflict_is_shown_to_hooks(services: Services) -> None:
    seen: list[Any] = []
    services.hooks.register("StateConflict", lambda context: seen.append(context.data["found"]))
    services.state.set("global", "k", 1)
    assert not services.state.compare_and_set("global", "k", 2, 3)
    assert seen == [1]


def test_writes_are_events_where_that_is_wanted(new_services: Callable[..., Services]) -> None:
    services = new_services({"events.emit_state_events": True})
    seen: list[tuple[str, str]] = []
    services.events.call("state.*", lambda event: seen.append((event.event_type, event.data["key"])))
    state = services.state
    state.set("global", "a", 1)
    state.delete("global", "a")
    with pytest.raises(ScriptError):
        state.transaction(lambda: _write_and_fail(state))
    state.transaction(lambda: state.set("global", "c", 1))
    assert seen == [("state.changed", "a"), ("state.deleted", "a"), ("state.changed", "c")]


def _write_and_fail(state: State) -> None:
    state.set("global", "b", 1)
    raise ScriptError("no")


def test_two_that_migrate_at_once_do_it_once(new_services: Callable[..., Services]) -> None:
    first, second = new_services(), new_services()
    first.state.set("global", "n", 1)
    both = []
    for services in (first, second):
        migrations = Migrations(services)
        migrations.register(
            "1.0.0", "1.1.0", lambda scope, key, value: msgpack.encode(msgpack.decode(value) + 1)
        )
        both.append(migrations)
    faster: list[dict[str, Any]] = []
    first.hooks.register("StateMigration", lambda context: faster.append(both[1].migrate("1.1.0")))
    assert both[0].migrate("1.1.0")["status"] == "up_to_date"
    assert (faster[0]["status"], faster[0]["items_migrated"]) == ("completed", 1)
    assert first.state.get("global", "n") == 2
