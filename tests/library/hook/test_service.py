"""Hooks as a service, without Lua."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.config.sections.hooks import Hooks as HookSettings
from llmspell_kernel.errors import CancelledError, ScriptError
from llmspell_kernel.library.hook.contract import Decision
from llmspell_kernel.library.hook.points import POINTS
from llmspell_kernel.library.hook.registered import HookContext
from llmspell_kernel.library.hook.service import Hooks, as_filter
from llmspell_kernel.library.services import Services

from ...lua.shell import MemoryFrontend

POINT = "BeforeStateWrite"

Make = Callable[..., Services]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Services] = []

    def services(**options: Any) -> Services:
        settings = Settings(hooks=HookSettings(**options))
        made.append(Services(lambda: settings, MemoryFrontend()))
        return made[-1]

    yield services
    for each in made:
        each.close()


@pytest.fixture
def services(make: Make) -> Services:
    return make()


@pytest.fixture
def hooks(services: Services) -> Hooks:
    return services.hooks


def stderr(services: Services) -> str:
    assert isinstance(services.frontend, MemoryFrontend)
    return b"".join(data for _, data in services.frontend.written).decode()


def test_the_points_are_those_of_the_field() -> None:
    counts = {kind: len(points) for kind, points in POINTS.items() if kind != "kernel"}
    assert list(counts.values()) == [7, 6, 8, 6, 5, 5, 3, 3]
    assert sum(counts.values()) == 43


def test_nothing_is_wanted_where_nothing_is_registered(hooks: Hooks) -> None:
    assert not hooks.wants(POINT)
    hook = hooks.register(POINT, lambda context: None)
    assert hooks.wants(POINT) and not hooks.wants("AfterStateWrite")
    assert hooks.unregister(hook.id) and not hooks.unregister(hook.id)
    assert not hooks.wants(POINT)
    assert hooks.run(POINT, {"a": 1}) == Decision("continue", {"a": 1})


def test_the_highest_priority_comes_first(hooks: Hooks) -> None:
    called: list[str] = []

    def calling(name: str) -> Callable[[HookContext], None]:
        return lambda context: called.append(name)

    for priority in ("low", "highest", "normal", "lowest", "high"):
        for number in "12":
            hooks.register(POINT, calling(f"{priority} {number}"), priority)
    hooks.run(POINT, {})
    order = ("highest", "high", "normal", "low", "lowest")
    assert called == [f"{priority} {number}" for priority in order for number in "12"]
    with pytest.raises(ScriptError, match="Unknown hook priority: urgent; choose one of highest"):
        hooks.register(POINT, lambda context: None, "urgent")


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        (None, Decision("continue", {"a": 1})),
        (True, Decision("continue", {"a": 1})),
        ("continue", Decision("continue", {"a": 1})),
        ("Continue", Decision("continue", {"a": 1})),
        ({"type": "continue"}, Decision("continue", {"a": 1})),
        ("skip", Decision("skip", {"a": 1})),
        ("skipped", Decision("skip", {"a": 1})),
        ({"type": "skipped", "reason": "x"}, Decision("skip", {"a": 1})),
        ({"type": "modified", "data": {"value": 2}}, Decision("continue", {"a": 1, "value": 2})),
        ({"type": "Modified", "data": []}, Decision("continue", {"a": 1})),
        ({"type": "replace", "data": [1]}, Decision("replace", {"a": 1}, value=[1])),
        ({"type": "replace"}, Decision("replace", {"a": 1})),
        ({"type": "redirect", "target": "x"}, Decision("redirect", {"a": 1}, target="x")),
        ({"type": "retry"}, Decision("retry", {"a": 1}, delay=1.0, attempts=3)),
        (
            {"type": "retry", "delay_ms": 20, "max_attempts": 2},
            Decision("retry", {"a": 1}, delay=0.02, attempts=2),
        ),
        (
            {"type": "retry", "delay_ms": 1e12, "max_attempts": 1e9},
            Decision("retry", {"a": 1}, delay=60, attempts=10),
        ),
    ],
)
def test_answers(hooks: Hooks, answer: Any, decision: Decision) -> None:
    hooks.register(POINT, lambda context: answer)
    assert hooks.run(POINT, {"a": 1}) == decision


@pytest.mark.parametrize("answer", ["because", {"type": "cancel", "reason": "because"}])
def test_cancelling(hooks: Hooks, answer: Any) -> None:
    hooks.register(POINT, lambda context: answer, name="guard")
    with pytest.raises(CancelledError, match=f"cancelled by the hook 'guard' at {POINT}: because"):
        hooks.run(POINT, {})


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (5, "it answered 5"),
        (False, "it answered false"),
        ({"type": "fork"}, "a table of the type 'fork'; known are continue, modified"),
        ({}, "a table without a type"),
        ({"type": "modified"}, "without data"),
        ({"type": "redirect"}, "without a target"),
        ({"type": "retry", "delay_ms": "soon"}, "delay_ms = 'soon'"),
    ],
)
def test_what_makes_no_sense_is_a_failure_and_changes_nothing(
    services: Services, hooks: Hooks, answer: Any, problem: str
) -> None:
    hook = hooks.register(POINT, lambda context: answer)
    assert hooks.run(POINT, {"a": 1}) == Decision("continue", {"a": 1})
    assert problem in stderr(services) and problem in hook.last_error


def test_each_sees_what_others_have_modified_and_the_last_word_ends_it(hooks: Hooks) -> None:
    hooks.register(POINT, lambda context: {"type": "modified", "data": {"value": context.data["value"] + 1}})
    hooks.register(POINT, lambda context: {"type": "modified", "data": {"value": context.data["value"] * 10}})
    hooks.register(POINT, lambda context: "skip")
    hooks.register(POINT, lambda context: "never asked")
    assert hooks.run(POINT, {"value": 1, "m": 0}) == Decision("skip", {"value": 20, "m": 0})


def test_what_a_hook_is_told(services: Services, hooks: Hooks) -> None:
    told: list[HookContext] = []
    hooks.register("BeforeToolExecution", told.append, name="n")
    with services.events.correlated("c-1"):
        hooks.run("BeforeToolExecution", {"tool": "calculator", "params": {}})
    table = told[0].table()
    assert table["point"] == "BeforeToolExecution" and table["correlation_id"] == "c-1"
    assert table["component"] == {"type": "tool", "name": "calculator"}
    assert table["metadata"]["hook_name"] == "n" and table["metadata"]["priority"] == "normal"


def test_a_failing_hook_is_told_and_harms_nothing(services: Services, hooks: Hooks) -> None:
    def bad(context: HookContext) -> None:
        raise ValueError("oops")

    number = services.events.subscribe("hook.failed")
    hooks.register(POINT, bad, name="bad")
    hooks.register(POINT, lambda context: "skip")
    assert hooks.run(POINT, {}).action == "skip"
    event = services.events.receive(number, 0)
    assert event is not None
    assert (event.data["hook"], event.data["hook_point"], event.data["error"]) == ("bad", POINT, "oops")
    assert "the hook 'bad' at BeforeStateWrite has failed: oops" in stderr(services)


def test_a_failing_hook_rests_and_is_tried_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    services = make(circuit_breaker_threshold=2, circuit_breaker_cooldown_ms=10_000)
    hooks, now, works = services.hooks, [1000.0], [False]
    monkeypatch.setattr("llmspell_kernel.library.hook.service.time.monotonic", lambda: now[0])

    def flaky(context: HookContext) -> None:
        if not works[0]:
            raise ValueError("oops")

    hook = hooks.register(POINT, flaky)
    seen = []
    for seconds in (0, 0, 0, 9, 2, 1, 10):
        now[0] += seconds
        hooks.run(POINT, {})
        seen.append((hook.calls, hook.circuit))
    # Two failures; it rests; after its rest one more try fails, and it rests again.
    assert seen == [
        (1, "closed"), (2, "open"), (2, "open"), (2, "open"), (3, "open"), (3, "open"), (4, "open")
    ]  # fmt: skip
    works[0] = True
    now[0] += 11
    hooks.run(POINT, {})
    hooks.run(POINT, {})
    assert (hook.calls, hook.circuit) == (6, "closed")
    assert "it has failed too often and rests for 10 s" in stderr(services)


def test_a_threshold_below_one_is_a_share_of_the_calls(make: Make) -> None:
    services = make(circuit_breaker_threshold=0.5)
    outcomes = iter([True, False] * 5 + [False, False])

    def flaky(context: HookContext) -> None:
        if not next(outcomes):
            raise ValueError("oops")

    hook = services.hooks.register(POINT, flaky)
    for _ in range(20):
        services.hooks.run(POINT, {})
    assert (hook.calls, hook.failures, hook.circuit) == (11, 6, "open")


def test_a_slow_hook_counts_as_a_failure(make: Make) -> None:
    services = make(timeout_ms=1)
    slow = threading.Event()
    hook = services.hooks.register(POINT, lambda context: "continue" if slow.wait(0.02) else "skip")
    assert services.hooks.run(POINT, {}).action == "continue"
    assert "hooks.timeout_ms" in hook.last_error


def test_more_calls_than_the_limit_are_left_out(make: Make) -> None:
    services = make(rate_limit_per_minute=3)
    hook = services.hooks.register(POINT, lambda context: None)
    for _ in range(10):
        services.hooks.run(POINT, {})
    assert hook.calls == 3


def test_a_hook_is_not_called_for_what_it_does_itself(hooks: Hooks) -> None:
    seen: list[int] = []

    def again(context: HookContext) -> None:
        seen.append(context.data["depth"])
        hooks.run(POINT, {"depth": context.data["depth"] + 1})

    hooks.register(POINT, again)
    hooks.run(POINT, {"depth": 0})
    assert seen == [0]


def test_switched_off_nothing_is_called(make: Make) -> None:
    hooks = make(enabled=False).hooks
    hooks.register(POINT, lambda context: "no")
    assert not hooks.wants(POINT) and hooks.run(POINT, {}).action == "continue"


def test_start_and_end(services: Services, hooks: Hooks) -> None:
    called: list[str] = []
    hooks.register("SystemStartup", lambda context: called.append("start"))
    hooks.register("SystemShutdown", lambda context: called.append("end"))
    assert called == []
    services.start()
    hooks.register("SystemStartup", lambda context: called.append("late"))
    services.close()
    services.close()
    assert called == ["start", "late", "end"]


def test_violations_limits_and_changed_settings(services: Services, hooks: Hooks) -> None:
    told: list[tuple[str, Any]] = []
    for point in ("SecurityViolation", "ResourceLimitExceeded", "ConfigurationChange"):
        hooks.register(point, lambda context: told.append((context.point, context.data)))
    services.security_violation("a rule", host="h")
    services.limit_exceeded("output", 10, dropped_bytes=1)
    services.settings = Settings(default_engine="luajit")
    assert told == [
        ("SecurityViolation", {"rule": "a rule", "host": "h"}),
        ("ResourceLimitExceeded", {"resource": "output", "limit": 10, "dropped_bytes": 1}),
        (
            "ConfigurationChange",
            {"changes": [{"key": "default_engine", "before": "lua", "after": "luajit"}]},
        ),
    ]
    hooks.register("ConfigurationChange", lambda context: "not now", "highest")
    with pytest.raises(CancelledError, match="not now"):
        services.settings = Settings()
    assert services.settings.default_engine == "luajit"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("BeforeToolExec", "did you mean BeforeToolExecution?"),
        ("before_state_write", "did you mean BeforeStateWrite"),
        ("nonsense", "names them all"),
        ("custom:", "custom:NAME"),
    ],
)
def test_unknown_points_are_refused_with_a_hint(hooks: Hooks, name: str, hint: str) -> None:
    with pytest.raises(ScriptError, match=f"Unknown hook point: {name}") as caught:
        hooks.register(name, lambda context: None)
    assert hint in str(caught.value)


def test_every_point_and_own_ones_are_accepted(hooks: Hooks) -> None:
    names = [*(point for points in POINTS.values() for point in points), "custom:mine"]
    for name in names:
        hooks.register(name, lambda context: None, tags=["t"])
    assert [hook.point for hook in hooks.hooks()] == names
    assert [hook.point for hook in hooks.hooks(POINT)] == [POINT]
    assert len(hooks.hooks(tag="t", language="python", priority="normal")) == 46
    assert hooks.hooks(language="lua") == hooks.hooks(tag="x") == []
    assert as_filter({"hook_point": "a", "tag": "b"}) == {"point": "a", "tag": "b"}
    with pytest.raises(ScriptError, match="no filter 'x'"):
        as_filter({"x": 1})
