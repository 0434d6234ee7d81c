"""Sessions without Lua: what lasts, what is refused."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import Any

import msgspec
import pytest

from llmspell_kernel.errors import CancelledError, NoSuchThingError, ScriptError
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.session.records import STATUSES, TRANSITIONS, Act, Run, SessionError

from .conftest import MakeServices


def test_a_session_is_what_it_was_made_as(services: Services) -> None:
    parent = services.sessions.create(name="whole")
    session_id = services.sessions.create(
        name="june",
        description="of 2026",
        tags=["report", "report", "draft"],
        parent_session_id=parent,
        custom_metadata={"n": 1, "half": 0.5, 3: b"\xff"},
        created_by="lua",
    )
    table = services.sessions.table(services.sessions.get(session_id))
    assert (table["name"], table["description"], table["status"]) == ("june", "of 2026", "active")
    assert table["tags"] == ["report", "draft"] and table["parent_session_id"] == parent
    assert table["custom_metadata"] == {"n": 1, "half": 0.5, 3: b"\xff"}
    assert table["created_at"] == table["updated_at"] and table["created_at"].endswith("Z")
    assert services.sessions.load(session_id) == session_id


def test_each_status_allows_what_it_allows(services: Services) -> None:
    sessions = services.sessions
    leading_to: dict[str, Act] = {
        "suspended": "suspend",
        "completed": "complete",
        "failed": "fail",
        "archived": "archive",
    }
    for act, (allowed, status) in TRANSITIONS.items():
        for before in ("active", "suspended", "completed", "failed", "archived"):
            session_id = sessions.create()
            if before != "active":
                sessions.act(leading_to[before], session_id)
            if before in allowed:
                assert sessions.status(sessions.act(act, session_id)) == status
            else:
                with pytest.raises(SessionError, match=f"is {before}: to {act} it, it must be"):
                    sessions.act(act, session_id)
                assert sessions.status(sessions.get(session_id)) == before


def test_ids_that_are_none(services: Services) -> None:
    for wrong in ("nope", "", "x" * 300, "a\0b", "6c0f1a2e-0000-4000-8000-000000000000"):
        for method in ("get", "load", "save", "delete"):
            with pytest.raises(NoSuchThingError, match="Invalid session ID"):
                getattr(services.sessions, method)(wrong)
        with pytest.raises(NoSuchThingError, match="Invalid session ID"):
            services.sessions.act("suspend", wrong)


def test_lists_are_filtered_and_the_newest_comes_first(services: Services) -> None:
    sessions = services.sessions
    ids = [sessions.create(name=f"s{number}", tags=["all", f"t{number % 2}"]) for number in range(6)]
    sessions.act("suspend", ids[0])
    assert [each.id for each in sessions.search()] == ids[::-1]
    assert [each.id for each in sessions.search(tags=["all", "t1"])] == [ids[5], ids[3], ids[1]]
    assert [each.id for each in sessions.search(status="SUSPENDED")] == [ids[0]]
    assert [each.id for each in sessions.search(limit=2)] == [ids[5], ids[4]]
    assert [each.id for each in sessions.search(name="s3")] == [ids[3]]
    assert sessions.search(limit=0) == []
    with pytest.raises(ScriptError, match=f"no status 'done'; choose one of: {', '.join(STATUSES)}"):
        sessions.search(status="done")


def test_more_than_a_page_of_sessions(make_services: MakeServices) -> None:
    services = make_services("sqlite", max_sessions=0)
    with services.sessions.store.transaction():
        ids = {services.sessions.create() for _ in range(1100)}
    assert {each.id for each in services.sessions.search()} == ids


def test_only_so_many_may_be_active(make_services: MakeServices) -> None:
    services = make_services(max_sessions=2, session_timeout_seconds=1000)
    sessions = services.sessions
    first, _ = sessions.create(), sessions.create()
    with pytest.raises(SessionError, match=r"2 sessions are active \(runtime.sessions.max_sessions\)"):
        sessions.create()
    sessions.act("suspend", first)
    sessions.create()
    with pytest.raises(SessionError, match="2 sessions are active"):
        sessions.act("resume", first)
    assert sessions.status(sessions.get(first)) == "suspended"


def test_a_kernel_that_ends_takes_nothing_from_others_of_its_notebook(services: Services) -> None:
    sessions = services.sessions
    session_id = sessions.of_jupyter("/home/x/june.ipynb")
    begun = time.time()
    sessions.act("suspend", session_id)
    assert sessions.runs.add(session_id, [Run(0, "slow()", 1, started_at=begun)]) == [1]
    assert sessions.get(session_id).status == "suspended"
    assert sessions.runs.add(session_id, [Run(0, "later()", 2, started_at=time.time() + 1)]) == [2]
    assert sessions.get(session_id).status == "active"
    sessions.act("complete", session_id)
    with pytest.raises(SessionError, match="is completed"):
        sessions.runs.add(session_id, [Run(0, "too_late()", 3, started_at=time.time() + 2)])
    other = sessions.create()
    sessions.act("suspend", other)
    with pytest.raises(SessionError, match="resume it first"):
        sessions.runs.add(other, [Run(0, "x()", 1, started_at=time.time() + 1)])


def test_who_does_nothing_expires_and_makes_room(
    make_services: MakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = make_services(max_sessions=1, session_timeout_seconds=60)
    sessions = services.sessions
    old = sessions.create()
    now = time.time()
    monkeypatch.setattr("llmspell_kernel.library.session.service.time.time", lambda: now + 61)
    assert sessions.table(sessions.get(old))["status"] == "expired"
    assert [each.id for each in sessions.search(status="expired")] == [old]
    new = sessions.create()
    with pytest.raises(SessionError, match="is expired: resume it first"):
        sessions.set_current(old)
    sessions.act("complete", new)
    sessions.act("resume", old)
    assert sessions.table(sessions.get(old))["status"] == "active"


def test_updating(services: Services) -> None:
    sessions = services.sessions
    session_id = sessions.create(name="a", custom_metadata={"keep": 1, "change": 2})
    sessions.update(session_id, {"name": "b", "tags": ["x"], "custom_metadata": {"change": 3}})
    record = sessions.get(session_id)
    assert (record.name, record.tags, record.custom_metadata) == ("b", ("x",), {"keep": 1, "change": 3})
    with pytest.raises(ScriptError, match="no 'status' to change; choose from: name"):
        sessions.update(session_id, {"status": "completed"})
    child = sessions.create(parent_session_id=session_id)
    with pytest.raises(ScriptError, match="cannot descend from itself"):
        sessions.update(session_id, {"parent_session_id": child})
    with pytest.raises(NoSuchThingError, match="Invalid session ID"):
        sessions.create(parent_session_id="nobody")
    with pytest.raises(ScriptError, match="up to 255 characters"):
        sessions.create(name="x" * 256)


def test_what_is_deleted_leaves_nothing(services: Services) -> None:
    sessions = services.sessions
    session_id = sessions.create()
    child = sessions.create(parent_session_id=session_id)
    sessions.runs.add(session_id, [Run(0, "print(1)", 1)] * 3)
    services.artifacts.store(session_id, "tool_result", "a", b"content")
    sessions.delete(session_id)
    sessions.delete(child)
    store = sessions.store
    assert [name for name in store.namespaces() if store.count(name)] == []


def test_the_session_of_a_notebook_is_found_again(services: Services) -> None:
    sessions = services.sessions
    first = sessions.of_jupyter("/home/x/june.ipynb", "lua54")
    assert sessions.of_jupyter("/home/x/june.ipynb") == first != sessions.of_jupyter("/home/x/july.ipynb")
    sessions.act("suspend", first)
    assert sessions.of_jupyter("/home/x/june.ipynb") == first
    assert sessions.get(first).status == "active"
    sessions.act("complete", first)
    second = sessions.of_jupyter("/home/x/june.ipynb")
    assert second != first and sessions.get(second).name == "june.ipynb"
    sessions.delete(second)
    assert sessions.of_jupyter("/home/x/june.ipynb") not in (first, second)
    long = "/" + "ä" * 2000
    assert sessions.of_jupyter(long) == sessions.of_jupyter(long)


def test_old_sessions_of_notebooks_go_and_others_stay(
    make_services: MakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = make_services(retention_days=2)
    sessions = services.sessions
    mine = sessions.create()
    notebook, with_artifact = sessions.of_jupyter("a"), sessions.of_jupyter("b")
    services.artifacts.store(with_artifact, "tool_result", "n", b"")
    assert sessions.clean_up() == 0
    now = time.time()
    monkeypatch.setattr("llmspell_kernel.library.session.service.time.time", lambda: now + 3 * 86_400)
    assert sessions.clean_up() == 1
    assert {each.id for each in sessions.search()} == {mine, with_artifact}
    assert notebook not in {each.id for each in sessions.search()}


def test_hooks_and_events(services: Services) -> None:
    seen: list[tuple[str, str]] = []
    services.events.call("session.*", lambda event: seen.append((event.event_type, event.data["session_id"])))
    sessions = services.sessions
    session_id = sessions.create()
    sessions.act("suspend", session_id)
    sessions.act("resume", session_id)
    sessions.act("complete", session_id)
    sessions.delete(session_id)
    names = ["created", "suspended", "resumed", "completed", "deleted"]
    assert seen == [(f"session.{name}", session_id) for name in names]


def test_writers_on_several_threads_lose_nothing(services: Services) -> None:
    session_id = services.sessions.create()
    failures: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for number in range(15):
                services.sessions.runs.add(session_id, [Run(0, f"{name} {number}")])
                services.artifacts.store(session_id, "tool_result", name, b"x")
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    runs = services.sessions.runs.of(session_id)
    assert [run.sequence for run in runs] == list(range(1, 61))
    assert len({run.code for run in runs}) == 60
    record = services.sessions.get(session_id)
    assert (record.operation_count, record.artifact_count, record.total_artifact_size) == (60, 60, 60)
    assert sorted(each.version for each in services.artifacts.of_session(session_id) if each.name == "a") == [
        *range(1, 16)
    ]


WRITER = """
import sys
from llmspell_kernel.config.loading import over_defaults
from llmspell_kernel.library.services import Services
settings = over_defaults({"storage": {"base_dir": sys.argv[1]}, "runtime": {"sessions": {"max_sessions": 0}}})
services = Services(lambda: settings)
for number in range(1000):
    session_id = services.sessions.create(name=str(number))
    services.artifacts.store(session_id, "tool_result", "a", b"content %d" % number)
    print(session_id, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(make_services: MakeServices, tmp_path: Any) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().strip() for _ in range(25)]
    writer.kill()
    acknowledged += writer.stdout.read().split()
    writer.wait()
    writer.stdout.close()
    services = make_services("sqlite")
    for number, session_id in enumerate(acknowledged):
        if len(session_id) == 36:  # the last line may be half a one
            artifact = services.artifacts.latest(session_id, "a")
            assert services.artifacts.content(artifact) == b"content %d" % number
    assert services.sessions.store.validate() == []


def test_a_hook_may_refuse_and_change(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    from llmspell_kernel.library.hook.contract import Decision

    class Points:
        def wants(self, point: str) -> bool:
            return point in ("SessionStart", "SessionEnd")

        def run(self, point: str, data: dict[str, Any]) -> Decision:
            if point == "SessionEnd":
                raise CancelledError.of(point, "mine", "not yet")
            return Decision("continue", data | {"name": data["name"].upper(), "tags": ["hooked"]})

    monkeypatch.setitem(vars(services), "hooks", Points())
    session_id = services.sessions.create(name="june")
    record = services.sessions.get(session_id)
    assert (record.name, record.tags) == ("JUNE", ("hooked",))
    with pytest.raises(CancelledError, match="not yet"):
        services.sessions.act("complete", session_id)
    assert services.sessions.get(session_id).status == "active"


def test_the_default_of_the_recorder_is_that_of_the_settings() -> None:
    from llmspell_kernel.config.sections.sessions import Sessions
    from llmspell_kernel.library.session.recording import DEFAULT_LIMIT

    assert msgspec.structs.asdict(Sessions())["max_recorded_output_bytes"] == DEFAULT_LIMIT
