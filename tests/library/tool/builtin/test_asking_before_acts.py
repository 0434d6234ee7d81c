"""Whatever a tool writes, starts, sends or changes: the user can be asked before, and it is noted once."""

from __future__ import annotations

import inspect
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.errors import NotAllowedError
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.tool.builtin import BUILTIN
from llmspell_kernel.library.tool.examples import ready
from tests.library.tool.builtin.test_completeness import entry_of
from tests.library.tool.web import serving

PICTURE = {"file_path": "dot.ppm", "target_path": "dot.png"}
FILM = {"file_path": "red.mpg", "target_path": "red.png"}
TABLE = {"input": "a,b\n1,2\n", "options": {"format": "csv", "output_file": "out.csv"}}
SITE = "http://localhost:{port}"
MAIL = {"to": "ann@example.org", "subject": "Hello", "body": "Hello", "from": "bob@example.org"}

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("base64-encoder", {"operation": "encode", "input": "a", "output_file": "a.b64"}),
    ("base64-encoder", {"operation": "decode", "input": "YQ==", "output_file": "a.txt"}),
    ("csv-analyzer", {**TABLE, "operation": "convert"}),
    ("csv-analyzer", {**TABLE, "operation": "transform"}),
    ("archive-handler", {"operation": "create", "path": "new.zip", "input": ["old.txt"]}),
    ("archive-handler", {"operation": "extract", "path": "old.zip", "target_path": "unpacked"}),
    ("file-converter", {"operation": "encoding", "path": "old.txt", "to_encoding": "utf-16"}),
    ("file-converter", {"operation": "line_endings", "path": "old.txt", "line_ending": "crlf"}),
    ("file-converter", {"operation": "indentation", "path": "old.txt", "target_path": "new.txt"}),
    ("file-operations", {"operation": "write", "path": "new.txt", "input": "a"}),
    ("file-operations", {"operation": "append", "path": "old.txt", "input": "a"}),
    ("file-operations", {"operation": "delete", "path": "old.txt"}),
    ("file-operations", {"operation": "create_dir", "path": "folder"}),
    ("file-operations", {"operation": "copy", "source_path": "old.txt", "target_path": "new.txt"}),
    ("file-operations", {"operation": "move", "source_path": "old.txt", "target_path": "new.txt"}),
    ("image-processor", {**PICTURE, "operation": "resize", "width": 2}),
    ("image-processor", {**PICTURE, "operation": "convert"}),
    ("image-processor", {**PICTURE, "operation": "crop", "width": 1, "height": 1}),
    ("image-processor", {**PICTURE, "operation": "rotate"}),
    ("image-processor", {**PICTURE, "operation": "thumbnail"}),
    ("audio-processor", {"operation": "convert", "file_path": "silence.wav", "target_path": "silence.flac"}),
    ("video-processor", {**FILM, "operation": "thumbnail"}),
    ("video-processor", {**FILM, "operation": "extract_frame"}),
    ("process-executor", {"executable": "echo"}),
    ("environment-reader", {"operation": "set", "variable_name": "LANG", "value": "C"}),
    ("email-sender", MAIL),
    ("http-requester", {"input": SITE, "method": "POST"}),
    ("api-tester", {"input": SITE, "method": "DELETE"}),
    ("webhook-caller", {"input": SITE}),
    ("graphql-query", {"operation": "mutation", "endpoint": SITE, "input": "mutation { a }"}),
    ("database-connector",
     {"operation": "query", "database": "a.db", "query": "CREATE TABLE t (n)", "query_type": "CREATE"}),
    ("database-connector",
     {"operation": "query", "database": ":memory:", "query": "/**/ DELETE FROM t", "query_type": "DELETE"}),
]  # fmt: skip

ACTING = {name for name, _ in CALLS}

HARMLESS = [
    ("base64-encoder", {"operation": "encode", "input": "a"}),
    ("image-processor", {"file_path": "dot.ppm"}),
    ("archive-handler", {"operation": "list", "path": "old.zip"}),
    ("http-requester", {"input": SITE}),
    ("api-tester", {"input": SITE, "method": "HEAD"}),
    ("environment-reader", {"operation": "get", "variable_name": "LANG"}),
    ("database-connector", {"operation": "query", "database": ":memory:", "query": "SELECT 1"}),
]

OF_GUARDS = re.compile(
    r"files\.(write_bytes|writing|writable|remove|rename|make_folder)|processes\.|environment\.set"
    r"|\baudit\(|\b(copied|stored)\(|Asked\(\"(POST|PUT|PATCH|DELETE)"
)


class Line(NamedTuple):
    act: str
    details: dict[str, Any]

    @property
    def changes(self) -> bool:
        if self.act == "network.request":
            return self.details["method"] not in ("GET", "HEAD", "OPTIONS")
        if self.act == "database.query":
            return bool(self.details["kind"] != "read")
        return self.act in ("process.start", "email.send", "environment.set") or (
            self.act.startswith("file.") and self.act not in ("file.read", "file.list")
        )


