"""What goes with a call: names, events, hooks, approval, limits, the audit."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.errors import (
    CancelledError,
    NotAllowedError,
    ParameterError,
    ToolError,
    UnknownToolError,
)
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.tool.contract import Tool
from llmspell_kernel.library.tool.entries import ClassEntry, FunctionEntry
from llmspell_kernel.library.tool.requests import answer

from ...lua.shell import MemoryFrontend
from .conftest import MakeServices


def echo(services: Services, value: object = 1) -> Any:
    return services.tools.call("here-probe", {"operation": "echo", "value": value}).result


def audited(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_names(services: Services) -> None:
    tools = services.tools
    assert tools.get("text_manipulator").name == tools.get("text-manipulator").name == "text-manipulator"
    assert tools.get("template_engine").name == "template-creator"
    assert tools.get("data_validation").name == "data-validator"
    assert tools.find("nothing") is None
    assert not tools.exists("nothing")
    with pytest.raises(UnknownToolError, match="Tool 'calculater' not found; did you mean calculator"):
        tools.call("calculater", {})
    assert {"utility", "data"} <= set(tools.categories())
    assert all(entry.category == "data" for entry in tools.discover("data"))
    assert tools.search(["calculator"])[0].name == "calculator"
    assert "json-processor" in [entry.name for entry in tools.search(["json"], "data")]
    assert tools.search(["zebra"]) == []
    assert tools.search(["json", "zebra"]) == tools.search(["json"])


def test_tools_in_which_more_words_occur_come_first(services: Services) -> None:
    tools = services.tools
    found = [entry.name for entry in tools.search(["csv", "json"])]
    assert {"csv-analyzer", "json-processor"} <= set(found)
    csv, json = ({entry.name for entry in tools.search([word])} for word in ("csv", "json"))
    both = csv & json
    assert set(found) == csv | json and set(found[: len(both)]) == both
    assert tools.search([]) == tools.discover()


def test_events(services: Services) -> None:
    heard: list[Any] = []
    services.events.call("tool.*", heard.append)
    with services.events.correlated("here") as correlation_id:
        echo(services)
    with pytest.raises(ToolError):
        services.tools.call("here-probe", {"operation": "err"})
    services.tools.call("here-probe", {"operation": "fail"})
    with pytest.raises(ParameterError):
        services.tools.call("here-probe", {"operation": "nothing"})
    types = [event.event_type for event in heard]
    assert types == ["tool.started", "tool.completed", *["tool.started", "tool.failed"] * 2, "tool.failed"]
    assert heard[0].data == {"tool": "here-probe", "operation": "echo"}
    assert heard[1].data["success"] is True and heard[1].data["duration_ms"] >= 0
    assert heard[3].data["error_type"] == "execution_error"
    assert heard[5].data["error"] == "it did not work"
    assert heard[6].data["error_type"] == "validation_error"
    assert {event.correlation_id for event in heard[:2]} == {correlation_id}


def hook(services: Services, point: str, answer: Any) -> list[dict[str, Any]]:
    """Registers a hook that answers so; the data that it gets."""
    seen: list[dict[str, Any]] = []

    def function(context: Any) -> Any:
        seen.append(dict(context.data))
        return answer(context) if callable(answer) else answer

    services.hooks.register(point, function)
    return seen


def test_hooks_see_and_change_parameters(services: Services) -> None:
    seen = hook(
        services,
        "BeforeToolExecution",
        lambda context: {"type": "modified", "data": {**context.data, "params": {"value": 2}}},
    )
    assert echo(services) == 2
    assert seen[0]["tool"] == "here-probe"
    assert seen[0]["params"] == {"operation": "echo", "value": 1}
    assert (seen[0]["category"], seen[0]["security_level"]) == ("custom", "privileged")


def test_hooks_cancel(services: Services) -> None:
    hook(services, "ToolValidation", {"type": "cancel", "reason": "not today"})
    with pytest.raises(CancelledError, match="not today"):
        echo(services)


def test_hooks_replace(services: Services) -> None:
    hook(services, "BeforeToolExecution", {"type": "replace", "data": {"answer": 42}})
    assert echo(services) == {"answer": 42}


def test_hooks_skip(services: Services) -> None:
    hook(services, "BeforeToolExecution", "skip")
    envelope = services.tools.call("here-probe", {"operation": "err"})
    assert (envelope.success, envelope.result, envelope.metadata) == (True, None, {"skipped": True})


def test_hooks_redirect_but_not_for_ever(services: Services) -> None:
    def elsewhere(context: Any) -> Any:
        return (
            {"type": "redirect", "target": "thread-probe"} if context.data["tool"] == "here-probe" else None
        )

    hook(services, "BeforeToolExecution", elsewhere)
    assert echo(services) == 1
    services.hooks.register(
        "BeforeToolExecution", lambda context: {"type": "redirect", "target": "here-probe"}
    )
    with pytest.raises(ToolError, match="redirected the call more than 5 times"):
        echo(services)


def test_hooks_see_and_change_results(services: Services) -> None:
    def changed(context: Any) -> Any:
        result = {**context.data["result"], "result": "changed"}
        return {"type": "modified", "data": {**context.data, "result": result}}

    seen = hook(services, "AfterToolExecution", changed)
    assert echo(services) == "changed"
    assert seen[0]["result"]["result"] == 1
    assert seen[0]["duration_ms"] >= 0


def test_hooks_retry_and_replace_failures(services: Services) -> None:
    calls = []

    def run(params: dict[str, Any], _surroundings: object) -> object:
        calls.append(params)
        if len(calls) < 3:
            raise ToolError("not yet")
        return "at last"

    services.tools.registry.add(FunctionEntry("flaky", run))
    seen = hook(services, "ToolError", {"type": "retry", "delay_ms": 1, "max_attempts": 5})
    assert services.tools.call("flaky", {}).result == "at last"
    assert [each["attempt"] for each in seen] == [1, 2]
    assert seen[0]["error"] == "not yet"
    calls.clear()
    services.hooks.register("ToolError", lambda context: {"type": "replace", "data": "instead"}, "highest")
    assert services.tools.call("flaky", {}).result == "instead"


def test_a_failing_tool_is_retried_no_more_than_allowed(services: Services) -> None:
    seen = hook(services, "ToolError", {"type": "retry", "delay_ms": 0, "max_attempts": 3})
    with pytest.raises(ToolError, match="a bug"):
        services.tools.call("here-probe", {"operation": "err"})
    assert [each["attempt"] for each in seen] == [1, 2, 3]


def test_discovery_hooks(services: Services) -> None:
    before = hook(services, "BeforeToolDiscovery", None)

    def without_probes(context: Any) -> Any:
        tools = [name for name in context.data["tools"] if "probe" not in name]
        return {"type": "modified", "data": {**context.data, "tools": tools}}

    hook(services, "AfterToolDiscovery", without_probes)
    found = [entry.name for entry in services.tools.discover("custom")]
    assert found == []
    assert before[0] == {"words": [], "category": "custom"}
    hook(services, "BeforeToolDiscovery", {"type": "cancel", "reason": "no"})
    with pytest.raises(CancelledError):
        services.tools.discover()


def test_the_rate_of_calls_is_limited(make_services: MakeServices) -> None:
    services = make_services(rate_limit_per_minute=2)
    assert [echo(services), echo(services)] == [1, 1]
    with pytest.raises(
        NotAllowedError, match=r"more than 2 calls of tools a minute \(tools.rate_limit_per_minute\)"
    ):
        echo(services)


def test_the_user_is_asked(make_services: MakeServices, tmp_path: Path) -> None:
    log = tmp_path / "audit"
    services = make_services(approval="privileged", audit_file=str(log))
    with pytest.raises(NotAllowedError, match="nobody can be asked here"):
        echo(services)
    services.frontend = frontend = MemoryFrontend()
    with pytest.raises(NotAllowedError, match="nobody can be asked here"):
        echo(services)
    frontend.answers = ["", "n", "y", "no", "always"]
    for _ in range(2):
        with pytest.raises(NotAllowedError, match="the user has not approved 'echo'"):
            echo(services)
    assert echo(services) == 1
    with pytest.raises(NotAllowedError):
        echo(services)
    assert [echo(services), echo(services)] == [1, 1]
    assert frontend.asked[-1] == ("Allow tool here-probe to echo (value=1)? [y/N/always] ", False)
    assert [line["allowed"] for line in audited(log)] == [False, False, False, False, True, False, True, True]
    assert services.tools.call("text-manipulator", {"input": "a", "operation": "reverse"}).success


def test_always_is_about_one_operation(make_services: MakeServices) -> None:
    services = make_services(approval="always")
    services.frontend = frontend = MemoryFrontend()
    frontend.answers = ["always", "no"]
    for _ in range(2):
        assert services.tools.call("text-manipulator", {"input": "a", "operation": "reverse"}).success
    with pytest.raises(NotAllowedError, match="has not approved 'uppercase'"):
        services.tools.call("text-manipulator", {"input": "a", "operation": "uppercase"})


def test_tools_can_be_named_for_approval(make_services: MakeServices) -> None:
    services = make_services(approval_tools=["text-manipulator"])
    assert echo(services) == 1
    with pytest.raises(NotAllowedError, match="text-manipulator: the user must approve 'reverse'"):
        services.tools.call("text_manipulator", {"input": "a", "operation": "reverse"})


def test_a_long_value_hides_no_other_one_from_the_user(make_services: MakeServices) -> None:
    services = make_services(approval="always")
    services.frontend = frontend = MemoryFrontend()
    frontend.answers = ["n"]
    with pytest.raises(NotAllowedError, match="has not approved"):
        services.tools.call(
            "file-operations", {"operation": "write", "input": "x" * 9000, "path": "/tmp/important"}
        )
    prompt = frontend.asked[-1][0]
    assert prompt.startswith("Allow tool file-operations to write (path='/tmp/important', input='xxx"), prompt
    assert len(prompt) < 250
    for query in ("SELECT 1" + " + 1" * 300 + "; DROP TABLE x", b"SELECT 1" + b" " * 300 + b"; DROP TABLE x"):
        frontend.answers = ["n"]
        with pytest.raises(NotAllowedError, match="has not approved"):
            services.tools.call("here-probe", {"value": {"query": query, "password": "hunter2"}})
        prompt = frontend.asked[-1][0]
        assert "SELECT 1" in prompt and "left out" in prompt
        assert "; DROP TABLE x', 'password': '<hidden>'}" in prompt and len(prompt) < 250


def test_an_approval_function_only_refuses(make_services: MakeServices) -> None:
    services = make_services(approval="always")
    services.frontend = frontend = MemoryFrontend()
    frontend.answers = ["y"]
    asked: list[dict[str, Any]] = []
    answers: list[Any] = [False, "too late", True]

    def ask(request: dict[str, Any]) -> Any:
        asked.append(request)
        return answers.pop(0)

    services.tools.approvals.use(ask)
    with pytest.raises(NotAllowedError, match=r"the script's approval function refuses 'echo'$"):
        echo(services)
    with pytest.raises(NotAllowedError, match="refuses 'echo': too late"):
        echo(services)
    assert echo(services) == 1  # the user has been asked as well
    assert frontend.answers == []
    assert asked[0] == {
        "tool": "here-probe",
        "operation": "echo",
        "params": {"operation": "echo", "value": 1},
        "category": "custom",
        "security_level": "privileged",
        "acts": True,
    }


@pytest.mark.parametrize("tool", ["probe", "here-probe"])
def test_privileged_acts_are_noted_without_secrets(
    make_services: MakeServices, tmp_path: Path, tool: str
) -> None:
    log = tmp_path / "audit"
    services = make_services(audit_file=str(log))
    with services.events.correlated("an id"):
        services.tools.call(tool, {"operation": "audit", "value": {"api_key": "tell-nobody", "n": 1}})
    with pytest.raises(NotAllowedError):
        services.tools.call(tool, {"operation": "refuse"})
    called, act, _, refused = audited(log)
    assert (called["tool"], called["act"], called["allowed"]) == (tool, "tool.call", True)
    assert called["details"]["params"]["value"] == {"api_key": "<hidden>", "n": 1}
    assert act["act"] == "probe.act"
    assert act["details"] == {"path": "/tmp/x", "password": "<hidden>"}
    assert called["correlation_id"] == act["correlation_id"] == "an id"
    assert (refused["act"], refused["allowed"]) == ("tool.refused", False)
    assert "tell-nobody" not in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_an_audit_file_that_cannot_be_written_stops_nothing(
    make_services: MakeServices, caplog: pytest.LogCaptureFixture
) -> None:
    services = make_services(audit_file="/nowhere/at/all")
    assert echo(services) == 1
    assert "/nowhere/at/all (tools.audit_file) cannot be written" in caplog.text


PLUGINS = """
from msgspec import Struct
from llmspell_kernel.library.tool.contract import Tool

