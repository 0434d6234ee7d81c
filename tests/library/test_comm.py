"""Comms between a front end and Lua, over the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.kernels import KernelSession

from .wire import Wire, failure, msg_id_of, ok

LANGUAGES = ("lua54", "lua55", "luajit")

ECHO = """
comm.on_open("echo", function(c, data, buffers, metadata)
  opened = {target = c.target, data = data, buffers = buffers, metadata = metadata}
  c:on_msg(function(msg) c:send(msg.data, {buffers = msg.buffers, metadata = msg.metadata}) end)
  c:on_close(function(msg) closed = msg.data.why end)
end)
"""


def sent(messages: list[dict[str, Any]]) -> list[Any]:
    return [message["content"]["data"] for message in messages]


def test_a_front_end_opens_talks_and_closes(kernel: KernelSession, wire: Wire) -> None:
    ok(kernel.execute(ECHO))
    comm_id, _ = wire.open("echo", {"greeting": "hi"}, metadata={"m": 1}, buffers=[b"\xff\x00"])
    shown = kernel.execute(
        "opened.target, opened.data.greeting, opened.metadata.m, opened.buffers[1] == '\\255\\0'"
    )
    assert shown.result == '"echo"\t"hi"\t1\ttrue'

    data = {"list": [1, 2.5, "text", True, {}, []], "object": {"empty": {}}, "text": "héllo"}
    answer = wire.message(comm_id, data, metadata={"k": "v"}, buffers=[b"\xff", b"two"]).of_type("comm_msg")
    assert sent(answer) == [data]
    assert answer[0]["content"]["comm_id"] == comm_id
    assert answer[0]["metadata"] == {"k": "v"}
    assert [bytes(buffer) for buffer in answer[0]["buffers"]] == [b"\xff", b"two"]

    wire.tell("comm_close", {"comm_id": comm_id, "data": {"why": "done"}})
    assert kernel.execute("closed").result == '"done"'
    assert wire.message(comm_id, {"late": True}).of_type("comm_msg") == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_lua_echoes(new_kernel: Callable[..., KernelSession], language: str) -> None:
    kernel = new_kernel("llmspell", f"--language={language}")
    ok(kernel.execute(ECHO))
    wire = Wire(kernel)
    comm_id, _ = wire.open("echo")
    assert sent(wire.message(comm_id, {"n": [1, 2.5]}).of_type("comm_msg")) == [{"n": [1, 2.5]}]


def test_lua_opens_a_comm_to_the_front_end(kernel: KernelSession, wire: Wire) -> None:
    done = ok(kernel.execute('c = comm.open("front", {x = 1}, {metadata = {m = 2}, buffers = {"\\255"}})'))
    (opened,) = done.of_type("comm_open")
    comm_id = opened["content"]["comm_id"]
    assert (opened["content"]["target_name"], opened["content"]["data"]) == ("front", {"x": 1})
    assert opened["metadata"] == {"m": 2}
    assert [bytes(buffer) for buffer in opened["buffers"]] == [b"\xff"]
    assert kernel.execute("c.id").result == f'"{comm_id}"'
    assert comm_id in kernel.request(kernel.client.comm_info())["comms"]

    ok(kernel.execute("c:on_msg(function(msg) c:send{got = msg.data.x} end)"))
    assert sent(wire.message(comm_id, {"x": 7}).of_type("comm_msg")) == [{"got": 7}]

    (closed,) = ok(kernel.execute('c:close{why = "bye"} c:close()')).of_type("comm_close")
    assert closed["content"] == {"comm_id": comm_id, "data": {"why": "bye"}}
    assert comm_id not in kernel.request(kernel.client.comm_info())["comms"]
    assert "is closed" in failure(kernel, "c:send{}")


def test_comm_info_can_be_asked_for_one_target(kernel: KernelSession, wire: Wire) -> None:
    ok(kernel.execute(ECHO))
    comm_id, _ = wire.open("echo")
    ok(kernel.execute('comm.open("elsewhere")'))
    comms = kernel.request(kernel.client.comm_info("echo"))["comms"]
    assert comms[comm_id] == {"target_name": "echo"}
    assert {info["target_name"] for info in comms.values()} == {"echo"}


def test_what_a_callback_writes_goes_to_the_cell_that_gave_it(kernel: KernelSession, wire: Wire) -> None:
    done = ok(
        kernel.execute('comm.on_open("talk", function(c) c:on_msg(function(msg) print(msg.data.x) end) end)')
    )
    ok(kernel.execute("x = 1"))
    comm_id, _ = wire.open("talk")
    assert wire.message(comm_id, {"x": "heard"}).text("stdout", msg_id_of(done)) == "heard\n"


def test_an_error_in_a_callback_is_shown_and_changes_nothing(kernel: KernelSession, wire: Wire) -> None:
    done = ok(kernel.execute('comm.on_open("bad", function(c) c:on_msg(function() error("oh no") end) end)'))
    comm_id, _ = wire.open("bad")
    for _ in range(2):
        assert "oh no" in wire.message(comm_id, {}).text("stderr", msg_id_of(done))
    assert kernel.execute("1 + 1").result == "2"


PYTHON = (
    "__import__('ipykernel.kernelbase', fromlist=['Kernel']).Kernel.instance().register_comm_target("
    "'python', lambda comm, message: comm.send(message['content']['data']))"
)


def test_a_target_can_be_pythons(new_kernel: Callable[..., KernelSession]) -> None:
    kernel = new_kernel("llmspell", "--trusted")
    ok(kernel.execute(f'python.eval("{PYTHON}")'))
    _, handled = Wire(kernel).open("python", {"x": 1})
    assert sent(handled.of_type("comm_msg")) == [{"x": 1}]
    assert "belongs to the kernel" in failure(kernel, "comm.on_open('python', print)")


def test_an_error_while_opening_closes_the_comm(kernel: KernelSession, wire: Wire) -> None:
    done = ok(kernel.execute('comm.on_open("worse", function(c) error("not today") end)'))
    comm_id, handled = wire.open("worse")
    assert [message["content"]["comm_id"] for message in handled.of_type("comm_close")] == [comm_id]
    assert "not today" in handled.text("stderr", msg_id_of(done))


def test_a_target_can_be_given_up(kernel: KernelSession, wire: Wire) -> None:
    ok(kernel.execute('comm.on_open("brief", function() end) comm.on_open("brief", nil)'))
    _, handled = wire.open("brief")
    assert handled.of_type("comm_close")


def test_a_busy_callback_can_be_interrupted(kernel: KernelSession, wire: Wire) -> None:
    done = ok(
        kernel.execute(
            'comm.on_open("spin", function(c) c:on_msg(function() c:send{on = 1} while true do end end) end)'
        )
    )
    comm_id, _ = wire.open("spin")
    msg_id = wire.send("comm_msg", {"comm_id": comm_id, "data": {}})
    while kernel.client.get_iopub_msg(timeout=60)["msg_type"] != "comm_msg":
        pass
    kernel.manager.interrupt_kernel()
    assert "KeyboardInterrupt" in wire.handled(msg_id).text("stderr", msg_id_of(done))
    assert kernel.execute("1 + 1").result == "2"


@pytest.mark.parametrize(
    ("msg_type", "content"),
    [
        ("comm_open", {}),
        ("comm_open", {"comm_id": ["a"], "target_name": "echo"}),
        ("comm_open", {"comm_id": "x", "target_name": {"a": 1}}),
        ("comm_open", {"comm_id": "x", "target_name": "echo", "data": None}),
        ("comm_open", {"comm_id": "é", "target_name": "nobody's", "data": {}}),
        ("comm_msg", {}),
        ("comm_msg", {"comm_id": "none such", "data": {}}),
        ("comm_msg", {"comm_id": {"a": 1}, "data": 3}),
        ("comm_msg", {"comm_id": "lenient", "data": None}),
        ("comm_msg", {"comm_id": "lenient", "data": "text"}),
        ("comm_msg", {"comm_id": "lenient"}),
        ("comm_close", {}),
        ("comm_close", {"comm_id": 5}),
    ],
)
def test_nonsense_is_ignored(
    kernel: KernelSession, wire: Wire, msg_type: str, content: dict[str, Any]
) -> None:
    ok(kernel.execute(ECHO))
    wire.tell("comm_open", {"comm_id": "lenient", "target_name": "echo"})
    wire.tell(msg_type, content)
    assert kernel.execute("1 + 1").result == "2"


def test_a_comm_cannot_be_opened_twice(kernel: KernelSession, wire: Wire) -> None:
    ok(kernel.execute(ECHO))
    comm_id, _ = wire.open("echo")
    again = wire.tell("comm_open", {"comm_id": comm_id, "target_name": "nobody", "data": {}})
    assert again.of_type("comm_close") == []
    assert sent(wire.message(comm_id, {"x": 1}).of_type("comm_msg")) == [{"x": 1}]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("comm.open()", "bad argument 'target' to 'comm.open' (string expected, got no value)"),
        ("comm.on_open('x', 3)", "bad argument 'handler' to 'comm.on_open' (function expected, got number)"),
        ("c.send()", "bad argument 'self' to 'send' (comm expected, got nil; write c:send(...))"),
        ("c:send(3)", "bad argument 'data' to 'send' (table expected, got number)"),
        ("c:send({f = print})", "the value at .f is a function"),
        ("c:send({}, {buffer = {}})", "there is no option 'buffer'; it takes buffers, metadata"),
        ("c:send({}, {buffers = {1}})", "buffers must be a list of strings; one of them is a number"),
        ("c:on_msg()", "bad argument 'handler' to 'on_msg' (function expected, got no value)"),
    ],
)
def test_wrong_arguments_are_named(kernel: KernelSession, code: str, problem: str) -> None:
    ok(kernel.execute('c = comm.open("front")'))
    message = failure(kernel, code)
    assert problem in message
    assert message.startswith("cell [")


@pytest.mark.parametrize(
    "code",
    [
        "return getmetatable(c)",
        "return type(c.id), type(c.send), type(c.target)",
        "return debug.getupvalue(c.send, 1)",
        "return debug.getupvalue(comm.open, 1)",
        "return rawget(c, 'comm'), c.__class__, c.comm",
    ],
)
def test_nothing_of_python_is_in_a_comm(kernel: KernelSession, code: str) -> None:
    ok(kernel.execute('c = comm.open("front")'))
    done = ok(kernel.execute(code))
    assert "userdata" not in (done.result or "") and "python" not in (done.result or "").lower()
