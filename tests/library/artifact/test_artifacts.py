"""Artifacts: kept byte for byte, once, in versions, and found again."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.config.loading import over_defaults
from llmspell_kernel.errors import NoSuchThingError, NotAllowedError, ScriptError, StorageError
from llmspell_kernel.library.artifact.content import CONTENT, REFERENCES
from llmspell_kernel.library.artifact.service import MAX_BYTES, ArtifactId
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.session.records import SessionError

from ..session.conftest import Shell, make_services, services, shell

__all__ = ["make_services", "services", "shell"]


def test_content_is_what_was_stored(services: Services) -> None:
    session = services.sessions.create()
    for content in (b"", b"\x00\xff\r\n", os.urandom(50_000), b"again and again " * 5000):
        stored = services.artifacts.store(session, "tool_result", "n", content)
        found, back = services.artifacts.get(session, ArtifactId.parse(stored.id))
        assert back == content and found == stored
        assert found.content_hash == hashlib.sha256(content).hexdigest() and found.size == len(content)


def test_what_is_large_is_compressed_where_that_helps(services: Services) -> None:
    session = services.sessions.create()
    store = services.artifacts.store
    large = store(session, "x", "a", b"again and again " * 5000)
    assert large.is_compressed and large.stored_size < large.size / 10
    assert not store(session, "x", "b", os.urandom(50_000)).is_compressed
    assert not store(session, "x", "c", b"a" * 5000).is_compressed


def test_the_same_content_is_stored_once(services: Services) -> None:
    store = services.sessions.store
    first, second = services.sessions.create(), services.sessions.create()
    artifacts = [
        services.artifacts.store(each, "x", "n", b"same" * 10_000) for each in (first, first, second)
    ]
    assert store.count(CONTENT) == store.count(REFERENCES) == 1
    for each in artifacts[:2]:
        services.artifacts.delete(first, ArtifactId.parse(each.id))
    assert services.artifacts.content(artifacts[2]) == b"same" * 10_000
    services.sessions.delete(second)
    assert store.count(CONTENT) == store.count(REFERENCES) == 0


def test_a_name_has_versions(services: Services) -> None:
    session = services.sessions.create()
    made = [services.artifacts.store(session, "x", "n", b"%d" % number) for number in range(3)]
    other = services.artifacts.store(session, "x", "other", b"")
    assert [each.version for each in (*made, other)] == [1, 2, 3, 1]
    assert services.artifacts.latest(session, "n") == made[2]
    services.artifacts.delete(session, ArtifactId.parse(made[2].id))
    assert services.artifacts.latest(session, "n") == made[1]
    again = services.artifacts.store(session, "x", "n", b"new")
    assert (again.version, again.sequence) == (3, 5)
    for each in (*made[:2], again):
        services.artifacts.delete(session, ArtifactId.parse(each.id))
    with pytest.raises(NoSuchThingError, match="no artifact called 'n'"):
        services.artifacts.latest(session, "n")
    record = services.sessions.get(session)
    assert (record.artifact_count, record.total_artifact_size) == (1, 0)


def test_what_is_known_of_one(services: Services) -> None:
    session = services.sessions.create()
    about: dict[Any, Any] = {
        "description": "of june",
        "tags": ["csv"],
        "rows": 3,
        "custom": {"half": 0.5, 1: b"\xff"},
        "parent_artifact": {"session_id": session, "sequence": 1},
    }
    table = services.artifacts.store(session, "tool_result", "t.csv", b"a,b\n", about).as_table()
    assert table["mime_type"] == "text/csv" and table["artifact_type"] == "tool_result"
    assert table["description"] == "of june" and table["tags"] == ["csv"]
    assert table["custom"] == {"rows": 3, "half": 0.5, 1: b"\xff"}
    assert table["parent_artifact"] == {"session_id": session, "sequence": 1}
    for name, content, kind in (("x", b"text", "text/plain"), ("x", b"\xff", "application/octet-stream")):
        assert services.artifacts.store(session, "x", name, content).mime_type == kind


def test_queries(services: Services) -> None:
    first, second = services.sessions.create(), services.sessions.create()
    store, query = services.artifacts.store, services.artifacts.query
    before = time.time()
    a = store(first, "tool_result", "a.csv", b"12345", {"tags": ["x", "y"]})
    b = store(second, "tool_result", "b.csv", b"123", {"tags": ["x"]})
    c = store(second, "user_input", "c.txt", b"1")
    assert query() == [c, b, a]
    assert query(session_id=second) == [c, b]
    assert query(artifact_type="tool_result", tags=["x"]) == [b, a]
    assert query(tags=["x", "y"]) == [a]
    assert query(name_pattern="?.csv") == [b, a] and query(name_pattern="*.TXT") == []
    assert query(min_size=2, max_size=3) == [b]
    assert query(created_after=before) == [c, b, a] and query(created_before=before) == []
    assert query(limit=1) == [c]
    assert [each.name for each in services.artifacts.of_session(second)] == ["b.csv", "c.txt"]


def test_what_is_refused(services: Services, tmp_path: Path) -> None:
    session = services.sessions.create()
    store = services.artifacts.store
    for arguments, message in (
        (("", "n", b""), "type of the artifact is empty"),
        (("x", "", b""), "1 to 255 characters"),
        (("x", "n" * 256, b""), "1 to 255 characters, not 256"),
        (("x", "big", bytes(MAX_BYTES + 1)), "'big' has more than 104,857,600 bytes"),
    ):
        with pytest.raises(ScriptError, match=message):
            store(session, *arguments)
    store(session, "x", "ä" * 255, b"")
    with pytest.raises(ScriptError, match=r"metadata.tags: a list of texts"):
        store(session, "x", "n", b"", {"tags": [1]})
    with pytest.raises(NoSuchThingError, match="no session is current"):
        store("", "x", "n", b"")
    with pytest.raises(ScriptError, match=r"cannot read .*gone: No such file"):
        services.artifacts.store_file(session, str(tmp_path / "gone"), "x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ScriptError, match="it is no ordinary file"):
        services.artifacts.store_file(session, str(tmp_path / "pipe"), "x")
    services.sessions.act("complete", session)
    with pytest.raises(SessionError, match="is completed: use another one"):
        store(session, "x", "n", b"")
    assert services.artifacts.query() == services.artifacts.of_session(session)


def test_only_so_many(make_services: Callable[..., Services]) -> None:
    services = make_services(max_artifacts_per_session=2)
    session = services.sessions.create()
    for _ in range(2):
        services.artifacts.store(session, "x", "n", b"")
    with pytest.raises(ScriptError, match=r"has 2 artifacts \(runtime.sessions.max_artifacts_per_session\)"):
        services.artifacts.store(session, "x", "n", b"")
    assert services.sessions.store.count(REFERENCES) == 1


def test_an_id_must_fit(services: Services) -> None:
    one, two = services.sessions.create(), services.sessions.create()
    stored = services.artifacts.store(one, "x", "n", b"1")
    for given in (
        {**stored.id, "content_hash": "0" * 64},
        {**stored.id, "sequence": 2},
        {**stored.id, "session_id": two},
    ):
        with pytest.raises(NoSuchThingError, match="has no artifact"):
            services.artifacts.get(one, ArtifactId.parse(given))
    with pytest.raises(NoSuchThingError, match="has no artifact"):
        services.artifacts.get(two, ArtifactId.parse(stored.id))
    for junk in (5, "x", {}, {"sequence": "1"}, [1]):
        with pytest.raises(ScriptError, match="an artifact's id is what"):
            ArtifactId.parse(junk)


def test_damage_is_noticed(services: Services) -> None:
    session = services.sessions.create()
    for content in (b"plain", b"compressed " * 5000):
        stored = services.artifacts.store(session, "x", "n", content)
        store = services.sessions.store
        entry = store.get(CONTENT, stored.content_hash)
        assert entry is not None
        store.set(CONTENT, stored.content_hash, entry.value[:-1] + b"?")
        with pytest.raises(StorageError, match="is damaged in the store; restore it from a backup"):
            services.artifacts.content(stored)
        store.delete(CONTENT, stored.content_hash)
        with pytest.raises(StorageError, match="is missing in the store"):
            services.artifacts.content(stored)


def test_events(services: Services) -> None:
    seen: list[tuple[str, str]] = []
    services.events.call("artifact.*", lambda event: seen.append((event.event_type, event.data["name"])))
    session = services.sessions.create()
    stored = services.artifacts.store(session, "x", "n", b"")
    services.artifacts.delete(session, ArtifactId.parse(stored.id))
    assert seen == [("artifact.stored", "n"), ("artifact.deleted", "n")]


def test_files_may_be_forbidden(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("x")
    security = {"security": {"allow_file_access": False}, "sessions": {"storage_backend": "memory"}}
    services = Services(lambda: over_defaults({"runtime": security}))
    session = services.sessions.create()
    with pytest.raises(NotAllowedError, match="allow_file_access"):
        services.artifacts.store_file(session, str(file), "x")
    services.close()


def test_scripts(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "data.bin"
    file.write_bytes(bytes(range(256)))
    shell.run(
        "s = Session.create() "
        "id = Artifact.store(s, 'agent_output', 'n', 'a\\0b\\255', {tags = {'t'}, k = 1, none = JSON.null})"
    )
    assert shell.run("#id.content_hash, id.session_id == s, id.sequence") == "64\ttrue\t1"
    assert shell.run("Artifact.get(s, id).content == 'a\\0b\\255'") == "true"
    assert (
        shell.run("local m = Artifact.get(s, id).metadata return m.size, m.tags[1], m.custom.k")
        == '4\t"t"\t1'
    )
    assert shell.run("Artifact.list(s)[1].custom.none == JSON.null") == "true"
    shell.run(f"f = Artifact.store_file(s, '{file}', 'user_input', {{description = 'all bytes'}})")
    assert shell.run(
        "local a = Artifact.get(s, f) return #a.content, a.content:byte(256), a.metadata.name"
    ) == ('256\t255\t"data.bin"')
    assert (
        shell.run("Artifact.list(s)[2].description, #Artifact.query{type = 'user_input'}") == '"all bytes"\t1'
    )
    assert (
        shell.run("#Artifact.query{created_after = '2020-01-01', name_pattern = 'data*', limit = 5}") == "1"
    )
    assert shell.run("Artifact.latest(s, 'n').content:len()") == "4"
    shell.run("Artifact.delete(s, id)")
    assert "has no artifact 1" in shell.fail("Artifact.get(s, id)").value
    shell.run("Session.set_current(s)")
    assert shell.run(
        "Artifact.store('', 'x', 'n', '').session_id == s, #Artifact.list(), #Artifact.list('')"
    ) == ("true\t2\t2")
    for code, message in (
        (
            "Artifact.store(s, 'x', 'n')",
            "bad argument 'content' to 'Artifact.store' (string expected, got no value)",
        ),
        ("Artifact.get(s, 5)", "bad argument 'artifact_id' to 'Artifact.get' (table expected, got number)"),
        ("Artifact.query{size = 1}", "'Artifact.query' (there is no option 'size'; it takes session_id"),
        (
            "Artifact.query{created_after = 'soon'}",
            "option 'created_after' of 'Artifact.query': seconds since",
        ),
        ("Artifact.store('nope', 'x', 'n', '')", "Invalid session ID 'nope'"),
    ):
        assert message in shell.fail(code).value
