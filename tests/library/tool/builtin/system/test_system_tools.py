"""environment-reader, process-executor, service-checker and system-monitor."""

from __future__ import annotations

import http.server
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmspell_kernel.errors import NotAllowedError, ParameterError
from tests.library.tool.guarding import Caller, settings
from tests.library.tool.web import certificate, server_context


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Caller]:
    caller = Caller(settings(tmp_path))
    yield caller
    caller.close()


def test_reading_the_environment(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_TIME", "C")
    monkeypatch.setenv("OPENAI_API_KEY", "tell-nobody")
    monkeypatch.delenv("TZ", raising=False)
    assert call("environment-reader", operation="get", variable_name="LC_TIME") == {
        "variable_name": "LC_TIME", "value": "C", "found": True,
    }  # fmt: skip
    assert call("environment-reader", operation="get", variable_name="TZ") == {
        "variable_name": "TZ", "found": False,
    }  # fmt: skip
    everything = call("environment-reader", operation="list")
    assert everything["count"] == len(everything["variables"]) and everything["variables"]["LC_TIME"] == "C"
    assert "tell-nobody" not in str(everything)
    assert call("environment-reader", operation="pattern", pattern="LC_T*") == {
        "pattern": "LC_T*", "variables": {"LC_TIME": "C"}, "count": 1,
    }  # fmt: skip
    with pytest.raises(NotAllowedError, match="that of a secret"):
        call("environment-reader", operation="get", variable_name="OPENAI_API_KEY")
    with pytest.raises(NotAllowedError, match="allow_env_changes is false"):
        call("environment-reader", operation="set", variable_name="LC_TIME", value="de")
    with pytest.raises(ParameterError, match="needs the parameter 'variable_name'"):
        call("environment-reader", operation="get")


def test_setting_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_TIME", "C")
    call = Caller(settings(tmp_path, tools={"system": {"allow_env_changes": True}}))
    try:
        done = call("environment-reader", operation="set", variable_name="LC_TIME", value="de")
        assert done == {"variable_name": "LC_TIME", "value": "de", "previous": "C"}
        assert os.environ["LC_TIME"] == "de"
    finally:
        call.close()


def test_running_programs(call: Caller, tmp_path: Path) -> None:
    done = call("process-executor", executable="echo", arguments=["Hello", "Lua"])
    took = done.pop("execution_time_ms")
    assert took > 0 and done == {
        "executable": "echo",
        "arguments": ["Hello", "Lua"],
        "exit_code": 0,
        "success": True,
        "stdout": "Hello Lua\n",
        "stderr": "",
        "timed_out": False,
        "truncated": False,
    }
    failed = call("process-executor", executable="ls", arguments=["none"], working_directory=str(tmp_path))
    assert failed["exit_code"] == 2 and not failed["success"] and "none" in failed["stderr"]
    (tmp_path / "log").write_bytes(b"\xff\n")
    log = str(tmp_path / "log")
    assert call("process-executor", executable="cat", arguments=[log])["stdout"] == b"\xff\n"
    slow = call("process-executor", executable="tail", arguments=["-f", log], timeout_seconds=0.2)
    assert slow["timed_out"] and not slow["success"] and slow["exit_code"] == -9
    piped = call("process-executor", executable="sort", input="b\na\n")
    assert piped["stdout"] == "a\nb\n"
    with pytest.raises(NotAllowedError, match="allowed_commands does not have it"):
        call("process-executor", executable="bash", arguments=["-c", "id"])


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/broken": 503, "/missing": 404}.get(self.path, 200))
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Tells nothing."""


@pytest.fixture
def web() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def closed_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def test_services_that_answer(call: Caller, web: int) -> None:
    tcp = call("service-checker", target=f"localhost:{web}", check_type="tcp")
    assert tcp["available"] and tcp["status"] == "open" and tcp["port"] == web and tcp["response_time_ms"] > 0
    for target in (f"127.0.0.1:{web}", f"http://127.0.0.1:{web}/x?y=1"):
        found = call("service-checker", target=target, check_type="http")
        assert found["available"] and found["status_code"] == 200 and found["status"] == "200 OK"
    missing = call("service-checker", target=f"http://localhost:{web}/missing", check_type="http")
    assert missing["available"] and missing["status_code"] == 404
    broken = call("service-checker", target=f"http://localhost:{web}/broken", check_type="http")
    assert not broken["available"] and broken["status_code"] == 503
    dns = call("service-checker", target="localhost", check_type="dns")
    assert dns["available"] and set(dns["addresses"]) <= {"127.0.0.1", "::1"}


def test_a_server_must_prove_who_it_is(call: Caller, tmp_path: Path) -> None:
    paths = certificate(tmp_path)
    context = server_context(paths)
    trusting = Caller(settings(tmp_path, tools={"network": {"ca_file": str(paths[0])}}))
    careless = Caller(settings(tmp_path, tools={"network": {"verify_ssl": False}}))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        target = f"https://localhost:{server.server_address[1]}/"
        try:
            stranger = call("service-checker", target=target, check_type="https")
            assert not stranger["available"] and "certificate verify failed" in stranger["error"]
            for known in (trusting, careless):
                assert known("service-checker", target=target, check_type="https")["status_code"] == 200
        finally:
            server.shutdown()
            thread.join()
            trusting.close()
            careless.close()


def test_services_that_do_not_answer(call: Caller, web: int) -> None:
    port = closed_port()
    for target, kind in (
        (f"localhost:{port}", "tcp"),
        (f"localhost:{port}", "http"),
        (f"https://localhost:{port}/", "https"),
        (f"localhost:{web}", "https"),
        ("no-such-host.invalid", "dns"),
    ):
        found = call("service-checker", target=target, check_type=kind)
        assert not found["available"] and found["error"] and found["status"] == "unavailable"


def test_a_server_that_says_nothing(call: Caller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        port = silent.getsockname()[1]
        found = call("service-checker", target=f"localhost:{port}", check_type="http", timeout_seconds=0.3)
        assert not found["available"] and "timed out" in found["error"] and time.monotonic() - start < 30


def test_hosts_that_are_not_asked(call: Caller, tmp_path: Path, web: int) -> None:
    for target, kind in (
        ("169.254.169.254:80", "http"),
        ("10.0.0.1:80", "tcp"),
        ("[::ffff:10.0.0.1]:80", "tcp"),
        ("2130706434:80", "tcp"),
        ("192.168.1.1", "dns"),
    ):
        with pytest.raises(NotAllowedError, match="must not connect"):
            call("service-checker", target=target, check_type=kind)
    strict = Caller(settings(tmp_path, tools={"system": {"checked_hosts": []}}))
    with pytest.raises(NotAllowedError, match="must not connect"):
        strict("service-checker", target=f"localhost:{web}", check_type="tcp")
    strict.close()
    for target, kind in (
        ("localhost", "tcp"),
        ("localhost:x", "tcp"),
        ("localhost:99999", "tcp"),
        ("localhost:80/x", "tcp"),
        ("ftp://localhost/", "http"),
        ("http://localhost/", "https"),
        ("http://localhost:1/a b\r\nX: y", "http"),
    ):
        with pytest.raises(ParameterError):
            call("service-checker", target=target, check_type=kind)


def test_the_machine(call: Caller) -> None:
    cpu = call("system-monitor", operation="cpu")
    assert 0 <= cpu["cpu_usage_percent"] <= 100 and cpu["cpu_count"] >= 1 and len(cpu["load_average"]) == 3
    memory = call("system-monitor", operation="memory")
    assert 0 < memory["used_memory"] < memory["total_memory"] and 0 < memory["memory_usage_percent"] < 100
    disk = call("system-monitor", operation="disk")["disk_usage"]
    assert disk and all(each["total"] >= each["used"] >= 0 and each["mount_point"] for each in disk)
    stats = call("system-monitor", operation="stats")
    assert stats["uptime_seconds"] > 0 and stats["process_count"] > 1
    everything = call("system-monitor")
    assert set(call("system-monitor", operation="all")) == set(everything)
    assert set(everything) == {*cpu, *memory, "disk_usage", *stats}
    assert everything["formatted"].startswith("CPU: ") and "Memory: " in everything["formatted"]
