"""The adapter as a kernel uses it (responses returned, events sent), and as editors do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.dap.adapter import COMMANDS, Adapter
from llmspell_kernel.dap.cells import murmur2
from llmspell_kernel.dap.host import Host
from llmspell_kernel.dap.protocol import LaunchArguments
from llmspell_kernel.errors import UsageError

from .client import SECONDS
from .program import Program, Served, served
from .schema import Message

CODE = """\
local function double(n)
  local t = {n, name = "ä😀"}
  return t[1] * 2
end
local result = double(4)
return result"""

LAB = {"clientID": "jupyterlab", "clientName": "JupyterLab", "adapterID": "llmspell", "pathFormat": "path"}


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    program = Program()
    yield program
    program.close()


class Notebook:
    """Sends requests as a kernel does, and keeps the events."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.messages: list[Message] = []
        self._changed = threading.Condition()
        self._seq = 0
        self.adapter = Adapter(program.debugger, self._send, host=Host(cells=program.cells))

    def _send(self, message: Message) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def ask(self, command: str, **arguments: Any) -> Message:
        self._seq += 1
        request = {"type": "request", "seq": self._seq, "command": command, "arguments": arguments}
        answer = self.adapter.handle(request)
        assert answer["request_seq"] == self._seq and answer["command"] == command
        return answer

    def body(self, command: str, **arguments: Any) -> Any:
        answer = self.ask(command, **arguments)
        assert answer["success"], answer
        return answer.get("body")

    def refusal(self, command: str, **arguments: Any) -> str:
        answer = self.ask(command, **arguments)
        assert not answer["success"], answer
        return str(answer["message"])

    def wait(self, event: str, count: int = 1) -> Message:
        """The body of the `count`-th event of that name."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._events(event)) >= count, SECONDS), self.messages
            return dict(self._events(event)[count - 1].get("body") or {})

    def _events(self, event: str) -> list[Message]:
        return [message for message in self.messages if message.get("event") == event]

    def start(self) -> None:
        self.body("initialize", **LAB)
        self.body("attach")

    def close(self) -> None:
        self.adapter.close()


@pytest.fixture
def notebook(program: Program) -> Iterator[Notebook]:
    notebook = Notebook(program)
    yield notebook
    notebook.close()


@pytest.fixture
def server(program: Program) -> Iterator[Served]:
    with served(program) as found:
        yield found


# JupyterLab


def test_a_notebook_asks_before_it_begins(notebook: Notebook) -> None:
    answer = notebook.adapter.handle({"type": "request", "seq": 0, "command": "debugInfo"})
    info = answer["body"]
    assert answer["success"] and info["isStarted"] is False
    assert (info["hashMethod"], info["tmpFileSuffix"]) == ("Murmur2", ".lua")
    assert info["breakpoints"] == info["stoppedThreads"] == info["exceptionPaths"] == []
    assert info["richRendering"] is info["copyToGlobals"] is True
    assert (
        info["tmpFilePrefix"] + f"{murmur2(CODE)}.lua" == notebook.body("dumpCell", code=CODE)["sourcePath"]
    )
    assert notebook.body("inspectVariables")["variables"] == []
    assert notebook.body("modules")["modules"] == []
    assert "attach" in notebook.refusal("setBreakpoints", source={"path": "x"}, breakpoints=[])


def test_beginning_twice_and_again_is_fine(notebook: Notebook, program: Program) -> None:
    for round in range(1, 4):
        for _ in range(2):
            assert notebook.body("initialize", **LAB)["supportsConfigurationDoneRequest"]
        for _ in range(2):
            notebook.body("attach")
        assert notebook.body("debugInfo")["isStarted"] is True
        assert list(program.debugger.listeners) == [notebook.adapter.session]
        notebook.body("disconnect", restart=False, terminateDebuggee=False)
        notebook.wait("terminated", round)
        assert notebook.body("debugInfo")["isStarted"] is False
        assert list(program.debugger.listeners) == []


def test_a_cell_is_debugged(notebook: Notebook, program: Program) -> None:
    notebook.start()
    path = notebook.body("dumpCell", code=CODE)["sourcePath"]
    found = notebook.body("setBreakpoints", source={"path": path}, breakpoints=[{"line": 3}])["breakpoints"]
    assert found[0]["verified"] and found[0]["source"]["path"] == path
    assert notebook.body("debugInfo")["breakpoints"] == [{"source": path, "breakpoints": [{"line": 3}]}]
    outcome = program.run(CODE)
    stopped = notebook.wait("stopped")
    assert stopped["threadId"] == 1 and stopped["hitBreakpointIds"] == [found[0]["id"]]
    assert notebook.body("debugInfo")["stoppedThreads"] == [1]
    frames = notebook.body("stackTrace", threadId=1)["stackFrames"]
    assert [frame["source"]["path"] for frame in frames] == [path, path]
    scopes = notebook.body("scopes", frameId=frames[0]["id"])["scopes"]
    rows = notebook.body("variables", variablesReference=scopes[0]["variablesReference"])["variables"]
    shown = {row["name"]: (row["value"], row.get("type")) for row in rows}
    assert shown["n"] == ("4", "int")
    assert shown["t"][1] is None, "JupyterLab would show the type instead of the value"
    assert notebook.body("source", source={"path": path}, sourceReference=0)["content"] == CODE
    notebook.body("continue", threadId=1)
    assert outcome.result(SECONDS).error is None
    assert notebook.wait("continued")["threadId"] == 1


def test_the_answer_to_a_step_comes_before_the_stop(notebook: Notebook, program: Program) -> None:
    notebook.start()
    path = notebook.body("dumpCell", code=CODE)["sourcePath"]
    notebook.body("setBreakpoints", source={"path": path}, breakpoints=[{"line": 2}])
    outcome = program.run(CODE)
    notebook.wait("stopped")
    for count in (2, 3):
        notebook.adapter.serve(
            {"type": "request", "seq": 100 + count, "command": "next", "arguments": {"threadId": 1}}
        )
        notebook.wait("stopped", count)
        last = [message.get("event", message["type"]) for message in notebook.messages][-3:]
        assert last.index("response") < last.index("stopped")
        assert last.index("continued") < last.index("stopped")
    numbers = [message["seq"] for message in notebook.messages]
    assert numbers == sorted(numbers)
    notebook.body("continue", threadId=1)
    assert outcome.result(SECONDS).error is None


def test_frames_keep_their_ids_but_after_a_statement_in_the_innermost(
    notebook: Notebook, program: Program
) -> None:
    notebook.start()
    path = notebook.body("dumpCell", code=CODE)["sourcePath"]
    notebook.body("setBreakpoints", source={"path": path}, breakpoints=[{"line": 3}])
    outcome = program.run(CODE)
    notebook.wait("stopped")

    def ids() -> list[int]:
        return [frame["id"] for frame in notebook.body("stackTrace", threadId=1)["stackFrames"]]

    def evaluate(frame: int, context: str) -> None:
        notebook.body("evaluate", expression="1", frameId=frame, context=context)

    before = ids()
    evaluate(before[1], "repl")
    evaluate(before[0], "hover")
    assert ids() == before
    evaluate(before[0], "repl")
    after = ids()
    assert not set(before) & set(after)
    evaluate(before[0], "hover")
    notebook.body("continue", threadId=1)
    assert outcome.result(SECONDS).error is None


def test_rich_values_are_never_refused_to_jupyterlab(notebook: Notebook, program: Program) -> None:
    notebook.start()
    assert program.run("kept = {1, 2}").result(SECONDS).error is None
    data = notebook.body("richInspectVariables", variableName="kept", frameId=999)["data"]
    assert data["text/plain"] == "{1, 2}"
    assert notebook.body("richInspectVariables", variableName="no such") == {"data": {}, "metadata": {}}


def test_refusals_have_the_lists_that_jupyterlab_reads(notebook: Notebook) -> None:
    notebook.start()
    for command, arguments, key in (
        ("stackTrace", {"threadId": 1}, "stackFrames"),
        ("scopes", {"frameId": 999}, "scopes"),
        ("variables", {"variablesReference": 999}, "variables"),
    ):
        response = notebook.ask(command, **arguments)
        assert not response["success"] and response["body"][key] == []


def test_a_coroutine_that_has_stopped_is_the_stopped_thread(notebook: Notebook, program: Program) -> None:
    code = "local work = coroutine.wrap(function()\n  local inside = 1\n  return inside\nend)\nwork()"
    notebook.start()
    path = notebook.body("dumpCell", code=code)["sourcePath"]
    notebook.body("setBreakpoints", source={"path": path}, breakpoints=[{"line": 3}])
    outcome = program.run(code)
    thread = notebook.wait("stopped")["threadId"]
    assert thread != 1 and notebook.body("debugInfo")["stoppedThreads"] == [thread]
    assert {each["id"] for each in notebook.body("threads")["threads"]} >= {1, thread}
    notebook.body("continue", threadId=1)
    assert notebook.wait("continued")["threadId"] == thread
    assert outcome.result(SECONDS).error is None


# Any client


def test_the_same_class_for_all_clients_knows_what_it_says(notebook: Notebook) -> None:
    capabilities = notebook.body("initialize", **LAB)
    supported = {
        "supportsConfigurationDoneRequest": "configurationDone",
        "supportsFunctionBreakpoints": "setFunctionBreakpoints",
        "supportsSetVariable": "setVariable",
        "supportsSetExpression": "setExpression",
        "supportsCompletionsRequest": "completions",
        "supportsModulesRequest": "modules",
        "supportsExceptionInfoRequest": "exceptionInfo",
        "supportsLoadedSourcesRequest": "loadedSources",
        "supportsCancelRequest": "cancel",
        "supportsBreakpointLocationsRequest": "breakpointLocations",
    }
    for name, command in supported.items():
        assert capabilities[name] is True and command in COMMANDS
    assert "supportsTerminateRequest" not in capabilities, "a kernel is not ended from a debugger"
    filters = [each["filter"] for each in capabilities["exceptionBreakpointFilters"]]
    assert filters == ["raised", "uncaught"]


@pytest.mark.parametrize(
    ("command", "arguments", "told"),
    [
        ("stepBack", {"threadId": 1}, "Lua cannot run backwards"),
        ("setBreakpoint", {}, "did you mean 'setBreakpoints'?"),
        ("x" * 5000, {}, "no command is called"),
        ("next", {}, "argument `threadId` is missing"),
        ("next", {"threadId": 1}, "no code is running"),
        ("stackTrace", {"threadId": 1}, "no code is running"),
        ("scopes", {"frameId": 77}, "no code is running"),
        ("pause", {"threadId": 1}, "no code is running"),
        ("variables", {"variablesReference": 4444}, "4444"),
        ("variables", {"variablesReference": 1, "filter": "some"}, "indexed, named"),
        ("setExceptionBreakpoints", {"filters": ["all"]}, "there are: raised, uncaught"),
        ("setBreakpoints", {"source": {}, "breakpoints": []}, "neither a path nor a sourceReference"),
        ("setBreakpoints", {"source": {"sourceReference": 999}}, "999"),
        ("source", {}, "give a sourceReference"),
        ("source", {"sourceReference": 4711}, "4711"),
        ("source", {"source": {"path": "/no/such.lua"}, "sourceReference": 0}, "/no/such.lua"),
        ("evaluate", {"expression": "error('no')", "context": "watch"}, "no"),
        ("evaluate", {"expression": "1 +", "context": "watch"}, "unexpected"),
        ("launch", {"program": "x.lua"}, "attach"),
        ("terminate", {}, "disconnect"),
        ("restartFrame", {"frameId": 1}, "no code is running"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(
    notebook: Notebook, command: str, arguments: dict[str, Any], told: str
) -> None:
    notebook.start()
    message = notebook.refusal(command, **arguments)
    assert told in message and len(message) < 400


@pytest.mark.parametrize("request_", [None, 7, [], {}, {"type": "event"}, {"command": 5}, {"command": None}])
def test_what_is_no_request_is_refused(notebook: Notebook, request_: Any) -> None:
    answer = notebook.adapter.handle(request_)
    assert answer["type"] == "response" and answer["success"] is False and answer["message"]


def test_columns_count_utf16_units_of_a_line(notebook: Notebook, program: Program) -> None:
    notebook.body("initialize", **LAB, columnsStartAt1=False)
    notebook.body("attach")
    assert program.run("some_name = 1").result(SECONDS).error is None
    text = "-- 😀\nx = '😀' .. some_na"
    targets = notebook.body("completions", text=text, line=1, column=19)["targets"]
    found = next(each for each in targets if each["label"] == "some_name")
    assert (found["start"], found["length"]) == (12, 7)


def test_where_breakpoints_can_be(notebook: Notebook) -> None:
    notebook.start()
    path = notebook.body("dumpCell", code="local x = {\n  1,\n}\n\n-- no\nx = 2\n")["sourcePath"]
    found = notebook.body("breakpointLocations", source={"path": path}, line=1, endLine=99)["breakpoints"]
    assert [each["line"] for each in found] == [1, 6]
    assert notebook.body("breakpointLocations", source={"path": path}, line=2)["breakpoints"] == []


def test_files_are_modules_and_all_code_is_listed(
    notebook: Notebook, program: Program, tmp_path: Path
) -> None:
    file = tmp_path / "shapes.lua"
    file.write_text("return {sides = 4}")
    notebook.start()
    outcome = program.run(f"dofile('{file}'); return load('return 7')()")
    assert outcome.result(SECONDS).error is None
    modules = notebook.body("modules")
    assert [each["path"] for each in modules["modules"]] == [str(file)] and modules["totalModules"] == 1
    assert notebook.body("modules", startModule=1, moduleCount=5)["modules"] == []
    loaded = notebook.body("loadedSources")["sources"]
    text = next(each for each in loaded if each.get("sourceReference"))
    content = notebook.body("source", source=text, sourceReference=text["sourceReference"])["content"]
    assert content == "return 7"


def test_paths_are_mapped_both_ways(server: Served, program: Program, tmp_path: Path) -> None:
    file = tmp_path / "mapped.lua"
    file.write_text("local x = 1\nreturn x\n")
    client = server.editor(pathMappings=[{"localRoot": "/home/me", "remoteRoot": str(tmp_path)}])
    body = client.request("setBreakpoints", source={"path": "/home/me/mapped.lua"}, breakpoints=[{"line": 2}])
    assert body["breakpoints"][0]["source"]["path"] == "/home/me/mapped.lua"
    outcome = program.run(f"return dofile('{file}')")
    client.stop()
    assert client.top()["source"]["path"] == "/home/me/mapped.lua"
    client.request("continue", threadId=1)
    assert outcome.result(SECONDS).error is None


def test_errors_are_explained(server: Served, program: Program) -> None:
    client = server.editor()
    client.request("setExceptionBreakpoints", filters=[], filterOptions=[{"filterId": "raised"}])
    outcome = program.run("pcall(error, 'caught')\nerror('loose')")
    for text, mode in (("caught", "always"), ("loose", "unhandled")):
        assert client.stop()["reason"] == "exception"
        info = client.request("exceptionInfo", threadId=1)
        assert text in info["description"] and info["breakMode"] == mode
        client.request("continue", threadId=1)
    assert outcome.result(SECONDS).error is not None


def test_exception_filters_with_conditions_are_not_set(server: Served, program: Program) -> None:
    client = server.editor()
    options = [{"filterId": "raised", "condition": "x > 1"}, {"filterId": "uncaught", "condition": ""}]
    body = client.request("setExceptionBreakpoints", filters=["uncaught"], filterOptions=options)
    first, refused, last = body["breakpoints"]
    assert first == last == {"verified": True}
    assert not refused["verified"]
    assert "no condition" in refused["message"]
    outcome = program.run("pcall(error, 'caught')\nerror('loose')")
    client.stop()
    assert "loose" in client.request("exceptionInfo", threadId=1)["description"]
    client.request("continue", threadId=1)
    assert outcome.result(SECONDS).error is not None


# Launching


def test_a_launch_is_prepared_and_begins_with_configuration_done(program: Program) -> None:
    launched: list[LaunchArguments] = []
    told: list[object] = []

    def launcher(arguments: LaunchArguments) -> None:
        if arguments.program == "missing.lua":
            raise UsageError("missing.lua: no such file")
        launched.append(arguments)

    with served(
        program,
        launcher=launcher,
        can_terminate=True,
        on_configuration_done=lambda: told.append("go"),
        on_disconnect=told.append,
    ) as server:
        client = server.connect()
        assert client.introduce()["supportsTerminateRequest"]
        assert "no such file" in client.refusal("launch", {"program": "missing.lua"})
        client.ask_well("launch", {"program": "x.lua", "args": ["1"], "noDebug": True})
        client.wait_event("initialized")
        assert launched[0].program == "x.lua" and launched[0].args == ["1"] and told == []
        found = client.request("setBreakpoints", source={"path": "/x"}, breakpoints=[{"line": 1}])
        assert found["breakpoints"] == [
            {"verified": False, "message": "the program runs without the debugger (noDebug)"}
        ]
        assert list(program.debugger.listeners) == []
        client.request("configurationDone")
        assert told == ["go"]
        client.ask_well("disconnect", {})
        assert told == ["go", True], "what a client has launched ends with it"
