"""The tools of the network as scripts see them, in every Lua and in a real kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from llmspell_kernel.config.loading import over_defaults
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.runtime import Runtime, runtime_settings
from tests.kernels import KernelSession
from tests.library.tool.web import Site, serving
from tests.lua.shell import LANGUAGES, CellRunner, MemoryFrontend


def trickle(handler: Any, request: Any) -> None:
    """An answer of which a little comes all the time, and that never ends."""
    try:
        handler.send_response(200)
        handler.end_headers()
        while not handler.site.over.wait(0.05):
            handler.wfile.write(b"x")
    except OSError:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    pages = {
        "/": "<title>Home</title><p>Hello <a href='/next'>next</a>",
        "/json": (200, {"Content-Type": "application/json"}, '{"list": [1, 2], "none": null, "f": 1.5}'),
        "/bytes": (200, {"Content-Type": "image/png"}, b"\x89PNG\xff\x00"),
        "/away": (302, {"Location": "http://169.254.169.254/"}, ""),
        "/trickle": trickle,
        "/sitemap.xml": "<urlset><url><loc>https://a.example/1</loc></url></urlset>",
        "/hook": (500, {}, "no"),
        "/graphql": (200, {"Content-Type": "application/json"}, '{"data": {"hero": "Ann"}}'),
    }
    with serving(pages) as site:
        yield site


class WebShell(CellRunner):
    """Runs cells whose tools may reach this machine; `url` is where the site is."""

    def __init__(self, language: str, site: Site) -> None:
        tools = {"network": {"allow_private": ["127.0.0.1"], "max_retries": 0}}
        self.frontend = MemoryFrontend()
        settings = over_defaults({"default_engine": language, "tools": tools})
        self.runtime = Runtime(self.frontend, runtime_settings(settings))
        self.run(f"url = '{site.url}'")

    def outcome(self, code: str) -> Outcome:
        """Runs a cell."""
        return self.runtime.execute(code, number=1)


@pytest.fixture(params=LANGUAGES)
def lua(request: pytest.FixtureRequest, site: Site) -> Iterator[WebShell]:
    made = WebShell(request.param, site)
    yield made
    made.runtime.close()


def test_a_request_answers_with_tables_and_bytes(lua: WebShell) -> None:
    assert lua.run(
        "r = Tool.execute('http-requester', {input = url .. '/json', headers = {['X-A'] = 1}})\n"
        "return r.success, r.result.status_code, r.result.body.list[2], r.result.body.f, r.metadata.method"
    ) == ('true\t200\t2\t1.5\t"GET"')
    assert (
        lua.run("Tool.http_requester:execute{input = url .. '/bytes'}.result.body == '\\137PNG\\255\\0'")
        == "true"
    )
    assert lua.run(
        "r = Tool.execute('http-requester', {input = 'http://127.0.0.1:1/'})\n"
        "return r.success, r.result, (r.error.message:gsub('^.*: ', ''))"
    ) == ('false\tnil\t"Connection refused"')


def test_what_the_guard_refuses_is_an_error(lua: WebShell) -> None:
    for url in ("'http://169.254.169.254/'", "'http://10.0.0.1/'", "url .. '/away'", "'ftp://x/'"):
        told = lua.run(f"select(2, pcall(Tool.execute, 'http-requester', {{input = {url}}}))")
        assert told is not None and "must not connect" in told


def test_other_tools_of_the_network(lua: WebShell) -> None:
    assert (
        lua.run("Tool.execute('web-scraper', {input = url, extract_links = true}).result.links[1].text")
        == '"next"'
    )
    assert (
        lua.run("Tool.execute('url_analyzer', {input = url .. '?a=1&a=2'}).result.query_params.a[2]") == '"2"'
    )
    assert (
        lua.run("Tool.execute('sitemap-crawler', {input = url}).result.urls[1].url")
        == '"https://a.example/1"'
    )
    assert lua.run(
        "r = Tool.execute('webhook-caller', {input = url .. '/hook', payload = {a = 1}})\n"
        "return r.success, r.error.status_code, r.error.retries_attempted"
    ) == ("false\t500\t0")
    assert (
        lua.run(
            "r = Tool.execute('graphql-query', {endpoint = url .. '/graphql', input = '{ hero }'})\n"
            "return r.result.result.data.hero"
        )
        == '"Ann"'
    )
    assert (
        lua.run(
            "Tool.execute('database-connector', {operation = 'query', database = ':memory:',\n"
            "  query = 'SELECT ? AS n, ? AS s', parameters = {3, 'x'}}).result.results[1].n"
        )
        == "3"
    )
    assert (
        lua.run(
            "Tool.execute('email-sender', {to = 'a@b.c', subject = 's', body = 'b', from = 'd@e.f'}).success"
        )
        == "false"
    )


@pytest.fixture
def web_kernel(new_kernel: Callable[..., KernelSession], monkeypatch: pytest.MonkeyPatch) -> KernelSession:
    monkeypatch.setenv("LLMSPELL_TOOLS_NETWORK_ALLOW_PRIVATE", "127.0.0.1")
    return new_kernel()


def test_a_kernel_makes_requests_that_an_interrupt_ends(web_kernel: KernelSession, site: Site) -> None:
    done = web_kernel.execute(
        f"return Tool.execute('http-requester', {{input = '{site.url}/json'}}).result.body.list[1]"
    )
    assert done.result == "1"
    for tool in ("http-requester", "web-scraper"):
        before = len(site.requests)
        code = f"print('begun') Tool.execute('{tool}', {{input = '{site.url}/trickle'}})"
        msg_id = web_kernel.client.execute(code)
        web_kernel.wait_output(msg_id)
        until = time.monotonic() + 20
        while len(site.requests) == before and time.monotonic() < until:
            site.over.wait(0.01)
        began = time.monotonic()
        web_kernel.manager.interrupt_kernel()
        ended = web_kernel.collect(msg_id)
        assert ended.status == "error" and time.monotonic() - began < 5
    assert web_kernel.execute("return 6 * 7").result == "42"
