"""Where tools run, and what ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from llmspell_kernel.errors import NotAllowedError, ToolError, ToolTimeoutError
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.tool.envelope import Envelope

from .conftest import MakeServices

EVERYWHERE = pytest.mark.parametrize("tool", ["probe", "thread-probe", "here-probe"])


def call(
    services: Services, tool: str, operation: str, value: object = None, seconds: float = 20
) -> Envelope:
    return services.tools.call(tool, {"operation": operation, "value": value}, seconds=seconds)


@EVERYWHERE
def test_answers_are_the_same_everywhere(services: Services, tool: str) -> None:
    value = [1, 2.5, "text", b"\xff\x00", None, True, {"a": {"b": []}}]
    envelope = call(services, tool, "echo", value)
    assert (envelope.operation, envelope.success, envelope.result, envelope.error) == (
        "echo",
        True,
        value,
        None,
    )
    assert envelope.metadata["execution_time_ms"] > 0
    printed = call(services, tool, "print")
    assert (printed.result, printed.message, printed.metadata["fact"]) == ("printed", "with a message", 1)


def test_what_the_pipe_cannot_say_comes_close(services: Services) -> None:
    value = [2**70, -(2**70), 10**400, "half \ud800 a character", {"n": 2**64}]
    back = call(services, "probe", "echo", value).result
    assert back == [2.0**70, -(2.0**70), float("inf"), "half ? a character", {"n": 2.0**64}]


@EVERYWHERE
def test_failures_are_the_same_everywhere(services: Services, tool: str) -> None:
    failed = call(services, tool, "fail")
    assert (failed.success, failed.error) == (False, {"message": "it did not work", "code": 7})
    with pytest.raises(NotAllowedError, match="it is forbidden here"):
        call(services, tool, "refuse")
    with pytest.raises(ToolError, match=f"{tool}: LookupError: a bug"):
        call(services, tool, "err")


def test_a_process_is_another_one_and_is_used_again(services: Services) -> None:
    first = call(services, "probe", "where").result
    assert first["pid"] != os.getpid()
    assert first["cwd"] == os.getcwd()
    assert call(services, "probe", "where").result["pid"] == first["pid"]


def test_a_process_does_not_inherit_secrets(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "tell-nobody")
    assert "MY_API_KEY" not in call(services, "probe", "where").result["environment"]


def test_a_process_follows_the_working_directory(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(services, "probe", "where")
    monkeypatch.chdir(tmp_path)
    assert call(services, "probe", "where").result["cwd"] == str(tmp_path)


@pytest.mark.parametrize(
    ("operation", "said"), [("crash", "ended by SIGSEGV"), ("exit", "with status 3: last words")]
)
def test_a_broken_process_costs_only_its_call(services: Services, operation: str, said: str) -> None:
    with pytest.raises(ToolError, match=said):
        call(services, "probe", operation)
    assert call(services, "probe", "echo", 1).result == 1


def test_a_process_ends_at_its_memory_limit(make_services: MakeServices) -> None:
    services = make_services(max_memory_mb=64)
    with pytest.raises(ToolError, match=r"more than its 64 MB of memory.*tools.max_memory_mb"):
        call(services, "probe", "grow")
    assert call(services, "probe", "echo", 1).result == 1


def test_hooks_are_told_of_limits(make_services: MakeServices) -> None:
    services = make_services(max_memory_mb=64)
    told: list[dict[str, object]] = []
    services.hooks.register("ResourceLimitExceeded", lambda context: told.append(dict(context.data)))
    with pytest.raises(ToolError):
        call(services, "probe", "grow")
    with pytest.raises(ToolTimeoutError):
        call(services, "thread-probe", "sleep", 60, seconds=0.1)
    assert [(each["resource"], each["tool"], each["limit"]) for each in told] == [
        ("tool_memory", "probe", 64 * 1024 * 1024),
        ("tool_time", "thread-probe", 0.1),
    ]


@pytest.mark.parametrize("tool", ["probe", "thread-probe"])
def test_a_call_ends_at_its_time_limit(services: Services, tool: str) -> None:
    with pytest.raises(ToolTimeoutError, match=r"not finished within its 0\.2 s.*tools\.timeout_seconds"):
        call(services, tool, "sleep", 60, seconds=0.2)
    assert call(services, tool, "echo", 1).result == 1


def test_the_settings_limit_the_time(make_services: MakeServices) -> None:
    services = make_services(timeout_seconds=0.2)
    with pytest.raises(ToolTimeoutError, match=r"0\.2 s"):
        call(services, "thread-probe", "sleep", 60)


@pytest.mark.parametrize("tool", ["probe", "here-probe"])
def test_an_answer_may_not_be_too_big(make_services: MakeServices, tool: str) -> None:
    services = make_services(max_output_size=1024 * 1024)
    if tool == "here-probe":  # whoever makes text of it finds out
        envelope = call(services, tool, "big", 2_000_000)
        from llmspell_kernel.library.tool.envelope import as_json

        with pytest.raises(ToolError, match=r"more than the 1,048,576 of the setting tools\.max_output_size"):
            as_json(envelope.as_dict(), tool, services.tools.answer_limit)
    else:
        with pytest.raises(ToolError, match=r"more than the 1,048,576 of the setting tools\.max_output_size"):
            call(services, tool, "big", 2_000_000)


def test_ctrl_c_ends_a_process(services: Services) -> None:
    pid = call(services, "probe", "where").result["pid"]
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        call(services, "probe", "sleep", 60)
    timer.join()
    assert not psutil.pid_exists(pid)
    assert call(services, "probe", "echo", 1).result == 1


def test_processes_end_with_their_services(make_services: MakeServices) -> None:
    services = make_services()
    pid = call(services, "probe", "where").result["pid"]
    services.close()
    assert not psutil.pid_exists(pid)


ORPHAN = """
import os, signal
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.tool.entries import ClassEntry
from tests.library.tool.probes import Probe
services = Services(Settings)
services.tools.registry.add(ClassEntry(Probe, "tests"))
print(services.tools.call("probe", {"operation": "where"}).result["pid"], flush=True)
import threading
sleep = {"operation": "sleep", "value": 60}
threading.Thread(target=lambda: services.tools.call("probe", sleep), daemon=True).start()
input()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_ends_with_its_parent_however_that_ends() -> None:
    root = Path(__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root, text=True
    )
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.communicate("\n", timeout=30)
    assert parent.returncode == -signal.SIGKILL
    worker.wait(10)


def test_calls_from_several_threads_do_not_meet(services: Services) -> None:
    results: list[object] = []

    def ask(number: int) -> None:
        results.extend(call(services, "probe", "echo", [number, each]).result for each in range(20))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, results)) == sorted(
        str([number, each]) for number in range(3) for each in range(20)
    )


def test_a_call_in_a_process_is_quick(services: Services) -> None:
    call(services, "probe", "echo", 1)
    samples = []
    for _ in range(50):
        began = time.perf_counter()
        call(services, "probe", "echo", 1)
        samples.append(time.perf_counter() - began)
    assert sorted(samples)[10] < 0.01
