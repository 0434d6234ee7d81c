"""The programs of docs/how-to/embed.md run as they stand, and show what the page says."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "embed.md"
_PROGRAM = re.compile(
    r"^<!-- file: (\S+) -->\n```python\n(.*?)^```$(?:\n\n<!-- shows -->\n```text\n(.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
PROGRAMS = {name: (code, shows) for name, code, shows in _PROGRAM.findall(PAGE.read_text("utf-8"))}
PORT = "8877"


def test_every_program_of_the_page_is_run() -> None:
    assert PAGE.read_text("utf-8").count("```python") == len(PROGRAMS) == 7
    assert [name for name, (_, shows) in PROGRAMS.items() if not shows] == [
        "tornado_service.py",
        "asyncio_service.py",
    ]


@pytest.mark.parametrize("name", [name for name, (_, shows) in PROGRAMS.items() if shows])
def test_programs_show_what_the_page_says(name: str, tmp_path: Path) -> None:
    code, shows = PROGRAMS[name]
    (tmp_path / name).write_text(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", name], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == (shows, "")


@contextmanager
def service(name: str, folder: Path) -> Iterator[int]:
    """A program that serves, on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / name).write_text(PROGRAMS[name][0].replace(PORT, str(port)))
    process = subprocess.Popen([sys.executable, "-W", "error", name], cwd=folder)
    try:
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            threading.Event().wait(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


def test_the_tornado_service(tmp_path: Path) -> None:
    with service("tornado_service.py", tmp_path) as port:

        def run(code: str) -> str:
            url = f"http://127.0.0.1:{port}/run"
            with urllib.request.urlopen(url, data=code.encode(), timeout=30) as answer:
                return str(answer.read().decode())

        assert run("print('hi') return 1 + 1") == "hi\n[ok] 2\n"
        assert run("error('no')") == "[error] \n"
        with socket.create_connection(("127.0.0.1", port), timeout=30) as gone:
            code = b"print('begun') while true do end"
            gone.sendall(b"POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(code), code))
            while b"begun" not in gone.recv(4096):
                continue
        assert run("return 'free again'") == '[ok] "free again"\n'


def test_the_asyncio_service(tmp_path: Path) -> None:
    with service("asyncio_service.py", tmp_path) as port:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=30) as one,
            socket.create_connection(("127.0.0.1", port), timeout=30) as two,
        ):

            def run(connection: socket.socket, code: str) -> dict[str, str]:
                connection.sendall(json.dumps({"code": code}).encode() + b"\n")
                with connection.makefile("rb") as lines:
                    answer: dict[str, str] = json.loads(lines.readline())
                return answer

            assert run(one, "x = 1 print(x) return x") == {"status": "ok", "stdout": "1\n", "result": "1"}
            assert run(two, "return x")["result"] == "nil"
            assert run(one, "while true do end") == {"status": "timeout"}
            assert run(one, "return x")["result"] == "1"
