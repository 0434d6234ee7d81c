"""Real servers on the loopback interface, and surroundings that may reach them."""

from __future__ import annotations

import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.library.tool.contract import Tool
from llmspell_kernel.library.tool.guards.network import NetworkGuard, Resolver
from llmspell_kernel.library.tool.parameters import checked
from llmspell_kernel.library.tool.surroundings import Surroundings


@dataclass
class Request:
    """What a server was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """A server: what it answers by path, and what it was asked.

    An answer is a text, bytes, a status with headers and a body, or a function that writes to the connection.
    """

    port: int = 0
    pages: dict[str, Any] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        self.site.requests.append(request)
        page = self.site.pages.get(self.path, self.site.pages.get(self.path.partition("?")[0]))
        if callable(page):
            page = page(self, request)
            if page is None:
                self.close_connection = True
                return
        status, more, content = (
            page if isinstance(page, tuple) else (200 if page is not None else 404, {}, page)
        )
        data = content.encode() if isinstance(content, str) else content or b""
        self.send_response(status)
        if "Content-Type" not in more:
            self.send_header("Content-Type", "text/html; charset=utf-8")
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = answer


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away early are what some tests are about."""


@contextmanager
def serving(
    pages: Mapping[str, Any] | None = None, wrap: Callable[[Any], Any] | None = None
) -> Iterator[Site]:
    """A server on a free port."""
    site = Site(pages=dict(pages or {}))
    server = Server(("127.0.0.1", 0), type("SiteHandler", (Handler,), {"site": site}))
    if wrap is not None:
        server.socket = wrap(server.socket)
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(folder: Path) -> tuple[Path, Path]:
    """A new certificate for localhost and 127.0.0.1 that vouches for itself, and its key."""
    paths = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-out", paths[0], "-keyout", paths[1]),
        ],
        check=True,
        capture_output=True,
    )
    return paths


def server_context(paths: tuple[Path, Path]) -> ssl.SSLContext:
    """For a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    return context


@dataclass
class World:
    """Surroundings, and what was noted of what was done in them."""

    surroundings: Surroundings
    acts: list[tuple[str, dict[str, Any]]]


def world(
    tool: str = "http-requester",
    settings: Mapping[str, Any] | None = None,
    *,
    seconds: float = 10.0,
    private: tuple[str, ...] = ("127.0.0.1",),
    resolve: Resolver | None = None,
    security: Mapping[str, Any] | None = None,
) -> World:
    """What a tool may touch: the loopback interface, unless `private` says otherwise."""
    tools: dict[str, Any] = {name: dict(value) for name, value in (settings or {}).items()}
    tools["network"] = {"allow_private": private, **tools.get("network", {})}
    values = msgspec.convert({"tools": tools, "runtime": {"security": dict(security or {})}}, Settings)
    acts: list[tuple[str, dict[str, Any]]] = []
    surroundings = Surroundings(
        values,
        tool,
        deadline=time.monotonic() + seconds,
        audit=lambda act, details: acts.append((act, details)),
    )
    if resolve is not None:
        surroundings.network = NetworkGuard(surroundings, resolve)
    return World(surroundings, acts)


def call(tool: type[Tool], params: Mapping[str, Any], around: World | None = None, **options: Any) -> Any:
    """What the tool answers, without its message and metadata."""
    there = around or world(tool.name, **options)
    _, given = checked(tool, params)
    answer = tool().run(given, there.surroundings)
    return getattr(answer, "result", answer)
