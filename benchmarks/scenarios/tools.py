"""Calls of tools: from Lua, over the sockets, and of a tool that runs in a worker process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from benchmarks.client import BenchmarkError
from benchmarks.client import Client as KernelClient
from benchmarks.kernels import Contest
from benchmarks.measure import Counts, Result, Target, batches, in_turns
from llmspell_kernel import Client, start_embedded_kernel
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.library.services import Services

_CALLS = 200
_PARAMS = {"operation": "uppercase", "input": "hello"}
_LUA = f"""
local execute = Tool.execute
for i = 1, {_CALLS} do
  local answer = execute("text-manipulator", {{operation = "uppercase", input = "hello " .. i}})
  assert(answer.success and answer.result.result == "HELLO " .. i)
end"""
_QUERY: dict[str, Any] = {"query": ".list | add", "input": {"list": [1, 2, 3]}}
_SCHEMA = {
    "type": "object",
    "properties": {
        "operation": {"enum": ["uppercase", "lowercase", "reverse"]},
        "input": {"type": "string"},
    },
    "required": ["operation", "input"],
    "additionalProperties": False,
}
_PYTHON = f"""
import json, jsonschema
def tool_call(params, check=jsonschema.Draft202012Validator({_SCHEMA!r}).validate):
    check(params)
    text = params["input"].upper()
    return json.dumps({{"operation": "uppercase", "success": True, "result": {{"result": text}}}})"""


def from_lua(contest: Contest, counts: Counts) -> list[Result]:
    """A call in Lua until its answer is a table there, against a checked call in Python."""
    del contest
    rounds, _ = batches(counts.executes)
    space: dict[str, Callable[[dict[str, str]], str]] = {}
    exec(_PYTHON, space)
    call = space["tool_call"]

    def theirs() -> list[float]:
        started = time.perf_counter()
        for number in range(_CALLS):
            json.loads(call({"operation": "uppercase", "input": f"hello {number}"}))
        return [(time.perf_counter() - started) / _CALLS]

    with start_embedded_kernel() as kernel:
        _called(kernel)
        times = in_turns(rounds, lambda: _called(kernel), theirs)
    return [Result("tool call from Lua", "s", *times, Target(0.0003, of="ours"), "jsonschema and json")]


def _called(kernel: Client) -> list[float]:
    started = time.perf_counter()
    result = kernel.execute(_LUA)
    if result.status != "ok":
        raise BenchmarkError(f"Tool.execute came back with {result.error}")
    return [(time.perf_counter() - started) / _CALLS]


def over_sockets(contest: Contest, counts: Counts) -> list[Result]:
    """`tool_request` until its reply and idle status, against a cell of ipykernel's that does the same."""
    rounds, size = batches(counts.echoes)
    content = {"command": "invoke", "name": "text-manipulator", "params": _PARAMS}

    def asked(client: KernelClient, msg_type: str, what: dict[str, Any]) -> Callable[[], list[float]]:
        def sample() -> list[float]:
            times = []
            for _ in range(size):
                started = time.perf_counter()
                msg_id = client.send(msg_type, what)
                reply = client.wait_reply(msg_id)
                client.wait_idle(msg_id)
                times.append(time.perf_counter() - started)
                reply.require_ok(msg_type)
            return times

        return sample

    with contest.both() as (ours, reference):
        reference.client.execute(_PYTHON)
        cell = {"code": f"tool_call({_PARAMS!r})", "silent": False, "store_history": False}
        own = asked(ours.client, "tool_request", content)
        other = asked(reference.client, "execute_request", cell)
        own()
        other()
        times = in_turns(rounds, own, other)
    return [Result("tool call over the sockets", "s", *times, Target(0.002, of="ours"))]


def _queried(query: str, value: Any) -> Any:
    import jq

    return jq.compile(query).input_value(value).all()


def in_a_process(contest: Contest, counts: Counts) -> list[Result]:
    """A tool in a worker process, limited in time and memory, against Python's pool of processes."""
    del contest
    rounds, size = batches(counts.executes)
    services = Services(Settings)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:

        def ours() -> list[float]:
            return _timed(size, lambda: services.tools.call("json-processor", _QUERY))

        def theirs() -> list[float]:
            return _timed(size, lambda: pool.submit(_queried, _QUERY["query"], _QUERY["input"]).result())

        ours()
        theirs()
        times = in_turns(rounds, ours, theirs)
    services.close()
    return [
        Result("tool call in a worker process", "s", *times, Target(0.002, of="ours"), "ProcessPoolExecutor")
    ]


def _timed(count: int, call: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return times
