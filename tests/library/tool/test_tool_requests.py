"""Tools for clients: the contract of tool_request, over sockets, embedded, and by comm."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel import Client, connect, start_embedded_kernel
from tests.kernels import KernelSession

from ..wire import Wire

GREET = """
Tool.register{
  name = "greet", level = "privileged",
  parameters = {{name = "who", type = "string", required = true}},
  execute = function(p)
    print("greeting " .. p.who)
    if p.who == "forever" then while true do end end
    return "Hello " .. p.who
  end,
}
"""


@pytest.fixture(params=["embedded", "connected"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    if request.param == "embedded":
        made: Client = start_embedded_kernel(history=":memory:")
    else:
        kernel: KernelSession = request.getfixturevalue("kernel")
        made = connect(Path(kernel.manager.connection_file))
    with made:
        yield made


def test_bytes_are_told_from_text(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\0\1")
    (tmp_path / "text").write_text("/wAB")
    config = {"tools": {"file_operations": {"allowed_paths": [str(tmp_path)]}}}
    with start_embedded_kernel(config, history=":memory:") as client:

        def read(name: str) -> Any:
            params = {"operation": "read", "path": str(tmp_path / name)}
            return client.tool("invoke", name="file-operations", params=params)["result"]["result"]

        assert (read("bytes")["content"], read("bytes")["content_encoding"]) == ("/wAB", "base64")
        assert read("text")["content"] == "/wAB" and "content_encoding" not in read("text")
        code = """Tool.register{
            name = "raw", parameters = {}, execute = function() return {"/wAB", "\\255\\0\\1"} end,
        }"""
        client.execute(code)
        listed = client.tool("invoke", name="raw")["result"]["result"]
        assert listed == ["/wAB", {"data": "/wAB", "encoding": "base64"}]


def test_list_info_search(client: Client) -> None:
    listed = client.tool("list")
    assert set(listed) == {"status", "tools", "count", "category"}
    assert listed["status"] == "ok" and listed["category"] is None
    assert "calculator" in listed["tools"] and listed["count"] == len(listed["tools"]) >= 1
    assert client.tool("list", category="data")["tools"] == [
        each["name"] for each in client.tool("list", category="data", details=True)["details"]
    ]
    info = client.tool("info", name="hash_calculator", show_schema=True)
    assert (info["name"], info["category"], info["security_level"]) == (
        "hash-calculator",
        "utility",
        "restricted",
    )
    assert info["schema"]["type"] == "object" and info["parameters"][0]["name"] == "operation"
    found = client.tool("search", query=["calculator"])
    assert found["matches"][0] == "calculator" and found["query"] == ["calculator"]
    assert client.tool("search", query="json", category="data")["matches"][0] == "json-processor"


def test_invoke(client: Client) -> None:
    reply = client.tool("invoke", name="calculator", params={"input": "6 * 7"})
    assert (reply["status"], reply["tool"], reply["streaming"]) == ("ok", "calculator", False)
    assert reply["result"]["success"] is True and reply["result"]["result"]["result"] == 42
    assert reply["duration_ms"] > 0
    failed = client.tool("invoke", name="calculator", params={"input": "6 *"})
    assert failed["status"] == "ok" and failed["result"]["success"] is False
    client.execute(GREET)
    assert client.tool("invoke", name="greet", params={"who": "you"})["result"]["result"] == "Hello you"


def test_file_operations_are_asked_by_operation(client: Client) -> None:
    reply = client.tool("invoke", name="file-operations", params={"operation": "exists", "path": "/tmp"})
    assert (reply["status"], reply["result"]["success"]) == ("ok", True)


def test_what_goes_wrong_is_told(client: Client) -> None:
    unknown = client.tool("info", name="calculater")
    assert (unknown["status"], unknown["error_type"]) == ("error", "not_found")
    assert unknown["suggestions"][0] == "calculator"
    missing = client.tool("invoke", name="nothing-like-it", params={})
    assert (missing["status"], missing["error_type"], missing["suggestions"]) == ("error", "not_found", [])
    wrong = client.tool("invoke", name="text-manipulator", params={"inptu": "a", "operation": "reverse"})
    assert (wrong["status"], wrong["tool"], wrong["error_type"]) == (
        "error",
        "text-manipulator",
        "validation_error",
    )
    assert len(wrong["validation_errors"]) == 2
    assert wrong["ename"] == "ParameterError" and wrong["evalue"] == wrong["error"]
    assert client.tool("lst")["error"] == "Unknown tool command: lst"
    assert client.tool("lst")["suggestions"] == ["list"]
    assert client.tool("info")["error_type"] == "validation_error"
    assert client.tool("invoke", name="calculator", params=[1])["error_type"] == "validation_error"
    assert client.request("tool_request", {})["status"] == "error"


@pytest.mark.parametrize(
    ("command", "fields", "problem"),
    [
        ("invoke", {"name": "calculator", "timeout": "x"}, "timeout is a number of seconds above 0; got 'x'"),
        ("invoke", {"name": "calculator", "timeout": 0}, "timeout is a number of seconds above 0; got 0"),
        ("list", {"timeout": -1}, "timeout is a number of seconds above 0; got -1"),
        ("list", {"category": 5}, "category is a text; got 5"),
        ("search", {"query": 5}, "query is a text or a list of words; got 5"),
        ("search", {"query": ["csv", 5]}, "query is a text or a list of words; got ['csv', 5]"),
        ("search", {"query": "csv", "category": ["data"]}, "category is a text; got ['data']"),
    ],
)
def test_arguments_that_make_no_sense_are_told(
    client: Client, command: str, fields: dict[str, Any], problem: str
) -> None:
    reply = client.tool(command, **fields)
    assert (reply["status"], reply["error_type"]) == ("error", "validation_error")
    assert reply["validation_errors"] == [problem]


def test_a_tool_is_tested_by_its_own_example(client: Client) -> None:
    reply = client.tool("test", name="calculator", verbose=True)
    assert (reply["status"], reply["success"]) == ("ok", True)
    assert reply["details"]["result"]["success"] is True
    client.execute(
        "breaking = Hook.register('BeforeToolExecution', function() return {type = 'replace', "
        "data = {success = false, error = 'broken'}} end)"
    )
    broken = client.tool("test", name="calculator")
    client.execute("breaking:unregister()")
    assert (broken["status"], broken["success"]) == ("ok", False)
    assert broken["message"] == "its example fails: broken"


def test_a_tool_of_files_is_tested_with_files_of_its_own(client: Client) -> None:
    reply = client.tool("test", name="image-processor", verbose=True)
    assert (reply["success"], reply["message"]) == (True, "its example succeeds")
    made = Path(reply["details"]["result"]["result"]["target_path"])
    assert made.name == "large.png" and not made.parent.exists()


def test_without_a_folder_for_files_no_example_of_them_is_called() -> None:
    tables: list[dict[str, Any]] = [{"allowed_paths": []}, {"allowed_paths": ["/none"]}]
    for settings in tables:
        with start_embedded_kernel({"tools": {"file_operations": settings}}, history=":memory:") as client:
            reply = client.tool("test", name="pdf-processor")
        assert (reply["success"], reply["message"]) == (
            True, "it can be called; its example needs files, and tools may write none, so none was made",
        )  # fmt: skip


def test_a_request_is_interrupted(client: Client) -> None:
    client.execute(GREET)
    call = client.start("tool_request", {"command": "invoke", "name": "greet", "params": {"who": "forever"}})
    threading.Timer(0.3, client.interrupt).start()
    reply = call.result(30)
    assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
    assert client.tool("invoke", name="greet", params={"who": "you"}, timeout=30)["status"] == "ok"


def test_a_call_has_its_time(client: Client, tmp_path: Path) -> None:
    client.execute(GREET)
    params = {"operation": "watch", "input": [str(tmp_path)], "timeout_seconds": 60}
    late = client.tool("invoke", name="file-watcher", params=params, timeout=0.3)
    assert (late["status"], late["error_type"], late["timeout_secs"]) == ("error", "timeout", 0.3)
    late = client.tool("invoke", name="greet", params={"who": "forever"}, timeout=0.3)
    assert (late["status"], late["error_type"], late["timeout_secs"]) == ("error", "timeout", 0.3)
    assert client.tool("invoke", name="greet", params={"who": "you"}, timeout=30)["status"] == "ok"


def test_the_user_is_asked_over_the_stdin_channel() -> None:
    with start_embedded_kernel({"tools": {"approval": "privileged"}}, history=":memory:") as client:
        client.execute(GREET)
        refused = client.tool("invoke", name="greet", params={"who": "you"})
        assert refused["error_type"] == "configuration_error"
        assert "nobody can be asked here" in refused["error"]
        asked: list[str] = []

        def answer(prompt: str, password: bool) -> str:
            asked.append(prompt)
            return "y"

        reply = client.tool("invoke", name="greet", params={"who": "you"}, read_line=answer)
        assert reply["result"]["result"] == "Hello you"
        assert asked == ["Allow tool greet (who='you')? [y/N/always] "]
        execution = client.execute(
            "Tool.execute('greet', {who = 'me'}).result", read_line=lambda *_: "always"
        )
        assert execution.status == "ok"


def test_a_kernel_without_tools_says_so() -> None:
    with start_embedded_kernel({"tools": {"enabled": False}}, history=":memory:") as client:
        reply = client.tool("list")
        assert (reply["status"], reply["error_type"]) == ("error", "configuration_error")
        assert "tools.enabled" in reply["error"]


def test_output_belongs_to_the_request(kernel: KernelSession) -> None:
    kernel.execute(GREET)
    session = kernel.client.session
    content: dict[str, Any] = {"command": "invoke", "name": "greet", "params": {"who": "you"}}
    message = session.msg("tool_request", content)
    kernel.client.shell_channel.send(message)
    done = kernel.collect(message["header"]["msg_id"])
    assert done.reply["msg_type"] == "tool_reply"
    assert done.reply["content"]["result"]["result"] == "Hello you"
    assert done.stdout == "greeting you\n"


def test_a_comm_has_the_same_contract(kernel: KernelSession, wire: Wire) -> None:
    comm_id, opened = wire.open("llmspell.tools", {"command": "list", "id": "first"})
    (first,) = [message["content"]["data"] for message in opened.of_type("comm_msg")]
    assert first["id"] == "first" and "calculator" in first["tools"]
    answers = wire.message(comm_id, {"command": "invoke", "name": "calculator", "params": {"input": "1 + 1"}})
    (reply,) = [message["content"]["data"] for message in answers.of_type("comm_msg")]
    assert reply["result"]["result"]["result"] == 2 and "id" not in reply
    (wrong,) = [
        message["content"]["data"] for message in wire.message(comm_id, "nonsense").of_type("comm_msg")
    ]
    assert wrong["status"] == "error"
    silent_id, silent = wire.open("llmspell.tools")
    assert silent.of_type("comm_msg") == [] and silent_id != comm_id


@pytest.mark.parametrize("language", ["echo", "luajit"])
def test_other_languages_have_tools_too(new_kernel: Callable[..., KernelSession], language: str) -> None:
    kernel = new_kernel("llmspell", f"--language={language}")
    with connect(Path(kernel.manager.connection_file)) as client:
        reply = client.tool("invoke", name="calculator", params={"input": "1 + 1"})
        assert reply["result"]["result"]["result"] == 2