class Shouter(Tool):
    '''Shouts.'''
    name, category, level = "shouter", "custom", "safe"
    class Parameters(Struct, forbid_unknown_fields=True):
        input: str
    def run(self, given, tools):
        return given.input.upper() + "!"

class Outsider(Shouter):
    name = "outsider"
    runs = "process"

not_a_tool = 7
"""
ENTRY_POINTS = """[llmspell.tools]
shouter = shouting_tools:Shouter
outsider = shouting_tools:Outsider
misnamed = shouting_tools:Shouter
no-tool = shouting_tools:not_a_tool
gone = shouting_tools_that_are_gone:Shouter
calculator = shouting_tools:Shouter
"""


def test_other_distributions_bring_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "shouting_tools.py").write_text(PLUGINS)
    info = tmp_path / "shouting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    services = Services(Settings)
    try:
        tools = services.tools
        assert tools.call("shouter", {"input": "hi"}).result == "HI!"
        assert tools.call("outsider", {"input": "hi"}).result == "HI!"
        assert tools.get("shouter").info()["origin"] == "shouting"
        assert tools.get("calculator").info()["origin"] == "builtin"
        names = [entry.name for entry in tools.discover()]
        assert {"shouter", "outsider"} <= set(names)
        assert not {"misnamed", "no-tool", "gone"} & set(names)
        for told in (
            "'misnamed' of shouting",
            "its class calls it 'shouter'",
            "no subclass",
            "'gone' of shouting",
        ):
            assert told in caplog.text
        with pytest.raises(ToolError, match="the tool 'gone' of shouting cannot be loaded"):
            tools.get("gone")
    finally:
        services.close()


def test_answers_are_plain_values(services: Services) -> None:
    answers: list[Any] = [
        {"when": datetime(2026, 1, 2, 3, 4, 5), "ids": {1}, 7: Decimal("1.5"), "raw": b"\xff"},
        object(),
    ]
    services.tools.registry.add(FunctionEntry("odd", lambda params, surroundings: answers.pop(0)))
    assert services.tools.call("odd", {}).result == {
        "when": "2026-01-02T03:04:05",
        "ids": [1],
        7: "1.5",
        "raw": b"\xff",
    }
    with pytest.raises(ToolError, match=r"odd: its answer cannot be passed on: .*object"):
        services.tools.call("odd", {})


def test_a_tool_whose_library_is_missing_fails_its_test(services: Services) -> None:
    class Needy(Tool):
        """Needs what is not there."""

        name, category, level = "needy", "custom", "safe"
        libraries = ("json", "no_such_library_at_all")

        class Parameters(Struct):
            """None."""

    services.tools.registry.add(ClassEntry(Needy, "tests"))
    reply = answer(services.tools, {"command": "test", "name": "needy"})
    assert (reply["status"], reply["success"]) == ("ok", False)
    assert reply["message"].startswith("needy needs no_such_library_at_all: pip install")
    there = answer(services.tools, {"command": "test", "name": "image-processor"})
    assert (there["success"], there["details"]["operations"][0]) == (True, "detect")


def test_a_tools_class_describes_itself() -> None:
    class Minimal(Tool):
        """One.

        Two.
        """

        name, category, level = "minimal", "custom", "safe"

    assert Minimal.place(None) == "here"
    assert Minimal.limit(None) == 0
