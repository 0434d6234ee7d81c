"""Events and hooks in kernels: comms that watch, correlation by request, the end of a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.kernels import KernelSession

from ..wire import Handled, Wire, msg_id_of, ok, value

NewKernel = Callable[..., KernelSession]


def events(handled: Handled, comm_id: str) -> list[dict[str, Any]]:
    """The data of what has come on a comm."""
    messages = [*handled.answers, *handled.others]
    return [
        message["content"]["data"]
        for message in messages
        if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == comm_id
    ]


def watched(kernel: KernelSession, code: str, comm_id: str) -> list[dict[str, Any]]:
    """What comes on a comm while a cell runs."""
    done = ok(kernel.execute(code))
    return [
        message["content"]["data"]
        for message in done.of_type("comm_msg")
        if message["content"]["comm_id"] == comm_id
    ]


def test_a_client_watches_by_comm(kernel: KernelSession, wire: Wire) -> None:
    ok(kernel.execute("Event.publish('order.early', 1) Event.publish('order.early', 2)"))
    comm_id, opened = wire.open("llmspell.events", {"pattern": "order.*", "history": 1})
    assert [each["event"]["data"] for each in events(opened, comm_id)] == [2]
    code = "Event.publish('order.new', {items = {1, 2}, text = '\\255'}) Event.publish('other', 1)"
    found = watched(kernel, code, comm_id)
    assert [each["event"]["event_type"] for each in found] == ["order.new"]
    assert found[0]["event"]["data"] == {"items": [1, 2], "text": "\\xff"}
    wire.tell("comm_close", {"comm_id": comm_id, "data": {}})
    assert watched(kernel, "Event.publish('order.late', 1)", comm_id) == []
    patterns = value(kernel, "Event.get_stats().bridge_stats.subscriptions_by_language.comm")
    assert patterns == "nil"


def test_a_client_that_asks_wrongly_is_told(wire: Wire) -> None:
    for asked in ({"pattern": 5}, {"pattern": ""}, {"history": -1}, {"bogus": 1}, "tool.*"):
        _, opened = wire.open("llmspell.events", asked)
        closed = opened.of_type("comm_close")
        assert "a pattern (text)" in closed[0]["content"]["data"]["error"]


def test_a_flood_is_cut_and_counted(kernel: KernelSession, wire: Wire) -> None:
    comm_id, _ = wire.open("llmspell.events", {"pattern": "flood"})
    found = watched(kernel, "for i = 1, 3000 do Event.publish('flood', i) end", comm_id)
    assert 1000 <= len(found) < 3000
    last = watched(kernel, "timer.sleep(1.1) Event.publish('flood', 'last')", comm_id)
    assert last[-1]["event"]["data"] == "last"
    dropped = sum(each.get("dropped", 0) for each in [*found, *last])
    assert len(found) + len(last) + dropped == 3001
    wire.tell("comm_close", {"comm_id": comm_id, "data": {}})


def test_what_a_request_causes_has_its_id(kernel: KernelSession) -> None:
    done = ok(
        kernel.execute(
            "Event.publish('mine') Tool.execute('uuid-generator', {}) return Event.correlation_id()"
        )
    )
    assert done.result == f'"{msg_id_of(done)}"'
    listed = value(kernel, f"#Event.history{{correlation_id = '{msg_id_of(done)}', pattern = 'tool.*'}}")
    assert listed == "2"


def test_scripts_cannot_take_the_target(kernel: KernelSession) -> None:
    done = kernel.execute("comm.on_open('llmspell.events', print)", stop_on_error=False)
    assert done.error is not None and "belongs to the kernel" in done.error["evalue"]


def test_what_is_published_between_cells_reaches_callbacks(kernel: KernelSession) -> None:
    ok(kernel.execute("Event.on('tick', function(e) print('got', e.data) end)"))
    done = ok(kernel.execute("timer.after(0.01, function() Event.publish('tick', 1) end)"))
    while True:
        message = kernel.client.get_iopub_msg(timeout=30)
        if message["msg_type"] == "stream":
            break
    assert message["content"]["text"] == "got\t1\n"
    assert message["parent_header"]["msg_id"] == msg_id_of(done)
    seen = value(kernel, "Event.history('tick')[1].metadata.correlation_id")
    assert seen == f'"{msg_id_of(done)}"'


def test_output_beyond_the_limit_is_told_to_hooks(new_kernel: NewKernel) -> None:
    kernel = new_kernel("llmspell", "--LLMSpellKernel.output_limit=1000")
    ok(kernel.execute("Hook.register('ResourceLimitExceeded', function(c) told = c.data end)"))
    ok(kernel.execute("print(string.rep('x', 2000))"))
    assert value(kernel, "told.resource, told.limit, told.dropped_bytes") == '"output"\t1000\t1001'


@pytest.mark.parametrize("name", ["llmspell", "llmspell-luajit"])
def test_scripts_hear_of_the_end_of_their_kernel(new_kernel: NewKernel, tmp_path: Any, name: str) -> None:
    kernel = new_kernel(name)
    file = tmp_path / "end"
    ok(
        kernel.execute(
            f"Hook.register('SystemShutdown', function() local f = io.open('{file}', 'w') f:write('ended') "
            f"f:close() end)"
        )
    )
    kernel.end()
    assert file.read_text() == "ended"


def test_hooks_watch_cells_of_a_kernel(new_kernel: NewKernel) -> None:
    kernel = new_kernel()
    ok(
        kernel.execute(
            "Hook.register('PreCodeExecution', function(c) local code = c.data.code "
            "if code:find('rm') then return 'no rm' elseif code == 'skipped()' then return 'skip' "
            "elseif code == 'replaced()' then return {type = 'replace', data = {result = 42}} "
            "elseif code == 'old' then return {type = 'modified', data = {code = '\"new\"'}} end end)"
        )
    )
    refused = kernel.execute("os.execute('rm x')", stop_on_error=False)
    assert refused.error is not None and "no rm" in refused.error["evalue"]
    assert ok(kernel.execute("skipped()")).result is None
    assert ok(kernel.execute("replaced()")).result == "{result = 42}"
    assert ok(kernel.execute("old")).result == '"new"'
    assert ok(kernel.execute("1")).result == "1"