class World:
    """Services that ask the user, files, a web server and a mail server."""

    def __init__(self, services: Services, log: Path, ports: dict[str, int]) -> None:
        self.services = services
        self.asked: list[str] = []
        self.answer = "n"
        self._log = log
        self._site = SITE.format(**ports)
        services.tools.approvals.ask_by(self._ask)

    def _ask(self, prompt: str) -> str:
        self.asked.append(prompt)
        return self.answer

    def call(self, name: str, params: dict[str, Any]) -> bool:
        given = {key: self._site if value == SITE else value for key, value in params.items()}
        return self.services.tools.call(name, given).success

    def lines(self) -> list[Line]:
        if not self._log.exists():
            return []
        return [
            Line(each["act"], each["details"]) for each in map(json.loads, self._log.read_text().splitlines())
        ]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LANG", "C")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mail = Controller(Sink(), hostname="127.0.0.1", port=port)
    mail.start()
    answer = (200, {"Content-Type": "application/json"}, '{"data": {"a": 1}}')
    with serving({"/": answer}) as site:
        tools = {
            "approval": "privileged",
            "audit_file": str(tmp_path / "audit"),
            "file_operations": {"allowed_paths": [str(folder), "/tmp"]},
            "network": {"allow_private": ["localhost"]},
            "database": {"allow_dml": True, "allow_ddl": True},
            "system": {"allow_env_changes": True},
            "email": {"smtp": {"host": "localhost", "port": port, "security": "none"}},
        }
        settings = msgspec.convert({"tools": tools}, Settings)
        services = Services(lambda: settings)
        for each in ("image-processor", "audio-processor", "video-processor"):
            for name, content in entry_of(each).example_files.items():
                (folder / name).write_bytes(content)
        made = World(services, tmp_path / "audit", {"port": site.port})
        made.answer = "y"
        (folder / "old.txt").write_text("\told\n")
        assert made.call("archive-handler", {"operation": "create", "path": "old.zip", "input": ["old.txt"]})
        (tmp_path / "audit").unlink()
        made.answer = "n"
        made.asked.clear()
        yield made
        services.close()
    mail.stop()


@pytest.mark.parametrize(("name", "params"), CALLS, ids=lambda value: str(value)[:60])
def test_the_user_is_asked_before_it_acts_and_it_is_noted_once(
    world: World, name: str, params: dict[str, Any]
) -> None:
    with pytest.raises(NotAllowedError, match="has not approved"):
        world.call(name, params)
    assert len(world.asked) == 1
    assert [line for line in world.lines() if line.changes] == []
    world.answer = "y"
    world.call(name, params)  # the database has no such table; all the others succeed
    lines = world.lines()
    acts = [line for line in lines if line.changes]
    assert acts and [line.act for line in lines[: lines.index(acts[0])]].count("tool.call") == 2
    assert [line for line in acts if acts.count(line) > 1] == []


@pytest.mark.parametrize(("name", "params"), HARMLESS, ids=lambda value: str(value)[:60])
def test_nobody_is_asked_for_calls_of_the_same_tools_that_change_nothing(
    world: World, name: str, params: dict[str, Any]
) -> None:
    assert world.call(name, params)
    assert world.asked == []
    assert [line for line in world.lines() if line.changes] == []


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_every_tool_that_can_act_is_looked_at(name: str) -> None:
    tool = entry_of(name).tool
    called = [str(params.get("operation")) for each, params in CALLS if each == name]
    assert {each.name for each in tool.operations.values() if each.acts} <= set(called)
    assert bool(OF_GUARDS.search(inspect.getsource(tool))) <= (name in ACTING)


@pytest.mark.parametrize("name", sorted(set(BUILTIN) - ACTING))
def test_the_others_change_nothing(world: World, name: str) -> None:
    entry = entry_of(name)
    with ready(entry, world.services.tools.files_of(entry)) as example:
        if example is not None:
            assert world.call(name, example)
    assert world.asked == []
    assert [line for line in world.lines() if line.changes] == []


def test_a_refusal_says_why_somebody_is_asked_about_a_safe_tool() -> None:
    services = Services(lambda: msgspec.convert({"tools": {"approval": "privileged"}}, Settings))
    with pytest.raises(
        NotAllowedError, match=r"is 'privileged', and this call writes, .* nobody can be asked"
    ):
        services.tools.call("base64-encoder", {"operation": "encode", "input": "a", "output_file": "/tmp/a"})
    services.close()


def test_always_for_calls_that_only_read_is_not_for_those_that_act(world: World) -> None:
    settings = msgspec.convert({"tools": {"approval": "always"}}, Settings)
    services = Services(lambda: settings)
    answers = ["always", "n"]
    services.tools.approvals.ask_by(lambda prompt: answers.pop(0))
    for _ in range(2):
        assert services.tools.call("base64-encoder", {"operation": "encode", "input": "a"}).success
    with pytest.raises(NotAllowedError, match="has not approved"):
        services.tools.call("base64-encoder", {"operation": "encode", "input": "a", "output_file": "a"})
    services.close()


def test_a_script_can_look_at_all_that_acts(world: World) -> None:
    requests: list[dict[str, Any]] = []

    def refuse(request: dict[str, Any]) -> bool:
        requests.append(request)
        return False

    world.services.tools.approvals.use(refuse, "privileged")
    assert world.call("base64-encoder", {"operation": "encode", "input": "a"})
    with pytest.raises(NotAllowedError, match="approval function refuses 'encode'"):
        world.call("base64-encoder", {"operation": "encode", "input": "a", "output_file": "a"})
    assert [(each["security_level"], each["acts"]) for each in requests] == [("safe", True)]
    assert world.asked == []
